"""A launch on a warm instance: its calls, and what it adds to the time that these must take.

Each call takes 50 ms longer than the local cloud needs. The critical path of a launched instance
with one ENI has five of them: both reads side by side, the vSwitch, the write, the read that
verifies it, and the completion of the hook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.bench_backfill import MANY, cloud, launch, own
from tests.bench.measure import Measure, measure
from tests.bench.processes import Instance
from tests.worlds import instance, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.bench_backfill import Json

NAMES = ("launch: time over its critical path", "launch: calls", "launch: peak memory")
RUNS = 21
LATENCY = 0.05
PATH, CALLS = 5, 6
# The first launch reads the instance type besides.
SETTINGS = {"TARGET_SECONDARY_IPS": "8"}


def measures() -> Iterator[Measure]:
    """Launch instances one after the other."""
    with cloud(
        region(), [{"action": "*", "fault": "slow", "seconds": LATENCY, "times": MANY}]
    ) as it:
        launches = [launch(number) for number in range(RUNS + 1)]
        report = Instance(it.url, SETTINGS, events=launches, gap=0.01).report()
        calls = it.calls()
    first = next(n for n, call in enumerate(calls) if call["action"] == "CompleteLifecycleAction")
    time, count, memory = NAMES
    warm = [event["seconds"] / (PATH * LATENCY) for event in report["events"][1:]]
    against = f"{PATH} calls of {1000 * LATENCY:.0f} ms"
    yield measure(time, warm, "x", against, 1.10)
    fewest = "2 reads, 1 vSwitch, 1 write, 1 read, 1 completion"
    yield Measure(count, len(calls[first + 1 :]) / RUNS, "calls", fewest, CALLS)
    yield Measure(memory, report["peak"], "MB", f"after {RUNS + 1} launches")


def region() -> Json:
    """Instances with one ENI each, and a lifecycle action for each of them."""
    shape = world(*(instance(f"launch{n:02}") for n in range(RUNS + 1)))
    (action,) = shape["lifecycle_actions"]
    actions = [action | own(n) | {"instance_ids": [f"i-launch{n:02}"]} for n in range(RUNS + 1)]
    return shape | {"lifecycle_actions": actions}
