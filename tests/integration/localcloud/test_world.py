"""A world that cannot be is refused, and the complaint leads to the field."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.clock import ManualClock
from localcloud.founding import found_cloud
from localcloud.samples import eni, instance, lifecycle_action, vswitch, world
from localcloud.schema import InvalidInput
from localcloud.service import Service
from localcloud.world import read_world

TIGHT = vswitch(cidr="10.0.0.0/29")

BAD: list[tuple[Any, str]] = [
    ([], "the file: must be an object"),
    ({}, "region: is required"),
    ({"region": 7}, "region: must be a string"),
    (world(zones=[]), "zones: unknown field"),
    (world(functions=[{"name": "f"}]), "functions[0].code: is required"),
    (world(quotas={"Nothing": 1}), "quotas.Nothing: no such action"),
    (world(quotas={"DescribeInstances": -1}), "quotas.DescribeInstances: must be between"),
    (world(read_lag_seconds=601), "read_lag_seconds: must be between"),
    (world(token_seconds="x"), "token_seconds: must be a number"),
    (world(remember_failures="yes"), "remember_failures: must be true or false"),
    (world(access_keys=[{"id": "a"}]), "access_keys[0].secret: is required"),
    (
        world(access_keys=[{"id": "a", "secret": "b", "status": "Lost"}]),
        "access_keys[0].status: must be one of Active, Inactive",
    ),
    (world(prefixes_supported="no"), "prefixes_supported: must be true or false"),
    (world(vswitches=[vswitch(status="Gone")]), "vswitches[0].status: must be one of"),
    (world(enis=[{**eni("eni-x"), "name": 1}]), "enis[0].name: must be a string"),
    (world(access_keys=[{"id": "a", "secret": "b"}] * 2), "access_keys[1]: a stands twice"),
    (world(instance_types={"ecs.x.large": [1]}), "instance_types.ecs.x.large: must be ["),
    (world(instance_types={"ecs.x.large": [0, 1]}), "instance_types.ecs.x.large[0]: must be"),
    (world(vswitches={}), "vswitches: must be a list"),
    (world(vswitches=[vswitch(cidr="10.0.0.1/24")]), "vswitches[0].cidr: 10.0.0.1/24 has host"),
    (world(vswitches=[vswitch(cidr="10.0.0.0/30")]), "vswitches[0].cidr: the mask must be"),
    (world(vswitches=[vswitch(cidr="10.0.0.0/15")]), "vswitches[0].cidr: the mask must be"),
    (world(vswitches=[vswitch(), vswitch("vsw-b")]), "vswitches[1].cidr: overlaps vsw-a"),
    (world(vswitches=[vswitch(), vswitch()]), "vswitches[1]: vsw-a stands twice"),
    (
        world(vswitches=[vswitch(reserved_prefixes=["10.1.0.0/28"])]),
        "vswitches[0].reserved_prefixes[0]: lies outside",
    ),
    (
        world(vswitches=[vswitch(reserved_prefixes=["10.0.0.0/29"])]),
        "vswitches[0].reserved_prefixes[0]: the mask must be",
    ),
    (
        world(vswitches=[vswitch(reserved_prefixes=["10.0.0.0/27", "10.0.0.16/28"])]),
        "vswitches[0].reserved_prefixes[1]: overlaps",
    ),
    (world(instances=[instance(type="ecs.none.large")]), "instances[0].type: ecs.none.large is"),
    (world(instances=[instance(status="Sleeping")]), "instances[0].status: must be one of"),
    (world(instances=[instance(), instance(enis=[])]), "instances[1]: i-a stands twice"),
    (world(instances=[instance(tags={"a": 1})]), "instances[0].tags.a: must be a string"),
    (
        world(instances=[instance(enis=[eni(f"eni-{n}") for n in range(5)])]),
        "instances[0].enis[4]: ecs.g7.xlarge takes 4 ENIs",
    ),
    (
        world(instances=[instance(enis=[eni("a", "Primary"), eni("b", "Primary")])]),
        "instances[0].enis[1].type: an instance has one Primary ENI",
    ),
    (
        world(instances=[instance(enis=[eni(vswitch="vsw-none")])]),
        "instances[0].enis[0].vswitch: vsw-none is not declared",
    ),
    (
        world(instances=[instance(enis=[eni(status="Available")])]),
        "instances[0].enis[0].status: an attached ENI is not Available",
    ),
    (
        world(instances=[instance(enis=[eni(secondary=15)])]),
        "instances[0].enis[0]: holds 15 of at most 14",
    ),
    (
        world(instances=[instance(enis=[eni(secondary="3")])]),
        "instances[0].enis[0].secondary: must be a list",
    ),
    (
        world(instances=[instance(enis=[eni(secondary=-1)])]),
        "instances[0].enis[0].secondary: must be between",
    ),
    (
        world(instances=[instance(enis=[eni(secondary=["10.0.0"])])]),
        "instances[0].enis[0].secondary[0]: Expected 4 octets",
    ),
    (
        world(instances=[instance(enis=[eni(secondary=["10.0.0.254"])])]),
        "instances[0].enis[0].secondary[0]: 10.0.0.254 cannot be used in vsw-a",
    ),
    (
        world(instances=[instance(enis=[eni(primary="10.0.0.9", secondary=["10.0.0.9"])])]),
        "instances[0].enis[0].secondary[0]: 10.0.0.9 is held twice",
    ),
    (
        world(instances=[instance(enis=[eni(prefixes=["10.0.0.0/28"])])]),
        "instances[0].enis[0].prefixes[0]: 10.0.0.0/28 is not within",
    ),
    (
        world(vswitches=[TIGHT], instances=[instance(enis=[eni(secondary=4)])]),
        "instances[0].enis[0].secondary: 10.0.0.0/29 has only 3 addresses left",
    ),
    (
        world(vswitches=[TIGHT], enis=[eni(f"eni-{n}") for n in range(3)]),
        "enis[2].primary: 10.0.0.0/29 has only 0 addresses left",
    ),
    (world(enis=[eni("eni-x", "Primary")]), "enis[0].type: a Primary ENI belongs to an instance"),
    (world(enis=[eni("eni-x", status="InUse")]), "enis[0].status: an ENI that is attached to"),
    (world(enis=[eni()]), "enis[0]: eni-a stands twice"),
    (world(enis=[eni("eni-x", secondary=51)]), "enis[0]: holds 51 of at most 50"),
    (
        world(lifecycle_actions=[lifecycle_action(timeout=29)]),
        "lifecycle_actions[0].timeout: must be between 30 and 21600",
    ),
    (
        world(lifecycle_actions=[lifecycle_action(default_result="GO")]),
        "lifecycle_actions[0].default_result: must be one of",
    ),
    (
        world(lifecycle_actions=[lifecycle_action()] * 2),
        "lifecycle_actions[1]: token-a stands twice",
    ),
]


@pytest.mark.parametrize(("source", "complaint"), BAD, ids=[complaint for _, complaint in BAD])
def test_bad_worlds(source: Any, complaint: str) -> None:
    """Every field is checked, and the path of the first bad one leads the complaint."""
    with pytest.raises(InvalidInput) as caught:
        Service(source)

    assert str(caught.value).startswith(complaint)


def test_only_the_region_is_needed() -> None:
    """Without anything else, the region is empty."""
    state = Service({"region": "eu-central-1"}).run.state()

    assert state == {
        "region": "eu-central-1",
        "vswitches": [],
        "instances": [],
        "enis": [],
        "lifecycle_actions": [],
    }


def test_addresses_are_chosen_the_same_way_every_time() -> None:
    """Named addresses first, then primaries in file order, then counted secondaries."""
    source = world(
        instances=[
            instance(enis=[eni("eni-p", "Primary", secondary=2), eni(secondary=["10.0.0.1"])]),
            instance("i-b", [eni("eni-b", "Primary", primary="10.0.0.3", secondary=1)]),
        ],
        enis=[eni("eni-free", secondary=1)],
    )

    cloud = found_cloud(read_world(source), ManualClock())

    held = {one.id: (one.primary, one.secondary) for one in cloud.enis.all()}
    assert held == {
        "eni-p": ("10.0.0.2", ("10.0.0.6", "10.0.0.7")),
        "eni-a": ("10.0.0.4", ("10.0.0.1",)),
        "eni-b": ("10.0.0.3", ("10.0.0.8",)),
        "eni-free": ("10.0.0.5", ("10.0.0.9",)),
    }
