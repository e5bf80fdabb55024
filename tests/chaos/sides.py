"""Both sides of each question that an audit asks, as plain comparisons.

CONTINUE while an instance is short is wrong, and DEFAULT while none is short is wrong, too.
Each function says what is wrong, or nothing; the books that it compares come from whoever watches:
the worlds in this process, and those over HTTP.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar

from handler.cloud.faults import treatment_of
from handler.core.errors import Retryable, Unexpected
from handler.core.model import Treatment
from tests.chaos.turns import Killed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

T = TypeVar("T")

# The tag that says a target. One that is no target: its ENI counts as short, whatever it holds.
TAG, UNREADABLE, NEVER = "secondary-ips", "lots", 10_000
ROOM = {Treatment.EXHAUSTED, Treatment.FULL}
# How often in a row a want of room must be claimed before the third call has a token of its own.
INSISTS_AFTER = 2
# How often ECS may say to one delivery that an ENI, which reads show, is not there.
ASKED_IN_VAIN = 3

# The longest time between two looks is 5 s, and the first ones come faster: at most so many for
# each second of an invocation, beside those for each write and for what it begins with.
READS_AT_FIRST, READS_A_WRITE, READS_A_SECOND = 60, 12, 1.0
# Minutes after a throttled one in which all must be done again.
MINUTES = 3
# Marks of others (design): on an ENI or its instance.
FOREIGN_VALUES = {"creator": {"terway", "terway-controller", "alibabacloud-erdma-controller"}}
FOREIGN_KEYS = ("ack.aliyun.com", "terway.alibabacloud.com/excluded", "cilium-*")


def is_foreign(tags: Mapping[str, str]) -> bool:
    """Whether something else says that this is its own."""
    return any(
        value in FOREIGN_VALUES.get(key, ())
        or any(fnmatchcase(key, pattern) for pattern in FOREIGN_KEYS)
        for key, value in tags.items()
    )


def denies_room(code: str | None, status: int | None = None) -> bool:
    """Whether a refusal says that there is no room, or no quota."""
    return code is not None and treatment_of(code, status) in ROOM


def since(moment: float, rows: Sequence[tuple[float, T | None]]) -> list[T]:
    """What the books said at a moment and have said since; None stands for what has gone.

    Of what has gone, what it was at last counts.
    """
    if rows[-1][1] is None:
        moment = min(moment, rows[-2][0])
    before = [row for at, row in rows if at <= moment][-1:]
    later = [row for at, row in rows if at > moment]
    return [row for row in before + later if row is not None]


def somebody_elses(eni_id: str, tags: Mapping[str, str], *, by_id: bool) -> str:
    """An ENI with a mark of others is written to, and nobody has named it by its id."""
    touched = is_foreign(tags) and not by_id
    return f"{eni_id}, which is somebody else's, is written to" if touched else ""


def unexpected(error: BaseException | None) -> str:
    """An error leaves the handler that does not ask for another delivery."""
    known = isinstance(error, Retryable | Killed | None) and not isinstance(error, Unexpected)
    return "" if known else f"{error!r} leaves the handler"


def told_too_soon(short: Iterable[str]) -> str:
    """CONTINUE while these are short."""
    names = sorted(short)
    return f"CONTINUE while {', '.join(names)} is short" if names else ""


def told_falsely(result: str, short_since_settled: Iterable[str], settle: float) -> str:
    """DEFAULT or ABANDON although none was short at any moment since reads have settled."""
    if any(True for _ in short_since_settled):
        return ""
    return f"{result} although no ENI of the hook was short at any moment of the last {settle:g} s"


def not_ours(name: str) -> str:
    """A hook that `LIFECYCLE_HOOKS` does not name, as it is by default."""
    return "" if fnmatchcase(name, "*secondary-ips*") else f"the hook {name} is somebody else's"


def left_waiting(name: str, waits: object) -> str:
    """A delivery of our hook ends well, and the hook waits on."""
    return f"the hook {name} still waits although its delivery ended well" if waits else ""


def ran_out(name: str, began: float, ends: float, now: float) -> str:
    """Our hook's time was over while it was worked on (epoch seconds)."""
    return f"the hook {name} has run out while it was worked on" if began < ends <= now else ""


def below_reserve(vswitch_id: str, free: int, reserve: int) -> str:
    """A write of the only one that writes leaves a vSwitch less than its reserve."""
    return f"{vswitch_id} has {free} free, less than {reserve}" if free < reserve else ""


def shortened(before: float, after: float) -> str:
    """A heartbeat sets a hook's end to an earlier moment than it had (epoch seconds)."""
    return f"a heartbeat takes {before - after:.0f} s from the hook" if after < before else ""


def not_in_the_future(seconds: float) -> str:
    """A pause that ends when it begins."""
    return "" if seconds > 0 else f"a pause of {seconds:g} s"


def read_too_often(reads: int, writes: int, seconds: float) -> str:
    """More reads of ENIs than an invocation of so many seconds and writes has a use for."""
    most = READS_AT_FIRST + READS_A_WRITE * writes + READS_A_SECOND * seconds
    return f"{reads} reads of ENIs in {seconds:.0f} s, more than {most:.0f}" if reads > most else ""


def over_limit(changed: Collection[str], limit: int) -> str:
    """More ENIs are changed for one request, hand-overs included, than its limit allows."""
    return f"{len(changed)} ENIs are changed, limit {limit}" if len(changed) > limit else ""


def left_by_limit(left: Collection[str], changed: Collection[str], limit: int) -> str:
    """These are left to a later request by a limit that has places free.

    Args:
        left: ENIs that are short.
        changed: what may have been changed for this request.
        limit: how many ENIs may be.
    """
    free = limit - len(changed)
    names = ", ".join(sorted(left))
    return f"{names} left by a limit of {limit}, {free} free" if left and free > 0 else ""


def asked_in_vain(eni_id: str, times: int) -> str:
    """A delivery writes again and again to an ENI that ECS says is not there."""
    often = times > ASKED_IN_VAIN
    return f"{eni_id} is not there by {times} answers, and was written to again" if often else ""


def slow_after(throttled_minute: int, done_minute: int) -> str:
    """A minute that was throttled has cost more than `MINUTES`."""
    later = done_minute - throttled_minute
    return f"{later} minutes after a throttled one, and only now done" if later > MINUTES else ""


def unreadable(lines: Iterable[str]) -> str:
    """A line of the log that is no JSON object with a record's type."""
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            return f"a line of the log is no JSON: {line[:60]}"
        if not isinstance(record, dict) or "record_type" not in record:
            return f"a line of the log is no record: {line[:60]}"
    return ""


def recorded_twice(rows: Iterable[Mapping[str, Any]]) -> str:
    """An ENI with more than one `eni_result` of one event."""
    named = [(row["network_interface_id"], row["instance_id"]) for row in rows]
    twice = sorted({str(each) for each in named if named.count(each) > 1})
    return f"{', '.join(twice)} has more than one eni_result" if twice else ""


def not_recorded(considered: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """An ENI or instance that was considered and has no `eni_result`."""
    told: set[object] = set()
    for row in rows:
        told |= {row["network_interface_id"], row["instance_id"]}
    left = sorted(each for each in considered if each not in told)
    return f"{', '.join(left)} has no eni_result" if left else ""


def false_shortage(row: Mapping[str, Any], least_room: int) -> str:
    """Recorded as short for want of room, while there was some at every moment."""
    short = (row["outcome"], row["reason"]) == ("short", "vswitch")
    if not short or least_room <= 0:
        return ""
    return f"{row['network_interface_id']} is short, and {least_room} addresses were always free"
