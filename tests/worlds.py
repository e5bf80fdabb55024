"""Small worlds for tests: a few words instead of a page of JSON."""

from __future__ import annotations

from typing import Any

World = dict[str, Any]

REGION = "cn-hangzhou"
GROUP = "asg-bp1webfleet00000001"
ACTIVITY = "asa-bp1scaleout00000001"
HOOK_ID = "ash-bp1scaleouthook0001"
HOOK_TOKEN = "9C2E9DA7-F794-449A-ACF6-CEE24444F7BB"
# ecs.g7.xlarge holds 4 ENIs of 15 addresses, the primary one included.
TYPE, QUANTITY = "ecs.g7.xlarge", 15
VSWITCH = "vsw-bp1app0000000000001"


def eni(eni_id: str, secondary: Any = 0, **more: Any) -> World:
    """A primary ENI unless its id or `type` says otherwise."""
    kind = "Secondary" if "second" in eni_id else "Primary"
    return {"id": eni_id, "type": kind, "vswitch": VSWITCH, "secondary": secondary} | more


def instance(name: str, *enis: World, **more: Any) -> World:
    """A running instance of the scaling group; with one empty primary ENI unless told otherwise."""
    return {
        "id": f"i-{name}",
        "type": TYPE,
        "status": "Running",
        "scaling_group": GROUP,
        "enis": list(enis) or [eni(f"eni-{name}")],
    } | more


def world(*instances: World, cidr: str = "10.0.0.0/22", **more: Any) -> World:
    """A region with one vSwitch, these instances, and a hook that waits for all of them."""
    vswitch = {"id": VSWITCH, "cidr": cidr, "zone": "cn-hangzhou-h", "vpc": "vpc-bp1test"}
    action = {
        "hook_id": HOOK_ID,
        "token": HOOK_TOKEN,
        "scaling_group": GROUP,
        "scaling_activity": ACTIVITY,
        "instance_ids": [each["id"] for each in instances],
        "timeout": 600,
        "default_result": "ABANDON",
    }
    return {
        "region": REGION,
        "vswitches": [vswitch],
        "instances": list(instances),
        "lifecycle_actions": [action],
    } | more


def hook_event(*instance_ids: str, **content: Any) -> World:
    """The message of a lifecycle hook for these instances."""
    return {
        "userId": "1690700000000030",
        "regionId": REGION,
        "resourceArn": f"acs:ess:{REGION}:1690700000000030:scalinggroup/{GROUP}",
        "content": {
            "lifecycleHookId": HOOK_ID,
            "lifecycleActionToken": HOOK_TOKEN,
            "lifecycleHookName": "secondary-ips",
            "scalingGroupId": GROUP,
            "scalingGroupName": "web",
            "lifecycleTransition": "SCALE_OUT",
            "defaultResult": "ABANDON",
            "requestId": "678A42DB-A9CE-44C7-95B0-9E4150E6308F",
            "scalingActivityId": ACTIVITY,
            "instanceIds": list(instance_ids),
        }
        | content,
    }


def running_event(instance_id: str) -> World:
    """ECS says that an instance is running."""
    return {
        "ver": "1.0",
        "id": "2256A988-0B26-4E2B-820A-8A0000000001",
        "product": "ECS",
        "resourceId": f"acs:ecs:{REGION}:1690700000000030:instance/{instance_id}",
        "level": "INFO",
        "name": "Instance:StateChange",
        "userId": "1690700000000030",
        "eventTime": "20261123T101826.922+0800",
        "regionId": REGION,
        "content": {
            "resourceId": instance_id,
            "resourceType": "ALIYUN::ECS::Instance",
            "state": "Running",
        },
    }
