"""A story, played: deliveries on function instances, others at work, and the audit that watches."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from handler.core.errors import Retryable
from handler.core.guests import Heard
from handler.core.model import Eni, Instance
from handler.core.settings import read_settings
from handler.core.value import replace
from handler.shell.app import App
from handler.shell.log import RecordLog
from handler.shell.probe import CONNECT_SECONDS
from tests.chaos.sides import TAG
from tests.chaos.turns import Killed
from tests.chaos.worlds.fakes import ConnectorFake, Wire
from tests.chaos.worlds.region import Region, Running
from tests.chaos.worlds.story import ACTIVITY, GROUP, REGION, START, TYPES, Event
from tests.chaos.worlds.turns import Endless, SideBySide, Turns
from tests.chaos.worlds.watch import Audit, Order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.worlds.story import InstanceSpec, Other, Story, Trouble

# How often Function Compute tries an event again, and after how long.
RETRIES, RETRY_AFTER = 2, 60.0
# Hand-overs that are followed; a chain has an end.
MOST_HOPS = 40


@dataclass
class Delivery:
    """One invocation of the function."""

    name: str
    event: Event
    payload: bytes
    request_id: str
    order: Order
    started: float
    tries: int = 0
    calls_made: int = 0
    output: io.StringIO = field(default_factory=io.StringIO)
    error: BaseException | None = None

    @property
    def lines(self) -> list[str]:
        """What it has written."""
        return self.output.getvalue().splitlines()


@dataclass(frozen=True)
class Played:
    """What came of a story: breached promises, and what happened, a line each."""

    breaches: list[str]
    told: list[str]
    counts: Counter[str]


class World:
    """One story while it is played."""

    def __init__(self, story: Story, schedule: int) -> None:
        self.story = story
        self.draws = Random(schedule)
        self.turns = Turns(self.draws, START)
        self.counts: Counter[str] = Counter()
        self.calm = False
        self.telling: list[tuple[float, str, str]] = []
        self._troubles = {(each.operation, each.nth): each for each in story.troubles}
        self._nth: Counter[str] = Counter()
        self._tasks: set[str] = set()
        self._number = 0
        self._idle: list[FunctionInstance] = []
        self.region = self._made()
        self.audit = Audit(self)

    def _made(self) -> Region:
        told = self.story
        region = Region(
            lambda: self.turns.now,
            self.draws,
            told.lag,
            told.partial,
            told.remembers,
            dict(told.quotas),
            dict(TYPES),
            {**TYPES, **dict(told.enforced)},
            dict(told.overstated),
            told.answers_after,
            {each: [(START - 999, free)] for each, free in told.vswitches},
        )
        for each in told.instances:
            self._put(region, each)
        enis = [eni for each in told.instances for eni in each.enis]
        region.managed = frozenset(each.id for each in enis if each.managed)
        region.actions = [Running(each, START + each.timeout) for each in told.actions]
        return region

    def _put(self, region: Region, made: InstanceSpec) -> None:
        tags = {**dict(made.tags), "acs:autoscaling:scalingGroupId": GROUP}
        ids = tuple(each.id for each in made.enis)
        first = Instance(made.id, made.type, "Pending" if made.runs else "Running", tags, ids)
        region.instances[made.id] = [(START - 999, first)]
        if made.runs:
            running = replace(first, status="Running")
            self._later(made.runs, lambda: self._changed(region.instances, made.id, running))
        region.shown_at[made.id] = START + made.shown
        for each in made.enis:
            most = TYPES[made.type] - 1
            held = frozenset(region.new_addresses(min(each.held, most)))
            kind = "Primary" if each.primary else "Secondary"
            status = "Attaching" if each.ready else "InUse"
            shown = {} if each.tagged else dict(each.tags)
            eni = Eni(each.id, kind, status, each.vswitch, made.id, held, tags=shown)
            eni = replace(eni, primary="10.200.0.1")
            region.enis[each.id] = [(START - 999, eni)]
            region.shown_at[each.id] = START + max(each.shown, made.shown)
            if each.ready:
                self._eni_later(region, each.id, each.ready, status="InUse")
            if each.tagged:
                self._eni_later(region, each.id, each.tagged, tags=dict(each.tags))

    def _eni_later(self, region: Region, eni_id: str, seconds: float, **changes: Any) -> None:
        def change() -> None:
            if (eni := region.eni(eni_id)) is not None:
                region.put_eni(replace(eni, **changes))

        self._later(seconds, change)

    def _changed(self, rows: dict[str, list[tuple[float, Any]]], name: str, new: Any) -> None:
        if rows[name][-1][1] is not None:
            rows[name].append((self.turns.now, new))

    def _later(self, seconds: float, work: Any) -> None:
        self.turns.begin(work, START + seconds)

    # --- what the fakes ask ---------------------------------------------------------------------

    def tell(self, who: str, what: str) -> None:
        """One line of the story."""
        self.telling.append((self.turns.now, who, what))

    def trouble(self, operation: str) -> Trouble | None:
        """What goes wrong with the next call of an operation."""
        if self.calm:
            return None
        nth = self._nth[operation]
        self._nth[operation] += 1
        found = self._troubles.get((operation, nth))
        if found:
            self.counts[f"trouble {found.kind}"] += 1
        return found

    def travel(self, delivery: Delivery, seconds: float = 0.0) -> None:
        """A call, or its reply, is on its way."""
        self.turns.pause(seconds + self.draws.uniform(0.002, self.story.slow))
        killed = delivery.event.killed
        if killed is not None and not delivery.tries and delivery.calls_made >= killed:
            raise Killed
        if self.turns.now > delivery.started + delivery.event.timeout:
            self.audit.overran(delivery)
            raise Killed

    def listed(self) -> tuple[str, ...]:
        """The instances that Auto Scaling lists."""
        elapsed = self.turns.now - START
        return tuple(
            each.id
            for each in self.story.instances
            if elapsed >= each.listed and self.region.instance(each.id) is not None
        )

    def taken_later(self, by: Delivery, payload: bytes, task_id: str) -> bool:
        """Whether an asynchronous invocation is taken: once per task id."""
        if task_id in self._tasks:
            return False
        self._tasks.add(task_id)
        if len(self._tasks) <= MOST_HOPS:
            self._start(
                dataclasses.replace(by.event, killed=None), payload, self.turns.now + 0.1, by.order
            )
        return True

    # --- playing --------------------------------------------------------------------------------

    def play(self) -> Played:
        """From the first event until all is quiet; then the closing deliveries."""
        for event in self.story.events:
            self._start(event, payload_of(event, self.story), START + event.at)
        for other in self.story.others:
            self.turns.begin(partial(self._act, other), START + other.at)
        try:
            self.turns.play()
            self._close()
        except Endless as error:
            self.audit.breach(7, str(error))
        lines = [f"{at - START:9.3f} s  {who}: {what}" for at, who, what in self.telling]
        self.counts["worlds"] += 1
        return Played(self.audit.breaches, lines, self.counts + self.audit.counts)

    def _start(self, event: Event, payload: bytes, at: float, order: Order | None = None) -> None:
        self._number += 1
        name, request_id = f"delivery {self._number}", f"req-{self._number}"
        self._try(name, event, payload, request_id, at, order, 0)

    def _try(
        self,
        name: str,
        event: Event,
        payload: bytes,
        request_id: str,
        at: float,
        order: Order | None,
        tries: int,
    ) -> None:
        def work() -> None:
            given = order or self.audit.order_of(event)
            delivery = Delivery(name, event, payload, request_id, given, self.turns.now, tries)
            self._deliver(delivery)
            if (
                isinstance(delivery.error, (Retryable, Killed))
                and tries < RETRIES
                and not self.calm
            ):
                later = self.turns.now + RETRY_AFTER
                self._try(name, event, payload, request_id, later, order, tries + 1)

        self.turns.begin(work, at)

    def _deliver(self, delivery: Delivery) -> None:
        self.counts["deliveries"] += 1
        event = delivery.event
        self.tell(delivery.name, f"begins: {event.kind} {event.selector} {', '.join(event.names)}")
        self.audit.begins(delivery)
        instance = self._instance(delivery)
        function = SimpleNamespace(name="secondary-ips", timeout=event.timeout, memory=256)
        context = SimpleNamespace(
            request_id=delivery.request_id, function=function, region=REGION, account_id="1"
        )
        try:
            instance.app.handle(delivery.payload, context)
        except (Exception, Killed) as error:  # noqa: BLE001  (whatever leaves it is judged)
            delivery.error = error
        said = "ends" if delivery.error is None else f"ends with {delivery.error!r}"
        self.tell(delivery.name, said)
        if not isinstance(delivery.error, Killed):
            self._idle.append(instance)
        self.audit.ended(delivery)

    def _instance(self, delivery: Delivery) -> FunctionInstance:
        """One that is idle and has the settings of the delivery, or a new one."""
        fit = [each for each in self._idle if each.settings == delivery.event.settings]
        if fit and self.draws.random() < 0.7:
            instance = self.draws.choice(fit)
            self._idle.remove(instance)
            instance.delivery = delivery
            return instance
        return FunctionInstance(self, delivery)

    def _act(self, other: Other) -> None:
        self.counts[f"others {other.kind}"] += 1
        self.tell("somebody else", f"{other.kind} {other.name} {other.count}")
        region = self.region
        self.audit.disturbed_by(other)
        match other.kind:
            case "assign":
                region.others_assign(other.name, other.count)
            case "unassign":
                region.others_unassign(other.name, other.count)
            case "release":
                region.release(other.name)
            case "fill":
                region.fill(other.name, other.count)
            case "calls":
                region.used[other.name, region.minute()] += other.count
            case "retag":
                if (eni := region.eni(other.name)) is not None:
                    region.put_eni(replace(eni, tags={**eni.tags, TAG: str(other.count)}))

    # --- the end --------------------------------------------------------------------------------

    def _close(self) -> None:
        """Faults stop and reads catch up: the next delivery reaches what can be reached."""
        self.turns.now += 300
        self.calm = True
        self.region.lag, self.region.quotas = 0.0, {}
        self.audit.settled()
        last = Event(0.0, "backfill", (), "all", timeout=600.0)
        for number in range(2):
            self.audit.closing(number)
            self._start(last, payload_of(last, self.story), self.turns.now)
            self.turns.play()
            self.turns.now += 60
        self.audit.closed()


class FunctionInstance:
    """One instance of the function, and its clock; it works on one delivery at a time."""

    def __init__(self, world: World, delivery: Delivery) -> None:
        self.world = world
        self.delivery = delivery
        self.settings = delivery.event.settings
        environ = {"FC_REGION": REGION, **dict(world.story.settings[self.settings])}
        self.app = App(
            read_settings(environ),
            environ,
            self,
            self._log,
            connector=ConnectorFake(Wire(self)),
            threads=lambda _count: SideBySide(world.turns),
            jitter=world.draws.random,  # a world is repeated by its seed
            knock=self._knock,
        )

    def _knock(self, addresses: Sequence[str], port: int, seconds: float) -> Heard:  # noqa: ARG002
        """Which of these answer now; it takes longer when one does not."""
        world = self.world
        answered = {each for each in addresses if world.region.answers(each, world.turns.now)}
        world.counts["guests asked"] += len(addresses)
        self.sleep(min(seconds, CONNECT_SECONDS if len(answered) < len(addresses) else 0.002))
        return Heard(frozenset(addresses), frozenset(answered))

    def _log(self, base: dict[str, Any], level: str, secrets: Any) -> WatchedLog:
        with contextlib.redirect_stdout(self.delivery.output):
            return WatchedLog(self, RecordLog(base, level, secrets))

    def now(self) -> float:
        """Epoch seconds."""
        return self.world.turns.now

    def sleep(self, seconds: float) -> None:
        """Let others go on."""
        self.world.audit.sleeps(self.delivery, seconds)
        self.world.turns.pause(seconds)


class WatchedLog:
    """The function's log; the audit hears of what is recorded when it is."""

    def __init__(self, instance: FunctionInstance, log: RecordLog) -> None:
        self._instance = instance
        self._log = log
        self.hidden = log.hidden

    def write(self, record_type: str, level: str = "info", **fields: object) -> None:
        """Write one record."""
        if record_type == "eni_result":
            self._instance.world.audit.records(self._instance.delivery, fields)
        self._log.write(record_type, level, **fields)


