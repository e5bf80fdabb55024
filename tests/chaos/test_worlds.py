"""The worlds in this process: repeatable, and made shorter until only the cause is left."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from handler.cloud import ports
from tests.chaos.worlds.play import Played, played
from tests.chaos.worlds.pool import APART, CHUNK, play_chunk
from tests.chaos.worlds.shrink import shortest, telling
from tests.chaos.worlds.story import (
    Action,
    EniSpec,
    Event,
    InstanceSpec,
    Other,
    Story,
    story,
)

WORLDS = 2_000

# A world of several events, instances and troubles, of which one trouble is a failed write.
CROWDED = next(
    told
    for told in map(story, range(1000))
    if len(told.instances) > 2
    and len(told.events) > 2
    and sum(each.operation == ports.ASSIGN for each in told.troubles) > 1
)


def breaks_with_a_failed_write(told: Story, _schedule: int | None = None) -> Played:
    """A function that is broken by any trouble of a write, and by nothing else."""
    broken = any(each.operation == ports.ASSIGN for each in told.troubles)
    return Played(["promise 1: eni-0a holds 3, more than 2"] if broken else [], [], Counter())


def test_a_world_is_repeated_by_its_number() -> None:
    """The same number gives the same story, the same turns and the same words."""
    first, second = (played(story(17)) for _ in range(2))
    assert first.told == second.told
    assert first.told != played(story(17), 18).told


def scarce(room: int, target: str, first: InstanceSpec, second: EniSpec, **more: Any) -> Story:
    """A launch of some instance beside a large one, for which there is little room."""
    given = {
        "SETTLE_SECONDS": "10",
        "TARGET_SECONDARY_IPS": target,
        "VISIBILITY_SECONDS": "20",
        "VSWITCH_RESERVE": "0",
    }
    action = Action("secondary-ips", "ash-1", "T" * 13, 600)
    events = (Event(0.0, "hook", ("i-0", "i-1")), *more.pop("again", ()))
    instances = (first, InstanceSpec("i-1", "ecs.large", (second,)))
    settings, rooms = (tuple(given.items()),), (("vsw-1", room),)
    return Story(0, settings, rooms, instances, (action,), events, **more)


FIRST, OTHER = EniSpec("eni-0a", "vsw-1"), EniSpec("eni-0b", "vsw-1", primary=False)
TAGGED = InstanceSpec("i-0", "ecs.small", (FIRST, OTHER), (("secondary-ips", "1"),))
SMALL, MIDDLE = (InstanceSpec("i-0", kind, (FIRST,)) for kind in ("ecs.small", "ecs.middle"))
NONE, TWO = EniSpec("eni-1a", "vsw-1"), EniSpec("eni-1a", "vsw-1", 2)
KILLED = Event(0.0, "array", ("i-0", "i-1"), killed=11)
UNASSIGN = Other(0.25, "unassign", "eni-1a", 2)
SCARCE = {
    "its calls were replays": scarce(4, "4", TAGGED, NONE, again=(KILLED,)),
    "others gave back": scarce(3, "max", MIDDLE, TWO, others=(UNASSIGN,)),
    "another cannot take": scarce(5, "max", SMALL, NONE, enforced=(("ecs.small", 3),)),
}


@pytest.mark.parametrize("name", SCARCE)
def test_nobody_is_short_while_there_is_room(name: str) -> None:
    """What was granted to others and not taken is there for whoever needs it.

    Each of these launches was once short while addresses were free, in one order or another.
    """
    breaches = [each for number in range(20) for each in played(SCARCE[name], number).breaches]
    assert [] == [each for each in breaches if "free" in each]


@pytest.mark.parametrize("first", range(0, WORLDS, CHUNK))
def test_two_thousand_worlds_keep_every_promise(first: int) -> None:
    """What `make worlds` plays by the hundred thousand; a failure is a short story."""
    counts, broken = play_chunk((APART + first, CHUNK))
    assert CHUNK == counts["worlds"]
    for number, breach in broken:
        pytest.fail(telling(*shortest(story(number), breach)))


def test_calls_of_one_delivery_overlap() -> None:
    """They are begun before the first one is answered, and their replies come in any order."""
    enis = (EniSpec("eni-0a", "vsw-1"), EniSpec("eni-0b", "vsw-1", primary=False))
    event = Event(0.0, "running", ("i-0",))
    launch = Story(
        1,
        ((("SETTLE_SECONDS", "5"), ("TARGET_SECONDARY_IPS", "2"), ("VSWITCH_RESERVE", "0")),),
        (("vsw-1", 9),),
        (InstanceSpec("i-0", "ecs.large", enis),),
        (),
        (event,),
    )
    orders = set()
    for schedule in range(20):
        calls = [line for line in played(launch, schedule).told if ports.ASSIGN[4:] in line]
        orders.add(tuple(line.partition(" to ")[2][:6] for line in calls))
    assert {("eni-0a", "eni-0b"), ("eni-0b", "eni-0a")} == orders


def test_what_breaks_a_promise_is_left_and_nothing_else() -> None:
    """One event, one instance with one ENI, one trouble: the shortest story."""
    broken = "promise 1: eni-1b holds 14, more than 8"
    least, _, _ = shortest(CROWDED, broken, breaks_with_a_failed_write)
    assert [ports.ASSIGN] == [each.operation for each in least.troubles]
    assert (1, 1) == (len(least.events), len(least.instances))
    assert (1, 0) == (len(least.instances[0].enis), len(least.others))
    assert 0.0 == least.lag


def test_story_is_told_until_the_promise_is_broken() -> None:
    """What is there, what goes wrong, then who did what and when: no line after the breach."""
    lines = ["0.0 s  delivery 1: begins", "0.1 s  audit: BROKEN, promise 1", "9.0 s  more"]
    told = telling(CROWDED, 5, Played(["promise 1"], lines, Counter())).splitlines()
    assert lines[:2] == told[-2:]
    assert any(line.startswith("goes wrong: call ") for line in told)
    assert f"seed {CROWDED.seed}, schedule 5" in told[-3]
