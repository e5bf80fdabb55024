"""What a world is made of, drawn from a seed: a value that can be told, repeated and made shorter.

A story says what is there, which events come when, what goes wrong with which call, and what
somebody else does meanwhile. How its actors are interleaved is drawn when it is played.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from handler.cloud import ports
from tests.chaos.sides import TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REGION, GROUP, ACTIVITY = "cn-hangzhou", "asg-web", "asa-out"
START = 1_800_000_000.0
# What DescribeInstanceTypes tells: addresses on an ENI, the primary one included.
TYPES = {"ecs.small": 4, "ecs.middle": 6, "ecs.large": 15}
# An address that does not answer as long as the world lasts.
NEVER = 1e9
# An instance that events name and nothing shows: it was released before anybody looked.
GHOST = "i-ghost"
FOREIGN = (("creator", "terway"), ("cilium-eni-index", "1"), ("ack.aliyun.com", "c1"))


@dataclass(frozen=True)
class EniSpec:
    """An ENI: what it holds at first, and from when on (seconds) reads show it and it is ready.

    `tagged`: when somebody tags it, seconds; 0: it was tagged when it was made.
    `managed`: a service manages it, so that ECS refuses writes to it; no read shows that.
    """

    id: str
    vswitch: str
    held: int = 0
    tags: tuple[tuple[str, str], ...] = ()
    shown: float = 0.0
    ready: float = 0.0
    primary: bool = True
    tagged: float = 0.0
    managed: bool = False


@dataclass(frozen=True)
class InstanceSpec:
    """An instance; `listed` is when Auto Scaling lists it, `runs` when it is Running."""

    id: str
    type: str
    enis: tuple[EniSpec, ...]
    tags: tuple[tuple[str, str], ...] = ()
    shown: float = 0.0
    listed: float = 0.0
    runs: float = 0.0


@dataclass(frozen=True)
class Action:
    """A lifecycle action that waits for its hook's result."""

    name: str
    hook_id: str
    token: str
    timeout: float


