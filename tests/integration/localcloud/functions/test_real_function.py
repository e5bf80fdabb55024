"""The project's own function, run as Function Compute runs it, against the cloud that runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from localcloud.__main__ import DEMO
from localcloud.functions.sdk import Answer, asynchronous, invoke, invoke_fc2
from localcloud.testing import LocalCloud
from tests.integration.localcloud.functions.sample_world import (
    NEW,
    OLD,
    SERVICE,
    SHORT_MINUTE,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[4]
HOOK = (ROOT / "events/ess-lifecycle-hook-scale-out.json").read_bytes()
SETTINGS = {"TARGET_SECONDARY_IPS": "8", "SETTLE_SECONDS": "2", "VISIBILITY_SECONDS": "2"}


def world(**changes: object) -> dict[str, Any]:
    """Return the demo world, with the project's function in both generations."""
    common = {
        "code": str(ROOT),
        "handler": "index.handler",
        "initializer": "index.initialize",
        "timeout": 60,
        "env": SETTINGS,
        **changes,
    }
    functions = [
        {"name": NEW, "runtime": "python3.12", **common},
        {"name": OLD, "service": SERVICE, "runtime": "python3.10", **common},
    ]
    return {**json.loads(DEMO.read_text(encoding="utf-8")), "functions": functions}


def assigned(cloud: LocalCloud) -> int:
    """Return how many addresses have been asked for and given."""
    return len(cloud.calls("AssignPrivateIpAddresses"))


@pytest.mark.parametrize(
    "deliver",
    [
        lambda cloud: invoke(cloud, NEW, HOOK),
        lambda cloud: invoke_fc2(cloud, SERVICE, OLD, HOOK),
    ],
)
def test_a_launch_is_handled(deliver: Callable[[LocalCloud], Answer]) -> None:
    """With either context: addresses are assigned, the hook is completed, records are logged."""
    with LocalCloud(world()) as cloud:
        result = deliver(cloud).json
        hook = cloud.state()["lifecycle_actions"][0]
        name = cloud.invocations()[0]["function"]
        records = [json.loads(row["message"]) for row in cloud.logs(name)]

    assert (result["action"], result["counts"]["short"]) == ("assign", 0)
    assert result["counts"]["addresses_assigned"] > 0
    assert (hook["status"], hook["result"]) == ("Completed", "CONTINUE")
    kinds = [record["record_type"] for record in records]
    assert kinds.count("eni_result") == len(result["enis"])
    assert kinds[-1] == "run_summary"


def test_a_launch_that_failed_can_be_replayed() -> None:
    """What ends in the failure destination is an event that the function takes."""
    fault = {
        "action": "DescribeInstances",
        "fault": "error",
        "code": "Forbidden.RAM",
        "status": 403,
        "times": 1000,
    }
    declared = world(retries=1, on_failure="mns:failures")
    with LocalCloud(declared, minute=SHORT_MINUTE, faults=[fault]) as cloud:
        invoke(cloud, NEW, HOOK, asynchronous("launch"))
        (record,) = until(lambda: cloud.queue("failures"))
        before = assigned(cloud)
        cloud.faults([])
        invoke(cloud, NEW, json.dumps(record).encode(), asynchronous("replay"))
        until(lambda: cloud.invocations()[-1]["outcome"] == "returned")
        status = cloud.state()["lifecycle_actions"][0]["status"]

    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["requestPayload"].encode() == HOOK
    assert (before, assigned(cloud) > 0, status) == (0, True, "Completed")
