"""What a backfill costs: time over the ideal, throttled calls, memory, calls, and other launches.

A minute has two seconds here, while calls take as long as they do: what is lost between windows
weighs thirty times more than in the cloud. A backfill begins with a window and has a few writes
more than ten windows take, so that its ideal, writes over rate, is also the soonest that windows
allow.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.bench.measure import Measure, measure
from tests.bench.processes import Instance, Server, server
from tests.worlds import VSWITCH, eni, hook_event, instance, world

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MINUTE = 2.0
WINDOWS, RUNS = 10, 3
# At this rate the ends of pages and those of windows do not fall together.
RATE, PAGE = 90, 500
WRITES = WINDOWS * RATE + RATE // 20
WRITE = "AssignPrivateIpAddresses"
ALL = {"backfill": {"all": True}}
TIMING = {"MINUTE_SECONDS": f"{MINUTE}", "SETTLE_SECONDS": "1", "VISIBILITY_SECONDS": "1"}
SETTINGS = TIMING | {"TARGET_SECONDARY_IPS": "2"}
HALF = SETTINGS | {"ASSIGN_PER_MINUTE": f"{2 * RATE}", "BACKFILL_SHARE": "0.5"}
FOUR_TIMES = SETTINGS | {"ASSIGN_PER_MINUTE": f"{4 * RATE}", "BACKFILL_SHARE": "1"}

SMALL, LARGE = 5_000, 100_000
# A vSwitch takes 65 000 addresses at most; the instances of a fleet have four ENIs each.
VSWITCHES, ENIS = 8, 4

LAUNCHES = 12
# Seconds that the network adds to each call, and between launches: any moment of a window.
LATENCY, GAP = 0.05, 0.37 * MINUTE
MANY = 1_000_000
ELSEWHERE = "vsw-bp1launch0000000001"

Json = dict[str, Any]


def measures() -> Iterator[Measure]:
    """Backfills at the configured rate, under a hidden quota, of large fleets, beside launches."""
    yield from pace("at the allowed rate", HALF, throttled_limit=1.0, wall_limit=1.05)
    yield from pace("while reads lag", HALF, wall_limit=1.05, read_lag_seconds=0.1 * MINUTE)
    yield from pace(
        "under a hidden quota of a quarter",
        FOUR_TIMES,
        throttled_limit=5.0,
        wall_limit=1.15,
        quotas={WRITE: RATE},
    )
    yield from beside_launches()
    yield memory()


@contextmanager
def cloud(shape: Json, faults: Sequence[Json] = (), minute: float = MINUTE) -> Iterator[Server]:
    """A local cloud of this shape, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path, trouble = Path(folder) / "world.json", Path(folder) / "faults.json"
        path.write_text(json.dumps(shape), encoding="utf-8")
        trouble.write_text(json.dumps(faults), encoding="utf-8")
        with server(path, "--minute", f"{minute}", "--faults", str(trouble)) as running:
            yield running


# --- pace and calls -------------------------------------------------------------------------------


def pace(
    name: str,
    settings: dict[str, str],
    *,
    wall_limit: float,
    throttled_limit: float | None = None,
    **more: Any,
) -> Iterator[Measure]:
    """Time over the ideal, throttled calls, and calls per 1 000 ENIs of backfills of one region."""
    walls, shares, reads = [], [], []
    region = world(*(instance(f"n{n:04}") for n in range(WRITES)), cidr="10.0.0.0/16", **more)
    with cloud(region) as running:
        for _ in range(RUNS):
            report = Instance(running.url, settings, events=[ALL], align=MINUTE).report()
            walls.append(report["events"][0]["seconds"] / (WRITES / RATE * MINUTE))
            calls, writes = running.calls(), running.calls(WRITE)
            shares.append(100 * throttled(writes) / len(writes))
            reads.append(1000 * (len(calls) - len(writes)) / WRITES)
            assert report["events"][0]["counts"]["assigned"] == WRITES
            running.reset()
    ideal = f"{WRITES} writes at {RATE} a minute"
    yield measure(f"backfill {name}: wall time", walls, "x", ideal, wall_limit)
    yield measure(f"backfill {name}: throttled", shares, "%", "of its writes", throttled_limit)
    yield measure(f"backfill {name}: reads per 1 000 ENIs", reads, "calls", floor())


def throttled(calls: Sequence[Json]) -> int:
    """How many of the calls were throttled."""
    return sum((call["code"] or "").startswith("Throttling") for call in calls)


def floor() -> str:
    """The fewest reads: pages of 500 ENIs, their instances by 100 and all confirmed by 100."""
    pages = [min(PAGE, WRITES - start) for start in range(0, WRITES, PAGE)]
    least = sum(1 + 2 * ceil(page / 100) for page in pages) + len(("type", "vSwitch"))
    return f"floor {1000 * least / WRITES:.1f}; 3 reads of the initializer"


# --- launches beside a backfill -------------------------------------------------------------------


