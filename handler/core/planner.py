"""From an inventory and its targets to one decision per ENI: pure arithmetic, no network.

Two steps, because only ENIs that need something are worth a look at their vSwitch: `demand` says
what one ENI still needs within its quota, `decide` shares out what the vSwitches have left.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from handler.core.model import Ask, AskKind, Decision, Outcome, Reason
from handler.core.value import Value, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from handler.core.model import Eni, Wish
    from handler.core.target import Target

# Ipv4PrefixCount and Ipv4Prefix.N take 1 to 10 in one call (AssignPrivateIpAddresses reference).
MAX_PREFIXES_PER_CALL = 10


class Demand(Value):
    """What one ENI still needs, before its vSwitch is looked at.

    Attributes:
        decision: what is decided if nothing can be given: the ENI stays as it is.
        ask: what to ask for if the vSwitch has room for all of it; None when nothing is needed.
        clamped: the target is above what the instance type allows.
    """

    decision: Decision
    ask: Ask | None = None
    clamped: bool = False

    @property
    def eni(self) -> Eni:
        """The reading that this is about."""
        return self.decision.eni

    @property
    def draws(self) -> int:
        """Addresses it takes from the vSwitch's free ones.

        Prefixes draw none: they come out of the vSwitch's CIDR reservations.
        """
        return 0 if self.ask is None or self.ask.is_prefix else self.ask.count


def demand(eni: Eni, wish: Wish, capacity: int | None) -> Demand:
    """What an ENI needs to meet a wish, within its quota.

    Args:
        eni: its latest reading.
        wish: what the policy wants of it.
        capacity: secondary addresses it could hold if it held no prefixes (for an attached ENI
            the type's EniPrivateIpAddressQuantity, which counts the primary address, less one);
            None when the instance type is unknown.
    """
    if wish.ask is not None and capacity is not None:
        return _explicit(eni, wish, wish.ask, capacity)
    if wish.target is not None and capacity is not None:
        return _counted(eni, wish, wish.target, capacity)
    settled = _settled(eni, wish, None)
    if wish.target is not None and wish.target.met_by(len(eni.secondary)):
        return Demand(replace(settled, target=wish.target.count))
    if wish.ask is None and wish.target is None:
        skipped = wish.skip or Reason.NO_TARGET
        return Demand(replace(settled, outcome=Outcome.SKIPPED, reason=skipped))
    return Demand(replace(settled, outcome=Outcome.FAILED, reason=Reason.UNKNOWN_TYPE))


def _counted(eni: Eni, wish: Wish, wanted: Target, capacity: int) -> Demand:
    """Each prefix takes the slot of one address, so it lowers what fits, not what is wanted."""
    fits = max(0, capacity - len(eni.prefixes))
    target = wanted.of(capacity)
    if wanted.relative:
        target = min(target, fits)
    need = max(0, min(target, fits) - len(eni.secondary))
    ask = Ask(AskKind.COUNT, need) if need else None
    return _demand(_settled(eni, wish, target), ask, clamped=target > fits)


def _explicit(eni: Eni, wish: Wish, want: Ask, capacity: int) -> Demand:
    """Addresses and prefixes that a request names, or a number of prefixes it wants held."""
    free = max(0, capacity - len(eni.secondary) - len(eni.prefixes))
    missing = missing_of(eni, want)
    fits = min(missing.count, free)
    target = len(eni.secondary) + (0 if want.is_prefix else missing.count)
    asked = min(fits, MAX_PREFIXES_PER_CALL) if want.is_prefix else fits
    ask = first_of(missing, asked) if asked else None
    return _demand(_settled(eni, wish, target), ask, clamped=missing.count > fits)


def _settled(eni: Eni, wish: Wish, target: int | None) -> Decision:
    """What is decided as long as nothing speaks against it."""
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


def _demand(settled: Decision, ask: Ask | None, *, clamped: bool) -> Demand:
    if clamped:
        settled = replace(settled, outcome=Outcome.SHORT, reason=Reason.QUOTA)
    return Demand(settled, ask, clamped)


def decide(demands: Iterable[Demand], rooms: Mapping[str, int]) -> list[Decision]:
    """One decision per demand, in their order.

    Args:
        demands: what each ENI needs.
        rooms: addresses that each vSwitch concerned may still give, its reserve deducted.
    """
    demands = list(demands)
    queues: dict[str, list[Demand]] = {}
    for each in demands:
        if each.draws:
            queues.setdefault(each.eni.vswitch_id, []).append(each)
    granted: dict[str, int] = {}
    for vswitch_id, queue in queues.items():
        granted.update(share_out(queue, max(0, rooms.get(vswitch_id, 0))))
    return [_decision(each, granted.get(each.eni.id, 0)) for each in demands]


def _decision(wanted: Demand, granted: int) -> Decision:
    """What the ENI ends as if its call succeeds."""
    if wanted.ask is None:
        return wanted.decision
    if wanted.ask.is_prefix:
        granted = wanted.ask.count
    ask = first_of(wanted.ask, granted) if granted else None
    if granted < wanted.ask.count:
        return _granted(wanted, Outcome.SHORT, Reason.VSWITCH, ask)
    if wanted.clamped:
        return replace(wanted.decision, ask=ask)
    return _granted(wanted, Outcome.ASSIGNED, Reason.REACHED, ask)


def _granted(wanted: Demand, outcome: Outcome, reason: Reason, ask: Ask | None) -> Decision:
    """`replace` would cost as much as the rest of a decision, and there are many of these."""
    was = wanted.decision
    return Decision(was.eni, outcome, reason, was.target, was.target_source, ask)


def share_out(queue: list[Demand], room: int) -> dict[str, int]:
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
