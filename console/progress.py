"""What a run has come to, from its records: sums, and the rows that matter most. No I/O."""

from __future__ import annotations

import heapq
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from console.exits import Exit
from console.nothing import Met
from handler.core.model import Outcome, Reason

if TYPE_CHECKING:
    from typing import TypeGuard

    from console.session import Ended

Row = dict[str, Any]

# More than there is of anything; what is larger could be neither summed nor drawn.
TOO_MANY = 10**15
_GRAVITY = {
    Outcome.FAILED: 0,
    Outcome.DEFERRED: 1,
    Outcome.SHORT: 2,
    Outcome.PLANNED: 3,
    Outcome.ASSIGNED: 4,
    Outcome.GONE: 5,
    Outcome.SKIPPED: 6,
    Outcome.SATISFIED: 7,
}
# Read for every row of a large fleet: a member of an enum takes ten times as long as a name.
_PLANNED, _ALONE = Outcome.PLANNED.value, {Outcome.SKIPPED.value, Outcome.GONE.value}


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is a number of things that can be summed and drawn."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < TOO_MANY


def had(row: Row) -> int | None:
    """Secondary addresses of an ENI before the run; None where it could not be read."""
    found: int | None = row["before"]
    return found


def got(row: Row) -> int:
    """Secondary addresses that an ENI was given; in a plan, that it would be given."""
    return int(row["requested"]) if is_planned(row) else len(row["addresses"])


def has(row: Row) -> int:
    """Secondary addresses of an ENI after the run; in a plan, that it would have."""
    after = None if is_planned(row) else row.get("after")
    return (had(row) or 0) + got(row) if after is None else int(after)


def missing(row: Row) -> int:
    """Secondary addresses that an ENI lacks in the end; 0 where nobody wants any."""
    if row["target"] is None or row["outcome"] in _ALONE:
        return 0
    return max(0, int(row["target"]) - has(row))


def is_planned(row: Row) -> bool:
    """Whether the row says what would be done, and not what was."""
    return bool(row["outcome"] == _PLANNED)


def gravity(row: Row) -> tuple[int, int, int, str]:
    """The order of rows, the worst first."""
    planned_short = is_planned(row) and missing(row) > 0
    rank = _GRAVITY[Outcome.SHORT if planned_short else Outcome(row["outcome"])]
    return rank, -missing(row), -got(row), str(row["network_interface_id"] or row["instance_id"])


class _Last:
    """Turns the order of a heap around: the least bad row is the one to drop."""

    def __init__(self, row: Row) -> None:
        self.row, self.key = row, gravity(row)

    def __lt__(self, other: _Last) -> bool:
        return self.key > other.key


@dataclass
class Progress:
    """Sums over the records of a run. Safe to share among threads.

    Attributes:
        keep: how many rows are kept; the rest is only counted.
        counts: ENIs by outcome.
        enis: all of them.
        addresses: secondary addresses given, or that would be given.
        writes: calls that assign, or would; throttled ones count too.
        served: ENIs that a call was made for and that are finished, or would be in a plan.
        throttled: calls of any kind that were throttled.
        short: ENIs that end below their target for lack of room or quota.
        below: ENIs that end below their target, for whatever reason.
        missing: secondary addresses that they lack.
        limited: ENIs that were left because the limit was reached.
        undecided: deferred ENIs, but for those beyond the limit.
        given: secondary addresses that ENIs got, by vSwitch.
        rooms: what each vSwitch has left above its reserve, as (left, reserve).
        met: how ENIs ended, for a run that has done nothing.
        guests: ENIs by what their guests do, of those that were asked.
        silent: addresses that did not answer.
    """

    keep: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    enis: int = 0
    addresses: int = 0
    writes: int = 0
    served: int = 0
    throttled: int = 0
    short: int = 0
    below: int = 0
    missing: int = 0
    limited: int = 0
    undecided: int = 0
    given: Counter[str] = field(default_factory=Counter)
    rooms: dict[str, tuple[int, int]] = field(default_factory=dict)
    met: Met = field(default_factory=Met)
    guests: Counter[str] = field(default_factory=Counter)
    silent: int = 0
    _worst: list[_Last] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, record: Row) -> None:
        """Take in one record."""
        with self._lock:
            if record["record_type"] == "eni_result":
                self._count(record)
            elif record["record_type"] == "api_error":
                self.throttled += str(record["code"]).startswith("Throttling")
            elif record["record_type"] == "run_summary":
                for each in record["vswitches"]:
                    self.rooms[each["vswitch_id"]] = (each["room"], each["reserve"])

    def _count(self, row: Row) -> None:
        planned = is_planned(row)
        self.enis += 1
        self.counts[row["outcome"]] += 1
        name = row["network_interface_id"] or row["instance_id"]
        self.met.add(row["outcome"], str(row["reason"]), str(name))
        self.writes += 1 if planned else row["attempts"]
        deferred = row["outcome"] == Outcome.DEFERRED.value
        self.served += planned or (row["attempts"] > 0 and not deferred)
        self.addresses += got(row)
        self.given[row["vswitch_id"]] += got(row)
        self.below += missing(row) > 0
        self.missing += missing(row)
        self.short += row["outcome"] == Outcome.SHORT.value or (planned and missing(row) > 0)
        limited = deferred and row["reason"] == Reason.LIMIT.value
        self.limited += limited
        self.undecided += deferred and not limited
        self._hear_guest(row)
        push = heapq.heappush if len(self._worst) < self.keep else heapq.heappushpop
        if self.keep:
            push(self._worst, _Last(row))

    def _hear_guest(self, row: Row) -> None:
        if row.get("guest") is not None:
            self.guests[row["guest"]] += 1
            self.silent += len(row["silent"])

    def worst(self) -> list[Row]:
        """At most `keep` rows, the worst first."""
        with self._lock:
            return [each.row for each in sorted(self._worst, reverse=True)]

    def vswitches(self) -> list[tuple[str, int, int, int, int]]:
        """Of each vSwitch: its id, room before, what its ENIs got, room after, reserve."""
        return [
            (vswitch_id, left + self.given[vswitch_id], self.given[vswitch_id], left, reserve)
            for vswitch_id, (left, reserve) in sorted(self.rooms.items())
        ]

    def exit(self, ended: Ended) -> Exit:
        """What the end means to a shell."""
        if ended.refused is not None:
            return Exit.BAD_REQUEST
        if ended.rest is not None:
            return Exit.STOPPED
        if ended.failure is not None or self.counts[Outcome.FAILED.value] or self.undecided:
            return Exit.FAILED
        return Exit.SHORT if self.short or self.limited else Exit.AT_TARGET
