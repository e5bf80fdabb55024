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
from handler.command.progress import missing
from handler.errors import CloudFault
from handler.model import Outcome, Treatment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.continuation import Cursor

SUCCEEDED = "Succeeded"
# A word of ours: the task was there, or was handed over to, and is not shown.
LOST = "Lost"
# The states after which nothing more happens (Function Compute, "AsyncTask": status).
_ENDED = frozenset({SUCCEEDED, "Failed", "Stopped", "Expired", "Invalid", LOST})
_PLANNED = Outcome.PLANNED.value
_NOT_ACTED_ON = frozenset({"rejected", "ignored"})


@dataclass(frozen=True)
class Reply:
    """What a synchronous invocation answered: the function's result, or its error."""

    result: dict[str, Any] | None
    error: str | None = None


@dataclass(frozen=True)
class Task:
    """How far an asynchronous invocation has come.

    Attributes:
        status: as Function Compute words it: "Enqueued", "Running", "Succeeded", "Failed", ...;
            or `LOST`.
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


_NOT_SHOWN = Task(LOST, error="Function Compute does not show it")


@dataclass(frozen=True)
class Hop:
    """One invocation of a chain, as far as it is known by now."""

    number: int
    task_id: str
    task: Task

    @property
    def counts(self) -> dict[str, int]:
        """ENIs by outcome; empty where Function Compute does not tell what was returned."""
        return dict(self._result.get("counts", {}))

    @property
    def told(self) -> bool:
        """Whether it is known how each ENI ended; a plan says only by its rows who ends short."""
        return bool(self.counts) and not (self.counts.get(_PLANNED) and self._rows_left_out)

    @property
    def short(self) -> int:
        """ENIs that end, or in a plan would end, below their target."""
        planned = [row for row in self._result.get("enis", ()) if row["outcome"] == _PLANNED]
        return self.counts.get(Outcome.SHORT.value, 0) + sum(missing(row) > 0 for row in planned)

    @property
    def next_number(self) -> int | None:
        """The hop that this one says it handed over to."""
        continuation = self._result.get("continuation")
        return int(continuation["hop"]) if continuation else None

    @property
    def last(self) -> bool:
        """Whether no other hop follows, for certain."""
        known = self.task.result is not None and self.next_number is None
        return self.task.status != SUCCEEDED or known

    @property
    def refused(self) -> bool:
        """Whether the function did not act on the request."""
        return self._result.get("action") in _NOT_ACTED_ON

    @property
    def trouble(self) -> str | None:
        """What went wrong, if anything did."""
        if self.refused:
            return str(self._result.get("reason"))
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

    @property
    def _result(self) -> dict[str, Any]:
        return self.task.result or {}

    @property
    def _rows_left_out(self) -> bool:
        return bool(self._result.get("enis_left_out"))


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
    def told(self) -> bool:
        """Whether it is known how each ENI ended, of the whole chain."""
        return all(hop.told for hop in self.hops) and self.hops[-1].last

    @property
    def exit(self) -> Exit:
        """What it means to a shell."""
        failed = [hop for hop in self.hops if hop.task.status != SUCCEEDED]
        if not self.hops or failed or self.counts[Outcome.FAILED.value]:
            return Exit.FAILED
        if any(hop.refused for hop in self.hops):
            return Exit.BAD_REQUEST
        if not self.told:
            return Exit.UNTOLD
        return Exit.SHORT if any(hop.short for hop in self.hops) else Exit.AT_TARGET


def follow(
    ask: Callable[[str], Task | None],
    cursor: Cursor,
    pause: Callable[[], None],
    patience: int,
    *,
    handed_over: bool = False,
) -> Iterator[Hop]:
    """Every state of every hop that is seen, until the chain has ended.

    Args:
        ask: how far the task of an id has come; None when there is none.
        cursor: the hop to begin with.
        pause: lets time pass between two questions.
        patience: questions for a task that is not shown, or that cannot be asked for, before it is
            given up.
        handed_over: whether it is certain that the first hop was handed over to. Where a hop is
            certain and not shown, or no longer, the chain ends with one that is `LOST`.

    Raises:
        CloudFault: the questions are refused, or not answered again and again.
    """
    while True:
        hop = None
        for hop in _until_ended(ask, cursor, pause, patience):
            yield hop
        if hop is None or not hop.task.ended:
            if hop is not None or handed_over:
                yield Hop(cursor.hop, cursor.task_id, _NOT_SHOWN)
            return
        if hop.last:
            return
        handed_over = hop.next_number is not None
        cursor = cursor.next_hop(None, None, 0)


def _until_ended(
    ask: Callable[[str], Task | None], cursor: Cursor, pause: Callable[[], None], patience: int
) -> Iterator[Hop]:
    missed = 0
    while missed < patience:
        try:
            task = ask(cursor.task_id)
        except CloudFault as fault:
            if fault.treatment is not Treatment.TRANSIENT or missed + 1 == patience:
                raise
            task = None
        missed = 0 if task else missed + 1
        if task is not None:
            yield Hop(cursor.hop, cursor.task_id, task)
            if task.ended:
                return
        pause()