def played(story: Story, schedule: int | None = None) -> Played:
    """What comes of a story under a schedule; its own, unless another is given."""
    return World(story, story.seed if schedule is None else schedule).play()


# --- events as they arrive ------------------------------------------------------------------------


def payload_of(event: Event, story: Story) -> bytes:
    """The bytes of an event."""
    return json.dumps(_body(event, story)).encode()


def _body(event: Event, story: Story) -> Any:
    match event.kind:
        case "hook" | "hook_unnamed":
            return _hook(event, story)
        case "running":
            return [_running(each) for each in event.names]
        case "scale_out":
            return _notification(event)
        case "array":
            return [*(_running(each) for each in event.names), _notification(event)]
        case _:
            return _manual(event, story)


def _hook(event: Event, story: Story) -> dict[str, Any]:
    action = story.actions[event.hook]
    content: dict[str, Any] = {
        "lifecycleHookId": action.hook_id,
        "lifecycleHookName": action.name,
        "lifecycleActionToken": action.token,
        "lifecycleTransition": "SCALE_OUT",
        "defaultResult": "ABANDON",
        "scalingGroupId": GROUP,
        "scalingGroupName": "web",
        "scalingActivityId": ACTIVITY,
        "requestId": "0E1B3C52",
    }
    if event.kind == "hook":
        content["instanceIds"] = list(event.names)
    arn = f"acs:ess:{REGION}:1:scalinggroup/{GROUP}"
    message = {"userId": "1", "regionId": REGION, "resourceArn": arn, "content": content}
    # As the topic hands it over; from when on the hook waits is known from there alone.
    published = {"PublishTime": int(START * 1000), "TopicName": "hooks"}
    return published | {"Message": json.dumps(message)}


