"""ECS: RunInstances, StartInstance, StopInstance and DeleteInstance as they stand on the wire.

RunInstances takes what says where and how many; disks, images and prices are not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.ecs_enis import read_primary, read_security_groups
from localcloud.enis import NewEni
from localcloud.instances import Launch, delete, run, start, stop
from localcloud.parameters import Given, invalid
from localcloud.products import ECS

if TYPE_CHECKING:
    from localcloud.actions import Json
    from localcloud.state import Cloud

MOST_INSTANCES = 100
"""Amount (RunInstances)."""


def _read_launch(given: Given) -> Launch:
    given.region()
    image = given.required("ImageId")
    launch = Launch(
        type=given.required("InstanceType"),
        primary_eni=NewEni(
            vswitch_id=given.required("VSwitchId"),
            security_groups=read_security_groups(given),
            primary=read_primary(given, "PrivateIpAddress"),
        ),
        amount=given.whole("Amount", 1, MOST_INSTANCES) or 1,
        name=given.text("InstanceName"),
        tags=dict(given.tags()),
        image=image,
    )
    if launch.primary_eni.primary and launch.amount > 1:
        raise invalid("PrivateIpAddress", "several instances cannot have the same address")
    return launch


@ECS.writes("RunInstances", _read_launch, idempotent=True)
def run_instances(cloud: Cloud, ask: Launch) -> Json:
    """Begin to launch instances."""
    ids = run(cloud, ask)
    # Like the ids, the order's number is the same in every run.
    order = f"2{int(ids[0][-14:]):014d}"
    return {"OrderId": order, "TradePrice": 0.0, "InstanceIdSets": {"InstanceIdSet": list(ids)}}


def _read_start(given: Given) -> str:
    # The page knows no RegionId, but older SDKs send one with every call.
    given.region(required=False)
    return given.required("InstanceId")


def _read_stop(given: Given) -> str:
    given.flag("ForceStop")
    given.choice("StoppedMode", ("StopCharging", "KeepCharging"))
    return _read_start(given)


@ECS.writes("StartInstance", _read_start, locks="InstanceId")
def start_instance(cloud: Cloud, instance_id: str) -> Json:
    """Begin to start an instance."""
    start(cloud, instance_id)
    return {}


@ECS.writes("StopInstance", _read_stop, locks="InstanceId")
def stop_instance(cloud: Cloud, instance_id: str) -> Json:
    """Begin to stop an instance."""
    stop(cloud, instance_id)
    return {}


@dataclass(frozen=True)
class Release:
    """Which instance is to be released; by force also a running one."""

    instance_id: str
    force: bool


def _read_delete(given: Given) -> Release:
    force = given.flag("Force") or False
    return Release(_read_start(given), force)


@ECS.writes("DeleteInstance", _read_delete, locks="InstanceId")
def delete_instance(cloud: Cloud, ask: Release) -> Json:
    """Begin to release an instance."""
    delete(cloud, ask.instance_id, force=ask.force)
    return {}
