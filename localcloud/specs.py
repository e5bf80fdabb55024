"""What a world file declares, once it is known to be well formed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Network

    from localcloud.functions.specs import FunctionSpec
    from localcloud.model import AccessKey, InstanceType, VSwitch


@dataclass(frozen=True)
class EniSpec:
    """An ENI as the world declares it, before addresses are chosen."""

    path: str
    id: str
    type: str
    vswitch_id: str
    status: str
    primary: str
    secondary: tuple[str, ...]
    automatic: int
    prefixes: tuple[IPv4Network, ...]
    instance_id: str
    service_managed: bool
    tags: Mapping[str, str]
    name: str
    traffic_mode: str


@dataclass(frozen=True)
class InstanceSpec:
    """An instance as the world declares it."""

    id: str
    type: str
    status: str
    scaling_group: str
    tags: Mapping[str, str]
    image: str = ""


@dataclass(frozen=True)
class LifecycleSpec:
    """A lifecycle action as the world declares it; its time starts when the world is loaded."""

    hook_id: str
    token: str
    scaling_group: str
    scaling_activity: str
    instance_ids: tuple[str, ...]
    timeout: int
    default_result: str
    status: str
    result: str
    heartbeats: int
    hook_name: str


@dataclass(frozen=True)
class World:
    """A valid world; ``source`` is what it was read from."""

    source: Mapping[str, Any]
    region: str
    access_keys: tuple[AccessKey, ...]
    vswitches: tuple[VSwitch, ...]
    instances: tuple[InstanceSpec, ...]
    enis: tuple[EniSpec, ...]
    types: Mapping[str, InstanceType]
    lifecycle_actions: tuple[LifecycleSpec, ...]
    quotas: Mapping[str, int]
    read_lag: float
    token_seconds: float
    remember_failures: bool
    mismatch_refused: bool
    functions: tuple[FunctionSpec, ...]
    queues: Mapping[str, tuple[object, ...]]
    prefixes_supported: bool
