"""The state as ``GET /_localcloud/state`` shows it: a world file that can be loaded again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.actions import Json
    from localcloud.model import Eni, Instance, LifecycleAction, VSwitch
    from localcloud.state import Cloud

_AS_GIVEN = (
    "access_keys",
    "instance_types",
    "quotas",
    "read_lag_seconds",
    "token_seconds",
    "remember_failures",
    "mismatch_refused",
    "prefixes_supported",
)


def snapshot(cloud: Cloud, source: Mapping[str, Any]) -> Json:
    """Return the state in the shape of the world; ``source`` gives what never changes."""
    cloud.settle()
    return {
        "region": cloud.region,
        **{key: source[key] for key in _AS_GIVEN if key in source},
        "vswitches": [_vswitch(cloud, vswitch) for vswitch in cloud.vswitches.values()],
        "instances": [_instance(cloud, instance) for instance in cloud.instances.all()],
        "enis": [_eni(eni) for eni in cloud.enis.all() if not eni.instance_id],
        "lifecycle_actions": [
            _lifecycle_action(cloud, action) for action in cloud.lifecycle_actions.all()
        ],
    }


def _vswitch(cloud: Cloud, vswitch: VSwitch) -> Json:
    return {
        "id": vswitch.id,
        "cidr": vswitch.cidr,
        "zone": vswitch.zone,
        "vpc": vswitch.vpc,
        "reserved_prefixes": list(vswitch.reserved_prefixes),
        "available": cloud.pools[vswitch.id].available,
        **({"status": vswitch.status} if vswitch.status != "Available" else {}),
    }


def _instance(cloud: Cloud, instance: Instance) -> Json:
    group = {"scaling_group": instance.scaling_group} if instance.scaling_group else {}
    return {
        "id": instance.id,
        "type": instance.type,
        "status": instance.status,
        **group,
        **({"image": instance.image} if instance.image else {}),
        "tags": dict(instance.tags),
        "enis": [_eni(eni) for eni in cloud.view().enis_of(instance.id)],
    }


def _eni(eni: Eni) -> Json:
    return {
        "id": eni.id,
        "type": eni.type,
        "vswitch": eni.vswitch_id,
        "status": eni.status,
        "primary": eni.primary,
        "secondary": list(eni.secondary),
        "prefixes": list(eni.prefixes),
        "service_managed": eni.service_managed,
        "tags": dict(eni.tags),
        **({"name": eni.name} if eni.name else {}),
        **({"traffic_mode": eni.traffic_mode} if eni.traffic_mode != "Standard" else {}),
    }


def _lifecycle_action(cloud: Cloud, action: LifecycleAction) -> Json:
    status = action.status_at(cloud.clock.now())
    return {
        "hook_id": action.hook_id,
        "token": action.token,
        "scaling_group": action.scaling_group,
        "scaling_activity": action.scaling_activity,
        "instance_ids": list(action.instance_ids),
        "timeout": action.timeout,
        "default_result": action.default_result,
        "status": status,
        "result": None if status == "Pending" else action.effective_result,
        "heartbeats": action.heartbeats,
        **({"hook_name": action.hook_name} if action.hook_name != action.hook_id else {}),
    }
