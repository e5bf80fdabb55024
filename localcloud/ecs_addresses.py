"""ECS: AssignPrivateIpAddresses and UnassignPrivateIpAddresses as they stand on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.addresses import is_address
from localcloud.assignment import Wish, assign, unassign
from localcloud.errors import refusal
from localcloud.prefixes import read_prefixes
from localcloud.products import ECS

if TYPE_CHECKING:
    from ipaddress import IPv4Network

    from localcloud.actions import Json
    from localcloud.parameters import Given
    from localcloud.state import Cloud

MOST_PREFIXES = 10
"""Prefixes in one call (AssignPrivateIpAddresses, Ipv4Prefix.N and Ipv4PrefixCount)."""

MOST_ADDRESSES = 32
"""Addresses in one call (UnassignPrivateIpAddresses, PrivateIpAddress.N)."""

WAYS = ("SecondaryPrivateIpAddressCount", "PrivateIpAddress", "Ipv4PrefixCount", "Ipv4Prefix")
"""The four exclusive ways to ask (AssignPrivateIpAddresses, request parameters)."""


@dataclass(frozen=True)
class AssignAsk:
    """What an AssignPrivateIpAddresses call wants."""

    eni_id: str
    wish: Wish


@dataclass(frozen=True)
class UnassignAsk:
    """What an UnassignPrivateIpAddresses call wants."""

    eni_id: str
    addresses: tuple[str, ...]
    prefixes: tuple[IPv4Network, ...]


def _read_assign(given: Given) -> AssignAsk:
    given.region()
    eni_id = given.required("NetworkInterfaceId")
    count = read_count(given)
    wish = Wish(
        count=count,
        addresses=read_addresses(given.many("PrivateIpAddress")),
        prefix_count=given.whole("Ipv4PrefixCount", 1, MOST_PREFIXES) or 0,
        prefixes=read_prefixes(given.many("Ipv4Prefix", MOST_PREFIXES)),
    )
    used = [
        way
        for way, value in zip(
            WAYS, (wish.count, wish.addresses, wish.prefix_count, wish.prefixes), strict=True
        )
        if value
    ]
    if not used:
        raise refusal("MissingParameter", ", ".join(WAYS), status=403)
    if len(used) > 1:
        raise refusal("InvalidParameter.Conflict", f"{' and '.join(used)} exclude each other.")
    return AssignAsk(eni_id, wish)


def read_count(given: Given) -> int:
    """Read how many secondary addresses are wanted; 0 when it was not given."""
    text = given.text(WAYS[0])
    if not text:
        return 0
    if not (text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise refusal(
            "InvalidSecondaryPrivateIpAddressCount.Malformed",
            f'The specified parameter "{WAYS[0]}" is not valid.',
        )
    return int(text)


def read_addresses(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Check that texts are addresses and that none stands twice."""
    for text in texts:
        if not is_address(text):
            raise refusal(
                "InvalidPrivateIpAddress.Malformed",
                f'The specified PrivateIpAddress "{text}" is not valid.',
            )
    if len(set(texts)) < len(texts):
        raise refusal("InvalidIp.IpRepeated", "The same IP is specified twice.")
    return texts


@ECS.writes("AssignPrivateIpAddresses", _read_assign, idempotent=True, locks="NetworkInterfaceId")
def assign_private_ip_addresses(cloud: Cloud, ask: AssignAsk) -> Json:
    """Add addresses or prefixes; the answer holds only the new ones."""
    added = assign(cloud, ask.eni_id, ask.wish)
    return {
        "AssignedPrivateIpAddressesSet": {
            "NetworkInterfaceId": ask.eni_id,
            "PrivateIpSet": {"PrivateIpAddress": list(added.addresses)},
            "Ipv4PrefixSet": {"Ipv4Prefixes": list(added.prefixes)},
        }
    }


def _read_unassign(given: Given) -> UnassignAsk:
    given.region()
    ask = UnassignAsk(
        given.required("NetworkInterfaceId"),
        read_addresses(given.many("PrivateIpAddress", MOST_ADDRESSES)),
        read_prefixes(given.many("Ipv4Prefix", MOST_PREFIXES)),
    )
    if not (ask.addresses or ask.prefixes):
        raise refusal("MissingParameter", "PrivateIpAddress, Ipv4Prefix", status=403)
    return ask


@ECS.writes("UnassignPrivateIpAddresses", _read_unassign, locks="NetworkInterfaceId")
def unassign_private_ip_addresses(cloud: Cloud, ask: UnassignAsk) -> Json:
    """Take addresses or prefixes away."""
    unassign(cloud, ask.eni_id, ask.addresses, ask.prefixes)
    return {}
