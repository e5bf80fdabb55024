"""The world file: what exists when the local cloud starts, checked field by field.

``state`` answers in the same shape, so the fields it adds (``available``, ``primary``, ``status``,
``result``, ``heartbeats``) are read back here.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import TYPE_CHECKING, Any, TypeVar

from localcloud.addresses import PREFIX_LENGTH
from localcloud.functions.specs import read_functions, read_queues
from localcloud.history import LONGEST_LAG
from localcloud.instance_types import built_in_types
from localcloud.model import (
    ENI_STATUSES,
    ENI_TYPES,
    INSTANCE_STATUSES,
    KEY_STATUSES,
    LIFECYCLE_RESULTS,
    LIFECYCLE_STATUSES,
    TRAFFIC_MODES,
    VSWITCH_STATUSES,
    AccessKey,
    InstanceType,
    VSwitch,
)
from localcloud.schema import InvalidInput, Node
from localcloud.specs import EniSpec, InstanceSpec, LifecycleSpec, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

DEFAULT_KEY = AccessKey("LTAIlocalcloud", "localcloud-secret")
"""The key that is valid when the world names none."""

TOKEN_SECONDS = 86_400.0
"""How long a ClientToken is remembered unless the world says otherwise: documented nowhere."""

HOOK_TIMEOUT = (30, 21_600)
"""Seconds (Auto Scaling, CreateLifecycleHook, HeartbeatTimeout)."""

VSWITCH_MASKS = (16, 29)
"""Shortest and longest mask of a vSwitch (VPC, CreateVSwitch, CidrBlock)."""

MANY = 1_000_000

T = TypeVar("T")


_WORLD_FIELDS = frozenset(
    {
        "access_keys",
        "vswitches",
        "instances",
        "enis",
        "instance_types",
        "lifecycle_actions",
        "quotas",
        "read_lag_seconds",
        "token_seconds",
        "remember_failures",
        "mismatch_refused",
        "functions",
        "queues",
        "prefixes_supported",
    }
)


def read_world(source: Mapping[str, Any]) -> World:
    """Check a world and return it; raise :class:`InvalidInput` naming the first bad field."""
    root = Node(source, "").object(required=frozenset({"region"}), optional=_WORLD_FIELDS)
    types = _types(root.at("instance_types"))
    vswitches = _vswitches(root.at("vswitches"))
    known = {vswitch.id for vswitch in vswitches}
    instance_nodes = list(root.at("instances").items())
    instances = _unique(instance_nodes, lambda node: _instance(node, types), _id_of)
    attached = [
        _attached_eni(eni, instance.id, known)
        for node, instance in zip(instance_nodes, instances, strict=True)
        for eni in node.at("enis").items()
    ]
    unattached = [_unattached_eni(node, known) for node in root.at("enis").items()]
    return World(
        source=source,
        region=root.at("region").text(),
        access_keys=_unique(root.at("access_keys").items(), _access_key, _id_of) or (DEFAULT_KEY,),
        vswitches=vswitches,
        instances=instances,
        enis=_distinct([*attached, *unattached]),
        types=types,
        lifecycle_actions=_unique(
            root.at("lifecycle_actions").items(), _lifecycle_action, lambda spec: spec.token
        ),
        quotas={name: node.whole(0, MANY) for name, node in root.at("quotas").fields()},
        read_lag=root.at("read_lag_seconds").number(0, LONGEST_LAG, default=0.0),
        token_seconds=root.at("token_seconds").number(0, float(MANY), default=TOKEN_SECONDS),
        remember_failures=root.at("remember_failures").flag(default=False),
        mismatch_refused=root.at("mismatch_refused").flag(default=True),
        functions=read_functions(root.at("functions")),
        queues=read_queues(root.at("queues")),
        prefixes_supported=root.at("prefixes_supported").flag(default=True),
    )


def _unique(
    nodes: Iterable[Node], read: Callable[[Node], T], name: Callable[[T], str]
) -> tuple[T, ...]:
    """Read each node; no two may have the same name."""
    found: dict[str, T] = {}
    for node in nodes:
        thing = read(node)
        if name(thing) in found:
            node.refuse(f"{name(thing)} stands twice")
        found[name(thing)] = thing
    return tuple(found.values())


def _id_of(thing: AccessKey | VSwitch | InstanceSpec) -> str:
    return thing.id


def _distinct(specs: list[EniSpec]) -> tuple[EniSpec, ...]:
    seen: set[str] = set()
    for spec in specs:
        if spec.id in seen:
            raise InvalidInput(f"{spec.path}: {spec.id} stands twice")
        seen.add(spec.id)
    return tuple(specs)


def _access_key(node: Node) -> AccessKey:
    optional = frozenset({"security_token", "status"})
    node.object(required=frozenset({"id", "secret"}), optional=optional)
    token = node.at("security_token")
    return AccessKey(
        node.at("id").text(),
        node.at("secret").text(),
        token.text() if token.value is not None else "",
        node.at("status").choice(KEY_STATUSES, default="Active"),
    )


def _types(node: Node) -> dict[str, InstanceType]:
    types = dict(built_in_types())
    for name, figures in node.fields():
        values = [item.whole(1, MANY) for item in figures.items()]
        if len(values) != 2:
            figures.refuse("must be [EniQuantity, EniPrivateIpAddressQuantity]")
        types[name] = InstanceType(name, *values)
    return types


def _vswitches(node: Node) -> tuple[VSwitch, ...]:
    vswitches = _unique(node.items(), _vswitch, _id_of)
    taken: list[tuple[VSwitch, IPv4Network]] = []
    for vswitch, item in zip(vswitches, node.items(), strict=True):
        network = IPv4Network(vswitch.cidr)
        for other, block in taken:
            if other.vpc == vswitch.vpc and block.overlaps(network):
                item.at("cidr").refuse(f"overlaps {other.id} in {other.vpc}")
        taken.append((vswitch, network))
    return vswitches


def _vswitch(node: Node) -> VSwitch:
    node.object(
        required=frozenset({"id", "cidr", "zone", "vpc"}),
        optional=frozenset({"reserved_prefixes", "available", "status"}),
    )
    cidr = _network(node.at("cidr"), *VSWITCH_MASKS)
    return VSwitch(
        node.at("id").text(),
        str(cidr),
        node.at("zone").text(),
        node.at("vpc").text(),
        _reserved(node.at("reserved_prefixes"), cidr),
        node.at("status").choice(VSWITCH_STATUSES, default="Available"),
    )


def _reserved(node: Node, cidr: IPv4Network) -> tuple[str, ...]:
    blocks: list[IPv4Network] = []
    for item in node.items():
        block = _network(item, cidr.prefixlen, PREFIX_LENGTH)
        if not block.subnet_of(cidr):
            item.refuse(f"lies outside {cidr}")
        if any(block.overlaps(other) for other in blocks):
            item.refuse("overlaps another reserved block")
        blocks.append(block)
    return tuple(map(str, blocks))


def _network(node: Node, shortest: int, longest: int) -> IPv4Network:
    try:
        network = IPv4Network(node.text())
    except (AddressValueError, NetmaskValueError, ValueError) as error:
        raise InvalidInput(f"{node.path}: {error}") from error
    if not shortest <= network.prefixlen <= longest:
        node.refuse(f"the mask must be between /{shortest} and /{longest}")
    return network


def _instance(node: Node, types: Mapping[str, InstanceType]) -> InstanceSpec:
    node.object(
        required=frozenset({"id", "type", "status", "enis"}),
        optional=frozenset({"scaling_group", "tags", "image"}),
    )
    kind = node.at("type").text()
    if kind not in types:
        node.at("type").refuse(f"{kind} is not known; declare it in instance_types")
    _check_shape(list(node.at("enis").items()), types[kind])
    group, image = node.at("scaling_group"), node.at("image")
    return InstanceSpec(
        node.at("id").text(),
        kind,
        node.at("status").choice(INSTANCE_STATUSES),
        group.text() if group.value is not None else "",
        _tags(node.at("tags")),
        image.text() if image.value is not None else "",
    )


def _check_shape(enis: list[Node], kind: InstanceType) -> None:
    if len(enis) > kind.enis:
        enis[kind.enis].refuse(f"{kind.id} takes {kind.enis} ENIs, the primary one included")
    primaries = [eni for eni in enis if eni.at("type").value == "Primary"]
    if len(primaries) > 1:
        primaries[1].at("type").refuse("an instance has one Primary ENI")


UNATTACHED_STATUSES = ("Creating", "Available", "Deleting")

_ENI_OPTIONAL = frozenset(
    {
        "name",
        "primary",
        "secondary",
        "prefixes",
        "status",
        "service_managed",
        "tags",
        "traffic_mode",
    }
)


def _attached_eni(node: Node, instance_id: str, vswitches: set[str]) -> EniSpec:
    node.object(required=frozenset({"id", "type", "vswitch"}), optional=_ENI_OPTIONAL)
    status = node.at("status").choice(ENI_STATUSES, default="InUse")
    if status in UNATTACHED_STATUSES:
        node.at("status").refuse(f"an attached ENI is not {status}")
    return _eni(node, instance_id, node.at("type").choice(ENI_TYPES), status, vswitches)


def _unattached_eni(node: Node, vswitches: set[str]) -> EniSpec:
    node.object(required=frozenset({"id", "vswitch"}), optional=_ENI_OPTIONAL | {"type"})
    kind = node.at("type").choice(ENI_TYPES, default="Secondary")
    if kind == "Primary":
        node.at("type").refuse("a Primary ENI belongs to an instance")
    status = node.at("status").choice(ENI_STATUSES, default="Available")
    if status not in UNATTACHED_STATUSES:
        node.at("status").refuse(f"an ENI that is attached to nothing is not {status}")
    return _eni(node, "", kind, status, vswitches)


def _eni(node: Node, instance_id: str, kind: str, status: str, vswitches: set[str]) -> EniSpec:
    vswitch_id = node.at("vswitch").text()
    if vswitch_id not in vswitches:
        node.at("vswitch").refuse(f"{vswitch_id} is not declared in vswitches")
    secondary = node.at("secondary")
    counted = isinstance(secondary.value, int)
    return EniSpec(
        path=node.path,
        id=node.at("id").text(),
        type=kind,
        vswitch_id=vswitch_id,
        status=status,
        primary=_address(node.at("primary")) if node.at("primary").value is not None else "",
        secondary=() if counted else tuple(map(_address, secondary.items())),
        automatic=secondary.whole(0, MANY) if counted else 0,
        prefixes=tuple(
            _network(item, PREFIX_LENGTH, PREFIX_LENGTH) for item in node.at("prefixes").items()
        ),
        instance_id=instance_id,
        service_managed=node.at("service_managed").flag(default=False),
        tags=_tags(node.at("tags")),
        name=node.at("name").text(""),
        traffic_mode=node.at("traffic_mode").choice(TRAFFIC_MODES, default="Standard"),
    )


def _address(node: Node) -> str:
    try:
        return str(IPv4Address(node.text()))
    except AddressValueError as error:
        raise InvalidInput(f"{node.path}: {error}") from error


def _tags(node: Node) -> dict[str, str]:
    tags = {}
    for key, value in node.fields():
        if not isinstance(value.value, str):
            value.refuse("must be a string")
        tags[key] = value.value
    return tags


def _lifecycle_action(node: Node) -> LifecycleSpec:
    node.object(
        required=frozenset(
            {
                "hook_id",
                "token",
                "scaling_group",
                "scaling_activity",
                "instance_ids",
                "timeout",
                "default_result",
            }
        ),
        optional=frozenset({"status", "result", "heartbeats", "hook_name"}),
    )
    status = node.at("status").choice(LIFECYCLE_STATUSES, default="Pending")
    default_result = node.at("default_result").choice(LIFECYCLE_RESULTS)
    return LifecycleSpec(
        hook_id=node.at("hook_id").text(),
        token=node.at("token").text(),
        scaling_group=node.at("scaling_group").text(),
        scaling_activity=node.at("scaling_activity").text(),
        instance_ids=node.at("instance_ids").texts(),
        timeout=node.at("timeout").whole(*HOOK_TIMEOUT),
        default_result=default_result,
        status=status,
        result=node.at("result").choice(LIFECYCLE_RESULTS, default=default_result),
        heartbeats=node.at("heartbeats").whole(0, 20, default=0),
        # A hook that was given no name has its id as one (CreateLifecycleHook, LifecycleHookName).
        hook_name=node.at("hook_name").text(node.at("hook_id").text()),
    )
