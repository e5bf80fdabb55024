"""A chain of asynchronous invocations, followed from hop to hop by the ids of its tasks.

Each hop hands over before it ends, under a task id that is known beforehand: when a hop has
succeeded, the next one is there, or there is none. Function Compute may show a task some seconds
late.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handler.command.exits import Exit
from handler.errors import CloudFault
from handler.model import Outcome, Treatment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.continuation import Cursor

SUCCEEDED = "Succeeded"
# Questions for a task that is not shown, or that cannot be asked for, before it is given up.
PATIENCE = 8
# The states after which nothing more happens (Function Compute, "AsyncTask": status).
_ENDED = frozenset({SUCCEEDED, "Failed", "Stopped", "Expired", "Invalid"})


@dataclass(frozen=True)
class Reply:
    """What a synchronous invocation answered: the function's result, or its error."""

    result: dict[str, Any] | None
    error: str | None = None


@dataclass(frozen=True)
class Task:
    """How far an asynchronous invocation has come.

    Attributes:
        status: as Function Compute words it: "Enqueued", "Running", "Succeeded", "Failed", ...
        retries: further runs after failed ones.
        seconds: how long its last run took, once it has ended.
        error: the type of a failure.
        result: what the function returned; None where Function Compute does not tell it.
    """

    status: str
    retries: int = 0
    seconds: float | None = None
    error: str | None = None
    result: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in _ENDED


@dataclass(frozen=True)
class Hop:
    """One invocation of a chain, as far as it is known by now."""

    number: int
    task_id: str
    task: Task

    @property
    def counts(self) -> dict[str, int]:
        """ENIs by outcome; empty where Function Compute does not tell what was returned."""
        return dict((self.task.result or {}).get("counts", {}))

    @property
    def last(self) -> bool:
        """Whether no other hop follows, for certain."""
        result = self.task.result
        known = result is not None and result.get("continuation") is None
        return self.task.status != SUCCEEDED or known

    @property
    def trouble(self) -> str | None:
        """What went wrong, if anything did."""
        result = self.task.result or {}
        if result.get("action") in {"rejected", "ignored"}:
            return str(result.get("reason"))
        failed = self.task.status != SUCCEEDED
        return f"{self.task_id} {self.task.status}: {self.task.error}" if failed else None

    def row(self) -> dict[str, Any]:
        """As a JSON line."""
        return {
            "record_type": "hop",
            "hop": self.number,
            "task_id": self.task_id,
            "status": self.task.status,
            "retries": self.task.retries,
            "seconds": self.task.seconds,
            "error": self.task.error,
            "result": self.task.result,
        }


@dataclass
class Chain:
    """The hops of a chain that have ended, in their order; `current` has not."""

    hops: list[Hop] = field(default_factory=list)
    current: Hop | None = None

    @property
    def counts(self) -> Counter[str]:
        """Sums over the hops; what two hops both looked at counts twice."""
        found: Counter[str] = Counter()
        for hop in self.hops:
            found.update(hop.counts)  # adding would drop the zeros
        return found

    @property
    def known(self) -> bool:
        """Whether Function Compute told what each hop returned."""
        return all(hop.counts for hop in self.hops)

    @property
    def exit(self) -> Exit:
        """What it means to a shell."""
        failed = [hop for hop in self.hops if hop.task.status != SUCCEEDED]
        if not self.hops or failed or self.counts[Outcome.FAILED.value]:
            return Exit.FAILED
        if any((hop.task.result or {}).get("action") == "rejected" for hop in self.hops):
            return Exit.BAD_REQUEST
        return Exit.SHORT if self.counts[Outcome.SHORT.value] else Exit.AT_TARGET


def follow(
    ask: Callable[[str], Task | None], cursor: Cursor, pause: Callable[[], None]
) -> Iterator[Hop]:
    """Every state of every hop that is seen, until the chain has ended.

    Args:
        ask: how far the task of an id has come; None when there is none.
        cursor: the hop to begin with.
        pause: lets time pass between two questions.

    Raises:
        CloudFault: the questions are refused, or not answered again and again.
    """
    while True:
        hop = None
        for hop in _until_ended(ask, cursor, pause):
            yield hop
        if hop is None or hop.last:
            return
        cursor = cursor.next_hop(None, None, 0)


def _until_ended(
    ask: Callable[[str], Task | None], cursor: Cursor, pause: Callable[[], None]
) -> Iterator[Hop]:
    missed = 0
    while missed < PATIENCE:
        try:
            task = ask(cursor.task_id)
        except CloudFault as fault:
            if fault.treatment is not Treatment.TRANSIENT or missed + 1 == PATIENCE:
                raise
            task = None
        missed = 0 if task else missed + 1
        if task is not None:
            yield Hop(cursor.hop, cursor.task_id, task)
            if task.ended:
                return
        pause()
