"""The process is killed at every call of a run, before and after the call is performed.

Nothing of an invocation survives it but what the cloud keeps, so the next delivery must find out
from there what is left to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localcloud.testing import LocalCloud
from tests.chaos.gate import Reply, Watcher, gate
from tests.chaos.processes import Job, Processes, together
from tests.stage import Stage, environment
from tests.worlds import eni, hook_event, instance, world

if TYPE_CHECKING:
    from collections.abc import Callable

LAUNCH = world(instance("a", eni("eni-a", 1), eni("eni-a-second")), instance("b"))
EVENT = hook_event("i-a", "i-b")
# One call at a time, so that the nth call is the same one in every run.
SETTINGS = {
    "TARGET_SECONDARY_IPS": "4",
    "SETTLE_SECONDS": "0.6",
    "VISIBILITY_SECONDS": "1",
    "MAX_CONCURRENCY": "1",
}
POINTS = (
    "DescribeInstances",
    "DescribeNetworkInterfaces",
    "DescribeInstanceTypes",
    "DescribeVSwitches",
    "AssignPrivateIpAddresses",
    "AssignPrivateIpAddresses",
    "AssignPrivateIpAddresses",
    "DescribeNetworkInterfaces",
    "CompleteLifecycleAction",
)


class Executioner(Watcher):
    """Ends the process at one of the points; reads that are repeated in between are none."""

    def __init__(self, number: int, when: str) -> None:
        self._ahead = [*POINTS[: number + 1]]
        self._when = when
        self._here = False
        self.kill: Callable[[], None]

    def before(self, action: str) -> Reply | None:
        """Perhaps nothing comes of the call."""
        if self._ahead and self._ahead[0] == action:
            self._ahead.pop(0)
            self._here = not self._ahead
        if self._here and self._when == "before":
            self.kill()
            return Reply(500, b"")
        return None

    def after(self, action: str, reply: Reply) -> Reply | None:
        """Perhaps nobody hears what came of it."""
        del action
        if self._here:
            self.kill()
        return None if self._here else reply


def test_every_call_is_a_crash_point() -> None:
    """The points are the calls of an undisturbed run, in their order."""
    with Stage(LAUNCH, SETTINGS) as stage:
        stage.deliver(EVENT)
        assert list(POINTS) == stage.actions()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(len(POINTS)), ids=lambda n: f"{n}-{POINTS[n]}")
def test_next_delivery_finishes_what_a_killed_one_began(number: int, when: str) -> None:
    """Killed at any call, reads late: the target is reached, not passed, and the hook completed.

    Seen to fail with a random ClientToken: the next delivery reads what was before the lost write.
    """
    executioner = Executioner(number, when)
    with LocalCloud(LAUNCH | {"read_lag_seconds": 0.3}) as cloud, gate(cloud, executioner) as url:
        with Processes([Job(EVENT, environment(url, **SETTINGS))]) as first:
            executioner.kill = first.kill
            first.go()
            (killed,) = first.ended()
            assert -9 == killed.code
            last = [call["action"] for call in cloud.calls()][-1:]
            assert (last == [POINTS[number]]) or when == "before"
        (ended,) = together([Job(EVENT, environment(cloud.url, **SETTINGS), "req-2")])
        assert 0 == ended.code, ended.errors
        assert [4, 4, 4] == [len(each["secondary"]) for each in enis(cloud)]
        (action,) = cloud.state()["lifecycle_actions"]
        assert "CONTINUE" == action["result"]
        completed = [call["code"] for call in cloud.calls("CompleteLifecycleAction")]
        assert 1 == completed.count(None)


def enis(cloud: LocalCloud) -> list[dict[str, list[str]]]:
    """The ENIs of all instances, from the cloud's own books."""
    return [each for owner in cloud.state()["instances"] for each in owner["enis"]]
