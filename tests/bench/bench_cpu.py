"""CPU: what the function adds to the SDK's own in a backfill, and how fast the planner is.

The rival is the SDK alone: it makes the very calls of the backfill again, with the same client, on
as many threads, and does nothing with the answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from handler.core.model import Eni, Wish
from handler.core.planner import decide, demand
from handler.core.target import parse_target
from tests.bench.bench_backfill import ALL, cloud
from tests.bench.measure import Measure, measure
from tests.bench.processes import ROOT, Instance, Server, bind
from tests.stage import environment
from tests.worlds import instance, world

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("CPU per ENI of a backfill, over the SDK's", "CPU per ENI of a backfill", "planner")
RUNS = 21
ENIS, PLANNED = 600, 100_000
SETTINGS = {
    "TARGET_SECONDARY_IPS": "2",
    "ASSIGN_PER_MINUTE": "1000000",
    "BACKFILL_SHARE": "1",
}


def measures() -> Iterator[Measure]:
    """Backfill and replay in turn, then plan."""
    ours, theirs = [], []
    with cloud(world(*(instance(f"n{n:04}") for n in range(ENIS)), cidr="10.0.0.0/16")) as running:
        for _ in range(RUNS):
            report = Instance(running.url, SETTINGS, events=[ALL]).report()
            assert report["events"][0]["counts"]["assigned"] == ENIS
            ours.append(report["events"][0]["cpu"])
            calls = running.calls()
            running.reset()
            theirs.append(replay(running, calls))
            running.reset()
    ratio, each, planner = NAMES
    usual = 1000 * measure("", theirs, "s").value / ENIS
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    yield measure(ratio, ratios, "x", f"{usual:.2f} ms for the calls of one ENI", 1.25)
    yield measure(each, [1000 * cpu / ENIS for cpu in ours], "ms", f"{ENIS} ENIs")
    yield measure(planner, [planning() for _ in range(RUNS)], "s", f"{PLANNED:,} ENIs", 2.0)


def replay(running: Server, calls: list[dict[str, Any]]) -> float:
    """Seconds of CPU that the SDK needs for the calls of a journal."""
    # The calls of the initializer, to each host one, are not the backfill's.
    job = {"url": running.url, "calls": [(c["action"], c["parameters"]) for c in calls[3:]]}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.replay"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environment(running.url),
        text=True,
    ) as process:
        bind(process.pid, last=False)
        said, _ = process.communicate(json.dumps(job))
    return float(said)


def planning() -> float:
    """Seconds of CPU to decide on many ENIs; each vSwitch has room for half of what they want."""
    wish = Wish(parse_target("8"), "default")
    enis = [
        Eni(f"eni-{n:06}", "Primary", "InUse", f"vsw-{n % 100}", f"i-{n}", HELD[n % 5])
        for n in range(PLANNED)
    ]
    rooms = {f"vsw-{n}": 4 * PLANNED // 100 for n in range(100)}
    began = time.process_time()
    decide([demand(eni, wish, 14) for eni in enis], rooms)
    return time.process_time() - began


HELD = [frozenset(f"10.0.0.{n}" for n in range(count)) for count in range(5)]
