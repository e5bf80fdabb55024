"""The life of an ENI, free of HTTP: created, attached, detached, deleted, and the steps between.

Lookup precedes state precedes capacity, as for assigning addresses. A call does everything or
nothing; what takes time is planned, and happens when the cloud's clock gets there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from localcloud.addresses import to_number
from localcloud.assignment import (
    Wish,
    allot,
    check_address,
    check_ownership,
    check_vswitch,
    choose_addresses,
    find_eni,
)
from localcloud.errors import ApiError, refusal
from localcloud.model import SECURITY_GROUP, Eni, Instance, Tags, VSwitch
from localcloud.state import Cloud, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

_INSTANCE_ID = re.compile(r"i-[A-Za-z0-9-]{1,64}")

STEADY = ("Running", "Stopped")
"""States of an instance in which its ENIs may change (AttachNetworkInterface, "Notes")."""


@dataclass(frozen=True)
class NewEni:
    """What an ENI to be is like; without a primary address the lowest free one is taken."""

    vswitch_id: str
    security_groups: tuple[str, ...] = (SECURITY_GROUP,)
    primary: str = ""
    wish: Wish = field(default_factory=Wish)
    name: str = ""
    tags: Tags = field(default_factory=dict)


def create(cloud: Cloud, new: NewEni) -> Eni:
    """Create an ENI that is attached to nothing."""
    find_vswitch(cloud, new.vswitch_id)
    check_security_groups(new.security_groups)
    check_account_quota(cloud, 1)
    eni = furnish(cloud, "Secondary", new)
    now = cloud.clock.now()
    shown = replace(eni, status="Creating") if cloud.limits.creating else eni
    cloud.add_eni(shown, now)
    cloud.agenda.plan(now + cloud.limits.creating, lambda since: cloud.put_eni(eni, since))
    return shown


def furnish(cloud: Cloud, kind: str, new: NewEni) -> Eni:
    """Return an ENI with its addresses, which are taken now, or raise and take nothing."""
    check_vswitch(cloud.vswitches[new.vswitch_id])
    pool = cloud.pools[new.vswitch_id]
    if new.primary:
        check_address(pool, new.primary)
    primary = new.primary or choose_addresses(new.vswitch_id, pool, 1)[0]
    pool.take([to_number(primary)])
    eni = Eni(
        id=cloud.new_id("eni", cloud.enis),
        type=kind,
        vswitch_id=new.vswitch_id,
        status="Available",
        primary=primary,
        tags=new.tags,
        name=new.name,
    )
    try:
        return allot(cloud, eni, new.wish).on(eni)
    except ApiError:
        pool.release([to_number(primary)])
        raise


def attach(cloud: Cloud, eni_id: str, instance_id: str) -> None:
    """Begin to attach an ENI to an instance."""
    eni = find_eni(cloud, eni_id)
    instance = find_instance(cloud, instance_id)
    check_ownership(eni)
    _check_type(eni, "Secondary")
    _check_status(eni, "Available")
    check_steady(instance)
    _check_neighbourhood(cloud, eni, instance)
    _check_room_on(cloud, eni, instance)
    cloud.put_eni(replace(eni, status="Attaching", instance_id=instance.id))
    _later(cloud, eni, status="InUse", instance_id=instance.id)


def detach(cloud: Cloud, eni_id: str, instance_id: str) -> None:
    """Begin to detach an ENI from its instance; it keeps its addresses."""
    eni = find_eni(cloud, eni_id)
    instance = find_instance(cloud, instance_id)
    check_ownership(eni)
    if eni.type == "Primary":
        raise refusal(
            "InvalidOperation.DetachPrimaryEniNotAllowed", f"{eni.id} is the primary ENI."
        )
    _check_type(eni, "Secondary")
    _check_status(eni, "InUse")
    if eni.instance_id != instance.id:
        raise refusal(
            "InvalidOperation.InvalidEniState", f"{eni.id} is not attached to {instance.id}."
        )
    check_steady(instance)
    cloud.put_eni(replace(eni, status="Detaching"))
    _later(cloud, eni, status="Available", instance_id="")


def delete(cloud: Cloud, eni_id: str) -> None:
    """Begin to delete an ENI; its addresses are free when it is gone."""
    eni = find_eni(cloud, eni_id)
    check_ownership(eni)
    _check_status(eni, "Available")
    begin_to_vanish(cloud, eni)


def begin_to_vanish(cloud: Cloud, eni: Eni) -> None:
    """Have an ENI be Deleting now and gone in a moment; only then its addresses are free."""
    cloud.put_eni(replace(eni, status="Deleting"))

    def vanish(moment: float) -> None:
        pool = cloud.pools[eni.vswitch_id]
        pool.release(numbers((eni.primary, *eni.secondary)))
        pool.release_prefixes(eni.networks)
        cloud.drop_eni(eni, moment)

    cloud.agenda.plan(cloud.clock.now() + cloud.limits.transition, vanish)


def find_instance(cloud: Cloud, instance_id: str) -> Instance:
    """Return the instance; a name that none can have is malformed, any other is not found."""
    instance = cloud.instances.get(instance_id)
    if instance is not None:
        return instance
    if not _INSTANCE_ID.fullmatch(instance_id):
        raise refusal("InvalidInstanceID.Malformed", f'"{instance_id}" is no instance id.')
    raise refusal(
        "InvalidEcsId.NotFound", f'The specified InstanceId "{instance_id}" is not found.'
    )


def find_vswitch(cloud: Cloud, vswitch_id: str) -> VSwitch:
    """Return the vSwitch, or raise that there is none."""
    vswitch = cloud.vswitches.get(vswitch_id)
    if vswitch is None:
        raise refusal(
            "InvalidVSwitchId.NotFound", f'The specified VSwitchId "{vswitch_id}" is not found.'
        )
    return vswitch


def check_security_groups(names: Iterable[str]) -> None:
    """Raise unless the names are those of the one security group that there is."""
    for name in names:
        if name != SECURITY_GROUP:
            raise refusal(
                "InvalidSecurityGroupId.NotFound",
                f'The specified SecurityGroupId "{name}" is not found.',
            )


def check_steady(instance: Instance) -> None:
    """Raise while an instance is on its way from one state to another."""
    if instance.status not in STEADY:
        raise refusal("InvalidOperation.InvalidEcsState", f"{instance.id} is {instance.status}.")


def _check_type(eni: Eni, wanted: str) -> None:
    if eni.type != wanted:
        raise refusal("InvalidOperation.InvalidEniType", f"{eni.id} is a {eni.type} ENI.")


def _check_status(eni: Eni, wanted: str) -> None:
    if eni.status != wanted:
        raise refusal(
            "InvalidOperation.InvalidEniState", f"{eni.id} is {eni.status}, not {wanted}."
        )


def _check_neighbourhood(cloud: Cloud, eni: Eni, instance: Instance) -> None:
    """Compare with the instance's first ENI: VPC and zone must be the same."""
    for other in list(cloud.view().enis_of(instance.id))[:1]:
        home, place = cloud.vswitches[other.vswitch_id], cloud.vswitches[eni.vswitch_id]
        if home.vpc != place.vpc:
            raise refusal("InvalidOperation.VpcMismatch", f"{eni.id} is in {place.vpc}.")
        if home.zone != place.zone:
            raise refusal(
                "InvalidOperation.AvailabilityZoneMismatch", f"{eni.id} is in {place.zone}."
            )


