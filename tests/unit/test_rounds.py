"""Many ENIs at once: who is admitted, who shares what, and who waits for whom."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from handler.core.errors import CloudFault
from handler.core.ledger import Ledger
from handler.core.model import Answer, Outcome, Reason, Wish
from handler.core.protocol import End, Timing
from handler.core.rounds import Assign, AssignCall, Limit, Look, Member, ReadRooms, Rounds, member
from handler.core.target import Target
from tests.unit.builders import addresses, eni, fault, subject

NOW = 1000.0
ASSIGNED = (Outcome.ASSIGNED, Reason.REACHED)
SHORT = (Outcome.SHORT, Reason.VSWITCH)
LIMITED = (Outcome.DEFERRED, Reason.LIMIT)
GONE = (Outcome.GONE, Reason.NOT_FOUND)

Replies = Callable[[AssignCall], Answer | CloudFault]


class World:
    """One vSwitch with ENIs, brought to a target by `Rounds` and nothing else."""

    def __init__(
        self, enis: int, target: int, room: int, most: int | None = None, *, launch: bool = False
    ) -> None:
        self.now = NOW
        self.held: dict[str, tuple[str, ...]] = {f"eni-{number:03}": () for number in range(enis)}
        self.room = room
        self.given = 0
        self.ends: dict[str, tuple[Outcome, Reason]] = {}
        self.asks: list[tuple[str, int]] = []
        self.looks: list[Look] = []
        self.rooms_read = 0
        self.ledger = Ledger(0, 30.0)
        timing = Timing(30.0, 60.0, launch=launch)
        self.rounds = Rounds(
            [self.first(each, target) for each in self.held],
            self.ledger,
            Limit(most),
            timing,
            "cn-a",
        )

    def first(self, eni_id: str, target: int) -> Member:
        """An ENI at its first reading."""
        wish = Wish(Target(count=target), "default")
        return member(subject(eni(eni_id)), wish, 29, NOW)

    def perform(self, call: AssignCall) -> Answer | CloudFault:
        """What an honest ECS does."""
        self.asks.append((call.eni_id, call.ask.count))
        if call.ask.count > self.room:
            return fault("InvalidVSwitchId.IpNotEnough", 403)
        self.room -= call.ask.count
        self.given += call.ask.count
        new = addresses(call.ask.count, start=self.given * 30)
        self.held[call.eni_id] += new
        return Answer(new)

    def run(self, reply: Replies | None = None) -> None:
        """Do what is to be done until all are finished."""
        while todo := self.rounds.next(self.now):
            self.take_ends()
            match todo:
                case ReadRooms(vswitch_ids=ids):
                    self.rooms_read += 1
                    for each in ids:
                        self.ledger.learn(each, self.room, self.now)
                case Assign(calls=calls):
                    self.make(calls, reply or self.perform)
                case Look():
                    assert todo.at >= self.now
                    self.looks.append(todo)
                    self.now = todo.at
                    shown = {each: eni(each, held) for each, held in self.held.items()}
                    self.rounds.read(shown, {}, self.now)
        self.take_ends()

    def make(self, calls: tuple[AssignCall, ...], reply: Replies) -> None:
        """Calls, one after the other."""
        for call in calls:
            self.rounds.called(call, self.now)
            said = reply(call)
            if isinstance(said, Answer):
                self.rounds.answered(call.eni_id, said, self.now)
            else:
                self.rounds.refused(call.eni_id, said, self.now)

    def take_ends(self) -> None:
        """Each ENI ends once."""
        for ended, end in self.rounds.ended():
            assert ended.id not in self.ends
            self.ends[ended.id] = (end.outcome, end.reason)


def test_a_launch_with_room_for_all() -> None:
    """One read of the vSwitch, one call for each ENI, and one look."""
    world = World(enis=3, target=4, room=100)
    world.run()
    assert [ASSIGNED] * 3 == list(world.ends.values())
    assert (1, [4, 4, 4], 1) == (world.rooms_read, [n for _, n in world.asks], len(world.looks))


def test_the_limit_admits_before_room_is_shared_out() -> None:
    """One of a hundred is brought to its target; the others wait for another time, not for room."""
    world = World(enis=100, target=8, room=50, most=1)
    world.run()
    assert [("eni-000", 8)] == world.asks
    assert [ASSIGNED] + [LIMITED] * 99 == [world.ends[each] for each in sorted(world.ends)]


def test_a_place_is_left_to_another_by_an_eni_that_is_refused() -> None:
    """It was not changed: the next one has its place under the limit."""
    world = World(enis=3, target=2, room=100, most=1)
    world.run(
        lambda call: fault("InvalidParameter") if call.eni_id == "eni-000" else world.perform(call)
    )
    refused = (Outcome.FAILED, Reason.REFUSED)
    assert [refused, ASSIGNED, LIMITED] == [world.ends[each] for each in sorted(world.ends)]


@pytest.mark.parametrize("launch", [False, True])
def test_nobody_is_short_while_a_grant_of_another_eni_is_open(launch: bool) -> None:
    """Two share twelve; one is released while its call is in doubt: the other gets its part."""
    world = World(enis=2, target=8, room=12, launch=launch)
    del world.held["eni-000"]
    world.run(
        lambda call: fault("no_answer", None) if call.eni_id == "eni-000" else world.perform(call)
    )
    assert {"eni-000": GONE, "eni-001": ASSIGNED} == world.ends
    assert [("eni-001", 6), ("eni-001", 2)] == world.asks


@pytest.mark.parametrize(("launch", "seconds"), [(False, 0), (True, 30)])
def test_only_a_launch_waits_before_it_is_short(launch: bool, seconds: int) -> None:
    """Backfills come again; whoever waits for a launch acts on what it says."""
    world = World(enis=1, target=8, room=0, launch=launch)
    world.run()
    assert ({"eni-000": SHORT}, NOW + seconds) == (world.ends, world.now)
    assert (2 if launch else 1) == world.rooms_read


def test_room_that_comes_late_is_used() -> None:
    """A vSwitch that showed nothing and has room when reads have settled."""
    world = World(enis=1, target=8, room=0, launch=True)
    assert isinstance(world.rounds.next(NOW), ReadRooms)
    world.ledger.learn("vsw-a", 0, NOW)
    world.room = 8
    world.run()
    assert {"eni-000": ASSIGNED} == world.ends


def test_one_eni_asks_on_in_a_vswitch_that_refuses() -> None:
    """A vSwitch says 311 and has 11: what there is goes to the one that asks for less."""
    world = World(enis=4, target=14, room=11)
    assert isinstance(world.rounds.next(NOW), ReadRooms)
    world.ledger.learn("vsw-a", 311, NOW)
    world.run()
    assert 0 == world.room
    assert [SHORT] * 4 == list(world.ends.values())
    assert len(world.asks) <= 4 + 2 + 2 + 4


def test_whoever_is_stopped_has_an_end() -> None:
    """All that are left end, each once; who had ended keeps its end."""
    world = World(enis=3, target=8, room=100)
    world.rounds.stop(End(Outcome.DEFERRED, Reason.OUT_OF_TIME))
    world.take_ends()
    assert [(Outcome.DEFERRED, Reason.OUT_OF_TIME)] * 3 == list(world.ends.values())
    assert world.rounds.next(NOW) is None


def test_the_share_of_an_eni_that_cannot_take_it_goes_to_the_others() -> None:
    """The worst-off one is full, whatever its type says: the next one is brought to its target."""
    world = World(enis=2, target=2, room=2)
    world.run(
        lambda call: (
            fault("MaxEniPrivateIpsCountExceeded", 403)
            if call.eni_id == "eni-000"
            else world.perform(call)
        )
    )
    full = (Outcome.SHORT, Reason.QUOTA)
    assert {"eni-000": full, "eni-001": ASSIGNED} == world.ends
