"""The arithmetic from readings and wishes to decisions: quota, reserve, fairness."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.core.model import Ask, AskKind, Decision, Eni, Outcome, Reason, Wish
from handler.core.planner import MAX_PREFIXES_PER_CALL, decide, demand, share_out
from handler.core.target import parse_target
from handler.core.value import replace
from tests.unit.builders import TARGETS as SAMPLES
from tests.unit.builders import addresses, cidrs, count, eni, names, prefix_count, prefixes

PLENTY = {"vsw-a": 100_000}


def wish(text: str | int) -> Wish:
    """A target, as the default says it."""
    return Wish(parse_target(text), "default")


def asking(ask: Ask) -> Wish:
    """Something explicit, as a request says it."""
    return Wish(ask=ask, source="request")


def planned(found: Eni, wanted: Wish, capacity: int | None, room: int = 100_000) -> Decision:
    """What is decided for one ENI alone."""
    return decide([demand(found, wanted, capacity)], {found.vswitch_id: room})[0]


def summary(decided: Decision) -> tuple[Outcome, Reason, int | None, Ask | None]:
    """What a decision says besides whom it is about."""
    return decided.outcome, decided.reason, decided.target, decided.ask


DONE = (Outcome.SATISFIED, Reason.AT_TARGET)
FILL = (Outcome.ASSIGNED, Reason.REACHED)
AT_QUOTA = (Outcome.SHORT, Reason.QUOTA)
NO_ROOM = (Outcome.SHORT, Reason.VSWITCH)

# Held addresses, held prefixes, target, capacity (quantity less the primary), and the decision.
COUNTED = [
    (0, 0, "0", 9, (*DONE, 0, None)),
    (0, 0, "5", 9, (*FILL, 5, count(5))),
    (3, 0, "5", 9, (*FILL, 5, count(2))),
    (5, 0, "5", 9, (*DONE, 5, None)),
    (7, 0, "5", 9, (*DONE, 5, None)),
    (0, 0, "9", 9, (*FILL, 9, count(9))),
    (0, 0, "10", 9, (*AT_QUOTA, 10, count(9))),
    (9, 0, "10", 9, (*AT_QUOTA, 10, None)),
    (10, 0, "10", 9, (*AT_QUOTA, 10, None)),
    (0, 0, "max", 9, (*FILL, 9, count(9))),
    (8, 0, "max", 9, (*FILL, 9, count(1))),
    (9, 0, "max", 9, (*DONE, 9, None)),
    (0, 2, "max", 9, (*FILL, 7, count(7))),
    (7, 2, "max", 9, (*DONE, 7, None)),
    (0, 2, "8", 9, (*AT_QUOTA, 8, count(7))),
    (0, 2, "7", 9, (*FILL, 7, count(7))),
    (0, 9, "max", 9, (*DONE, 0, None)),
    (0, 12, "max", 9, (*DONE, 0, None)),
    (0, 9, "1", 9, (*AT_QUOTA, 1, None)),
    (0, 2, "max-3", 9, (*FILL, 6, count(6))),
    (0, 5, "max-3", 9, (*FILL, 4, count(4))),
    (0, 0, "50%", 9, (*FILL, 4, count(4))),
    (0, 7, "50%", 9, (*FILL, 2, count(2))),
    (0, 0, "min(3, 50%)", 9, (*FILL, 3, count(3))),
    (0, 7, "min(3, 50%)", 9, (*FILL, 2, count(2))),
    (0, 0, "max", 0, (*DONE, 0, None)),
    (0, 0, "1", 0, (*AT_QUOTA, 1, None)),
]


@pytest.mark.parametrize(("held", "prefixed", "target", "capacity", "expected"), COUNTED)
def test_counted(
    held: int,
    prefixed: int,
    target: str,
    capacity: int,
    expected: tuple[Outcome, Reason, int | None, Ask | None],
) -> None:
    """The primary and every prefix take a slot; only a number above what fits is short."""
    assert expected == summary(planned(eni(held=held, prefixed=prefixed), wish(target), capacity))


A, B, C, *_ = addresses(9)
P, Q, R, *_ = prefixes(9)

# Held addresses, held prefixes, what is wanted, capacity, and the decision.
EXPLICIT = [
    ((), 0, names(A, B), 9, (*FILL, 2, names(A, B))),
    ((A,), 0, names(A, B), 9, (*FILL, 2, names(B))),
    ((A, B), 0, names(A, B), 9, (*DONE, 2, None)),
    ((C,), 0, names(A, B), 9, (*FILL, 3, names(A, B))),
    ((C,), 0, names(A, B), 2, (*AT_QUOTA, 3, names(A))),
    ((C,), 1, names(A, B), 2, (*AT_QUOTA, 3, None)),
    ((), 0, cidrs(P, Q), 9, (*FILL, 0, cidrs(P, Q))),
    ((), 1, cidrs(P, Q), 9, (*FILL, 0, cidrs(Q))),
    ((A,), 1, cidrs(Q, R), 3, (*AT_QUOTA, 1, cidrs(Q))),
    ((), 0, prefix_count(3), 9, (*FILL, 0, prefix_count(3))),
    ((), 2, prefix_count(3), 9, (*FILL, 0, prefix_count(1))),
    ((), 4, prefix_count(3), 9, (*DONE, 0, None)),
    ((A, B), 0, prefix_count(9), 9, (*AT_QUOTA, 2, prefix_count(7))),
    ((), 0, prefix_count(15), 29, (*FILL, 0, prefix_count(10))),
    ((), 10, prefix_count(15), 29, (*FILL, 0, prefix_count(5))),
    ((), 0, cidrs(*prefixes(12)), 29, (*FILL, 0, cidrs(*prefixes(10)))),
    ((), 0, prefix_count(15), 12, (*AT_QUOTA, 0, prefix_count(10))),
]


@pytest.mark.parametrize(("held", "prefixed", "want", "capacity", "expected"), EXPLICIT)
def test_explicit(
    held: tuple[str, ...],
    prefixed: int,
    want: Ask,
    capacity: int,
    expected: tuple[Outcome, Reason, int | None, Ask | None],
) -> None:
    """What is not held yet is asked for, within the quota and ten prefixes a call."""
    found = eni(held=held, prefixed=prefixed)
    assert expected == summary(planned(found, asking(want), capacity))


def test_a_skipped_eni_stays_as_it_is() -> None:
    """The reason to skip is handed on; without a target or a reason it is that there is none."""
    skipped = planned(eni(), Wish(skip=Reason.OPTED_OUT, source="eni_tag"), 9)
    assert (Outcome.SKIPPED, Reason.OPTED_OUT, None, None) == summary(skipped)
    assert Reason.NO_TARGET == planned(eni(), Wish(), 9).reason


@pytest.mark.parametrize("wanted", [wish("max"), wish("max-1"), wish("50%"), wish("min(4, 50%)")])
def test_a_share_of_an_unknown_quota(wanted: Wish) -> None:
    """Without a quota nobody knows how many that is: the ENI has failed."""
    decided = planned(eni(), wanted, None)
    assert (Outcome.FAILED, Reason.UNKNOWN_TYPE, None, None) == summary(decided)


@pytest.mark.parametrize(
    ("wanted", "target", "ask"),
    [
        (wish(4), 4, count(4)),
        (asking(names(A)), 1, names(A)),
        (asking(prefix_count(2)), 0, prefix_count(2)),
    ],
)
def test_a_fixed_number_needs_no_quota(wanted: Wish, target: int, ask: Ask) -> None:
    """It is asked for where the quota is not known: ECS knows it."""
    assert (*FILL, target, ask) == summary(planned(eni(), wanted, None))


def test_a_skipped_eni_needs_no_quota() -> None:
    """An ENI that nobody has a target for is skipped, whatever its instance type."""
    assert Outcome.SKIPPED == planned(eni(), Wish(), None).outcome


def test_an_unattached_eni_has_the_limit_as_its_capacity() -> None:
    """AVAILABLE_ENI_LIMIT counts secondary addresses, with no primary to deduct."""
    loose = eni(held=48, status="Available", instance_id=None)
    assert (*FILL, 50, count(2)) == summary(planned(loose, wish("max"), 50))
    assert (*AT_QUOTA, 60, count(2)) == summary(planned(loose, wish(60), 50))


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (5, (*FILL, 5, count(5))),
        (4, (*NO_ROOM, 5, count(4))),
        (0, (*NO_ROOM, 5, None)),
        (-3, (*NO_ROOM, 5, None)),
    ],
)
def test_room_of_a_vswitch(
    room: int, expected: tuple[Outcome, Reason, int | None, Ask | None]
) -> None:
    """What the vSwitch cannot give is short, and what it can give is asked for."""
    assert expected == summary(planned(eni(), wish(5), 9, room))


def test_a_vswitch_that_was_not_read_gives_nothing() -> None:
    """No room is known of, so none is used."""
    assert [(*NO_ROOM, 5, None)] == [*map(summary, decide([demand(eni(), wish(5), 9)], {}))]


def test_quota_and_room_both_short() -> None:
    """The vSwitch is named as the reason, because it is what can be helped."""
    assert (*NO_ROOM, 20, count(3)) == summary(planned(eni(), wish(20), 9, room=3))


def test_named_addresses_are_cut_to_the_room() -> None:
    """The first of them are asked for."""
    assert (*NO_ROOM, 2, names(A)) == summary(planned(eni(), asking(names(A, B)), 9, room=1))


def test_prefixes_draw_nothing_from_the_free_addresses() -> None:
    """They come out of CIDR reservations."""
    assert (*FILL, 0, prefix_count(2)) == summary(planned(eni(), asking(prefix_count(2)), 9, 0))


# --- sharing out ------------------------------------------------------------------------------


def needing(held: int, draws: int, eni_id: str, vswitch_id: str = "vsw-a") -> Decision:
    """An ENI that holds so many and wants so many more."""
    return demand(eni(eni_id, held, vswitch_id=vswitch_id), wish(held + draws), 10_000)


# ENIs as (held, wanted more), the room, and what each is given.
SHARES = [
    ([(0, 5), (0, 5)], 10, [5, 5]),
    ([(0, 5), (0, 5)], 9, [5, 4]),
    ([(0, 5), (0, 5)], 4, [2, 2]),
    ([(0, 5), (0, 5)], 1, [1, 0]),
    ([(4, 5), (0, 5)], 4, [0, 4]),
    ([(4, 5), (0, 5)], 6, [1, 5]),
    ([(4, 5), (0, 1)], 4, [3, 1]),
    ([(2, 8), (0, 2), (1, 9)], 6, [2, 2, 2]),
    ([(9, 1), (9, 1), (9, 1)], 2, [1, 1, 0]),
    ([(0, 9)], 0, [0]),
]


@pytest.mark.parametrize(("wants", "room", "expected"), SHARES)
def test_sharing_out(wants: list[tuple[int, int]], room: int, expected: list[int]) -> None:
    """Who holds least is served first; at a tie, the lowest id."""
    queue = [needing(held, more, f"eni-{index}") for index, (held, more) in enumerate(wants)]
    assert expected == [share_out(queue, room)[each.eni.id] for each in queue]


def one_at_a_time(queue: list[Decision], room: int) -> dict[str, int]:
    """The same, told naively: each address goes to whoever holds least and wants one."""
    given_so_far = {each.eni.id: 0 for each in queue}
    for _ in range(room):
        hungry = [
            (len(each.eni.secondary) + given_so_far[each.eni.id], each.eni.id)
            for each in queue
            if given_so_far[each.eni.id] < each.draws
        ]
        if hungry:
            given_so_far[min(hungry)[1]] += 1
    return given_so_far


WANTS = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 12)), min_size=1, max_size=8)


@given(wants=WANTS, room=st.integers(0, 60))
def test_sharing_out_is_one_at_a_time(wants: list[tuple[int, int]], room: int) -> None:
    """Levels give what handing out address by address gives."""
    queue = [needing(held, more, f"eni-{index}") for index, (held, more) in enumerate(wants)]
    assert one_at_a_time(queue, room) == share_out(queue, room)


# --- properties of a whole plan ---------------------------------------------------------------

TARGETS = st.sampled_from([*SAMPLES, "none"])
ASKS = st.one_of(
    st.integers(1, 14).map(prefix_count),
    st.integers(1, 12).map(lambda number: cidrs(*prefixes(number))),
    st.integers(1, 9).map(lambda number: names(*addresses(number, start=5))),
)


def _wish(text: str) -> Wish:
    return Wish() if text in {"none", "skip"} else wish(text)


@st.composite
def fleets(draw: st.DrawFn) -> list[tuple[Eni, Wish, int | None]]:
    """ENIs in two vSwitches, with what is wanted of them and what they could hold."""
    capacities = st.one_of(st.none(), st.integers(0, 14))
    size = draw(st.integers(1, 7))
    return [
        (
            eni(
                f"eni-{draw(st.integers(0, 10**6))}-{index}",
                held=draw(st.integers(0, 12)),
                prefixed=draw(st.integers(0, 4)),
                vswitch_id=draw(st.sampled_from(["vsw-a", "vsw-b"])),
            ),
            draw(st.one_of(TARGETS.map(_wish), ASKS.map(asking))),
            draw(capacities),
        )
        for index in range(size)
    ]


ROOMS = st.fixed_dictionaries({"vsw-a": st.integers(0, 30), "vsw-b": st.integers(-5, 30)})
Fleet = list[tuple[Eni, Wish, int | None]]
Rooms = dict[str, int]


def plan(fleet: Fleet, rooms: Rooms) -> list[Decision]:
    """A decision for every ENI of a fleet."""
    return decide([demand(*each) for each in fleet], rooms)


def drawn(decided: Decision) -> int:
    """Addresses that a decision takes from its vSwitch."""
    return 0 if decided.ask is None or decided.ask.is_prefix else decided.ask.count


def applied(decided: Decision) -> Eni:
    """The ENI after its call has succeeded."""
    found, ask = decided.eni, decided.ask
    if ask is None:
        return found
    if ask.is_prefix:
        fresh = [each for each in prefixes(64) if each not in found.prefixes]
        return replace(found, prefixes=found.prefixes | {*(ask.values or fresh[: ask.count])})
    new = ask.values or addresses(ask.count, start=1000)
    return replace(found, secondary=found.secondary | {*new})


@given(fleets(), ROOMS)
def test_never_over_quota(fleet: Fleet, rooms: Rooms) -> None:
    """Addresses and prefixes together stay within the capacity, unless they were above before."""
    for (found, _, capacity), decided in zip(fleet, plan(fleet, rooms), strict=True):
        after = applied(decided)
        if after != found and capacity is not None:
            assert len(after.secondary) + len(after.prefixes) <= capacity


@given(fleets(), ROOMS)
def test_never_below_the_reserve(fleet: Fleet, rooms: Rooms) -> None:
    """What is taken from a vSwitch is at most its room."""
    taken = Counter[str]()
    for decided in plan(fleet, rooms):
        taken[decided.eni.vswitch_id] += drawn(decided)
    assert all(used <= max(0, rooms[vswitch_id]) for vswitch_id, used in taken.items())


@given(fleets(), ROOMS)
def test_never_above_target(fleet: Fleet, rooms: Rooms) -> None:
    """An ENI that is given addresses does not come to hold more than its target."""
    for decided in plan(fleet, rooms):
        if drawn(decided):
            assert decided.target is not None
            assert len(applied(decided).secondary) <= decided.target


@given(fleets(), ROOMS, st.randoms(use_true_random=False))
def test_order_does_not_matter(fleet: Fleet, rooms: Rooms, chance: object) -> None:
    """Decisions come in the order of their demands, and are the same in any other order."""
    expected = {decided.eni.id: decided for decided in plan(fleet, rooms)}
    shuffled = fleet.copy()
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random, which Hypothesis does not say
    decided = plan(shuffled, rooms)
    assert [found.id for found, _, _ in shuffled] == [each.eni.id for each in decided]
    assert expected == {each.eni.id: each for each in decided}


@given(fleets(), ROOMS)
def test_planning_is_deterministic(fleet: Fleet, rooms: Rooms) -> None:
    """The same fleet and rooms give the same decisions."""
    assert plan(fleet, rooms) == plan(fleet, dict(rooms))


@given(fleets(), ROOMS)
def test_done_once_is_done(fleet: Fleet, rooms: Rooms) -> None:
    """After its call an ENI needs nothing more, unless it was short or prefixes take two calls."""
    first = plan(fleet, rooms)
    left = rooms.copy()
    for decided in first:
        left[decided.eni.vswitch_id] -= drawn(decided)
    after = [(applied(done), *each[1:]) for done, each in zip(first, fleet, strict=True)]
    for before, decided in zip(first, plan(after, left), strict=True):
        if before.ask is None:
            assert decided.ask is None
        elif before.ask.is_prefix:
            assert decided.ask is None or before.ask.count == MAX_PREFIXES_PER_CALL
        else:
            assert decided.ask is None
            assert before.outcome is Outcome.SHORT or decided.outcome is Outcome.SATISFIED


@given(fleets(), ROOMS)
def test_nothing_that_could_be_given_is_withheld(fleet: Fleet, rooms: Rooms) -> None:
    """An ENI is short for its vSwitch only where no room is left."""
    decisions = plan(fleet, rooms)
    for decided in decisions:
        if decided.reason is Reason.VSWITCH:
            vswitch_id = decided.eni.vswitch_id
            used = sum(drawn(each) for each in decisions if each.eni.vswitch_id == vswitch_id)
            assert max(0, rooms[vswitch_id]) == used


@given(fleets(), ROOMS)
def test_the_worst_off_are_served_first(fleet: Fleet, rooms: Rooms) -> None:
    """Where a vSwitch is scarce, no ENI is raised above one that still wants an address.

    Precisely: if A was given some and B, in the same vSwitch, got less than it drew, then A ends
    with at most one more than B; and with one more only if A's id comes before B's.
    """
    demands = [demand(*each) for each in fleet]
    ends = [
        (wanted, drawn(decided), len(decided.eni.secondary) + drawn(decided))
        for wanted, decided in zip(demands, decide(demands, rooms), strict=True)
    ]
    for rich, got, rich_end in ends:
        for poor, poor_got, poor_end in ends:
            if got and rich.eni.vswitch_id == poor.eni.vswitch_id and poor_got < poor.draws:
                assert (rich_end - 1, rich.eni.id) <= (poor_end, poor.eni.id)


def test_twenty_thousand_enis() -> None:
    """A fleet of 20 000 in one vSwitch is planned at once, down to the last address."""
    queue = [needing(0, 10, f"eni-{index:05}") for index in range(20_000)]
    decisions = decide(queue, {"vsw-a": 100_003})
    assert Counter({5: 19_997, 6: 3}) == Counter(map(drawn, decisions))


def test_kinds_of_asks_that_draw() -> None:
    """Numbers and names draw on the free addresses, prefixes of either kind do not."""
    asks = [count(2), names(A, B), prefix_count(2), cidrs(P, Q)]
    demands = [replace(planned(eni(), Wish(), 9), ask=ask) for ask in asks]
    assert [2, 2, 0, 0] == [each.draws for each in demands]
    assert [*AskKind] == [AskKind.COUNT, AskKind.ADDRESSES, AskKind.PREFIX_COUNT, AskKind.PREFIXES]
