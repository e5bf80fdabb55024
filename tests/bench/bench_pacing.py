"""What a throttled minute costs: a first call that is throttled, launches at once, duplicates.

Function instances run in processes of their own and share the quota of one account: 400 calls a
minute, where a minute has a few seconds. Time is counted in windows of that minute, from the one in
which the events come to the one in which the last hook is completed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.bench_backfill import MINUTE, WRITE, cloud, launch, own, throttled
from tests.bench.measure import Measure
from tests.bench.processes import Instance
from tests.worlds import eni, instance, world

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.bench.bench_backfill import Json

NAMES = (
    "first call throttled at second 50: time",
    "six launches at once: time",
    "six launches at once: throttled",
    "six launches at second 50: time",
    "six launches at second 50: throttled",
    "launch: calls, the first time",
    "launch: calls of its second event",
    "launch: calls of its third event",
)
LAUNCHES, INSTANCES, ENIS = 6, 25, 4
QUOTA = 400
# Long enough for six processes on two cores to use the quota up within one window.
LONG_MINUTE = 6.0
COMPLETE = "CompleteLifecycleAction"
FAST = {"TARGET_SECONDARY_IPS": "2", "SETTLE_SECONDS": "1", "VISIBILITY_SECONDS": "1"}


def measures() -> Iterator[Measure]:
    """Launches in trouble, then a launch whose event comes three times."""
    first, together, share, late, late_share, *calls = NAMES
    yield Measure(first, throttled_first(), "windows", "1 launch; its own and the next", 2)
    for when, (time, refused) in {0.0: (together, share), 5 / 6: (late, late_share)}.items():
        windows, percent = six_launches(LONG_MINUTE, when)
        writes = LAUNCHES * INSTANCES * ENIS
        yield Measure(time, windows, "windows", f"{writes} writes at {QUOTA} a minute", 3)
        yield Measure(refused, percent, "%", "of its writes", 10)
    against = ("with its type and vSwitch", "2 reads, 1 completion", "2 reads, 1 completion")
    for name, count, told in zip(calls, duplicates(), against, strict=True):
        yield Measure(name, count, "calls", told)


def throttled_first() -> int:
    """Windows that a launch takes whose first write, late in a minute, others have used up."""
    refusal = {"action": WRITE, "fault": "error", "code": "Throttling.User", "status": 400}
    settings = FAST | {"MINUTE_SECONDS": f"{MINUTE}"}
    with cloud(region(1, 1), [refusal]) as running:
        Instance(running.url, settings, events=[event(0, 1)], align=MINUTE, gap=MINUTE / 2).report()
        return windows_of(running.calls(), MINUTE)


def six_launches(minute: float, when: float = 0.0) -> tuple[int, float]:
    """Six launches of 100 ENIs each, in six function instances, under one quota.

    Args:
        minute: seconds of a window.
        when: at which part of a window the events come.

    Returns:
        The windows until all hooks are completed, and how much of the writes was throttled (%).
    """
    settings = FAST | {"MINUTE_SECONDS": f"{minute}", "ASSIGN_PER_MINUTE": f"{QUOTA}"}
    shape = region(LAUNCHES, INSTANCES, quotas={WRITE: QUOTA})
    with cloud(shape, minute=minute) as running:
        instances = [
            Instance(running.url, settings, events=[each], align=minute, gap=when * minute)
            for each in (event(number, INSTANCES) for number in range(LAUNCHES))
        ]
        done = sum(each.report()["events"][0]["counts"]["assigned"] for each in instances)
        calls, writes = running.calls(), running.calls(WRITE)
    assert done == LAUNCHES * INSTANCES * ENIS
    return windows_of(calls, minute), 100 * throttled(writes) / len(writes)


def duplicates() -> list[int]:
    """Calls of a launch, and of each further delivery of its event, to one function instance."""
    with cloud(region(1, 1)) as running:
        Instance(running.url, FAST, events=[event(0, 1)] * 3, gap=0.1).report()
        calls = [each["action"] for each in running.calls()]
    ends = [number + 1 for number, action in enumerate(calls) if action == COMPLETE]
    return [end - begin for begin, end in zip([WARM_UP, *ends], ends, strict=False)]


# Calls of the initializer.
WARM_UP = 3


def windows_of(calls: Sequence[Json], minute: float) -> int:
    """Windows from the first write to the last completion, both included."""
    found = [int(each["time"] // minute) for each in calls if each["action"] in {WRITE, COMPLETE}]
    return max(found) - min(found) + 1


def event(number: int, instances: int) -> Json:
    """The hook event of one launch."""
    found = launch(number)
    return found | {"content": found["content"] | {"instanceIds": names(number, instances)}}


def names(number: int, instances: int) -> list[str]:
    """The ids of its instances."""
    return [f"i-launch{number:02}x{each:03}" for each in range(instances)]


def region(launches: int, instances: int, **more: object) -> Json:
    """So many launches of so many instances, with four ENIs each where there are several."""
    enis = ENIS if instances > 1 else 1
    fleet = [
        instance(
            name.removeprefix("i-"),
            *(eni(f"eni-{'second' if m else 'first'}{m}{name[2:]}") for m in range(enis)),
        )
        for number in range(launches)
        for name in names(number, instances)
    ]
    shape = world(*fleet, cidr="10.0.0.0/16", **more)
    (action,) = shape["lifecycle_actions"]
    actions = [
        action | own(number) | {"instance_ids": names(number, instances)}
        for number in range(launches)
    ]
    return shape | {"lifecycle_actions": actions}
