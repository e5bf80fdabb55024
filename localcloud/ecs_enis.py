"""ECS: CreateNetworkInterface, AttachNetworkInterface and their opposites as on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.assignment import Wish
from localcloud.ecs_addresses import read_addresses, read_count
from localcloud.ecs_rows import eni_row
from localcloud.enis import NewEni, attach, create, delete, detach
from localcloud.errors import refusal
from localcloud.parameters import Given, missing
from localcloud.prefixes import read_prefixes
from localcloud.products import ECS

if TYPE_CHECKING:
    from localcloud.actions import Json
    from localcloud.state import Cloud

MOST_ADDRESSES = 49
"""Secondary addresses of a new ENI (CreateNetworkInterface, "Operation description")."""

MOST_PREFIXES = 10
"""Prefixes of a new ENI (CreateNetworkInterface, Ipv4Prefix.N and Ipv4PrefixCount)."""

MOST_GROUPS = 16
"""Security groups of an ENI (CreateNetworkInterface, SecurityGroupIds.N)."""

_ANSWERED = (
    "NetworkInterfaceId",
    "NetworkInterfaceName",
    "Type",
    "Status",
    "VpcId",
    "ZoneId",
    "VSwitchId",
    "MacAddress",
    "OwnerId",
    "Description",
    "ResourceGroupId",
    "ServiceID",
    "ServiceManaged",
    "SourceDestCheck",
    "PrivateIpAddress",
    "SecurityGroupIds",
    "Tags",
    "Ipv4PrefixSets",
    "Ipv6Sets",
    "Ipv6PrefixSets",
)
"""The part of an ENI that CreateNetworkInterface answers."""


def _read_create(given: Given) -> NewEni:
    given.region()
    given.choice("InstanceType", ("Secondary",))
    return NewEni(
        vswitch_id=given.required("VSwitchId"),
        security_groups=read_security_groups(given),
        primary=read_primary(given, "PrimaryIpAddress"),
        wish=_read_wish(given),
        name=given.text("NetworkInterfaceName"),
        tags=dict(given.tags()),
    )


def read_security_groups(given: Given) -> tuple[str, ...]:
    """Read SecurityGroupId or SecurityGroupIds.N, one of which must be given."""
    one, several = given.text("SecurityGroupId"), given.many("SecurityGroupIds", MOST_GROUPS)
    if one and several:
        raise refusal(
            "InvalidParameter.Conflict", "SecurityGroupId and SecurityGroupIds exclude each other."
        )
    if not (one or several):
        raise missing("SecurityGroupId")
    return several or (one,)


def read_primary(given: Given, name: str) -> str:
    """Read a primary address; empty when the caller leaves it to the cloud."""
    text = given.text(name)
    return read_addresses((text,))[0] if text else ""


def _read_wish(given: Given) -> Wish:
    wish = Wish(
        read_count(given),
        read_addresses(given.many("PrivateIpAddress", MOST_ADDRESSES)),
        given.whole("Ipv4PrefixCount", 1, MOST_PREFIXES) or 0,
        read_prefixes(given.many("Ipv4Prefix", MOST_PREFIXES)),
    )
    if (wish.count and wish.addresses) or (wish.prefix_count and wish.prefixes):
        raise refusal("InvalidParameter.Conflict", "Name what is wanted or count it, not both.")
    if wish.slots > MOST_ADDRESSES:
        raise refusal("InvalidParameter", f"A new ENI takes {MOST_ADDRESSES} addresses.")
    return wish


@ECS.writes("CreateNetworkInterface", _read_create, idempotent=True)
def create_network_interface(cloud: Cloud, ask: NewEni) -> Json:
    """Create an ENI."""
    eni = create(cloud, ask)
    row = eni_row(cloud.view(), eni)
    return {
        **{name: row[name] for name in _ANSWERED},
        "PrivateIpSets": {
            "PrivateIpSet": [
                {"PrivateIpAddress": address, "Primary": address == eni.primary}
                for address in (eni.primary, *eni.secondary)
            ]
        },
    }


@dataclass(frozen=True)
class Pair:
    """An ENI, and the instance it is to be attached to or detached from."""

    eni_id: str
    instance_id: str


def _read_attach(given: Given) -> Pair:
    # No instance type here has more than one network card.
    given.whole("NetworkCardIndex", 0, 0)
    given.flag("WaitForNetworkConfigurationReady")
    return _read_pair(given)


def _read_pair(given: Given) -> Pair:
    given.region()
    return Pair(given.required("NetworkInterfaceId"), given.required("InstanceId"))


@ECS.writes("AttachNetworkInterface", _read_attach, locks="NetworkInterfaceId")
def attach_network_interface(cloud: Cloud, ask: Pair) -> Json:
    """Begin to attach an ENI."""
    attach(cloud, ask.eni_id, ask.instance_id)
    return {}


@ECS.writes("DetachNetworkInterface", _read_pair, locks="NetworkInterfaceId")
def detach_network_interface(cloud: Cloud, ask: Pair) -> Json:
    """Begin to detach an ENI."""
    detach(cloud, ask.eni_id, ask.instance_id)
    return {}


def _read_delete(given: Given) -> str:
    given.region()
    return given.required("NetworkInterfaceId")


@ECS.writes("DeleteNetworkInterface", _read_delete, locks="NetworkInterfaceId")
def delete_network_interface(cloud: Cloud, eni_id: str) -> Json:
    """Begin to delete an ENI."""
    delete(cloud, eni_id)
    return {}
