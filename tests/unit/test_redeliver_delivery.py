"""Deliveries of failed events, killed at every call, and whatever else can come between."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from console.chain import SUCCEEDED, Task
from console.redeliver.delivery import HIDDEN_SECONDS, SIDE_BY_SIDE, End, Redelivery
from console.redeliver.records import FailedEvent, Message
from handler.core.errors import CloudFault
from handler.core.model import Treatment

if TYPE_CHECKING:
    from collections.abc import Iterable

RECEIVED_HIDDEN = 30


class Killed(BaseException):
    """The process is ended here: nothing of it runs any more."""


@dataclass
class Stored:
    """A message in the queue."""

    id: str
    body: str
    visible: float = 0.0
    handle: str = ""


@dataclass
class World:
    """A queue and a function with a common time; the process is killed at its `dies`th call.

    Attributes:
        bad: events that the function fails on; a new record of each is put into the queue.
        seconds: how long the function takes; ten times as long for events that are slow.
        late: seconds until the record of a failure is in the queue.
        runs: what the function was run with; `tasks` and `ended` have it by task id.
        shown: whether Function Compute tells of tasks.
    """

    queue: list[Stored]
    bad: set[str] = field(default_factory=set)
    seconds: float = 3.0
    late: float = 0.0
    shown: bool = True
    time: float = 0.0
    dies: int | None = None
    calls: int = 0
    handles: int = 0
    received: int = 0
    hidden_at_delivery: list[float] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    tasks: dict[str, tuple[str, float]] = field(default_factory=dict)
    ended: dict[str, bool] = field(default_factory=dict)
    refusal: CloudFault | None = None

    def _call(self) -> None:
        self.calls += 1
        if self.dies is not None and self.calls >= self.dies:
            raise Killed

    def _handle(self, stored: Stored, seconds: float) -> str:
        self.handles += 1
        stored.handle, stored.visible = f"h{self.handles}", self.time + seconds
        return stored.handle

    def _held(self, handle: str) -> Stored | None:
        held = (it for it in self.queue if it.handle == handle and it.visible > self.time)
        return next(held, None)

    def receive(self, _wait: int) -> Message | None:
        """As MNS does."""
        self._call()
        self._finish()
        for stored in self.queue:
            if stored.visible <= self.time:
                self.received += 1
                return Message(stored.id, stored.body, self._handle(stored, RECEIVED_HIDDEN))
        return None

    def hide(self, handle: str, seconds: int) -> str | None:
        """As MNS does."""
        self._call()
        stored = self._held(handle)
        return None if stored is None else self._handle(stored, seconds)

    def delete(self, handle: str) -> bool:
        """As MNS does."""
        stored = self._held(handle)
        if stored is not None:
            self.queue.remove(stored)
        self._call()  # it may have been done although nobody hears of it
        return stored is not None

    def invoke_later(self, payload: bytes, task_id: str) -> None:
        """As Function Compute does: once per task id."""
        if self.refusal is not None:
            raise self.refusal
        if task_id not in self.tasks:
            event = payload.decode()
            factor = 10 if event.startswith("slow") else 1
            self.tasks[task_id] = (event, self.time + self.seconds * factor)
            held = [it.visible - self.time for it in self.queue if it.body == event]
            self.hidden_at_delivery.append(max(held, default=0.0))
        self._call()

    def task(self, task_id: str) -> Task | None:
        """As Function Compute does."""
        self._call()
        self._finish()
        if task_id not in self.tasks or not self.shown:
            return None
        if task_id not in self.ended:
            return Task("Running")
        return Task(SUCCEEDED) if self.ended[task_id] else Task("Failed", error="raised")

    def _finish(self) -> None:
        """What the function ends with leaves its traces, once."""
        for task_id, (event, end) in self.tasks.items():
            if end <= self.time and task_id not in self.ended:
                self.ended[task_id] = event not in self.bad
                self.runs.append(event)
                if event in self.bad:
                    name, visible = f"m{len(self.runs)}", end + self.late
                    self.queue.append(Stored(name, event, visible))

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds


def event_of(message: Message) -> FailedEvent:
    """A failed event whose payload is the body."""
    hopeless = "cut" if message.body == "cut" else None
    return FailedEvent(message.id, "", payload=message.body.encode(), hopeless=hopeless)


def world(*bodies: str, **more: Any) -> World:
    """A queue with messages of these bodies."""
    stored = [Stored(f"m-{number}", body) for number, body in enumerate(bodies)]
    return World(stored, **more)


def run(world: World, *, limit: int | None = None, dry_run: bool = False) -> Redelivery:
    """One run of the command, to its end."""
    found = Redelivery(
        world,
        world,  # type: ignore[arg-type]
        event_of,
        limit,
        dry_run,
        poll=2.0,
        patience=16.0,
        sleep=world.sleep,
        now=lambda: world.time,
        changed=lambda: None,
    )
    found.run()
    return found


def ends(found: Redelivery) -> list[tuple[str, str]]:
    """Each event with its end."""
    return [(row.event.payload.decode(), row.end.value) for row in found.rows.values()]


def done(world: World) -> Counter[str]:
    """How often the function was run with each event."""
    return Counter(world.runs)


def bodies(world: World) -> list[str]:
    """What is in the queue."""
    return sorted(stored.body for stored in world.queue)


def test_each_is_delivered_once_and_deleted() -> None:
    """More than are on their way side by side."""
    world_of_many = world(*(f"e{number}" for number in range(20)))
    found = run(world_of_many)
    assert {End.SETTLED} == {row.end for row in found.rows.values()}
    assert [] == world_of_many.queue
    assert {f"e{number}": 1 for number in range(20)} == done(world_of_many)
    assert HIDDEN_SECONDS == min(world_of_many.hidden_at_delivery)


def test_hopeless_ones_stay_and_can_be_seen_at_once() -> None:
    """Nothing is delivered for them, and whoever comes next receives them."""
    found_world = world("cut", "good")
    found = run(found_world)
    assert [("cut", "hopeless"), ("good", "settled")] == ends(found)
    found_world.time += 1
    assert ["cut"] == bodies(found_world)
    assert [("cut", "hopeless")] == ends(run(found_world))


@pytest.mark.parametrize(("late", "left"), [(0.0, 1), (5.0, 1), (90.0, 2)])
def test_failed_again_stays_once(late: float, left: int) -> None:
    """The new record of the same event takes the place of the old one; time after time.

    What comes after the end of a run is put together with it by the next one.
    """
    found_world = world("bad", "good", bad={"bad"}, late=late)
    for number in range(1, 4):
        found_world.queue.append(Stored(f"slow{number}", f"slow{number}"))
        found = run(found_world)
        assert ("bad", "failed_again") in ends(found)
        found_world.time += late
        assert (["bad"] * left, number) == (bodies(found_world), done(found_world)["bad"])
        found_world.time += 1
    found_world.bad.clear()
    assert [("bad", "settled")] == ends(run(found_world))
    assert [] == found_world.queue


def test_record_that_has_no_successor_is_delivered_under_a_new_id() -> None:
    """Where the new record was lost, the old one is tried again by the next run."""
    found_world = world("bad", bad={"bad"})
    run(found_world)
    found_world.queue = [Stored("m-0", "bad")]
    found_world.bad.clear()
    assert {"rd_m-0_0"} == set(found_world.tasks)
    found = run(found_world)
    assert [("m-0", "rd_m-0_1")] == [
        (row.event.message_id, row.task_id) for row in found.rows.values()
    ]
    assert [] == found_world.queue


def test_same_event_in_two_messages_is_delivered_once() -> None:
    """One is on its way; when it settles, both go; when it fails, one stays."""
    twice = world("e", "e")
    assert [("e", "settled")] == ends(run(twice))
    assert ({"e": 1}, []) == (done(twice), twice.queue)
    failing = world("e", "e", bad={"e"})
    assert [("e", "failed_again")] == ends(run(failing))
    assert ({"e": 1}, ["e"]) == (done(failing), bodies(failing))


def test_dry_run_delivers_nothing() -> None:
    """Everything is shown, nothing is run, and all can be received again."""
    found_world = world("good", "cut", "good")
    found = run(found_world, dry_run=True)
    assert ["would_deliver", "hopeless", "would_deliver"] == [end for _, end in ends(found)]
    assert ({}, 3) == (done(found_world), len(found_world.queue))
    found_world.time += 1
    assert 3 == len(run(found_world, dry_run=True).rows)


def test_limit_is_kept() -> None:
    """So many are taken; the others are not even received."""
    found_world = world("a", "b", "c")
    assert [("a", "settled"), ("b", "settled")] == ends(run(found_world, limit=2))
    assert ["c"] == bodies(found_world)
    assert 0.0 == found_world.queue[0].visible


def test_long_delivery_stays_hidden() -> None:
    """The message is hidden again and again, so that nobody else receives it."""
    found_world = world("slow", seconds=HIDDEN_SECONDS)
    assert [("slow", "settled")] == ends(run(found_world))
    assert ([], {"slow": 1}) == (found_world.queue, done(found_world))
    assert 1 == found_world.received


@pytest.mark.parametrize("late", [False, True], ids=["at once", "later"])
def test_function_that_shows_no_tasks_gets_nothing_more(*, late: bool) -> None:
    """What cannot be followed is not deleted."""
    many = [f"e{number}" for number in range(SIDE_BY_SIDE + 1)]
    found_world = world(*many, shown=False)
    found = run(found_world)
    assert {End.UNKNOWN} == {row.end for row in found.rows.values()}
    assert many == bodies(found_world)
    assert SIDE_BY_SIDE == len(found_world.tasks)
    if late:
        found_world.shown, found_world.time = True, found_world.time + HIDDEN_SECONDS
        assert {End.SETTLED} == {row.end for row in run(found_world).rows.values()}
        assert dict.fromkeys(many, 1) == done(found_world)


def test_refused_delivery_ends_the_run() -> None:
    """Nothing was accepted, so nothing is shown as being under way; the record can be received."""
    found_world = world("e")
    found_world.refusal = CloudFault("fc:InvokeFunction", "Denied", Treatment.CREDENTIALS)
    with pytest.raises(CloudFault):
        run(found_world)
    found_world.time += 1
    assert found_world.receive(0) is not None


def lives(world: World, deaths: Iterable[int]) -> int:
    """Run the command, killed at these calls of its own, and then once more to its end.

    Returns:
        how many of the runs were killed.
    """
    killed = 0
    for number in deaths:
        world.calls, world.dies = 0, number
        try:
            run(world)
        except Killed:
            killed += 1
        world.time += HIDDEN_SECONDS + world.seconds
    world.dies = None
    run(world)
    world.time += HIDDEN_SECONDS
    return killed


@pytest.mark.parametrize("seconds", [0.0, 3.0], ids=["quick", "slow"])
def test_killed_at_any_call_loses_nothing_and_repeats_nothing(seconds: float) -> None:
    """At each call of the first run, done or not; then at each of the second, too."""
    calls = world("a", "cut", "b", seconds=seconds)
    run(calls)
    killed = 0
    for first in range(1, calls.calls + 1):
        for second in (1, 3, 5, 8, 13):
            found_world = world("a", "cut", "b", seconds=seconds)
            killed += lives(found_world, [first, second])
            assert ({"a": 1, "b": 1}, ["cut"]) == (done(found_world), bodies(found_world))
    assert killed > calls.calls * 5


def test_killed_at_any_call_keeps_what_fails() -> None:
    """An event that fails each time is in the queue afterwards, at least once."""
    calls = world("bad", "a", bad={"bad"})
    run(calls)
    for number in range(1, calls.calls + 1):
        found_world = world("bad", "a", bad={"bad"})
        lives(found_world, [number])
        assert {"bad"} == set(bodies(found_world))
        assert 1 == done(found_world)["a"]
        found_world.bad.clear()
        run(found_world)
        assert [] == found_world.queue


def test_call_without_an_answer_is_made_again() -> None:
    """Each call of a run in turn; where it does not end, the run says so and loses nothing."""
    calls = world("a", "b")
    run(calls)
    for number in range(calls.calls):
        found_world = Unanswered(world("a", "b").queue, silent=number)
        assert ["settled", "settled"] == [end for _, end in ends(run(found_world))]
        assert {"a": 1, "b": 1} == done(found_world)


@dataclass
class Unanswered(World):
    """A world where one call is not answered, done or not."""

    silent: int = 0

    def _call(self) -> None:
        super()._call()
        if self.calls == self.silent + 1:
            raise CloudFault("mns:Any", "no_answer", Treatment.TRANSIENT)
