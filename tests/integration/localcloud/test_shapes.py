"""Answers have the documented shape: every name, and for every name its kind of value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alibabacloud_ecs20140526 import models

from localcloud.model import SECURITY_GROUP
from localcloud.products import ECS, ESS, STS, VPC
from localcloud.samples import ENI, eni, instance, lifecycle_action, vswitch, world
from localcloud.sdk import COUNT, call
from localcloud.testing import LocalCloud

if TYPE_CHECKING:
    from localcloud.actions import Product

SHAPES = json.loads((Path(__file__).parent / "shapes.json").read_text(encoding="utf-8"))
"""Names and kinds of the reference pages' sample answers."""

WORLD = world(
    vswitches=[vswitch(reserved_prefixes=["10.0.0.64/27"])],
    instances=[
        instance(
            enis=[
                eni("eni-p", "Primary", tags={"a": "b"}),
                eni(secondary=2, prefixes=["10.0.0.64/28"]),
            ],
            scaling_group="asg-a",
        ),
        instance("i-off", [eni("eni-off", "Primary")], status="Stopped"),
    ],
    enis=[eni("eni-free")],
    lifecycle_actions=[lifecycle_action()],
)

CALLS: dict[str, tuple[Product, dict[str, Any]]] = {
    "AssignPrivateIpAddresses": (ECS, {"NetworkInterfaceId": ENI, COUNT: 1}),
    "UnassignPrivateIpAddresses": (
        ECS,
        {"NetworkInterfaceId": ENI, "PrivateIpAddress": ["10.0.0.5"]},
    ),
    "DescribeNetworkInterfaces": (ECS, {}),
    "DescribeInstances": (ECS, {}),
    "DescribeInstanceTypes": (ECS, {"InstanceTypes": ["ecs.g7.xlarge"]}),
    "DescribeVSwitches": (VPC, {}),
    "DescribeScalingInstances": (ESS, {}),
    "DescribeLifecycleActions": (ESS, {"ScalingActivityId": "asa-a"}),
    "DescribeLifecycleHooks": (ESS, {}),
    "AssumeRole": (STS, {"RoleArn": "acs:ram::1:role/web", "RoleSessionName": "alice"}),
}


def differences(shape: Any, value: Any, path: str = "") -> list[str]:
    """Return where a value departs from a shape."""
    if isinstance(shape, dict) and isinstance(value, dict):
        odd = [f"{path}.{name}" for name in shape.keys() ^ value.keys()]
        return odd + [
            text
            for name in shape.keys() & value.keys()
            for text in differences(shape[name], value[name], f"{path}.{name}")
        ]
    if isinstance(shape, list) and isinstance(value, list):
        return [text for item in value if shape for text in differences(shape[0], item, path)]
    return [] if kind_of(value) == shape else [f"{path}: {kind_of(value)}, not {shape}"]


def kind_of(value: object) -> str:
    """Return the JSON name of a value's type."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else type(value).__name__


PLACE = {"VSwitchId": "vsw-a", "SecurityGroupId": SECURITY_GROUP}
PAIR = {"NetworkInterfaceId": ENI, "InstanceId": "i-a"}

TYPED: dict[str, dict[str, Any]] = {
    **{action: asked for action, (product, asked) in CALLS.items() if product is ECS},
    "CreateNetworkInterface": {
        **PLACE,
        COUNT: 1,
        "Ipv4Prefix": ["10.0.0.80/28"],
        "Tag": [{"Key": "a", "Value": "b"}],
    },
    "AttachNetworkInterface": {**PAIR, "NetworkInterfaceId": "eni-free"},
    "DetachNetworkInterface": PAIR,
    "DeleteNetworkInterface": {"NetworkInterfaceId": "eni-free"},
    "RunInstances": {**PLACE, "ImageId": "an-image", "InstanceType": "ecs.g7.large"},
    "StartInstance": {"InstanceId": "i-off"},
    "StopInstance": {"InstanceId": "i-a"},
    "DeleteInstance": {"InstanceId": "i-off"},
    "TagResources": {
        "ResourceType": "eni",
        "ResourceId": [ENI],
        "Tag": [{"Key": "a", "Value": "b"}],
    },
}
"""ECS calls, also of those actions of which there is no sample answer."""


@pytest.mark.parametrize("action", TYPED)
def test_the_sdk_s_models_know_every_field(action: str) -> None:
    """What is answered goes through the typed model of the SDK without a loss."""
    with LocalCloud(WORLD) as cloud:
        answer = call(cloud, action, TYPED[action])

    model = getattr(models, f"{action}ResponseBody")()
    assert model.from_map(answer).to_map() == answer


@pytest.mark.parametrize("action", CALLS)
def test_shape(action: str) -> None:
    """What a client finds on the reference page it finds here, and nothing else."""
    product, parameters = CALLS[action]
    with LocalCloud(WORLD) as cloud:
        answer = call(cloud, action, parameters, product=product)

    assert differences(SHAPES[action], answer) == []