@dataclass(frozen=True)
class Event:
    """A delivery.

    Attributes:
        kind: "hook", "hook_unnamed", "running", "scale_out", "array", "backfill", "plan".
        names: ids that it names: instances, or what its selector means.
        selector: of a manual request.
        hook: which action it is about.
        settings: which of the settings its function instance has.
        killed: after so many calls its process ends; None: it does not.
    """

    at: float
    kind: str
    names: tuple[str, ...] = ()
    selector: str = ""
    hook: int = 0
    target: int | None = None
    limit: int | None = None
    settings: int = 0
    timeout: float = 600.0
    killed: int | None = None


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with the nth call of an operation, counted from 0 over all deliveries."""

    operation: str
    nth: int
    kind: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Other:
    """What somebody else does.

    Kinds: "assign", "unassign" (`name` is an ENI), "retag" (an ENI, to `count`), "release" (an
    instance), "fill" (a vSwitch, leaving `count`), "calls" (an operation: `count` of this minute).
    """

    at: float
    kind: str
    name: str
    count: int = 0


@dataclass(frozen=True)
class Story:
    """A world. `settings` holds one set, or two while an upgrade is under way.

    `answers_after` is how long after its assignment an address answers, seconds.
    """

    seed: int
    settings: tuple[tuple[tuple[str, str], ...], ...]
    vswitches: tuple[tuple[str, int], ...]
    instances: tuple[InstanceSpec, ...]
    actions: tuple[Action, ...]
    events: tuple[Event, ...]
    troubles: tuple[Trouble, ...] = ()
    others: tuple[Other, ...] = ()
    quotas: tuple[tuple[str, int], ...] = ()
    enforced: tuple[tuple[str, int], ...] = ()
    overstated: tuple[tuple[str, int], ...] = ()
    lag: float = 0.0
    slow: float = 0.05
    partial: bool = False
    remembers: bool = False
    answers_after: float = 0.0


# --- drawing --------------------------------------------------------------------------------------


def story(seed: int) -> Story:
    """The world of a seed."""
    draws = Random(seed)
    kind = draws.choices((_launch, _fleet, _limited, _busy_minute), (10, 4, 1, 1))[0]
    return _guests(kind(seed, draws))


def _guests(made: Story) -> Story:
    """In one world of five the guests are asked; drawn apart, so that the others stay the same."""
    draws = Random(f"answers {made.seed}")
    if draws.random() >= 0.2:
        return made
    asked = {
        "GUEST_PORT": "7",
        "GUEST_SECONDS": draws.choice(["0", "20", "120"]),
        "ON_SILENT": draws.choice(["report", "short"]),
    }
    settings = tuple(_frozen({**dict(each), **asked}) for each in made.settings)
    return replace(
        made, settings=settings, answers_after=draws.choice([0.0, 3.0, 15.0, 60.0, NEVER])
    )


def _settings(draws: Random) -> dict[str, str]:
    return {
        "TARGET_SECONDARY_IPS": str(draws.choice([1, 2, 2, 3, 4, "max"])),
        "SETTLE_SECONDS": str(draws.choice([5, 10, 30])),
        "VISIBILITY_SECONDS": str(draws.choice([20, 60])),
        "VSWITCH_RESERVE": str(draws.choice([0, 0, 1, 2])),
        "ON_SHORTFALL": draws.choice(["default", "default", "abandon", "continue"]),
        "EXCLUDED_TAGS": "",
    }


def _frozen(settings: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(settings.items()))


def _both(draws: Random) -> tuple[tuple[tuple[str, str], ...], ...]:
    """One set of settings; sometimes two, while an upgrade is under way."""
    first = _settings(draws)
    if draws.random() < 0.85:
        return (_frozen(first),)
    second = first | {"TARGET_SECONDARY_IPS": str(draws.choice([1, 2, 4]))}
    return (_frozen(first), _frozen(second))


def _instance(draws: Random, number: int, vswitches: list[str], late: float) -> InstanceSpec:
    kind = draws.choice([*TYPES])
    count = draws.choices((1, 2), (3, 1))[0]
    enis = tuple(_eni(draws, f"eni-{number}{letter}", vswitches, late) for letter in "ab"[:count])
    enis = tuple(replace(each, primary=not place) for place, each in enumerate(enis))
    tagged = ((TAG, str(draws.choice([1, 3, "skip", "lots"]))),) if draws.random() < 0.1 else ()
    shown, listed, runs = (_late(draws, late) for _ in range(3))
    return InstanceSpec(f"i-{number}", kind, enis, tagged, shown, listed, runs)


def _eni(draws: Random, name: str, vswitches: list[str], late: float) -> EniSpec:
    tags: tuple[tuple[str, str], ...] = ()
    if draws.random() < 0.1:
        tags = ((TAG, str(draws.choice([1, 2, 3, "skip", "lots"]))),)
    elif draws.random() < 0.07:
        tags = (draws.choice(FOREIGN),)
    held = draws.choice([0, 0, 0, 1, 2])
    shown, ready = _late(draws, late), _late(draws, late)
    managed = draws.random() < 0.03
    return EniSpec(name, draws.choice(vswitches), held, tags, shown, ready, managed=managed)


def _late(draws: Random, most: float) -> float:
    return round(draws.uniform(0, most), 1) if most and draws.random() < 0.3 else 0.0


def _rooms(draws: Random, instances: tuple[InstanceSpec, ...]) -> tuple[tuple[str, int], ...]:
    """Ample room in each vSwitch, or about as much as is wanted, or that very number."""
    wanted = Counter(eni.vswitch for each in instances for eni in each.enis)
    kind = draws.choice(["ample", "ample", "some", "enough"])
    rooms: dict[str, Callable[[int], int]] = {
        "ample": lambda _enis: 200,
        "some": lambda _enis: draws.randrange(12),
        "enough": lambda enis: enis * draws.choice([1, 2]) + draws.choice([0, 1]),
    }
    return tuple((each, rooms[kind](wanted[each])) for each in sorted(wanted))


def _launch(seed: int, draws: Random) -> Story:
    """A scale-out: its hook's message, the same again from other sources, trouble, and others."""
    settings = _both(draws)
    vswitches = ["vsw-1", "vsw-2"][: draws.choice([1, 1, 2])]
    soon = min(float(dict(each)["SETTLE_SECONDS"]) for each in settings)
    late = draws.choice([0.0, 0.0, 3.0, 8.0 if soon > 8 else 3.0])
    numbers = range(draws.choice([1, 1, 2, 3]))
    instances = tuple(_instance(draws, number, vswitches, late) for number in numbers)
    actions = _actions(draws)
    made = Story(
        seed,
        settings,
        _rooms(draws, instances),
        instances,
        actions,
        tuple(_launch_events(draws, instances, len(actions), len(settings))),
        remembers=draws.random() < 0.3,
    )
    made = _tagged_late(draws, made) if draws.random() < 0.06 else made
    return _reads(draws, _troubled(draws, made))


