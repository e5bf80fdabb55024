"""From an inventory and its targets to one decision per ENI: pure arithmetic, no network.

Two steps, because only ENIs that need something are worth a look at their vSwitch: `demand` decides
as if there was room for all of it, `decide` shares out what the vSwitches have left.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from handler.core.model import Ask, AskKind, Decision, Outcome, Reason
from handler.core.value import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from handler.core.model import Eni, Wish
    from handler.core.target import Target

# Ipv4PrefixCount and Ipv4Prefix.N take 1 to 10 in one call (AssignPrivateIpAddresses reference).
MAX_PREFIXES_PER_CALL = 10


def demand(eni: Eni, wish: Wish, capacity: int | None) -> Decision:
    """What is decided for an ENI if its vSwitch has room for all that it still needs.

    Args:
        eni: its latest reading.
        wish: what the policy wants of it.
        capacity: secondary addresses it could hold if it held no prefixes (for an attached ENI
            the type's EniPrivateIpAddressQuantity, which counts the primary address, less one);
            None when that is not known: a fixed number is asked for all the same, as ECS knows.
    """
    if wish.ask is not None:
        return _explicit(eni, wish, wish.ask, capacity)
    if wish.target is None:
        return Decision(eni, Outcome.SKIPPED, wish.skip or Reason.NO_TARGET, None, wish.source)
    if capacity is None and wish.target.relative:
        return Decision(eni, Outcome.FAILED, Reason.UNKNOWN_TYPE, None, wish.source)
    return _counted(eni, wish, wish.target, capacity)


def _counted(eni: Eni, wish: Wish, wanted: Target, capacity: int | None) -> Decision:
    """Each prefix takes the slot of one address, so it lowers what fits, not what is wanted."""
    if capacity is None:
        target = fits = wanted.of(0)
    else:
        target, fits = wanted.of(capacity), max(0, capacity - len(eni.prefixes))
    if wanted.relative:
        target = min(target, fits)
    need = max(0, min(target, fits) - len(eni.secondary))
    ask = Ask(AskKind.COUNT, need) if need else None
    return _needing(eni, wish, target, ask, clamped=target > fits)


def _explicit(eni: Eni, wish: Wish, want: Ask, capacity: int | None) -> Decision:
    """Addresses and prefixes that a request names, or a number of prefixes it wants held."""
    missing = missing_of(eni, want)
    held = len(eni.secondary) + len(eni.prefixes)
    fits = missing.count if capacity is None else min(missing.count, max(0, capacity - held))
    target = len(eni.secondary) + (0 if want.is_prefix else missing.count)
    asked = min(fits, MAX_PREFIXES_PER_CALL) if want.is_prefix else fits
    ask = first_of(missing, asked) if asked else None
    return _needing(eni, wish, target, ask, clamped=missing.count > fits)


def _needing(eni: Eni, wish: Wish, target: int, ask: Ask | None, *, clamped: bool) -> Decision:
    """Short of what is wanted where the quota is the limit, however much room there is."""
    if clamped:
        return Decision(eni, Outcome.SHORT, Reason.QUOTA, target, wish.source, ask)
    if ask is not None:
        return Decision(eni, Outcome.ASSIGNED, Reason.REACHED, target, wish.source, ask)
    return Decision(eni, Outcome.SATISFIED, Reason.AT_TARGET, target, wish.source)


def missing_of(eni: Eni, want: Ask) -> Ask:
    """The part of an explicit want that the ENI does not hold yet."""
    if want.kind is AskKind.PREFIX_COUNT:
        return replace(want, count=max(0, want.count - len(eni.prefixes)))
    held = eni.prefixes if want.is_prefix else eni.secondary
    values = tuple(value for value in want.values if value not in held)
    return replace(want, count=len(values), values=values)


def first_of(ask: Ask, count: int) -> Ask:
    """The same ask for no more than `count`."""
    if ask.count <= count:
        return ask
    return Ask(ask.kind, count, ask.values[:count])


def decide(demands: Iterable[Decision], rooms: Mapping[str, int]) -> list[Decision]:
    """What is decided for each ENI with the room that there is, in their order.

    Args:
        demands: what is decided if there is room for everything.
        rooms: addresses that each vSwitch concerned may still give, its reserve deducted.
    """
    demands = list(demands)
    queues: dict[str, list[Decision]] = {}
    for each in demands:
        if each.draws:
            queues.setdefault(each.eni.vswitch_id, []).append(each)
    granted: dict[str, int] = {}
    for vswitch_id, queue in queues.items():
        granted.update(share_out(queue, max(0, rooms.get(vswitch_id, 0))))
    return [_within(each, granted.get(each.eni.id, each.draws)) for each in demands]


def _within(wanted: Decision, granted: int) -> Decision:
    """The same decision if so many of the addresses that it needs are granted."""
    if wanted.ask is None or granted >= wanted.draws:
        return wanted
    ask = first_of(wanted.ask, granted) if granted else None
    return replace(wanted, outcome=Outcome.SHORT, reason=Reason.VSWITCH, ask=ask)


def share_out(queue: list[Decision], room: int) -> dict[str, int]:
    """Divide what one vSwitch has left so that the worst-off ENI is served first.

    Every ENI is raised to a common level of addresses held, as far as it wants; what is left
    below one more level goes to the lowest ENI ids.

    Returns:
        How many addresses each ENI id is given; at most `room` in all.
    """
    wants = {each.eni.id: (each.draws, len(each.eni.secondary)) for each in queue}
    if sum(draws for draws, _ in wants.values()) <= room:
        return {eni_id: draws for eni_id, (draws, _) in wants.items()}
    level = _level(Counter(wants.values()), room)
    given = {eni_id: _up_to(level, *want) for eni_id, want in wants.items()}
    left = room - sum(given.values())
    next_up = (each for each, want in wants.items() if _up_to(level + 1, *want) > given[each])
    for eni_id in sorted(next_up)[:left]:
        given[eni_id] += 1
    return given


def _level(alike: Counter[tuple[int, int]], room: int) -> int:
    """The highest number of held addresses to which `room` can raise every ENI that wants it.

    Args:
        alike: how many ENIs want so many addresses and hold so many; few differ in a large fleet.
        room: addresses to give.
    """
    low = 0
    high = max(draws + held for draws, held in alike)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(many * _up_to(middle, *want) for want, many in alike.items()) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def _up_to(level: int, draws: int, held: int) -> int:
    return min(draws, max(0, level - held))
