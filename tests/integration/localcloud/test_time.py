"""What depends on time: quota windows, lagging reads, and the end of waiting."""

from __future__ import annotations

import time

import pytest

from localcloud.clock import ManualClock
from localcloud.products import VPC
from localcloud.samples import ENI, vswitch, world
from localcloud.sdk import COUNT, assign, assign_refusal, call, refusal_of
from localcloud.testing import LocalCloud

READ = "DescribeNetworkInterfaces"
ONE = {COUNT: 1}


def clock_at(seconds_into_minute: float) -> ManualClock:
    """Return a clock near now, so that signatures are in time, at a place within its minute."""
    return ManualClock(time.time() // 60 * 60 + seconds_into_minute)


def addresses_shown(cloud: LocalCloud) -> int:
    """Return how many secondary addresses a read shows on the ENI."""
    answer = call(cloud, READ, {"NetworkInterfaceId": [ENI]})
    row = answer["NetworkInterfaceSets"]["NetworkInterfaceSet"][0]
    return len(row["PrivateIpSets"]["PrivateIpSet"]) - 1


def room_shown(cloud: LocalCloud) -> int:
    """Return how many addresses a read shows as left in the vSwitch."""
    row = call(cloud, "DescribeVSwitches", product=VPC)["VSwitches"]["VSwitch"][0]
    return int(row["AvailableIpAddressCount"])


def test_a_window_is_a_minute_of_the_wall_clock() -> None:
    """What is throttled at the end of one minute is allowed at the beginning of the next."""
    clock = clock_at(58)
    with LocalCloud(world(quotas={"AssignPrivateIpAddresses": 2}), clock=clock) as cloud:
        for _ in range(2):
            assign(cloud, ONE)
        throttled = assign_refusal(cloud, ONE)
        clock.advance(2)
        added = assign(cloud, ONE)
        statuses = [(row["status"], row["code"]) for row in cloud.calls()]

    assert throttled == (400, "Throttling.User")
    assert added == ["10.0.0.5"]
    assert statuses == [(200, None), (200, None), (400, "Throttling.User"), (200, None)]


def test_quotas_are_counted_by_action() -> None:
    """One action's quota is no other's, and what has no quota is never throttled."""
    with LocalCloud(world(quotas={READ: 0}), clock=clock_at(1)) as cloud:
        assert refusal_of(cloud, READ) == (400, "Throttling.User")
        assert len(assign(cloud, ONE)) == 1


def test_a_minute_can_be_shorter() -> None:
    """With a minute of 5 seconds, windows begin at multiples of 5 since the epoch."""
    clock = clock_at(4)
    with LocalCloud(world(quotas={READ: 1}), clock=clock, minute=5) as cloud:
        call(cloud, READ)
        refused = refusal_of(cloud, READ)
        clock.advance(1)
        call(cloud, READ)

    assert refused.code == "Throttling.User"


def test_refused_calls_use_the_quota_and_faulty_ones_do_not() -> None:
    """Whatever reaches the API counts, valid or not; a fault comes before."""
    fault = {"action": READ, "fault": "error", "code": "InternalError"}
    with LocalCloud(world(quotas={READ: 1}), clock=clock_at(1), faults=[fault]) as cloud:
        codes = [refusal_of(cloud, READ, {"Type": "none"}).code for _ in range(3)]

    assert codes == ["InternalError", "InvalidParameter", "Throttling.User"]


def test_reads_lag_behind_writes() -> None:
    """With read_lag_seconds, ENIs and vSwitches are shown as they were; writes know the truth."""
    clock = clock_at(0)
    with LocalCloud(world(read_lag_seconds=5), clock=clock) as cloud:
        assign(cloud, ONE)
        clock.advance(3)
        assign(cloud, {COUNT: 2})
        shown = []
        for _ in range(4):
            shown.append((addresses_shown(cloud), room_shown(cloud)))
            clock.advance(2)
        held = len(cloud.state()["instances"][0]["enis"][1]["secondary"])

    assert shown == [(0, 250), (1, 249), (1, 249), (3, 247)]
    assert held == 3


def test_what_a_world_declares_was_always_there() -> None:
    """However far a read looks back, the beginning is visible."""
    with LocalCloud(world(read_lag_seconds=600)) as cloud:
        assert call(cloud, READ)["TotalCount"] == 2
        assert room_shown(cloud) == 250


def test_a_stale_rule_answers_as_of_then() -> None:
    """One read shows the past, the next one the present."""
    clock = clock_at(0)
    with LocalCloud(world(), clock=clock) as cloud:
        assign(cloud, ONE)
        clock.advance(10)
        assign(cloud, ONE)
        clock.advance(10)
        cloud.faults([{"action": READ, "fault": "stale", "seconds": 15}])
        shown = [addresses_shown(cloud), addresses_shown(cloud)]

    assert shown == [1, 2]


def test_a_stale_answer_hides_what_was_taken_away() -> None:
    """The past is whole: an address unassigned since is still shown in it."""
    clock = clock_at(0)
    with LocalCloud(world(), clock=clock) as cloud:
        held = assign(cloud, ONE)
        clock.advance(10)
        asked = {"NetworkInterfaceId": ENI, "PrivateIpAddress": held}
        call(cloud, "UnassignPrivateIpAddresses", asked)
        cloud.faults([{"action": READ, "fault": "stale", "seconds": 5}])
        shown = [addresses_shown(cloud), addresses_shown(cloud)]

    assert shown == [1, 0]


@pytest.mark.parametrize("writes", [3, 300])
def test_a_long_past_is_forgotten_and_a_short_one_is_right(writes: int) -> None:
    """Any number of writes later, a read may look back ten minutes and not wrongly."""
    clock = clock_at(0)
    wide = world(vswitches=[vswitch(cidr="10.0.0.0/16")])
    with LocalCloud(wide, clock=clock) as cloud:
        for _ in range(writes):
            held = assign(cloud, ONE)
            clock.advance(1)
            asked = {"NetworkInterfaceId": ENI, "PrivateIpAddress": held}
            call(cloud, "UnassignPrivateIpAddresses", asked)
            clock.advance(1)
        cloud.faults([{"action": READ, "fault": "stale", "seconds": 1.5}])
        shown = [addresses_shown(cloud), addresses_shown(cloud)]

    assert shown == [1, 0]
