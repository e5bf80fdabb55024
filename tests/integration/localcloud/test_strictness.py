"""Stricter than a client expects, never looser: for every action that is served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from localcloud.catalog import ACTIONS
from localcloud.model import SECURITY_GROUP
from localcloud.products import ECS, ESS, STS, VPC
from localcloud.samples import ENI, INSTANCE, TYPE, eni, instance, lifecycle_action, world
from localcloud.sdk import COUNT, call, refusal_of
from localcloud.testing import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcloud.actions import Product

HOOK = {"LifecycleHookId": "ash-a", "LifecycleActionToken": "token-a"}
LOWER_HOOK = {"lifecycleHookId": "ash-a", "lifecycleActionToken": "token-a"}
PLACE = {"VSwitchId": "vsw-a", "SecurityGroupId": SECURITY_GROUP}
PAIR = {"NetworkInterfaceId": ENI, "InstanceId": INSTANCE}
ROLE = {"RoleArn": "acs:ram::1:role/web", "RoleSessionName": "alice"}


class Valid(NamedTuple):
    """A call with all that its action needs, and what else it can take."""

    product: Product
    needed: dict[str, Any]
    more: dict[str, Any]


VALID = {
    "AssignPrivateIpAddresses": Valid(ECS, {"NetworkInterfaceId": ENI}, {COUNT: 1}),
    "UnassignPrivateIpAddresses": Valid(
        ECS, {"NetworkInterfaceId": ENI}, {"PrivateIpAddress": ["10.0.0.200"]}
    ),
    "DescribeNetworkInterfaces": Valid(ECS, {}, {}),
    "DescribeInstances": Valid(ECS, {}, {}),
    "DescribeInstanceTypes": Valid(ECS, {}, {}),
    "CreateNetworkInterface": Valid(ECS, PLACE, {}),
    "AttachNetworkInterface": Valid(ECS, {**PAIR, "NetworkInterfaceId": "eni-free"}, {}),
    "DetachNetworkInterface": Valid(ECS, PAIR, {}),
    "DeleteNetworkInterface": Valid(ECS, {"NetworkInterfaceId": "eni-free"}, {}),
    "RunInstances": Valid(ECS, {**PLACE, "ImageId": "an-image", "InstanceType": TYPE}, {}),
    "StartInstance": Valid(ECS, {"InstanceId": "i-off"}, {}),
    "StopInstance": Valid(ECS, {"InstanceId": INSTANCE}, {}),
    "DeleteInstance": Valid(ECS, {"InstanceId": "i-off"}, {}),
    "TagResources": Valid(
        ECS, {"ResourceType": "eni"}, {"ResourceId": [ENI], "Tag": [{"Key": "a", "Value": "b"}]}
    ),
    "DescribeVSwitches": Valid(VPC, {}, {}),
    "CompleteLifecycleAction": Valid(ESS, HOOK, {}),
    "RecordLifecycleActionHeartbeat": Valid(ESS, LOWER_HOOK, {}),
    "DescribeLifecycleActions": Valid(ESS, {"ScalingActivityId": "asa-a"}, {}),
    "DescribeLifecycleHooks": Valid(ESS, {}, {}),
    "DescribeScalingInstances": Valid(ESS, {}, {}),
    "AssumeRole": Valid(STS, ROLE, {}),
}

REGION_IS_NEEDED = set(ACTIONS) - {
    "DescribeInstanceTypes",
    "StartInstance",
    "StopInstance",
    "DeleteInstance",
    "CompleteLifecycleAction",
    "RecordLifecycleActionHeartbeat",
    "DescribeLifecycleActions",
    "AssumeRole",
}

NEEDED = [
    (action, name)
    for action, valid in VALID.items()
    for name in [*valid.needed, *(["RegionId"] if action in REGION_IS_NEEDED else [])]
]

WRONG_TYPES = [
    ("AssignPrivateIpAddresses", COUNT, "two", "InvalidSecondaryPrivateIpAddressCount.Malformed"),
    ("AssignPrivateIpAddresses", COUNT, "1.0", "InvalidSecondaryPrivateIpAddressCount.Malformed"),
    ("AssignPrivateIpAddresses", COUNT, "-1", "InvalidSecondaryPrivateIpAddressCount.Malformed"),
    ("AssignPrivateIpAddresses", "Ipv4PrefixCount", "one", "InvalidParameter"),
    ("AssignPrivateIpAddresses", "Ipv4PrefixCount", 11, "InvalidParameter"),
    ("AssignPrivateIpAddresses", "PrivateIpAddress", "10.0.0.9", "UnsupportedParameter"),
    ("AssignPrivateIpAddresses", "ClientToken", "é", "InvalidParameter"),
    ("AssignPrivateIpAddresses", "Ipv4Prefix", [f"10.0.0.{n}/28" for n in range(11)], "Inv"),
    ("UnassignPrivateIpAddresses", "PrivateIpAddress", ["10.0.0.9"] * 33, "InvalidParameter"),
    ("DescribeNetworkInterfaces", "ServiceManaged", "perhaps", "InvalidParameter"),
    ("DescribeNetworkInterfaces", "MaxResults", "many", "InvalidParameter"),
    ("DescribeNetworkInterfaces", "PageSize", 101, "InvalidParameter"),
    ("DescribeNetworkInterfaces", "PageNumber", 0, "InvalidParameter"),
    ("DescribeNetworkInterfaces", "NetworkInterfaceId", ["e"] * 101, "InvalidParameter"),
    ("DescribeNetworkInterfaces", "NetworkInterfaceId", ENI, "UnsupportedParameter"),
    ("DescribeInstances", "InstanceIds", INSTANCE, "InvalidParameter"),
    ("DescribeInstances", "InstanceIds", "[1]", "InvalidParameter"),
    ("DescribeInstances", "InstanceIds", "[]", "InvalidParameter"),
    ("DescribeInstances", "Status", "running", "InvalidParameter"),
    ("DescribeInstanceTypes", "InstanceTypes", ["t"] * 11, "InvalidParameter"),
    ("AttachNetworkInterface", "NetworkCardIndex", 1, "InvalidParameter"),
    ("AttachNetworkInterface", "WaitForNetworkConfigurationReady", "1", "InvalidParameter"),
    ("RunInstances", "Amount", "two", "InvalidParameter"),
    ("StopInstance", "ForceStop", "yes", "InvalidParameter"),
    ("StopInstance", "StoppedMode", "Later", "InvalidParameter"),
    ("DeleteInstance", "Force", "yes", "InvalidParameter"),
    ("TagResources", "ResourceType", "disk", "InvalidParameter"),
    ("TagResources", "ResourceId", [ENI] * 51, "InvalidParameter"),
    ("TagResources", "ResourceId", [], "MissingParameter"),
    ("TagResources", "Tag", [], "MissingParameter"),
    ("TagResources", "Tag", [{"Key": "acs:a", "Value": "b"}], "InvalidParameter"),
    ("DescribeLifecycleHooks", "PageSize", 51, "InvalidParameter"),
    ("DescribeLifecycleHooks", "LifecycleHookId", "ash-a", "UnsupportedParameter"),
    ("DescribeVSwitches", "PageSize", 51, "InvalidParameter"),
    ("CompleteLifecycleAction", "LifecycleActionResult", "GO", "InvalidParameter"),
    ("RecordLifecycleActionHeartbeat", "heartbeatTimeout", 29, "InvalidParameter"),
    ("DescribeLifecycleActions", "MaxResults", "ten", "InvalidParameter"),
    ("DescribeScalingInstances", "LifecycleStates", ["Asleep"], "InvalidParameter"),
    ("AssumeRole", "DurationSeconds", "1h", "InvalidParameter.DurationSeconds"),
]


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    """A local cloud in which every valid call can be performed once."""
    rich = world(
        instances=[
            instance(enis=[eni("eni-p", "Primary"), eni(secondary=["10.0.0.200"])]),
            instance("i-off", [eni("eni-off", "Primary")], status="Stopped"),
        ],
        enis=[eni("eni-free")],
        lifecycle_actions=[lifecycle_action()],
    )
    with LocalCloud(rich) as running:
        yield running


def refused(cloud: LocalCloud, action: str, **changes: Any) -> str:
    """Make a valid call with changes that make it none; return the code, nothing has changed."""
    product, needed, more = VALID[action]
    before = cloud.state()
    code = refusal_of(cloud, action, {**needed, **more, **changes}, product=product).code
    assert cloud.state() == before
    return code


def test_every_action_is_in_the_table() -> None:
    """An action that is added must be added here too."""
    assert set(VALID) == set(ACTIONS)


@pytest.mark.parametrize("action", VALID)
def test_valid_calls_are_performed(cloud: LocalCloud, action: str) -> None:
    """What the others are changed from is accepted as it is."""
    product, needed, more = VALID[action]

    assert call(cloud, action, {**needed, **more}, product=product)["RequestId"]


@pytest.mark.parametrize("action", VALID)
@pytest.mark.parametrize("name", ["Colour", "OwnerId", "PrivateIpAddres.1", "regionid"])
def test_an_unknown_parameter_is_refused(cloud: LocalCloud, action: str, name: str) -> None:
    """The cloud ignores it; here a misspelt name is found by the first call."""
    assert refused(cloud, action, **{name: "red"}) == "UnsupportedParameter"


@pytest.mark.parametrize(("action", "name"), NEEDED)
def test_what_is_needed_must_be_given(cloud: LocalCloud, action: str, name: str) -> None:
    """Each parameter that is mandatory is missed when it is not there, or empty."""
    assert refused(cloud, action, **{name: None}) == "MissingParameter"
    assert refused(cloud, action, **{name: ""}) == "MissingParameter"


@pytest.mark.parametrize(("action", "name", "value", "code"), WRONG_TYPES)
def test_a_wrong_type_is_refused(
    cloud: LocalCloud, action: str, name: str, value: object, code: str
) -> None:
    """Words for numbers, one value for a list, lists that are too long, states that are none."""
    assert refused(cloud, action, **{name: value}).startswith(code)


@pytest.mark.parametrize("action", sorted(REGION_IS_NEEDED))
def test_another_region_is_refused(cloud: LocalCloud, action: str) -> None:
    """One local cloud is one region."""
    assert refused(cloud, action, RegionId="cn-beijing") == "Forbidden.RegionId"
