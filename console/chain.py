"""A chain of asynchronous invocations, followed from hop to hop by the ids of its tasks.

Each hop hands over before it ends, under a task id that is known beforehand: when a hop has
succeeded, the next one is there, or there is none. Function Compute may show a task some seconds
late. What a hop answers is taken for a result only where it has the shape of one: under the name
that was given there may be another function.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from console.credentials import redacted
from console.exits import Exit
from console.nothing import Met
from console.progress import is_whole, missing
from console.screen import counted
from handler.core.errors import CloudFault
from handler.core.model import Outcome, Treatment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from console.progress import Row
    from handler.shell.continuation import Cursor

SUCCEEDED = "Succeeded"
# A word of ours: the task was there, or was handed over to, and is not shown.
LOST = "Lost"
# The states after which nothing more happens (Function Compute, "AsyncTask": status).
_ENDED = frozenset({SUCCEEDED, "Failed", "Stopped", "Expired", "Invalid", LOST})
_PLANNED = Outcome.PLANNED.value
_OUTCOMES = frozenset(each.value for each in Outcome)
_NOT_ACTED_ON = frozenset({"rejected", "ignored"})
# Characters of an answer that nobody understands.
ANSWER_SHOWN = 500


@dataclass(frozen=True)
class Reply:
    """What a synchronous invocation answered: any JSON, or the function's error."""

    result: object
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
        result: what the function returned, any JSON; None where Function Compute does not tell it.
    """

    status: str
    retries: int = 0
    seconds: float | None = None
    error: str | None = None
    result: object = field(default=None, repr=False)

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
        planned = self.counts.get(_PLANNED, 0)
        left_out = bool(self._result.get("enis_left_out")) or planned > len(self._planned)
        return bool(self.counts) and not (planned and left_out)

    @property
    def short(self) -> int:
        """ENIs that end, or in a plan would end, below their target."""
        planned_short = sum(missing(row) > 0 for row in self._planned)
        return self.counts.get(Outcome.SHORT.value, 0) + planned_short

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
        return str(self._result.get("action")) in _NOT_ACTED_ON

    @property
    def writes(self) -> bool:
        """Whether it was asked to assign, and not only to plan."""
        return self._result.get("action") == "assign"

    @property
    def odd(self) -> bool:
        """Whether it answered something else than a result."""
        return self.task.result is not None and not is_result(self.task.result)

    @property
    def trouble(self) -> str | None:
        """What went wrong, if anything did."""
        if self.refused:
            return str(self._result.get("reason"))
        if self.task.status != SUCCEEDED:
            return f"{self.task_id} {self.task.status}: {self.task.error}"
        if self.odd:
            answer = redacted(json.dumps(self.task.result, ensure_ascii=False))[:ANSWER_SHOWN]
            return f"{self.task_id} answered what is not a result of the function: {answer}"
        return None

    def row(self) -> dict[str, Any]:
        """As a JSON line."""
        return {
            "record_type": "hop",
            "hop": self.number,
            "task_id": self.task_id,
            "status": self.task.status,
            "retries": self.task.retries,
            "seconds": self.task.seconds,
            "error": self.trouble if self.odd else self.task.error,
            "result": self.task.result if isinstance(self.task.result, dict) else None,
        }

    @cached_property
    def _result(self) -> dict[str, Any]:
        found = self.task.result
        return found if isinstance(found, dict) and is_result(found) else {}

    @property
    def rows(self) -> list[Row]:
        """How each ENI ended, as far as the result lists them."""
        return list(self._result.get("enis") or ())

    @property
    def all_listed(self) -> bool:
        """Whether `rows` has every ENI that `counts` counts."""
        return len(self.rows) == sum(self.counts.get(each.value, 0) for each in Outcome)

    @property
    def _planned(self) -> list[Row]:
        return [row for row in self.rows if row["outcome"] == _PLANNED]


@dataclass
class Chain:
    """The hops of a chain that have ended, in their order; `current` has not."""

    hops: list[Hop] = field(default_factory=list)
    current: Hop | None = None

    @property
    def counts(self) -> Counter[str]:
        """Over the hops. An ENI counts once, as the last hop that met it tells; see `counted_once`.

        Where results leave ENIs out, these are sums: what two hops both met counts twice.
        """
        found: Counter[str] = Counter()
        for hop in self.hops:
            found.update(hop.counts)  # adding would drop the zeros
        if not self.counted_once:
            return found
        last = self.last_rows
        found["enis"] = sum(row.get("network_interface_id") is not None for row in last)
        found["instances"] = len({row.get("instance_id") for row in last} - {None})
        outcomes = Counter(row["outcome"] for row in last)
        return Counter(dict(found) | {name: outcomes[name] for name in _OUTCOMES & found.keys()})

    @property
    def counted_once(self) -> bool:
        """Whether the results list every ENI, so that none of them counts twice."""
        return all(hop.all_listed for hop in self.hops)

    @property
    def last_rows(self) -> list[Row]:
        """How each ENI ended, as the last hop that lists it tells."""
        named = [(_name(row) or f"?{place}", row) for place, row in enumerate(self._rows())]
        return list(dict(named).values())

    @property
    def done(self) -> str:
        """How many addresses were assigned, or would be in a plan."""
        if self.counts[_PLANNED] or not any(hop.writes for hop in self.hops):
            planned = sum(row["requested"] for row in self.last_rows if row["outcome"] == _PLANNED)
            return f"would assign {counted(planned, 'address')}"
        return f"assigned {counted(self.counts['addresses_assigned'], 'address')}"

    @property
    def met(self) -> Met:
        """How ENIs ended, for a chain that has done nothing."""
        met, rows = Met(), self.last_rows
        for row in rows:
            met.add(row["outcome"], str(row.get("reason")), _name(row))
        for outcome, count in (self.counts - Counter(row["outcome"] for row in rows)).items():
            if outcome in _OUTCOMES:
                met.ends[outcome, "not listed"] += count
        return met

    def _rows(self) -> Iterator[Row]:
        for hop in self.hops:
            yield from hop.rows

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
        failed = [hop for hop in self.hops if hop.task.status != SUCCEEDED or hop.odd]
        if not self.hops or failed or self.counts[Outcome.FAILED.value]:
            return Exit.FAILED
        if any(hop.refused for hop in self.hops):
            return Exit.BAD_REQUEST
        if not self.told:
            return Exit.UNKNOWN
        short = any(hop.short for hop in self.hops)
        return Exit.SHORT if short or self.limited else Exit.AT_TARGET

    @property
    def limited(self) -> int:
        """ENIs that the limit has left: what is deferred at the end of a chain that succeeded."""
        ended = self.hops and self.hops[-1].last
        return self.hops[-1].counts.get(Outcome.DEFERRED.value, 0) if ended else 0

    @property
    def changed(self) -> int:
        """ENIs that took a place of the limit, as far as is known."""
        return self.counts[_PLANNED] + self.counts[Outcome.ASSIGNED.value]


def _name(row: Row) -> str:
    return str(row.get("network_interface_id") or row.get("instance_id") or "")


def is_result(answer: object) -> bool:
    """Whether an answer can be one of the function, as far as it is looked at here."""
    if not isinstance(answer, dict):
        return False
    return (
        _are_counts(answer.get("counts", None if _acted_on(answer) else {}))
        and _are_rows(answer.get("enis"))
        and _is_hand_over(answer.get("continuation"))
    )


def _acted_on(answer: dict[str, Any]) -> bool:
    return str(answer.get("action")) not in _NOT_ACTED_ON


def _are_counts(value: object) -> bool:
    return isinstance(value, dict) and all(map(is_whole, value.values()))


def _are_rows(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(map(_is_row, value)))


def _is_row(value: object) -> bool:
    """Whether it is an ENI; one of a plan says what it would get."""
    if not isinstance(value, dict) or not isinstance(value.get("outcome"), str):
        return False
    if value["outcome"] != _PLANNED:
        return True
    perhaps = [value.get(name, "nothing") for name in ("target", "before")]
    return is_whole(value.get("requested")) and all(it is None or is_whole(it) for it in perhaps)


def _is_hand_over(value: object) -> bool:
    return value is None or (isinstance(value, dict) and is_whole(value.get("hop")))


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