def _tagged_late(draws: Random, made: Story) -> Story:
    """Only tags say a target, and somebody sets them while the launch begins."""

    def tagged(eni: EniSpec) -> EniSpec:
        tags = ((TAG, str(draws.choice([1, 2, 3]))),) if draws.random() < 0.7 else ()
        return replace(eni, tags=tags, tagged=round(draws.uniform(0.01, 0.4), 2))

    instances = tuple(
        replace(each, enis=tuple(tagged(eni) for eni in each.enis), tags=())
        for each in made.instances
    )
    none = tuple(_frozen({**dict(each), "TARGET_SECONDARY_IPS": ""}) for each in made.settings)
    return replace(made, instances=instances, settings=none)


def _actions(draws: Random) -> tuple[Action, ...]:
    ours = Action("secondary-ips", "ash-1", "T" * 12 + "1", draws.choice([60, 300, 600, 3600]))
    if draws.random() < 0.7:
        return (ours,)
    return (ours, Action("register-dns", "ash-2", "T" * 12 + "2", 600))


def _launch_events(
    draws: Random, instances: tuple[InstanceSpec, ...], hooks: int, settings: int
) -> Iterator[Event]:
    names = tuple(each.id for each in instances) + (GHOST,) * (draws.random() < 0.05)
    kinds = ["hook", "hook", "hook", "hook_unnamed", "running", "scale_out", "array", "backfill"]
    for number in range(draws.choice([1, 1, 2, 2, 3])):
        kind = draws.choice(kinds[:4] if not number else kinds)
        yield Event(
            at=0.0
            if not number
            else round(draws.choice([0.0, 0.1, 1.0, 20.0]) * draws.random(), 2),
            kind=kind,
            names=() if kind == "hook_unnamed" else names,
            selector="instance_ids" if kind == "backfill" else "",
            hook=draws.randrange(hooks),
            target=draws.choice([None, 1, 3]) if kind == "backfill" else None,
            settings=draws.randrange(settings),
            timeout=40.0 if draws.random() < 0.1 else 600.0,
            killed=draws.randrange(1, 14) if draws.random() < 0.08 else None,
        )


OPERATIONS = (
    (ports.ASSIGN, 6),
    (ports.DESCRIBE_ENIS, 4),
    (ports.DESCRIBE_INSTANCES, 2),
    (ports.DESCRIBE_VSWITCHES, 1),
    (ports.COMPLETE, 2),
    (ports.HEARTBEAT, 1),
    (ports.DESCRIBE_TYPES, 1),
    (ports.DESCRIBE_HOOKS, 1),
    (ports.DESCRIBE_ACTIONS, 1),
    (ports.DESCRIBE_SCALING_INSTANCES, 1),
    (ports.INVOKE, 1),
)
TROUBLES = ("lost", "reset", "unsent", "late", "slow", "busy", "conflict", "throttled", "odd")
# What else a call may be refused for: any call, and a write.
REFUSED: tuple[str, ...] = ("denied", "unknown")
NOT_WRITTEN: tuple[str, ...] = ("rejected", "gone", "burnt")


def _troubled(draws: Random, made: Story) -> Story:
    """What goes wrong, what others do, and what the API shows wrongly."""
    first = tuple(_trouble(draws) for _ in range(draws.choice([0, 0, 1, 2, 3, 5])))
    next_calls = tuple(_next_trouble(draws, each) for each in first if draws.random() < 0.3)
    others = tuple(_other(draws, made) for _ in range(draws.choice([0, 0, 0, 1, 2])))
    wrong = draws.random()
    types = sorted({each.type for each in made.instances})
    enforced = ((draws.choice(types), 3),) if wrong < 0.05 else ()
    overstated = ((made.vswitches[0][0], 5),) if 0.05 <= wrong < 0.1 else ()
    return replace(
        made, troubles=first + next_calls, others=others, enforced=enforced, overstated=overstated
    )


