"""What the initializer does in the cloud: a harmless read to each host; no harm if it fails."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import pytest

from handler.app import App
from handler.warmup import warm_up
from tests.localcloud.testing import LocalCloud
from tests.stage import Stage, context, environment
from tests.worlds import hook_event, instance, world

if TYPE_CHECKING:
    from handler.cloud.ports import Cloud

READS = ["DescribeNetworkInterfaces", "DescribeVSwitches", "DescribeScalingInstances"]


def test_initializer_reads_once_from_each_host() -> None:
    """ECS, VPC and Auto Scaling are each asked about something that does not exist."""
    with Stage(world(instance("a"))) as stage:
        stage.app.warm_up(context())
        calls = {call["action"]: call["parameters"] for call in stage.cloud.calls()}
        assert READS == stage.actions()
        assert "eni-warmup" in calls["DescribeNetworkInterfaces"].values()
        assert "vsw-warmup" in calls["DescribeVSwitches"].values()
        assert "asg-warmup" in calls["DescribeScalingInstances"].values()


REFUSED = {"fault": "error", "code": "Forbidden.RAM", "status": 403}
LOST = {"fault": "reset_before"}
GARBLED = {"fault": "http", "status": 502, "body": "<html>"}


@pytest.mark.parametrize("fault", [REFUSED, LOST, GARBLED], ids=["refused", "lost", "garbled"])
def test_no_failure_of_a_read_matters(
    fault: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """Each host is asked although the one before failed; nothing is said; the event is served."""
    faults = [{"action": action, **fault} for action in READS]
    with Stage(world(instance("a")), {"TARGET_SECONDARY_IPS": "8"}, faults) as stage:
        stage.app.warm_up(context())
        assert READS == stage.actions()
        assert ("", "") == tuple(capfd.readouterr())
        assert {"eni-a": ("assigned", "reached")} == stage.deliver(hook_event("i-a")).ends


def test_cloud_that_is_not_there_does_not_fail_the_initializer() -> None:
    """Without a network the function starts; its first event will say what is wrong."""
    with LocalCloud() as gone:
        pass
    app = App.from_environ(environment(gone.url))
    app.warm_up(context())
    app.close()


def test_cloud_that_does_not_answer_is_not_waited_for() -> None:
    """The initializer ends while the call is still under way."""
    asked, answer = threading.Event(), threading.Event()

    class Silent:
        """A service that answers when it is told to."""

        def network_interfaces(self, _query: object) -> None:
            asked.set()
            answer.wait()

        available_addresses = scaling_instances = network_interfaces

    class AllSilent:
        """A cloud of such services."""

        ecs = vpc = ess = Silent()

    with ThreadPoolExecutor(1) as threads:
        warm_up(cast("Cloud", AllSilent()), threads, seconds=0.01)
        assert not answer.is_set()
        assert asked.wait(10)
        answer.set()