def _notification(event: Event) -> dict[str, Any]:
    return {
        "userId": "1",
        "regionId": REGION,
        "resourceArn": f"acs:ess:{REGION}:1:scalinggroup/{GROUP}",
        "event": "AUTOSCALING:SCALE_OUT_SUCCESS",
        "content": {
            "scalingGroupId": GROUP,
            "scalingActivityId": ACTIVITY,
            "instanceIds": list(event.names),
        },
    }


def _running(instance_id: str) -> dict[str, Any]:
    return {
        "ver": "1.0",
        "product": "ECS",
        "resourceId": f"acs:ecs:{REGION}:1:instance/{instance_id}",
        "level": "INFO",
        "name": "Instance:StateChange",
        "regionId": REGION,
        "content": {
            "resourceId": instance_id,
            "resourceType": "ALIYUN::ECS::Instance",
            "state": "Running",
        },
    }


def _manual(event: Event, story: Story) -> dict[str, Any]:
    enis = [eni for each in story.instances if each.id in event.names for eni in each.enis]
    selectors: dict[str, Any] = {
        "all": {"all": True},
        "instance_ids": {"instance_ids": list(event.names)},
        "network_interface_ids": {"network_interface_ids": [eni.id for eni in enis]},
        "vswitch_id": {"vswitch_id": story.vswitches[0][0]},
        "tags": {"tags": {"fleet": "web"}},
        "group": {"scaling_group_id": GROUP},
    }
    asked = dict(selectors[event.selector])
    if event.target is not None:
        asked["target"] = event.target
    if event.limit is not None:
        asked["limit"] = event.limit
    return {event.kind: asked}
