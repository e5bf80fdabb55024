"""The rules of AssignPrivateIpAddresses and UnassignPrivateIpAddresses, free of HTTP.

When several errors apply, lookup precedes state precedes capacity; validation of the parameters
came before. A call does everything or nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from localcloud.addresses import AddressPool, to_number, to_text
from localcloud.errors import refusal
from localcloud.limits import secondary_capacity
from localcloud.state import Cloud, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Network

    from localcloud.model import Eni, VSwitch

_ENI_ID = re.compile(r"eni-[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True)
class Wish:
    """What a caller asks for: exactly one of the four is set."""

    count: int = 0
    addresses: tuple[str, ...] = ()
    prefix_count: int = 0
    prefixes: tuple[IPv4Network, ...] = ()

    @property
    def slots(self) -> int:
        """What it takes of the ENI's quota: a prefix counts as one address."""
        return self.count + len(self.addresses) + self.prefix_count + len(self.prefixes)


@dataclass(frozen=True)
class Assigned:
    """What a call has added, and nothing that was there before."""

    addresses: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    def on(self, eni: Eni) -> Eni:
        """Return the ENI with what was added."""
        return replace(
            eni, secondary=eni.secondary + self.addresses, prefixes=eni.prefixes + self.prefixes
        )


def assign(cloud: Cloud, eni_id: str, wish: Wish) -> Assigned:
    """Give an ENI what is asked, or raise the documented error and change nothing."""
    eni = find_eni(cloud, eni_id)
    check_state(cloud, eni)
    added = allot(cloud, eni, wish)
    cloud.put_eni(added.on(eni))
    return added


def allot(cloud: Cloud, eni: Eni, wish: Wish) -> Assigned:
    """Take what is asked out of the ENI's vSwitch, or raise and take nothing."""
    pool = cloud.pools[eni.vswitch_id]
    check_vswitch(cloud.vswitches[eni.vswitch_id])
    _check_prefixes_are_known(cloud, wish)
    _check_named_addresses(eni, pool, wish.addresses)
    _check_named_prefixes(pool, wish)
    _check_quota(cloud, eni, wish)
    addresses = wish.addresses or choose_addresses(eni.vswitch_id, pool, wish.count)
    prefixes = wish.prefixes or _choose_prefixes(pool, wish.prefix_count)
    pool.take(numbers(addresses))
    pool.take_prefixes(prefixes)
    return Assigned(addresses, tuple(map(str, prefixes)))


def unassign(
    cloud: Cloud, eni_id: str, addresses: tuple[str, ...], prefixes: tuple[IPv4Network, ...]
) -> None:
    """Take addresses and prefixes from an ENI, or raise the documented error."""
    eni = find_eni(cloud, eni_id)
    check_state(cloud, eni)
    names = tuple(map(str, prefixes))
    for text in (*addresses, *names):
        if text not in eni.secondary and text not in eni.prefixes:
            raise refusal("InvalidIp.IpUnassigned", f'"{text}" is not assigned to {eni.id}.')
    pool = cloud.pools[eni.vswitch_id]
    pool.release(numbers(addresses))
    pool.release_prefixes(prefixes)
    cloud.put_eni(
        replace(
            eni,
            secondary=_without(eni.secondary, addresses),
            prefixes=_without(eni.prefixes, names),
        )
    )


def find_eni(cloud: Cloud, eni_id: str) -> Eni:
    """Return the ENI; a name that no ENI can have is malformed, any other is not found."""
    eni = cloud.enis.get(eni_id)
    if eni is not None:
        return eni
    if not _ENI_ID.fullmatch(eni_id):
        raise refusal("InvalidEniId.Malformed")
    raise refusal("InvalidEniId.NotFound", f'The specified EniId "{eni_id}" is not found.')