def _trouble(draws: Random) -> Trouble:
    """What goes wrong with some call; one in five is a refusal of the request itself."""
    names, weights = zip(*OPERATIONS, strict=True)
    operation = draws.choices(names, weights)[0]
    nth = draws.choices(range(8), (6, 4, 3, 2, 1, 1, 1, 1))[0]
    kinds = _refusals(operation) if draws.random() < 0.2 else TROUBLES
    return Trouble(operation, nth, draws.choice(kinds), round(draws.uniform(1, 9), 1))


def _next_trouble(draws: Random, first: Trouble) -> Trouble:
    """And what goes wrong with the call after it; half are refusals of the request itself."""
    kinds = _refusals(first.operation) if draws.random() < 0.5 else TROUBLES
    return replace(first, nth=first.nth + 1, kind=draws.choice(kinds))


def _refusals(operation: str) -> tuple[str, ...]:
    return REFUSED + NOT_WRITTEN if operation == ports.ASSIGN else REFUSED


def _other(draws: Random, made: Story) -> Other:
    at = round(draws.choice([0.3, 3.0, 30.0]) * draws.random(), 2)
    kind = draws.choice(["assign", "unassign", "retag", "release", "release", "fill", "calls"])
    instance = draws.choice(made.instances)
    names = {
        "release": instance.id,
        "fill": made.vswitches[0][0],
        "calls": draws.choice([ports.ASSIGN, ports.DESCRIBE_ENIS]),
    }
    name = names.get(kind, draws.choice(instance.enis).id)
    return Other(at, kind, name, 1_000_000 if kind == "calls" else draws.randrange(1, 4))


def _reads(draws: Random, made: Story) -> Story:
    """How late reads are: less than the settings bear, or not at all."""
    settle = min(float(dict(each)["SETTLE_SECONDS"]) for each in made.settings)
    lag = settle * draws.choice([0.0, 0.0, 0.2, 0.9])
    slow = draws.choice([0.05, 0.05, 0.5])
    return replace(made, lag=lag, slow=slow, partial=bool(lag) and draws.random() < 0.5)


def _fleet(seed: int, draws: Random) -> Story:
    """Backfills of a fleet: by vSwitch, group, tags, ids or all of it; with a limit, in hops."""
    settings, vswitches = _both(draws), ["vsw-1", "vsw-2"][: draws.choice([1, 2])]
    instances = tuple(
        _instance(draws, number, vswitches, 0.0) for number in range(draws.randrange(2, 7))
    )
    instances = tuple(
        replace(each, tags=(*each.tags, ("fleet", draws.choice(["web", "db"]))))
        for each in instances
    )
    events = tuple(
        Event(
            at=round(draws.choice([0.0, 0.0, 5.0]) * draws.random(), 2),
            kind="plan" if draws.random() < 0.1 else "backfill",
            names=tuple(each.id for each in instances),
            selector=draws.choice(
                ["all", "instance_ids", "network_interface_ids", "vswitch_id", "tags", "group"]
            ),
            target=draws.choice([None, 2, 4]),
            limit=draws.choice([None, None, 1, 2]),
            settings=draws.randrange(len(settings)),
            timeout=draws.choice([600.0, 600.0, 40.0]),
            killed=draws.randrange(1, 14) if draws.random() < 0.08 else None,
        )
        for _ in range(draws.choice([1, 1, 2]))
    )
    made = Story(seed, settings, _rooms(draws, instances), instances, (), events)
    if draws.random() < 0.6:
        made = _reads(draws, _troubled(draws, made))
    return made


