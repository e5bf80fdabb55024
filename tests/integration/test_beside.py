"""A launch and a backfill at once, in one function instance."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from handler.shell.app import App
from localcloud.testing import LocalCloud
from tests.stage import context, environment
from tests.worlds import hook_event, instance, world

# Two backfilled ENIs use up the hour's share; all threads of the backfill then wait for the next.
SETTINGS = {
    "TARGET_SECONDARY_IPS": "2",
    "ASSIGN_PER_MINUTE": "4",
    "BACKFILL_SHARE": "0.5",
    "MINUTE_SECONDS": "3600",
    "MAX_CONCURRENCY": "2",
}
LONGEST = 30.0


class Gate:
    """A clock on which sleeping takes no time, but not before it is opened."""

    def __init__(self) -> None:
        self.sleeping = threading.Semaphore(0)
        self._opened = threading.Event()
        self._slept = 0.0

    def now(self) -> float:
        """The machine's time, and what was slept."""
        return time.time() + self._slept

    def sleep(self, seconds: float) -> None:
        """Wait for the gate to open."""
        self.sleeping.release()
        self._opened.wait()
        self._slept += seconds

    def open(self) -> None:
        """Let everybody go on."""
        self._opened.set()


def test_launch_does_not_wait_for_a_backfill_that_waits_for_its_minute() -> None:
    """It has threads and a part of the allowance of its own, and is done first."""
    fleet, gate = [instance(f"n{number}") for number in range(5)], Gate()
    backfilled = [each["id"] for each in fleet]
    region = world(*fleet, instance("launched"))
    with LocalCloud(region) as cloud, ThreadPoolExecutor(2) as invocations:
        app = App.from_environ(environment(cloud.url, **SETTINGS), gate)
        request = {"backfill": {"instance_ids": backfilled}}
        backfill = invocations.submit(app.handle, json.dumps(request), context(86_400))
        try:
            assert all(gate.sleeping.acquire(timeout=LONGEST) for _ in range(2))
            event = json.dumps(hook_event("i-launched"))
            launch = invocations.submit(app.handle, event, context())
            assert "CONTINUE" == launch.result(LONGEST)["lifecycle"]["result"]  # type: ignore[index]
            assert not backfill.done()
        finally:
            gate.open()
        assert len(fleet) == backfill.result(LONGEST)["counts"]["assigned"]  # type: ignore[index]
        app.close()
