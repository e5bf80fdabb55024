"""Answers have the documented shape: every name, and for every name its kind of value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.localcloud.products import ECS, ESS, VPC
from tests.localcloud.samples import ENI, eni, instance, lifecycle_action, vswitch, world
from tests.localcloud.sdk import COUNT, call
from tests.localcloud.testing import LocalCloud

if TYPE_CHECKING:
    from tests.localcloud.actions import Product

SHAPES = json.loads((Path(__file__).parent / "shapes.json").read_text(encoding="utf-8"))
"""Names and kinds of the reference pages' sample answers."""

WORLD = world(
    vswitches=[vswitch(reserved_prefixes=["10.0.0.64/28"])],
    instances=[
        instance(
            enis=[
                eni("eni-p", "Primary", tags={"a": "b"}),
                eni(secondary=2, prefixes=["10.0.0.64/28"]),
            ],
            scaling_group="asg-a",
        )
    ],
    lifecycle_actions=[lifecycle_action()],
)

CALLS: dict[str, tuple[Product, dict[str, Any]]] = {
    "AssignPrivateIpAddresses": (ECS, {"NetworkInterfaceId": ENI, COUNT: 1}),
    "UnassignPrivateIpAddresses": (
        ECS,
        {"NetworkInterfaceId": ENI, "PrivateIpAddress": ["10.0.0.3"]},
    ),
    "DescribeNetworkInterfaces": (ECS, {}),
    "DescribeInstances": (ECS, {}),
    "DescribeInstanceTypes": (ECS, {"InstanceTypes": ["ecs.g7.xlarge"]}),
    "DescribeVSwitches": (VPC, {}),
    "DescribeScalingInstances": (ESS, {}),
    "DescribeLifecycleActions": (ESS, {"ScalingActivityId": "asa-a"}),
}


def differences(shape: Any, value: Any, path: str = "") -> list[str]:  # noqa: ANN401 - JSON
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


@pytest.mark.parametrize("action", CALLS)
def test_shape(action: str) -> None:
    """What a client finds on the reference page it finds here, and nothing else."""
    product, parameters = CALLS[action]
    with LocalCloud(WORLD) as cloud:
        answer = call(cloud, action, parameters, product=product)

    assert differences(SHAPES[action], answer) == []