def _limited(seed: int, draws: Random) -> Story:
    """A backfill with a limit, alone; what goes wrong is its writes, one after the other."""
    instances = tuple(_instance(draws, number, ["vsw-1"], 0.0) for number in range(3))
    names = tuple(each.id for each in instances)
    event = Event(0.0, "backfill", names, "all", limit=draws.choice([1, 1, 2]))
    settings = (_frozen(_settings(draws)),)
    first = Trouble(ports.ASSIGN, draws.choice([0, 0, 1]), draws.choice(TROUBLES), 1.0)
    made = Story(
        seed,
        settings,
        _rooms(draws, instances),
        instances,
        (),
        (event,),
        troubles=(first, _next_trouble(draws, first)),
    )
    return _reads(draws, made)


def _busy_minute(seed: int, draws: Random) -> Story:
    """A launch of many ENIs, and a minute that others use up: nothing else goes wrong."""
    settings = _settings(draws) | {"TARGET_SECONDARY_IPS": "1", "VSWITCH_RESERVE": "0"}
    numbers = range(draws.randrange(12, 30))
    instances = tuple(
        InstanceSpec(f"i-{n}", "ecs.small", (EniSpec(f"eni-{n}a", "vsw-1"),)) for n in numbers
    )
    action = Action("secondary-ips", "ash-1", "T" * 12 + "1", 3600)
    events = (Event(round(draws.uniform(0, 55), 1), "hook", tuple(i.id for i in instances)),)
    calls = draws.randrange(385, 401)
    others = (Other(0.0, "calls", ports.ASSIGN, calls),)
    quotas = ((ports.ASSIGN, 400),)
    rooms = (("vsw-1", 200),)
    frozen = (_frozen(settings),)
    return Story(seed, frozen, rooms, instances, (action,), events, others=others, quotas=quotas)


# --- making it shorter ----------------------------------------------------------------------------


def shorter(told: Story) -> Iterator[Story]:
    """The same with one thing less, the largest first."""
    for name in ("events", "instances", "troubles", "others", "enforced", "overstated", "actions"):
        things = getattr(told, name)
        for place in range(len(things)):
            rest = things[:place] + things[place + 1 :]
            less = _consistent(replace(told, **{name: rest}))
            if less.events and less.instances:
                yield less
    yield from _with_plain_reads(told)
    for place, each in enumerate(told.instances):
        for plain in _plainer(each):
            if plain != each:
                rest = (*told.instances[:place], plain, *told.instances[place + 1 :])
                yield replace(told, instances=rest)
    for place, event in enumerate(told.events):
        shown = tuple(name for name in event.names if name != GHOST)
        for calm in (
            replace(event, killed=None),
            replace(event, at=0.0, timeout=600.0),
            replace(event, names=shown),
        ):
            if calm != event:
                yield replace(told, events=(*told.events[:place], calm, *told.events[place + 1 :]))


def _with_plain_reads(told: Story) -> Iterator[Story]:
    if len(told.settings) > 1:
        events = tuple(replace(each, settings=0) for each in told.events)
        yield replace(told, settings=told.settings[:1], events=events)
    plain = {"lag": 0.0, "slow": 0.05, "partial": False, "remembers": False}
    for name, value in plain.items():
        if getattr(told, name) != value:
            yield replace(told, **{name: value})  # type: ignore[arg-type]


def _plainer(each: InstanceSpec) -> Iterator[InstanceSpec]:
    yield replace(each, enis=each.enis[:1])
    yield replace(each, tags=(), shown=0.0, listed=0.0, runs=0.0)
    plain = {"tags": (), "shown": 0.0, "ready": 0.0, "tagged": 0.0, "managed": False}
    yield replace(each, enis=tuple(replace(eni, **plain) for eni in each.enis))  # type: ignore[arg-type]
    yield replace(each, enis=tuple(replace(eni, held=0) for eni in each.enis))


def _consistent(told: Story) -> Story:
    """Nobody names what is no longer there."""
    there = {each.id for each in told.instances}
    enis = {eni.id for each in told.instances for eni in each.enis}
    hooks = range(max(1, len(told.actions)))
    events = tuple(
        replace(
            each,
            names=tuple(name for name in each.names if name in there | {GHOST}),
            hook=min(each.hook, hooks[-1]),
        )
        for each in told.events
        if told.actions or not each.kind.startswith("hook")
    )
    gone = {"assign": enis, "unassign": enis, "retag": enis, "release": there}
    others = tuple(each for each in told.others if each.name in gone.get(each.kind, {each.name}))
    return replace(told, events=events, others=others)
