"""Concurrent deliveries in processes of their own, against one cloud whose reads are late."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from localcloud.testing import LocalCloud
from tests.chaos.gate import Reply, Watcher, gate
from tests.chaos.processes import PATIENCE, Job, together
from tests.chaos.trouble import LAUNCHES, OTHERS_HOOK
from tests.stage import environment
from tests.worlds import HOOK_ID, eni, hook_event, instance, running_event, world

if TYPE_CHECKING:
    from tests.chaos.processes import Ended

pytestmark = pytest.mark.usefixtures("undisturbed")

MANY = 50
IDS = ["i-a", "i-b"]
LAUNCH = world(
    instance("a", eni("eni-a", 1), eni("eni-a-second")),
    instance("b", eni("eni-b", 2)),
    read_lag_seconds=0.6,
)
SETTINGS = {"SETTLE_SECONDS": "1.5", "VISIBILITY_SECONDS": "20", "LOG_LEVEL": "DEBUG"}
TARGETS = ("2", "3", "5")


def held(cloud: LocalCloud) -> list[int]:
    """Secondary addresses of each ENI, from the cloud's own books."""
    return list(cloud.held().values())


def told_once(ended: list[Ended]) -> None:
    """Every delivery has ended well, with one record for each ENI that it was about."""
    assert {0} == {each.code for each in ended}, [each.errors for each in ended if each.code]
    for each in ended:
        rows = [row for row in each.records if row["record_type"] == "eni_result"]
        names = [row["network_interface_id"] for row in rows]
        assert sorted(set(names)) == sorted(names)


def mixed(url: str) -> list[Job]:
    """Every source of one launch, again and again, with different targets."""
    sources = [*LAUNCHES.values()]
    return [
        Job(
            sources[number % len(sources)](IDS if number % 2 else IDS[::-1]),
            environment(url, TARGET_SECONDARY_IPS=TARGETS[number % 3], **SETTINGS),
            f"req-{number}",
        )
        for number in range(MANY)
    ]


def test_fifty_deliveries_of_one_launch_end_at_the_largest_target() -> None:
    """Hooks, StateChange, ScaleOutSuccess and RunInstances, targets 2, 3 and 5: 5 on every ENI.

    Our hook is completed once, and somebody else's by nobody.
    Nine more would fit each. Seen to fail with a random ClientToken, and with one that depends on
    what is asked.
    """
    with LocalCloud(LAUNCH) as cloud:
        ended = together(mixed(cloud.url))
        told_once(ended)
        assert [5, 5, 5] == held(cloud)
        results = [each.result["lifecycle"] for each in ended if each.result["lifecycle"]]
        assert {HOOK_ID, OTHERS_HOOK} == {each["hook_id"] for each in results}
        assert [HOOK_ID] == [each["hook_id"] for each in results if each["completed"]]
        assert "CONTINUE" == cloud.state()["lifecycle_actions"][0]["result"]


@pytest.mark.parametrize("selector", [{"all": True}, {"instance_ids": IDS}])
def test_backfills_over_the_same_enis_share_the_work(selector: dict[str, Any]) -> None:
    """Two at once, with different targets: the larger one on every ENI, and no more."""
    with LocalCloud(LAUNCH) as cloud:
        environ = environment(cloud.url, **SETTINGS)
        asked = [{"backfill": {**selector, "target": target}} for target in (4, 7)]
        jobs = [Job(event, environ, f"req-{number}") for number, event in enumerate(asked * 2)]
        told_once(together(jobs))
        assert [7, 7, 7] == held(cloud)


class Optimist(Watcher):
    """Shows a vSwitch that has more room than it has."""

    def after(self, action: str, reply: Reply) -> Reply | None:
        """Another count of free addresses."""
        if action != "DescribeVSwitches":
            return reply
        body = json.loads(reply.body)
        for row in body["VSwitches"]["VSwitch"]:
            row["AvailableIpAddressCount"] += 100
        return Reply(reply.status, json.dumps(body).encode(), reply.headers)


def test_different_views_of_a_vswitch_do_not_lead_above_a_target() -> None:
    """Half of the deliveries see room that is not there: all of the room is used, and no more.

    A /28 has 12 usable addresses: 3 ENIs have their primary ones, 3 more are held, 6 are left.
    """
    tight = {**LAUNCH, "vswitches": [{**LAUNCH["vswitches"][0], "cidr": "10.0.0.0/28"}]}
    with LocalCloud(tight) as cloud, gate(cloud, Optimist()) as deluded:
        jobs = [
            Job(
                hook_event(*IDS),
                environment(url, TARGET_SECONDARY_IPS=target, VSWITCH_RESERVE=reserve, **SETTINGS),
                f"req-{number}",
            )
            for number, (url, target, reserve) in enumerate(
                [(cloud.url, "3", "0"), (deluded, "6", "2"), (cloud.url, "6", "0")] * 3
            )
        ]
        ended = together(jobs)
        assert {0} == {each.code for each in ended}, [each.errors for each in ended if each.code]
        assert max(held(cloud)) <= 6
        assert 9 == sum(held(cloud))


class Rendezvous(Watcher):
    """Answers the first two reads of a vSwitch when both were made."""

    def __init__(self) -> None:
        self._both, self._left = threading.Barrier(2), threading.Semaphore(2)

    def after(self, action: str, reply: Reply) -> Reply | None:
        """Wait for the other one."""
        if action == "DescribeVSwitches" and self._left.acquire(blocking=False):
            self._both.wait(PATIENCE)
        return reply


def test_reserve_is_undercut_by_no_more_than_the_other_took_since_the_reading() -> None:
    """Each takes the 9 addresses above the reserve that it saw; of 26, the reserve of 17 keeps 8.

    Seen to fail when no reserve is kept: both ENIs are then filled up to their quota.
    """
    tight = {**world(instance("a"), instance("b"), cidr="10.0.0.0/27"), "lifecycle_actions": []}
    chosen = SETTINGS | {"TARGET_SECONDARY_IPS": "max", "VSWITCH_RESERVE": "17"}
    with LocalCloud(tight) as cloud, gate(cloud, Rendezvous()) as url:
        environ = environment(url, **chosen)
        told_once(together([Job(running_event(each), environ, f"req-{each}") for each in IDS]))
        assert [9, 9] == held(cloud)
        assert 8 == cloud.state()["vswitches"][0]["available"]
