"""The life of an instance, free of HTTP: run, stopped, started, and the steps between."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from localcloud.enis import (
    NewEni,
    begin_to_vanish,
    check_account_quota,
    check_security_groups,
    find_vswitch,
    furnish,
)
from localcloud.errors import ApiError, refusal
from localcloud.model import Instance, Tags
from localcloud.state import numbers

if TYPE_CHECKING:
    from localcloud.model import Eni
    from localcloud.state import Cloud

LAUNCH = ("Pending", "Starting", "Running")
"""What a new instance goes through (ECS, "Instance lifecycle")."""


@dataclass(frozen=True)
class Launch:
    """What the instances to be are like."""

    type: str
    primary_eni: NewEni
    amount: int = 1
    name: str = ""
    tags: Tags = field(default_factory=dict)
    image: str = ""


def run(cloud: Cloud, launch: Launch) -> tuple[str, ...]:
    """Begin to launch instances, all of them or none, each with its primary ENI."""
    if launch.type not in cloud.types:
        raise refusal("InvalidInstanceType.ValueNotSupported")
    find_vswitch(cloud, launch.primary_eni.vswitch_id)
    check_security_groups(launch.primary_eni.security_groups)
    check_account_quota(cloud, launch.amount)
    enis = _furnish_all(cloud, launch)
    return tuple(_launch(cloud, launch, eni) for eni in enis)


def start(cloud: Cloud, instance_id: str) -> None:
    """Begin to start a stopped instance."""
    _move(cloud, instance_id, ("Stopped", "Starting", "Running"))


def stop(cloud: Cloud, instance_id: str) -> None:
    """Begin to stop a running instance."""
    _move(cloud, instance_id, ("Running", "Stopping", "Stopped"))


def delete(cloud: Cloud, instance_id: str, *, force: bool) -> None:
    """Begin to release an instance, and with it the ENIs that hang on it (DeleteOnRelease)."""
    instance = _find(cloud, instance_id)
    enis = list(cloud.view().enis_of(instance_id))
    steady = ("Stopped", "Running") if force else ("Stopped",)
    if instance.status not in steady or any(eni.status != "InUse" for eni in enis):
        raise refusal("IncorrectInstanceStatus")
    cloud.put_instance(replace(instance, status="Stopping"))
    for eni in enis:
        begin_to_vanish(cloud, eni)
    moment = cloud.clock.now() + cloud.limits.transition
    cloud.agenda.plan(moment, lambda since: cloud.drop_instance(instance, since))


def _furnish_all(cloud: Cloud, launch: Launch) -> list[Eni]:
    enis: list[Eni] = []
    try:
        enis.extend(furnish(cloud, "Primary", launch.primary_eni) for _ in range(launch.amount))
    except ApiError:
        pool = cloud.pools[launch.primary_eni.vswitch_id]
        pool.release(numbers(eni.primary for eni in enis))
        raise
    return enis


def _launch(cloud: Cloud, launch: Launch, eni: Eni) -> str:
    instance = Instance(
        id=cloud.new_id("i", cloud.instances),
        type=launch.type,
        status=LAUNCH[0],
        tags=launch.tags,
        name=launch.name,
        image=launch.image,
    )
    now = cloud.clock.now()
    cloud.instances.add(instance.id, instance, since=now)
    cloud.add_eni(replace(eni, status="Attaching", instance_id=instance.id), now)
    attached = replace(eni, status="InUse", instance_id=instance.id)
    step = cloud.limits.transition
    cloud.agenda.plan(now + step, lambda since: cloud.put_eni(attached, since))
    for number, status in enumerate(LAUNCH[1:], start=1):
        _become(cloud, instance, status, now + number * step)
    return instance.id


def _find(cloud: Cloud, instance_id: str) -> Instance:
    instance = cloud.instances.get(instance_id)
    if instance is None:
        raise refusal("InvalidInstanceId.NotFound", f'The instance "{instance_id}" does not exist.')
    return instance


def _move(cloud: Cloud, instance_id: str, path: tuple[str, str, str]) -> None:
    instance = _find(cloud, instance_id)
    before, between, after = path
    if instance.status != before:
        raise refusal("IncorrectInstanceStatus")
    now = cloud.clock.now()
    cloud.put_instance(replace(instance, status=between), now)
    _become(cloud, instance, after, now + cloud.limits.transition)


def _become(cloud: Cloud, instance: Instance, status: str, moment: float) -> None:
    """Have an instance be in a state from a moment on; it may have been tagged by then."""

    def change(since: float) -> None:
        known = cloud.instances.get(instance.id) or instance
        cloud.put_instance(replace(known, status=status), since)

    cloud.agenda.plan(moment, change)