def beside_launches() -> Iterator[Measure]:
    """How much longer launches take beside a backfill that uses up its share."""
    for where in ("the same instance", "another instance"):
        times, refused = launch_times(same=where == "the same instance")
        name = f"launch beside a backfill in {where}"
        yield measure(name, times, "x", "the median on an idle system", 1.5)
        yield Measure(f"{name}: throttled", refused, "calls", f"of {LAUNCHES} launches", 0)


def launch_times(*, same: bool) -> tuple[list[float], int]:
    """Seconds of each launch over the median of idle ones, and throttled calls."""
    backfill = {"backfill": {"vswitch_id": VSWITCH}}
    first, second = range(LAUNCHES), range(LAUNCHES, 2 * LAUNCHES)
    network = {"action": "*", "fault": "slow", "seconds": LATENCY, "times": MANY}
    with cloud(crowd(), [network]) as running:
        idle = Instance(running.url, HALF, events=[launch(n) for n in first], gap=GAP).report()
        other = None if same else Instance(running.url, HALF, events=[backfill], align=MINUTE)
        job = {"behind": backfill, "align": MINUTE} if same else {}
        busy = Instance(
            running.url, HALF, events=[launch(n) for n in second], gap=GAP, **job
        ).report()
        if other is not None:
            other.kill()
        calls = running.calls()
    assert_saturated(calls, busy["began"], busy["ended"])
    usual = median(event["seconds"] for event in idle["events"])
    return [event["seconds"] / usual for event in busy["events"]], throttled(calls)


def crowd() -> Json:
    """A fleet to backfill in one vSwitch, and instances to launch in another."""
    fleet = [instance(f"n{n:04}") for n in range(WRITES)]
    launched = [
        instance(
            f"launch{n:02}",
            *(eni(f"eni-{kind}-launch{n:02}", vswitch=ELSEWHERE) for kind in ("first", "second")),
        )
        for n in range(2 * LAUNCHES)
    ]
    region = world(*fleet, *launched, cidr="10.0.0.0/16", quotas={WRITE: 2 * RATE})
    other = {**region["vswitches"][0], "id": ELSEWHERE, "cidr": "10.1.0.0/16"}
    action = region["lifecycle_actions"][0]
    actions = [action | own(n) | {"instance_ids": [f"i-launch{n:02}"]} for n in range(2 * LAUNCHES)]
    return region | {
        "vswitches": [*region["vswitches"], other],
        "lifecycle_actions": actions,
    }


def own(number: int) -> Json:
    """What tells one lifecycle action from another."""
    token = f"{number:08X}-A9CE-44C7-95B0-9E4150E6308F"
    return {"hook_id": f"ash-{number:02}", "token": token, "scaling_activity": f"asa-{number:02}"}


def launch(number: int) -> Json:
    """The hook event of one launched instance."""
    mine = own(number)
    return hook_event(
        f"i-launch{number:02}",
        lifecycleHookId=mine["hook_id"],
        lifecycleActionToken=mine["token"],
        scalingActivityId=mine["scaling_activity"],
    )


def assert_saturated(calls: Sequence[Json], began: float, ended: float) -> None:
    """The share must have been used up in every window that the launches went through."""
    writes = [int(call["time"] // MINUTE) for call in calls if call["action"] == WRITE]
    windows = range(int(began // MINUTE) + 1, int(ended // MINUTE))
    assert min(writes.count(window) for window in windows) >= RATE


# --- memory ---------------------------------------------------------------------------------------


def memory() -> Measure:
    """The peak of a plan of a large region over that of a small one."""
    small, large = (peak_of_plan(enis) for enis in (SMALL, LARGE))
    against = f"{large:.0f} MB for {LARGE:,} ENIs over {small:.0f} MB for {SMALL:,}"
    return Measure("memory of a plan", large / small, "x", against, 1.2)


def peak_of_plan(enis: int) -> float:
    """MB of a function instance that has planned a region of so many ENIs."""
    with cloud(region_of(enis)) as running:
        report = Instance(running.url, SETTINGS, events=[{"plan": {"all": True}}]).report()
    counts = report["events"][0]["counts"]
    assert (counts["planned"], counts["instances"]) == (enis, enis // ENIS)
    return float(report["peak"])


def region_of(enis: int) -> Json:
    """Instances with four ENIs each, spread over several vSwitches."""
    vswitches = [f"{VSWITCH}{n}" for n in range(VSWITCHES)]
    fleet = [
        instance(
            f"bp1web{n:014}",
            *(
                eni(f"eni-{'second' if m else 'first'}{m}{n:012}", vswitch=vswitches[n % VSWITCHES])
                for m in range(ENIS)
            ),
        )
        for n in range(enis // ENIS)
    ]
    region = world(*fleet, lifecycle_actions=[])
    template = region["vswitches"][0]
    shapes = [template | {"id": name, "cidr": f"10.{n}.0.0/16"} for n, name in enumerate(vswitches)]
    return region | {"vswitches": shapes}
