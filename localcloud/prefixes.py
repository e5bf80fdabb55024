"""Reading the IPv4 prefixes a caller names; every way to get them wrong has its own code."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network

from localcloud.addresses import PREFIX_LENGTH
from localcloud.errors import refusal

LONGEST_MASK = 32


def read_prefixes(texts: tuple[str, ...]) -> tuple[IPv4Network, ...]:
    """Return the networks, or raise the InvalidIp.IpPrefix error of the first thing wrong."""
    pairs = [_split(text) for text in texts]
    masks = {mask for _, mask in pairs}
    if len(masks) > 1:
        raise refusal("InvalidIp.IpPrefixMaskNotSame", _listed(texts))
    for mask in masks - {PREFIX_LENGTH}:
        raise refusal("InvalidIp.IpPrefixMaskInvalid", mask, PREFIX_LENGTH, PREFIX_LENGTH)
    networks = tuple(_strict(address, mask) for address, mask in pairs)
    if len(set(networks)) < len(networks):
        raise refusal("InvalidIp.IpRepeated", f"{_listed(texts)} has the same prefix twice.")
    return networks


def _split(text: str) -> tuple[IPv4Address, int]:
    address, slash, mask = text.partition("/")
    if not slash:
        raise refusal("InvalidIp.IpPrefixIllegal", _listed((text,)))
    if not mask.isdecimal() or int(mask) > LONGEST_MASK:
        raise refusal("InvalidIp.IpPrefixMaskIllegal")
    try:
        return IPv4Address(address), int(mask)
    except AddressValueError as error:
        raise refusal("InvalidIp.IpPrefixIllegal", _listed((text,))) from error


def _strict(address: IPv4Address, mask: int) -> IPv4Network:
    try:
        return IPv4Network((address, mask))
    except ValueError as error:
        raise refusal("InvalidIp.IpPrefixNotStrict") from error


def _listed(texts: tuple[str, ...]) -> str:
    return f"[{', '.join(texts)}]"