def check_state(cloud: Cloud, eni: Eni) -> None:
    """Raise if the ENI or its instance is not in a state that allows a change."""
    check_ownership(eni)
    if eni.type not in ("Primary", "Secondary"):
        raise refusal("InvalidOperation.InvalidEniType", f"{eni.id} is a {eni.type} ENI.")
    if eni.status not in ("Available", "InUse"):
        raise refusal("InvalidOperation.InvalidEniState")
    instance = cloud.instances.get(eni.instance_id)
    if eni.type == "Primary" and instance and instance.status not in ("Running", "Stopped"):
        raise refusal("InvalidOperation.InvalidEcsState", f"{instance.id} is {instance.status}.")


def check_ownership(eni: Eni) -> None:
    """Raise if a cloud service looks after the ENI, so that nobody else may change it."""
    if eni.service_managed:
        raise refusal(
            "InvalidOperation.EniServiceManaged", f"{eni.id} is managed by a cloud service."
        )


def check_vswitch(vswitch: VSwitch) -> None:
    """Raise if a vSwitch gives out nothing because it is still being made."""
    if vswitch.status != "Available":
        raise refusal("IncorrectVSwitchStatus")


def check_address(pool: AddressPool, text: str) -> None:
    """Raise if a vSwitch can never give an address out, or has given it to somebody."""
    if not pool.contains(to_number(text)):
        raise refusal(
            "InvalidVSwitchId.IpInvalid",
            f'The specified IpAddress "{text}" is not valid in VSwitch CIDR block "{pool.cidr}".',
        )
    if not pool.is_free(to_number(text)):
        raise refusal("InvalidPrivateIpAddress.Duplicated")


def _check_named_addresses(eni: Eni, pool: AddressPool, addresses: Iterable[str]) -> None:
    for text in addresses:
        if text in eni.secondary or text == eni.primary:
            raise refusal("InvalidIp.IpAssigned", f'The specified IP "{text}" is assigned already.')
        check_address(pool, text)


def _check_prefixes_are_known(cloud: Cloud, wish: Wish) -> None:
    if (wish.prefixes or wish.prefix_count) and not cloud.prefixes_supported:
        raise refusal("InvalidOperation.RegionNotSupportIpPrefix")


def _check_named_prefixes(pool: AddressPool, wish: Wish) -> None:
    if not (wish.prefixes or wish.prefix_count):
        return
    if not pool.reserves_prefixes:
        raise refusal("InvalidOperation.VSwitchCidrReservationNotExist")
    if not all(map(pool.holds_prefix, wish.prefixes)):
        raise refusal("InvalidIp.IpPrefixMustInReserveSegment")
    if not all(map(pool.prefix_is_free, wish.prefixes)):
        raise refusal("InvalidIp.IpPrefixNotAvailable")


def _check_quota(cloud: Cloud, eni: Eni, wish: Wish) -> None:
    limit = secondary_capacity(cloud, eni)
    total = eni.slots_used - 1 + wish.slots
    if total <= limit:
        return
    if not eni.instance_id:
        # The text of the row is about what "can be assigned to the specified ENI": the 50.
        raise refusal(
            "MaxEniPrivateIpsCountExceeded",
            f"{eni.id} would hold {total} secondary private IPs, more than {limit}.",
        )
    raise refusal(
        "InvalidOperation.Ipv4CountExceeded",
        f"{eni.id} would hold {total + 1} IPv4 addresses, more than {limit + 1}.",
    )


def choose_addresses(vswitch_id: str, pool: AddressPool, count: int) -> tuple[str, ...]:
    """Return the lowest free addresses of a vSwitch, or raise if there are fewer."""
    chosen = pool.lowest_free(count)
    if chosen is None:
        raise refusal(
            "InvalidVSwitchId.IpNotEnough",
            f'The specified VSwitch "{vswitch_id}" has not enough IpAddress.',
        )
    return tuple(map(to_text, chosen))


def _choose_prefixes(pool: AddressPool, count: int) -> tuple[IPv4Network, ...]:
    chosen = pool.lowest_free_prefixes(count) if count else []
    if chosen is None:
        raise refusal("InvalidVSwitchId.IpPrefixNotEnough")
    return tuple(chosen)


def _without(held: tuple[str, ...], gone: Iterable[str]) -> tuple[str, ...]:
    leaving = set(gone)
    return tuple(item for item in held if item not in leaving)
