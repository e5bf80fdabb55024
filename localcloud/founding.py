"""Building the cloud that a world describes: every address finds a place, or it is refused.

Addresses that the world names are placed first, then the primary addresses in file order, then the
secondary ones that are only counted: the same file always gives the same cloud.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from localcloud.addresses import AddressPool, to_number, to_text
from localcloud.keys import KeyRing
from localcloud.limits import DEFAULT_LIMITS, Limits, secondary_capacity
from localcloud.model import Eni, Instance, LifecycleAction
from localcloud.schema import InvalidInput
from localcloud.state import Cloud

if TYPE_CHECKING:
    from ipaddress import IPv4Network

    from localcloud.clock import Clock
    from localcloud.specs import EniSpec, LifecycleSpec, World


def found_cloud(world: World, clock: Clock, limits: Limits = DEFAULT_LIMITS) -> Cloud:
    """Return a cloud in which everything the world declares has always existed."""
    cloud = Cloud(world.region, clock, world.vswitches, world.types, limits)
    cloud.keys = KeyRing(world.access_keys)
    cloud.prefixes_supported = world.prefixes_supported
    for spec in world.instances:
        instance = Instance(spec.id, spec.type, spec.status, spec.scaling_group, spec.tags)
        cloud.instances.add(spec.id, replace(instance, image=spec.image))
    for eni in _place(cloud, world.enis):
        cloud.add_eni(eni)
    for action in world.lifecycle_actions:
        started = _start(action, clock.now())
        cloud.lifecycle_actions.add(started.key, started)
    cloud.open_books()
    return cloud


def _place(cloud: Cloud, specs: tuple[EniSpec, ...]) -> list[Eni]:
    for spec in specs:
        _take_named(cloud.pools[spec.vswitch_id], spec)
    primaries = [
        spec.primary or _take_lowest(cloud.pools[spec.vswitch_id], 1, f"{spec.path}.primary")[0]
        for spec in specs
    ]
    return [_eni(cloud, spec, primary) for spec, primary in zip(specs, primaries, strict=True)]


def _eni(cloud: Cloud, spec: EniSpec, primary: str) -> Eni:
    pool = cloud.pools[spec.vswitch_id]
    counted = _take_lowest(pool, spec.automatic, f"{spec.path}.secondary")
    eni = Eni(
        id=spec.id,
        type=spec.type,
        vswitch_id=spec.vswitch_id,
        status=spec.status,
        primary=primary,
        secondary=spec.secondary + counted,
        prefixes=tuple(map(str, spec.prefixes)),
        instance_id=spec.instance_id,
        service_managed=spec.service_managed,
        tags=spec.tags,
        name=spec.name,
        traffic_mode=spec.traffic_mode,
    )
    _check_quota(cloud, eni, spec)
    return eni


def _check_quota(cloud: Cloud, eni: Eni, spec: EniSpec) -> None:
    # An ENI keeps what it holds when it is detached: what is listed may be such a rest.
    if not (eni.instance_id or spec.automatic):
        return
    limit = secondary_capacity(cloud, eni)
    if eni.slots_used - 1 > limit:
        raise InvalidInput(f"{spec.path}: holds {eni.slots_used - 1} of at most {limit} addresses")


def _take_named(pool: AddressPool, spec: EniSpec) -> None:
    named = [("primary", spec.primary)] if spec.primary else []
    named += [(f"secondary[{index}]", text) for index, text in enumerate(spec.secondary)]
    for field, text in named:
        number = to_number(text)
        if not pool.contains(number):
            raise InvalidInput(f"{spec.path}.{field}: {text} cannot be used in {spec.vswitch_id}")
        if not pool.is_free(number):
            raise InvalidInput(f"{spec.path}.{field}: {text} is held twice")
        pool.take([number])
    for index, prefix in enumerate(spec.prefixes):
        _take_prefix(pool, prefix, f"{spec.path}.prefixes[{index}]")


def _take_prefix(pool: AddressPool, prefix: IPv4Network, path: str) -> None:
    if not pool.holds_prefix(prefix):
        raise InvalidInput(f"{path}: {prefix} is not within the vSwitch's reserved_prefixes")
    if not pool.prefix_is_free(prefix):
        raise InvalidInput(f"{path}: {prefix} is held twice")
    pool.take_prefixes([prefix])


def _take_lowest(pool: AddressPool, count: int, path: str) -> tuple[str, ...]:
    chosen = pool.lowest_free(count)
    if chosen is None:
        raise InvalidInput(f"{path}: {pool.cidr} has only {pool.available} addresses left")
    pool.take(chosen)
    return tuple(map(to_text, chosen))


def _start(spec: LifecycleSpec, now: float) -> LifecycleAction:
    return LifecycleAction(
        hook_id=spec.hook_id,
        token=spec.token,
        scaling_group=spec.scaling_group,
        scaling_activity=spec.scaling_activity,
        instance_ids=spec.instance_ids,
        timeout=spec.timeout,
        default_result=spec.default_result,
        started=now,
        deadline=now if spec.status == "Timeout" else now + spec.timeout,
        result=spec.result if spec.status == "Completed" else "",
        heartbeats=spec.heartbeats,
        hook_name=spec.hook_name,
    )
