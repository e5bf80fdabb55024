"""A cloud whose time runs faster than the machine's."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from localcloud.clock import ScaledClock
from localcloud.functions.sdk import asynchronous, invoke
from localcloud.samples import lifecycle_action, world
from localcloud.sdk import call
from localcloud.testing import LocalCloud
from tests.integration.localcloud.functions.sample_world import (
    NEW,
    event,
    function,
    outcomes,
    until,
)
from tests.integration.localcloud.functions.sample_world import world as with_functions

ROOT = Path(__file__).parents[3]
READ = "DescribeNetworkInterfaces"


def test_deadlines_come_sooner_and_signatures_stay_valid() -> None:
    """Half an hour passes in a blink; callers sign with the machine's time, and are let in."""
    declared = world(lifecycle_actions=[lifecycle_action(timeout=1800)])
    with LocalCloud(declared, clock=ScaledClock(20_000)) as cloud:
        until(lambda: cloud.state()["lifecycle_actions"][0]["status"] == "Timeout", seconds=2)

        assert call(cloud, READ)["TotalCount"] == 2


def test_waits_are_shorter() -> None:
    """Four runs, with three and a half seconds between them."""
    failing = function(timeout=60, on_failure="mns:failures")
    began = time.monotonic()
    with LocalCloud(with_functions(failing), clock=ScaledClock(100)) as cloud:
        invoke(cloud, NEW, event("fail"), asynchronous())
        until(lambda: cloud.queue("failures"))
        assert outcomes(cloud) == ["raised"] * 4

    assert time.monotonic() - began < 3


@pytest.mark.parametrize("speed", [2, 60, 600])
def test_minutes_begin_when_callers_can_expect_it(speed: int) -> None:
    """At multiples of 60 / speed seconds of the machine's clock."""
    clock = ScaledClock(speed)
    began = time.time() // 60 * 60
    for _ in range(50):
        before, now, after = time.time(), clock.now(), time.time()
        passed = [(moment - began) * speed // 60 for moment in (before, after)]
        assert passed[0] <= (now - began) // 60 <= passed[1]
        time.sleep(0.001)


def test_time_cannot_stand_still() -> None:
    """A speed must be more than 0."""
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "--speed", "0"],
        capture_output=True,
        cwd=ROOT,
        text=True,
        check=False,
    )

    assert (done.returncode, "must be more than 0" in done.stderr) == (2, True)
