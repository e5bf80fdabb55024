"""Asynchronous tasks can be asked for: how far they have come, and how they ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localcloud.functions.sdk import asynchronous, get_task, invoke, invoke_fc2
from localcloud.testing import LocalCloud
from tests.integration.localcloud.functions.sample_world import (
    NEW,
    OLD,
    SERVICE,
    SHORT_MINUTE,
    event,
    function,
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


def ended(cloud: LocalCloud, name: str, task_id: str, service: str = "") -> dict[str, Any]:
    """A task, once it has ended."""

    def body() -> dict[str, Any] | None:
        found: dict[str, Any] = get_task(cloud, name, task_id, service=service).body
        return found if found["status"] in {"Succeeded", "Failed"} else None

    found = until(body)
    assert found is not None
    return found


def test_a_task_of_fc3(cloud: LocalCloud) -> None:
    """Its state, its events in order, and no return value unless the account has that preview."""
    request_id = invoke(cloud, NEW, event("give", value=1), asynchronous("task"))
    task = ended(cloud, NEW, "task")

    assert request_id.status == 202
    assert (task["taskId"], task["status"], task["alreadyRetriedTimes"]) == ("task", "Succeeded", 0)
    assert [each["status"] for each in task["events"]] == ["Enqueued", "Running", "Succeeded"]
    assert task["startedTime"] <= task["endTime"]
    assert "returnPayload" not in task


def test_a_task_of_fc2(cloud: LocalCloud) -> None:
    """The other generation names the same differently."""
    invoke_fc2(cloud, SERVICE, OLD, event("give", value=1), OLD_HEADERS)
    task = ended(cloud, OLD, "task", SERVICE)

    assert (task["invocationId"], task["serviceName"], task["functionName"]) == (
        "task",
        SERVICE,
        OLD,
    )
    assert (task["status"], task["invocationErrorMessage"]) == ("Succeeded", "")


def test_what_was_returned_is_told_with_the_preview() -> None:
    """`return_payload` of a world gives what the function returned."""
    with LocalCloud(world(function(return_payload=True)), minute=SHORT_MINUTE) as cloud:
        invoke(cloud, NEW, event("give", value={"a": 1}), asynchronous("task"))

        assert '{"a": 1}' == ended(cloud, NEW, "task")["returnPayload"]


def test_a_task_that_fails_counts_its_retries(tmp_path: Path) -> None:
    """Each further run shows as one, and the error's type is told."""
    ask = event("try", file=str(tmp_path / "tried"), ways=["fail", "fail", "fail"])
    with LocalCloud(world(function(retries=1)), minute=SHORT_MINUTE) as cloud:
        invoke(cloud, NEW, ask, asynchronous("task"))
        task = ended(cloud, NEW, "task")

    assert ["Enqueued", "Running", "Retrying", "Running", "Failed"] == [
        each["status"] for each in task["events"]
    ]
    assert (task["alreadyRetriedTimes"], task["taskErrorMessage"]) == (
        1,
        "UnhandledInvocationError",
    )


@pytest.mark.parametrize(
    ("name", "service", "code"),
    [
        (NEW, "", "AsyncTaskNotFound"),
        (OLD, SERVICE, "StatefulAsyncInvocationNotFound"),
        ("none", "", "FunctionNotFound"),
        (OLD, "none", "ServiceNotFound"),
    ],
)
def test_what_there_is_not(cloud: LocalCloud, name: str, service: str, code: str) -> None:
    """A task, a function or a service that is not there is 404, by name."""
    assert get_task(cloud, name, "task", service=service)[:2] == (404, code)


def test_questions_stand_in_the_journal_and_take_faults(cloud: LocalCloud) -> None:
    """Under the operation's name, as every call."""
    cloud.faults([{"action": "GetAsyncTask", "fault": "error", "code": "Throttling"}])
    first = get_task(cloud, NEW, "task", qualifier="LATEST")

    assert (400, "Throttling") == first[:2]
    assert ["task"] == [call["parameters"]["taskId"] for call in cloud.calls("GetAsyncTask")]
