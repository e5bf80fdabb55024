"""A backfill that outlasts one invocation goes on in the next, under Function Compute itself."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from localcloud.functions.sdk import asynchronous, invoke, invoke_fc2
from localcloud.functions.specs import QUEUE
from localcloud.testing import LocalCloud
from tests.integration.localcloud.functions.sample_world import NEW, OLD, SERVICE, until
from tests.worlds import instance, world

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.usefixtures("undisturbed")

ROOT = Path(__file__).parents[2]
WRITE = "AssignPrivateIpAddresses"
FLEET = 60
# A minute of one second, 10 writes in it, and 4 s of timeout: at most 30 ENIs in an invocation.
# With its grace nothing is killed because the machine has stalled.
MINUTE, TIMEOUT, GRACE = 1.0, 4, 60
SETTINGS = {
    "TARGET_SECONDARY_IPS": "2",
    "ASSIGN_PER_MINUTE": "10",
    "BACKFILL_SHARE": "1",
    "MINUTE_SECONDS": "1",
    "SETTLE_SECONDS": "1",
    "VISIBILITY_SECONDS": "1",
}
ALL = json.dumps({"backfill": {"all": True}}).encode()


def region(**more: Any) -> dict[str, Any]:
    """A fleet, and the function that is to bring it to its target, in both generations."""
    common = {
        "code": str(ROOT),
        "handler": "index.handler",
        "initializer": "index.initialize",
        "timeout": TIMEOUT,
        "grace": GRACE,
        "env": SETTINGS | more,
    }
    functions = [
        {"name": NEW, "runtime": "python3.12", **common},
        {"name": OLD, "service": SERVICE, "runtime": "python3.10", **common},
    ]
    fleet = [instance(f"n{number:03}") for number in range(FLEET)]
    return world(*fleet, lifecycle_actions=[], functions=functions)


def records(cloud: LocalCloud, name: str, record_type: str) -> list[dict[str, Any]]:
    """The records of one type that a function has written."""
    rows = [
        json.loads(row["message"]) for row in cloud.logs(name) if '"record_type"' in row["message"]
    ]
    return [row for row in rows if row["record_type"] == record_type]


def ended(cloud: LocalCloud, name: str) -> bool:
    """Whether a run has ended that handed nothing over and raised nothing."""
    ends = {row["request_id"] for row in records(cloud, name, "run_summary") if not row["raised"]}
    return bool(ends - {row["request_id"] for row in records(cloud, name, "continuation")})


def once(names: Iterable[str]) -> bool:
    """Whether there are names, and no name twice."""
    counts = Counter(names)
    return {1} == set(counts.values())


def test_chain_of_invocations_brings_the_whole_fleet_to_target() -> None:
    """Each hop is one task id, and every ENI ends at exactly the target."""
    with LocalCloud(region(), minute=MINUTE) as cloud:
        invoke_fc2(cloud, SERVICE, OLD, ALL, {"x-fc-invocation-type": "Async"})
        until(lambda: ended(cloud, OLD))
        assert {2} == set(cloud.held().values())
        written = {call["parameters"]["NetworkInterfaceId"] for call in cloud.calls(WRITE)}
        assert FLEET == len(written)
        assert_hops_are_tasks(cloud, OLD)


def test_chain_leaves_a_proxy_alone_for_hosts_that_are_excepted() -> None:
    """NO_PROXY counts for every call of an old service's function, the hand-over included."""
    proxied = region(HTTP_PROXY="http://127.0.0.1:1", NO_PROXY="localhost,127.0.0.1")
    with LocalCloud(proxied, minute=MINUTE) as cloud:
        invoke_fc2(cloud, SERVICE, OLD, ALL, {"x-fc-invocation-type": "Async"})
        until(lambda: ended(cloud, OLD))
        assert {2} == set(cloud.held().values())
        assert_hops_are_tasks(cloud, OLD)


def assert_hops_are_tasks(cloud: LocalCloud, name: str) -> None:
    """Something was handed over, and whatever was had one task id and the next number."""
    handed_over = records(cloud, name, "continuation")
    hops = {row["hop"] for row in handed_over}
    assert set(range(1, len(hops) + 1)) == hops != set()
    tasks = {row["task_id"] for row in cloud.invocations() if row["task_id"].startswith("bf_")}
    assert tasks == {row["task_id"] for row in handed_over}


def test_chain_survives_the_death_of_an_invocation() -> None:
    """Killed in the middle of a page: the runtime tries again, and what was done is found done."""
    with LocalCloud(region(), minute=MINUTE) as cloud:
        invoke(cloud, NEW, ALL, asynchronous("first"))
        until(lambda: len(cloud.calls(WRITE)) >= FLEET / 4)
        assert cloud.kill_instance(NEW)
        until(lambda: ended(cloud, NEW))
        assert {2} == set(cloud.held().values())
        assert "exited" in {row["outcome"] for row in cloud.invocations()}


def test_failure_record_goes_on_where_the_chain_died() -> None:
    """A hop that failed for good: its record, delivered by hand, runs it, and the chain goes on."""
    shape = region()
    shape["functions"][0] |= {"retries": 1, "on_failure": f"{QUEUE}dead"}
    with LocalCloud(shape, minute=MINUTE) as cloud:
        invoke(cloud, NEW, ALL, asynchronous("first"))
        until(lambda: no_hop_lives(cloud) and cloud.queue("dead"))
        assert len(set(cloud.held().values())) > 1
        (record,) = cloud.queue("dead")
        assert "cursor" in json.loads(record["requestPayload"])["backfill"]
        invoke(cloud, NEW, json.dumps(record).encode(), asynchronous("replay"))
        until(lambda: ended(cloud, NEW))
        assert {2} == set(cloud.held().values())
        assert once(row["task_id"] for row in cloud.invocations() if row["attempt"] == 1)


def no_hop_lives(cloud: LocalCloud) -> bool:
    """Kill the processes that run what was handed over; say that it is done."""
    for row in cloud.invocations():
        if row["task_id"].startswith("bf_") and row["outcome"] is None:
            cloud.kill_instance(row["pid"])
    return True


def test_hand_over_whose_reply_is_lost_does_not_fork_the_chain() -> None:
    """Asked for again under the same task id, it is found handed over: 409 is success."""
    with LocalCloud(region(), minute=MINUTE) as cloud:
        invoke(cloud, NEW, ALL, asynchronous("first"))
        cloud.faults([{"action": "InvokeFunction", "fault": "no_reply"}])
        until(lambda: ended(cloud, NEW))
        assert {2} == set(cloud.held().values())
        assert once(row["task_id"] for row in cloud.invocations() if row["attempt"] == 1)
        assert_hops_are_tasks(cloud, NEW)
        assert 409 in {call["status"] for call in cloud.calls("InvokeFunction")}


def test_chain_ends_when_backfills_are_switched_off() -> None:
    """BACKFILL_SHARE=0 at a later hop: refused, with the cursor to go on from on record."""
    cursor = {"version": 1, "chain": "abc", "hop": 3, "page": "token"}
    request = {"backfill": {"all": True, "cursor": cursor}}
    with LocalCloud(region(BACKFILL_SHARE="0"), minute=MINUTE) as cloud:
        result = invoke(cloud, NEW, json.dumps(request).encode()).json
        assert "rejected" == result["action"]
        assert cursor == records(cloud, NEW, "event_rejected")[0]["cursor"]
        assert {0} == set(cloud.held().values())
