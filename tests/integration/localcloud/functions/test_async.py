"""Asynchronous invocations: queued, retried, told once, and never lost without a record."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from localcloud.functions.sdk import asynchronous, invoke, invoke_fc2
from localcloud.sdk import control
from localcloud.testing import LocalCloud
from tests.integration.localcloud.functions.sample_world import (
    NEW,
    OLD,
    SERVICE,
    SHORT_MINUTE,
    event,
    function,
    outcomes,
    until,
    world,
)

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

OLD_HEADERS = {
    "x-fc-invocation-type": "Async",
    "x-fc-stateful-async-invocation-id": "task",
}


def test_an_asynchronous_invocation_is_accepted_and_run_later(cloud: LocalCloud) -> None:
    """202 without a body, in both generations."""
    new = invoke(cloud, NEW, event(), asynchronous("a"))
    old = invoke_fc2(cloud, SERVICE, OLD, event(), OLD_HEADERS)
    until(lambda: outcomes(cloud) == ["returned"] * 2)
    rows = cloud.invocations()

    assert (new.status, new.body, old.status, old.body) == (202, "", 202, b"")
    assert {(row["function"], row["type"], row["task_id"], row["attempt"]) for row in rows} == {
        (NEW, "Async", "a", 1),
        (OLD, "Async", "task", 1),
    }
    assert all(row["start"] <= row["end"] for row in rows)


def test_a_task_id_is_good_for_one_invocation(cloud: LocalCloud) -> None:
    """A second use is 409 in both generations; another function may use it, too."""
    first = [
        invoke(cloud, NEW, event(), asynchronous("task")).status,
        invoke_fc2(cloud, SERVICE, OLD, event(), OLD_HEADERS).status,
    ]
    second = [
        invoke(cloud, NEW, event(), asynchronous("task"))[:2],
        invoke_fc2(cloud, SERVICE, OLD, event(), OLD_HEADERS)[:2],
    ]
    until(lambda: outcomes(cloud) == ["returned"] * 2)

    assert first == [202, 202]
    assert second == [(409, "StatefulAsyncInvocationAlreadyExists")] * 2


def test_it_is_tried_again_until_it_succeeds(tmp_path: Path) -> None:
    """After an exception, an exit, and a timeout; the request id stays."""
    ask = event("try", file=str(tmp_path / "tried"), ways=["fail", "end", "sleep"])
    with LocalCloud(world(function(timeout=1)), minute=SHORT_MINUTE) as cloud:
        invoke(cloud, NEW, ask, asynchronous())
        until(lambda: "returned" in outcomes(cloud))
        rows = cloud.invocations()

    assert [row["outcome"] for row in rows] == ["raised", "exited", "timed_out", "returned"]
    assert [row["attempt"] for row in rows] == [1, 2, 3, 4]
    assert len({row["request_id"] for row in rows}) == 1


def test_it_is_tried_again_after_its_process_was_killed(cloud: LocalCloud, tmp_path: Path) -> None:
    """As when a machine dies: nobody asks for it, and it is run again."""
    invoke(cloud, NEW, event("try", file=str(tmp_path / "t"), ways=["sleep"]), asynchronous())
    until((tmp_path / "t").exists)
    cloud.kill_instance(NEW)
    until(lambda: outcomes(cloud) == ["exited", "returned"])


def failing() -> dict[str, Any]:
    """Return a world whose function sends its failures to a queue after two runs."""
    return world(function(retries=1, on_failure="mns:failures"))


def test_the_last_failure_goes_to_its_destination() -> None:
    """A record in the documented form, from which the event can be delivered again."""
    with LocalCloud(failing(), minute=SHORT_MINUTE) as cloud:
        invoke(cloud, NEW, event("fail", why="of that"), asynchronous())
        (record,) = until(lambda: cloud.queue("failures"))
        rows = cloud.invocations()

    assert record["timestamp"].endswith("Z")
    assert record["requestContext"] == {
        "requestId": rows[0]["request_id"],
        "functionArn": f"acs:fc:cn-hangzhou:1000000000000001:functions/{NEW}",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 2,
    }
    assert record["requestPayload"] == event("fail", why="of that").decode()
    assert record["responseContext"] == {
        "statusCode": 200,
        "functionError": "UnhandledInvocationError",
    }
    assert json.loads(record["responsePayload"])["errorMessage"] == "of that"
    assert [row["outcome"] for row in rows] == ["raised"] * 2


def test_a_destination_can_be_a_function() -> None:
    """It is invoked asynchronously, with the record for its event."""
    functions = (
        function(retries=0, on_failure="other"),
        function("other", on_failure="mns:of-other", retries=0),
    )
    with LocalCloud(world(*functions), minute=SHORT_MINUTE) as cloud:
        invoke(cloud, NEW, event("fail"), asynchronous())
        rows = until(lambda: cloud.invocations()[1:])

    assert [(row["function"], row["type"]) for row in rows] == [("other", "Async")]


def test_a_record_too_large_for_a_queue_is_lost() -> None:
    """As the page says of messages over 64 KB; the log tells of it."""
    with LocalCloud(failing(), minute=SHORT_MINUTE) as cloud:
        invoke(cloud, NEW, event("fail", pad="x" * 70_000), asynchronous())
        until(lambda: "too large" in str(cloud.logs(NEW)))

        assert cloud.queue("failures") == []


def test_queues_are_part_of_the_state() -> None:
    """Over HTTP, too; and a world can begin with messages."""
    begin = {**failing(), "queues": {"failures": [{"kept": True}]}}
    with LocalCloud(begin, minute=SHORT_MINUTE) as cloud:
        invoke(cloud, NEW, event("fail"), asynchronous())
        until(lambda: len(cloud.queue("failures")) == 2)
        state = cloud.state()
        assert control(cloud, "state") == (200, state)
    with LocalCloud(state) as again:
        assert again.state() == state
        again.reset()

    assert state["functions"] == begin["functions"]
    assert state["queues"]["failures"][0] == {"kept": True}


def test_it_waits_for_room() -> None:
    """What finds all instances busy is run when one is free; that is no try."""
    with LocalCloud(world(function(instances=1)), minute=SHORT_MINUTE) as cloud:
        for _ in range(3):
            invoke(cloud, NEW, event("sleep", seconds=0.1), asynchronous())
        until(lambda: outcomes(cloud) == ["returned"] * 3)
        rows = cloud.invocations()

    assert ([row["attempt"] for row in rows], len({row["pid"] for row in rows})) == ([1] * 3, 1)
    assert all(one["end"] <= two["start"] for one, two in pairwise(rows))


def test_a_reset_drops_what_is_queued(cloud: LocalCloud) -> None:
    """Retries too, and task ids are as new."""
    invoke(cloud, NEW, event("sleep", seconds=60), asynchronous("task"))
    until(cloud.invocations)
    cloud.reset()

    assert invoke(cloud, NEW, event(), asynchronous("task")).status == 202
    until(lambda: outcomes(cloud) == ["returned"])


@pytest.mark.parametrize(
    ("name", "status"),
    [("invocations", 200), ("logs?function=new", 200), ("logs?function=nobody", 404)],
)
def test_journal_and_logs_over_http(cloud: LocalCloud, name: str, status: int) -> None:
    """What tests see, people see."""
    invoke(cloud, NEW, event("write", text="seen"))
    answer = control(cloud, name)
    expected = {
        "invocations": cloud.invocations(),
        "logs?function=new": cloud.logs(NEW),
        "logs?function=nobody": {"error": "no function 'nobody'"},
    }

    assert answer == (status, expected[name])
