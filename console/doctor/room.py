"""Whether each vSwitch that groups launch into has room for one more instance, and quotas. Pure.

What an instance takes is what the function would give one like those that are there: the same ENIs,
with the targets that tags, rules and default say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from console.doctor.finding import Row, deploy_command, ok, unread, warning
from console.doctor.function import environment_of, settings_of
from console.doctor.seen import Unread
from handler.core.model import Request, Selector, Subject
from handler.core.policy import scaling_group_of, wish_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from console.doctor.finding import Finding
    from console.doctor.seen import Fleet, Room, Seen
    from handler.core.model import Eni, Instance
    from handler.core.settings import Settings

T = TypeVar("T")

# Function Compute, Limits: bytes of the environment.
ENVIRONMENT, NEARLY = 4096, 0.9
TYPES = 3  # of instance types that are too small, named


def room_findings(seen: Seen) -> Iterator[Finding]:
    """A row for each vSwitch that lacks room or could not be read, one for the rest."""
    fleet, settings = seen.fleet, settings_of(seen)
    if isinstance(fleet.groups, Unread):
        yield unread(Row.ROOM, "", fleet.groups)
        return
    fine = 0
    for room in fleet.rooms:
        amiss = _room(room, fleet, settings)
        if amiss is None:
            fine += 1
        else:
            yield amiss
    if fine:
        found = f"{fine} with room for one more instance"
        yield ok(Row.ROOM, "", found)


def _room(room: Room, fleet: Fleet, settings: Settings) -> Finding | None:
    """What is wrong with one vSwitch."""
    for part in (room.free, room.enis, fleet.instances, fleet.capacities):
        if isinstance(part, Unread):
            return unread(Row.ROOM, room.id, part)
    if not isinstance(room.free, int):
        found = "a group launches into it, and VPC does not show it"
        advice = "Auto Scaling console: take it out of the group, or choose another vSwitch"
        return warning(Row.ROOM, room.id, found, advice)
    free, reserve, needed = room.free, settings.vswitch_reserve, needs(room, fleet, settings)
    if free - reserve >= needed:
        return None
    found = f"{free} free, {reserve} in reserve: one more instance takes {needed}"
    advice = "Auto Scaling console: add a vSwitch with room to the group (docs/operating.md, "
    return warning(Row.ROOM, room.id, found, f"{advice}vSwitch full); or lower VSWITCH_RESERVE")


def needs(room: Room, fleet: Fleet, settings: Settings) -> int:
    """Addresses that one more instance takes in this vSwitch: the most of those that are there."""
    instances = known(fleet.instances)
    enis = () if isinstance(room.enis, Unread) else room.enis
    taken: dict[str, int] = {}
    for eni in enis:
        instance = instances.get(eni.instance_id or "")
        if instance is not None and scaling_group_of(instance, _REQUEST):
            more = 1 + (target_of(eni, instance, fleet, settings) or 0)
            taken[instance.id] = taken.get(instance.id, 0) + more
    if taken:
        return max(taken.values())
    default = settings.policy.default
    return 1 + (default.count or 0 if default else 0)


def target_of(eni: Eni, instance: Instance, fleet: Fleet, settings: Settings) -> int | None:
    """Secondary addresses that an ENI is to hold, within its quota; None when it is left alone."""
    subject = Subject(eni, instance, scaling_group_of(instance, _REQUEST))
    target = wish_for(subject, _REQUEST, settings.policy).target
    if target is None:
        return None
    quota = known(fleet.capacities).get(instance.type)
    if quota is None:
        return target.count
    return min(target.of(quota - 1), quota - 1)


_REQUEST = Request(source="doctor", region="", selector=Selector(everything=True))


# --- quotas -----------------------------------------------------------------------------------


def quota_findings(seen: Seen) -> Iterator[Finding]:
    """What comes near a limit; the number of calls a minute, which no API tells, as it is."""
    environ = environment_of(seen)
    if isinstance(seen.function.row, Unread):
        yield unread(Row.QUOTA, "environment", seen.function.row)
    elif environ:
        yield _environment(sum(len(f"{name}{it}".encode()) for name, it in environ.items()), seen)
        yield from _calls(seen)
    yield from _targets(seen)


def _environment(size: int, seen: Seen) -> Finding:
    if size <= ENVIRONMENT * NEARLY:
        return ok(Row.QUOTA, "environment", f"{size} of {ENVIRONMENT} bytes")
    found = f"{size} of {ENVIRONMENT} bytes: a longer one is refused"
    advice = "shorten TARGET_RULES, or tag instances instead; then: " + deploy_command(seen.names)
    return warning(Row.QUOTA, "environment", found, advice)


def _calls(seen: Seen) -> Iterator[Finding]:
    reserved, each = seen.function.reserved, settings_of(seen).assign_per_minute
    if isinstance(reserved, int) and reserved > 0:
        found = f"up to {reserved} x {each} a minute; the account's quota stands in Quota Center"
        yield ok(Row.QUOTA, "AssignPrivateIpAddresses", found)


def _targets(seen: Seen) -> Iterator[Finding]:
    """Targets that an instance type cannot hold: such ENIs are short in every run."""
    fleet, default = seen.fleet, settings_of(seen).policy.default
    for part in (fleet.groups, fleet.instances, fleet.capacities):
        if isinstance(part, Unread):
            yield unread(Row.QUOTA, "instance types", part)
            return
    wanted = default.count or 0 if default else 0
    holds = {it: quota - 1 for it, quota in known(fleet.capacities).items()}
    small = [f"{it} holds {holds[it]}" for it in sorted(holds) if holds[it] < wanted]
    if small:
        found = f"TARGET_SECONDARY_IPS is {wanted}: {', '.join(small[:TYPES])}"
        advice = deploy_command(seen.names, TARGET_SECONDARY_IPS="max")
        yield warning(Row.QUOTA, "instance types", found, f"{advice}, or TARGET_RULES for the type")


def known(found: Mapping[str, T] | Unread) -> Mapping[str, T]:
    """What was read; nothing where it could not be."""
    return {} if isinstance(found, Unread) else found