def _check_room_on(cloud: Cloud, eni: Eni, instance: Instance) -> None:
    kind = cloud.types[instance.type]
    if len(list(cloud.view().enis_of(instance.id))) >= kind.enis:
        raise refusal("EniPerInstanceLimitExceeded", f"{kind.id} takes {kind.enis} ENIs.")
    if eni.slots_used > kind.addresses_per_eni:
        raise refusal(
            "InvalidOperation.Ipv4CountExceeded",
            f"{eni.id} holds {eni.slots_used} IPv4 addresses, {kind.id} takes "
            f"{kind.addresses_per_eni}.",
        )


def check_account_quota(cloud: Cloud, more: int) -> None:
    """Raise if the account cannot have so many more ENIs."""
    limit, held = cloud.limits.account_enis, sum(1 for _ in cloud.enis.all())
    if held + more > limit:
        raise refusal("MaxEniCountExceeded", f"The account has {held} ENIs of at most {limit}.")


def _later(cloud: Cloud, eni: Eni, **changes: Any) -> None:
    """Have an ENI change so when its transition is over; it may have been tagged by then."""
    moment = cloud.clock.now() + cloud.limits.transition

    def change(since: float) -> None:
        cloud.put_eni(replace(cloud.enis.get(eni.id) or eni, **changes), since)

    cloud.agenda.plan(moment, change)
