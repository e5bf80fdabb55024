"""What the initializer does in the cloud: a harmless read to each host; no harm if it fails."""

from __future__ import annotations

import json
import threading
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as TookTooLong
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from handler.cloud.openapi import READ_MS
from handler.shell.app import App
from handler.shell.warmup import warm_up
from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY
from tests.chaos.gate import Reply, Watcher, gate
from tests.stage import Stage, context, environment
from tests.worlds import REGION, hook_event, instance, world

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.mark.parametrize(
    ("timeout", "minute", "warned"),
    [
        ("60", "60", True),
        (89, "60", True),
        (90, "60", False),
        (600, "60", False),
        (20, "10", False),
    ],
)
def test_initializer_warns_of_a_timeout_that_holds_no_throttled_minute(
    timeout: Any, minute: str, *, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """It starts all the same, and says which timeout makes sense."""
    with Stage(world(instance("a")), {"MINUTE_SECONDS": minute}) as stage:
        stage.app.warm_up(context(timeout))
        assert READS == stage.actions()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert warned == bool(lines)
    for record in lines:
        assert ("configuration", "warning") == (record["record_type"], record["level"])
        assert f"found {float(timeout):.0f} s" in record["reason"]
        assert "90 s or more" in record["advice"]


def test_a_laptop_has_no_timeout_to_be_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    """The mirror: a context without one."""
    with Stage(world(instance("a"))) as stage:
        stage.app.warm_up(SimpleNamespace(request_id="req-1", region=REGION))
    assert "" == capsys.readouterr().out


def test_cloud_that_is_not_there_does_not_fail_the_initializer() -> None:
    """Without a network the function starts; its first event will say what is wrong."""
    with LocalCloud() as gone:
        pass
    app = App.from_environ(environment(gone.url))
    app.warm_up(context())
    app.close()


class Unfinished(Future[None]):
    """Work that takes longer than anyone waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float | None] = []

    def result(self, timeout: float | None = None) -> None:
        """Note how long it is waited for, at most."""
        self.waited.append(timeout)
        raise TookTooLong


class Slow(Executor):
    """A pool whose threads do not get anywhere."""

    def __init__(self) -> None:
        self.work = Unfinished()

    def submit(self, _work: Callable[..., Any], /, *_args: Any, **_more: Any) -> Any:
        """Take the work."""
        return self.work


def test_cloud_that_does_not_answer_is_waited_for_two_seconds() -> None:
    """The initializer ends although the calls are still under way."""
    threads = Slow()
    warm_up(cast("Cloud", None), threads)
    assert [2.0] == threads.work.waited


class Hanging(Watcher):
    """A cloud in which the last read of the initializer hangs until a hook is completed."""

    def __init__(self) -> None:
        self.reached, self.released = threading.Event(), threading.Event()
        self.answered: list[str] = []

    def before(self, action: str) -> Reply | None:
        """Hold the read, but not longer than its caller waits for an answer."""
        if action == "DescribeScalingInstances":
            self.reached.set()
            self.released.wait(READ_MS / 2000)
        return None

    def after(self, action: str, reply: Reply) -> Reply:
        """Let the read go when the launch is done."""
        self.answered.append(action)
        if action == "CompleteLifecycleAction":
            self.released.set()
        return reply


def test_read_that_hangs_does_not_keep_the_first_event_waiting() -> None:
    """Even with one thread for calls, the launch is done before the read gets its answer."""
    cloud_side = Hanging()
    with LocalCloud(world(instance("a"))) as cloud, gate(cloud, cloud_side) as url:
        chosen = {"TARGET_SECONDARY_IPS": "2", "MAX_CONCURRENCY": "1", "SETTLE_SECONDS": "1"}
        app = App.from_environ(environment(url, **chosen))
        starting = threading.Thread(target=app.warm_up, args=(context(),))
        starting.start()
        assert cloud_side.reached.wait(READ_MS / 1000)
        app.handle(json.dumps(hook_event("i-a")).encode(), context())
        starting.join()
        app.close()
    launch, _, _ = " ".join(cloud_side.answered).partition(" CompleteLifecycleAction")
    assert "AssignPrivateIpAddresses" in launch
    assert "DescribeScalingInstances" not in launch


def test_warm_up_is_signed_as_the_initializer_was_told() -> None:
    """Its thread has the credentials of the context, and looks for no others."""
    keys = SimpleNamespace(
        access_key_id=DEFAULT_KEY.id, access_key_secret=DEFAULT_KEY.secret, security_token=""
    )
    with LocalCloud(world()) as cloud:
        environ = environment(cloud.url)
        for name in [name for name in environ if name.startswith("ALIBABA_CLOUD_")]:
            del environ[name]
        app = App.from_environ(environ)
        app.warm_up(context(credentials=keys))
        app.close()
        assert 3 == len(cloud.calls())
