"""Worlds in which launches went wrong elsewhere: what comes of them here.

Each row stands for a kind of fault, beside relatives of it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.stage import Stage
from tests.worlds import VSWITCH, World, eni, hook_event, instance, world

FOUR = {"TARGET_SECONDARY_IPS": "4"}
WRITE = "AssignPrivateIpAddresses"
TWO = world(instance("a"), instance("b"))
PAIR = world(instance("a", eni("eni-a"), eni("eni-a-second")))
BOTH = hook_event("i-a", "i-b")
GOOD = ("assigned", "reached")


def _refused(code: str, status: int, times: int = 1, **where: str) -> dict[str, Any]:
    fault = {"action": WRITE, "fault": "error", "code": code, "status": status, "times": times}
    return fault | {"where": where}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("Rejected.Throttling", 400),
        ("Throttling.User", 400),
        ("RequestTimeout", 408),
        ("TooEarly", 425),
        ("SystemBusy", 400),
        ("OperationConflict", 400),
        ("OperationFailed.LastTokenProcessing", 409),
        ("NobodyKnows.This", 400),
    ],
)
def test_one_refusal_that_passes_costs_a_launch_nothing(code: str, status: int) -> None:
    """It is waited for or asked again with the same token; then the hook goes on."""
    with Stage(TWO, FOUR, [_refused(code, status)]) as stage:
        delivered = stage.deliver(BOTH)
        assert {"eni-a": GOOD, "eni-b": GOOD} == delivered.ends
        assert "CONTINUE" == stage.hook()["result"]
        tokens = [call["ClientToken"] for call in stage.writes()]
        assert (3, 2) == (len(tokens), len({*tokens}))


@pytest.mark.parametrize(
    "tags",
    [
        {"creator": "terway-controller", "ack.aliyun.com": "c0123456789"},
        {"creator": "terway"},
        {"creator": "alibabacloud-erdma-controller"},
        {"terway.alibabacloud.com/excluded": "true"},
        {"cilium-eni-index": "0"},
    ],
)
def test_enis_of_a_controller_are_left_alone(tags: dict[str, str]) -> None:
    """The others of the instance are served, and the hook goes on."""
    marked = world(instance("a", eni("eni-a"), eni("eni-a-second", tags=tags)))
    with Stage(marked, FOUR) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": GOOD, "eni-a-second": ("skipped", "kubernetes")} == delivered.ends
        assert {"eni-a": 4, "eni-a-second": 0} == stage.held()
        assert "CONTINUE" == stage.hook()["result"]


@pytest.mark.parametrize(
    "code", ["InvalidOperation.EniServiceManaged", "InvalidOperation.InvalidEniType"]
)
def test_a_refusal_that_says_whose_the_eni_is(code: str) -> None:
    """It is skipped with a warning, as its row would have been, and the hook goes on."""
    managed = _refused(code, 403, 999, NetworkInterfaceId="eni-a-second")
    with Stage(PAIR, FOUR, [managed]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        record = delivered.enis["eni-a-second"]
        assert ("skipped", "warning", code) == (
            record["outcome"],
            record["level"],
            record["code"],
        )
        assert GOOD == delivered.ends["eni-a"]
        assert "CONTINUE" == stage.hook()["result"]


def test_a_quota_of_the_vpc_while_the_vswitch_has_room() -> None:
    """Short, and the advice names the VPC's quota, not the vSwitch."""
    with Stage(TWO, FOUR, [_refused("QuotaExceeded.PrivateIpAddress", 403, 999)]) as stage:
        delivered = stage.deliver(BOTH)
        assert {("short", "vswitch")} == {*delivered.ends.values()}
        for record in delivered.enis.values():
            assert "VPC's quota" in record["advice"]
        assert "DEFAULT" == delivered.result["lifecycle"]["result"]


def test_a_vswitch_without_room() -> None:
    """The mirror: nothing is said of the VPC's quota."""
    tight = world(instance("a"), cidr="10.0.0.0/28")
    settings = {"TARGET_SECONDARY_IPS": "11", "VSWITCH_RESERVE": "0"}
    with Stage(tight, settings, [_refused("InvalidVSwitchId.IpNotEnough", 403, 999)]) as stage:
        (record,) = stage.deliver(hook_event("i-a")).enis.values()
        assert ("short", "vswitch") == (record["outcome"], record["reason"])
        assert "DescribeVSwitches shows more" in record["advice"]
        assert "VPC" not in record["advice"]


@pytest.mark.parametrize(("asked", "room", "given"), [(5, "/27", 2), (3, "/28", 1), (9, "/26", 4)])
def test_prefixes_for_as_many_as_there_is_room_for(asked: int, room: str, given: int) -> None:
    """Fewer than were asked for are taken, and the rest is short."""
    reserved = {"id": VSWITCH, "cidr": "10.0.0.0/22", "zone": "cn-hangzhou-h", "vpc": "vpc-a"}
    tight: World = PAIR | {"vswitches": [reserved | {"reserved_prefixes": [f"10.0.1.0{room}"]}]}
    wanted = {"network_interface_ids": ["eni-a-second"]}
    count = {"ipv4_prefix_count": {"eni-a-second": asked}}
    with Stage(tight, FOUR) as stage:
        (record,) = stage.deliver({"backfill": wanted | count}).enis.values()
        assert ("short", given) == (record["outcome"], len(record["prefixes"]))
