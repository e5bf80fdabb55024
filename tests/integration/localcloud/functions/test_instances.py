"""Instances: reused while they are well, replaced when they are not, and gone in the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localcloud.functions.sdk import Answer, asynchronous, invoke
from localcloud.testing import LocalCloud
from tests.integration.localcloud.functions.sample_world import (
    NEW,
    event,
    function,
    outcomes,
    until,
    world,
)

ROOT = Path(__file__).parents[4]
SLEEP = event("sleep", seconds=60)


def pid_of(cloud: LocalCloud) -> int:
    """Return the process that answers now."""
    pid: int = invoke(cloud, NEW, event()).json["pid"]
    return pid


def is_alive(pid: int) -> bool:
    """Whether there is such a process, zombies included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_instance_is_used_again(cloud: LocalCloud) -> None:
    """Also after an exception, which is only the invocation's."""
    first = pid_of(cloud)
    invoke(cloud, NEW, event("fail"))

    assert pid_of(cloud) == first
    assert [row["pid"] for row in cloud.invocations()] == [first] * 3


def test_one_request_at_a_time() -> None:
    """Two at once need two instances, and a third finds no room where there may be two."""
    with (
        LocalCloud(world(function(instances=2))) as cloud,
        ThreadPoolExecutor() as threads,
    ):
        slow = [threads.submit(invoke, cloud, NEW, event("sleep", seconds=0.5)) for _ in range(2)]
        until(lambda: len(cloud.invocations()) == 2)
        third = invoke(cloud, NEW, event())
        answers = [each.result().body for each in slow]
        pids = {row["pid"] for row in cloud.invocations()}

    assert (answers, len(pids)) == (["slept"] * 2, 2)
    assert (third.status, third.code) == (429, "ResourceExhausted")


@pytest.mark.parametrize(
    ("ask", "outcome", "message"),
    [
        (event("end"), "exited", "Process exited unexpectedly before completing request"),
        (SLEEP, "timed_out", "Function timed out after 1 seconds"),
    ],
)
def test_an_instance_that_ended_is_replaced(ask: bytes, outcome: str, message: str) -> None:
    """SystemExit and timeouts are errors of the function; the next request gets a new process."""
    with LocalCloud(world(function(timeout=1))) as cloud:
        before = pid_of(cloud)
        answer = invoke(cloud, NEW, ask)
        after = pid_of(cloud)

        assert (answer.code, answer.json["errorMessage"]) == ("UnhandledInvocationError", message)
        assert outcomes(cloud) == ["returned", outcome, "returned"]
        assert (before != after, is_alive(before)) == (True, False)


def test_a_timeout_may_be_exceeded_by_a_grace() -> None:
    """The function is told its timeout, and goes on beyond it for so many seconds."""
    with LocalCloud(world(function(timeout=1, grace=60))) as cloud:
        answer = invoke(cloud, NEW, event("sleep", seconds=1.5))

        assert ("", ["returned"]) == (answer.code, outcomes(cloud))


def test_the_last_words_of_an_exit_are_in_the_log(cloud: LocalCloud) -> None:
    """SystemExit is not caught by anybody, so the interpreter prints what it carries."""
    invoke(cloud, NEW, event("end"))

    assert cloud.logs(NEW)[-1]["message"] == "the end"


def test_an_instance_can_be_killed(cloud: LocalCloud) -> None:
    """By its process id, while it works or while it is idle; nothing else is killed."""
    idle = pid_of(cloud)
    assert [cloud.kill_instance(idle) for _ in range(2)] == [[idle], []]
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(invoke, cloud, NEW, SLEEP)
        row = until(lambda: cloud.invocations()[1:])[0]
        cloud.kill_instance(row["pid"])

        assert answer.result().code == "UnhandledInvocationError"
    assert outcomes(cloud) == ["returned", "exited"]
    assert cloud.kill_instance(os.getpid()) == []
    assert cloud.kill_instance(NEW) == []


def test_an_idle_instance_may_be_killed_from_outside(cloud: LocalCloud) -> None:
    """It is noticed, at the latest by the first request, and then there is a new process."""
    pid = pid_of(cloud)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_alive(pid))

    until(lambda: invoke(cloud, NEW, event()).json.get("pid") not in {None, pid})


def test_the_initializer_runs_once_per_instance() -> None:
    """Before the first request."""
    with LocalCloud(world(function(initializer="index.initialize"))) as cloud:
        counts = [invoke(cloud, NEW, event()).json["initialized"] for _ in range(3)]

    assert counts == [1, 1, 1]


def test_an_initializer_that_fails_costs_the_instance() -> None:
    """The invocation fails with its error, and the next one tries again in a new process."""
    failing = function(initializer="index.initialize", env={"FAIL_TO_INITIALIZE": "1"})
    with LocalCloud(world(failing)) as cloud:
        answers: list[Answer] = [invoke(cloud, NEW, event()) for _ in range(2)]
        pids = {row["pid"] for row in cloud.invocations()}

    assert [each.json["errorMessage"] for each in answers] == ["no initialization for new"] * 2
    assert len(pids) == 2


def test_nothing_is_left_when_the_cloud_stops(tmp_path: Path) -> None:
    """Idle instances say farewell in pre_stop, busy ones are killed."""
    words = tmp_path / "last words"
    with LocalCloud(world(function(env={"LAST_WORDS": str(words)}))) as cloud:
        pid_of(cloud)
        invoke(cloud, NEW, SLEEP, asynchronous())
        invoke(cloud, NEW, event("give", value=1))
        pids = until(lambda: {row["pid"] for row in cloud.invocations()})
        until(lambda: len(cloud.invocations()) == 3)

    assert words.read_text(encoding="utf-8") == NEW
    assert not [pid for pid in pids if is_alive(pid)]


def test_nothing_is_left_after_a_reset(cloud: LocalCloud) -> None:
    """Processes are killed, and journal and log are empty."""
    pid = pid_of(cloud)
    cloud.reset()
    until(lambda: not is_alive(pid))

    assert (cloud.invocations(), cloud.logs(NEW)) == ([], [])
    assert pid_of(cloud) != pid


def test_the_command_leaves_nothing_behind(tmp_path: Path) -> None:
    """Told to end while a function runs, it ends that too, and writes nothing to stderr."""
    path = tmp_path / "world.json"
    path.write_text(json.dumps(world(function())), encoding="utf-8")
    command = [sys.executable, "-W", "error", "-m", "localcloud", "--port", "0"]
    with subprocess.Popen(  # noqa: S603 - our own command
        [*command, "--world", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdout is not None
        remote = Remote(json.loads(process.stdout.readline())["listening"])
        pid = pid_of(remote)
        invoke(remote, NEW, SLEEP, asynchronous())
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=10)

    assert (err, process.returncode) == ("", 0)
    assert not is_alive(pid)


class Remote(LocalCloud):
    """A local cloud in another process, as far as clients need it."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
