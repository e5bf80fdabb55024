"""The life of an instance: launched, stopped, started, and what lies between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from localcloud.clock import ManualClock
from localcloud.limits import TRANSITION_SECONDS
from localcloud.model import SECURITY_GROUP
from localcloud.samples import INSTANCE, TYPE, eni, instance, vswitch, world
from localcloud.sdk import COUNT, assign, assign_refusal, call, refusal_of
from localcloud.testing import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Iterator

LAUNCH = {
    "ImageId": "aliyun_3_x64_20G.vhd",
    "InstanceType": TYPE,
    "VSwitchId": "vsw-a",
    "SecurityGroupId": SECURITY_GROUP,
}
WORLD = world(
    vswitches=[vswitch(), vswitch("vsw-tight", "10.0.1.0/29")],
    instances=[instance(), instance("i-off", [eni("eni-off", "Primary")], status="Stopped")],
)


@pytest.fixture
def clock() -> ManualClock:
    """Time that stands still."""
    return ManualClock()


@pytest.fixture
def cloud(clock: ManualClock) -> Iterator[LocalCloud]:
    """A local cloud with a running and a stopped instance."""
    with LocalCloud(WORLD, clock=clock) as running:
        yield running


def launch(cloud: LocalCloud, **changes: Any) -> list[str]:
    """Launch instances and return their ids."""
    answer = call(cloud, "RunInstances", {**LAUNCH, **changes})
    ids: list[str] = answer["InstanceIdSets"]["InstanceIdSet"]
    return ids


def row_of(cloud: LocalCloud, name: str) -> dict[str, Any]:
    """Return an instance as a read shows it."""
    answer = call(cloud, "DescribeInstances", {"InstanceIds": f'["{name}"]'})
    row: dict[str, Any] = answer["Instances"]["Instance"][0]
    return row


def eni_of(cloud: LocalCloud, name: str) -> dict[str, Any]:
    """Return the first ENI of an instance as a read shows it."""
    answer = call(cloud, "DescribeNetworkInterfaces", {"InstanceId": name})
    row: dict[str, Any] = answer["NetworkInterfaceSets"]["NetworkInterfaceSet"][0]
    return row


def test_a_launch_goes_through_its_states(cloud: LocalCloud, clock: ManualClock) -> None:
    """Pending, Starting, Running; its primary ENI is Attaching first and InUse then."""
    (name,) = launch(cloud)
    seen = []
    for _ in range(3):
        seen.append((row_of(cloud, name)["Status"], eni_of(cloud, name)["Status"]))
        clock.advance(TRANSITION_SECONDS)

    assert seen == [("Pending", "Attaching"), ("Starting", "InUse"), ("Running", "InUse")]


def test_several_are_launched_alike(cloud: LocalCloud) -> None:
    """Name, tags, type and place are those asked; each has a primary ENI of its own."""
    asked = {"Amount": 3, "InstanceName": "web", "Tag": [{"Key": "a", "Value": "b"}]}
    rows = [row_of(cloud, name) for name in launch(cloud, **asked)]

    assert [row["InstanceName"] for row in rows] == ["web"] * 3
    assert [row["Tags"]["Tag"] for row in rows] == [[{"TagKey": "a", "TagValue": "b"}]] * 3
    assert [row["VpcAttributes"]["VSwitchId"] for row in rows] == ["vsw-a"] * 3
    addresses = [row["VpcAttributes"]["PrivateIpAddress"]["IpAddress"][0] for row in rows]
    assert addresses == ["10.0.0.4", "10.0.0.5", "10.0.0.6"]


def test_all_or_none_are_launched(cloud: LocalCloud) -> None:
    """Four addresses are no room for five instances, and none of the four is taken."""
    before = cloud.state()
    asked = {**LAUNCH, "VSwitchId": "vsw-tight", "Amount": 5}

    assert refusal_of(cloud, "RunInstances", asked) == (403, "InvalidVSwitchId.IpNotEnough")
    assert cloud.state() == before
    assert len(launch(cloud, VSwitchId="vsw-tight", Amount=4)) == 4


def test_a_token_launches_once(cloud: LocalCloud) -> None:
    """The same token and parameters give the same instances."""
    assert launch(cloud, ClientToken="t") == launch(cloud, ClientToken="t")


def test_addresses_wait_for_the_instance(cloud: LocalCloud, clock: ManualClock) -> None:
    """A primary ENI takes addresses when it is InUse and its instance is Running."""
    (name,) = launch(cloud)
    primary = eni_of(cloud, name)["NetworkInterfaceId"]
    refused = []
    for _ in range(2):
        refused.append(assign_refusal(cloud, {COUNT: 1}, primary).code)
        clock.advance(TRANSITION_SECONDS)

    assert refused == ["InvalidOperation.InvalidEniState", "InvalidOperation.InvalidEcsState"]
    assert len(assign(cloud, {COUNT: 1}, primary)) == 1


def test_a_stop_and_a_start_take_their_time(cloud: LocalCloud, clock: ManualClock) -> None:
    """Stopping, Stopped, Starting, Running."""
    seen = []
    for action in ("StopInstance", "StartInstance"):
        call(cloud, action, {"InstanceId": INSTANCE})
        seen.append(row_of(cloud, INSTANCE)["Status"])
        clock.advance(TRANSITION_SECONDS)
        seen.append(row_of(cloud, INSTANCE)["Status"])

    assert seen == ["Stopping", "Stopped", "Starting", "Running"]


@pytest.mark.parametrize(("name", "how"), [(INSTANCE, {"Force": True}), ("i-off", {})])
def test_a_release_takes_the_enis_along(
    cloud: LocalCloud, clock: ManualClock, name: str, how: dict[str, Any]
) -> None:
    """The instance is Stopping, its ENIs Deleting; then all are gone and their addresses free."""
    roomy = cloud.state()["vswitches"][0]["available"]
    held = sum(len(each["enis"]) for each in cloud.state()["instances"] if each["id"] == name)
    call(cloud, "DeleteInstance", {"InstanceId": name, **how})
    assert row_of(cloud, name)["Status"] == "Stopping"
    assert eni_of(cloud, name)["Status"] == "Deleting"
    clock.advance(TRANSITION_SECONDS)
    state = cloud.state()
    assert name not in {each["id"] for each in state["instances"]}
    assert state["enis"] == []
    assert state["vswitches"][0]["available"] == roomy + held


def test_tags_are_added_and_replaced(cloud: LocalCloud, clock: ManualClock) -> None:
    """Also while the thing is becoming something else."""
    call(cloud, "StopInstance", {"InstanceId": INSTANCE})
    for value in ("1", "2"):
        tags = [{"Key": "a", "Value": value}, {"Key": f"k{value}", "Value": ""}]
        asked = {"ResourceType": "instance", "ResourceId": [INSTANCE], "Tag": tags}
        call(cloud, "TagResources", asked)
    asked = {"ResourceType": "eni", "ResourceId": ["eni-a"], "Tag": [{"Key": "a", "Value": "b"}]}
    call(cloud, "TagResources", asked)
    clock.advance(TRANSITION_SECONDS)
    found = next(each for each in cloud.state()["instances"] if each["id"] == INSTANCE)
    assert found["tags"] == {"a": "2", "k1": "", "k2": ""}
    assert {each["id"]: each["tags"] for each in found["enis"]}["eni-a"] == {"a": "b"}


def test_nothing_is_tagged_when_something_is_missing(cloud: LocalCloud) -> None:
    """An id that is not there spoils the call for all."""
    before = cloud.state()
    asked = {"ResourceType": "eni", "ResourceId": ["eni-a", "eni-none"], "Tag": [{"Key": "a"}]}
    assert refusal_of(cloud, "TagResources", asked) == (404, "InvalidResourceId.NotFound")
    assert cloud.state() == before


@pytest.mark.parametrize(
    ("action", "name", "expected"),
    [
        ("DeleteInstance", INSTANCE, (403, "IncorrectInstanceStatus")),
        ("DeleteInstance", "i-none", (404, "InvalidInstanceId.NotFound")),
        ("StartInstance", INSTANCE, (403, "IncorrectInstanceStatus")),
        ("StopInstance", "i-off", (403, "IncorrectInstanceStatus")),
        ("StopInstance", "i-none", (404, "InvalidInstanceId.NotFound")),
        ("StartInstance", None, (400, "MissingParameter")),
    ],
)
def test_what_cannot_be_started_or_stopped(
    cloud: LocalCloud, action: str, name: str | None, expected: tuple[int, str]
) -> None:
    """Only what is stopped can be started, and the other way round."""
    assert refusal_of(cloud, action, {"InstanceId": name}) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"InstanceType": "ecs.none.large"}, (403, "InvalidInstanceType.ValueNotSupported")),
        ({"VSwitchId": "vsw-none"}, (404, "InvalidVSwitchId.NotFound")),
        ({"SecurityGroupId": "sg-none"}, (404, "InvalidSecurityGroupId.NotFound")),
        ({"ImageId": None}, (400, "MissingParameter")),
        ({"Amount": 0}, (400, "InvalidParameter")),
        ({"Amount": 101}, (400, "InvalidParameter")),
        ({"Amount": 2, "PrivateIpAddress": "10.0.0.9"}, (400, "InvalidParameter")),
        ({"PrivateIpAddress": "10.0.0.1"}, (400, "InvalidPrivateIpAddress.Duplicated")),
        ({"KeyPairName": "unserved"}, (400, "UnsupportedParameter")),
    ],
    ids=str,
)
def test_what_cannot_be_launched(
    cloud: LocalCloud, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Each obstacle has its code, and nothing is launched."""
    before = cloud.state()

    assert refusal_of(cloud, "RunInstances", {**LAUNCH, **changes}) == expected
    assert cloud.state() == before
