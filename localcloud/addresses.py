"""The books of one vSwitch: which addresses can be given out, and which are taken.

Addresses are integers in here; text is for the wire. Choices are deterministic: always the lowest.
"""

from __future__ import annotations

from bisect import bisect_right
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LOST_AT_THE_START = 1
LOST_AT_THE_END = 3
"""The first and the last three addresses of a vSwitch are the provider's (VPC, "vSwitches")."""

PREFIX_LENGTH = 28
"""The one length of an IPv4 prefix of an ENI (ECS, "Assign prefixes to an ENI")."""

PREFIX_SIZE = 2 ** (32 - PREFIX_LENGTH)


class AddressPool:
    """The addresses and prefixes of a vSwitch.

    Prefixes come only from the reserved blocks, single addresses only from the rest.
    """

    def __init__(self, cidr: IPv4Network, reserved: Iterable[IPv4Network] = ()) -> None:
        self.cidr = cidr
        self._first = int(cidr.network_address) + LOST_AT_THE_START
        self._last = int(cidr.broadcast_address) - LOST_AT_THE_END
        self._blocks = sorted((int(b.network_address), int(b.broadcast_address)) for b in reserved)
        self._taken: set[int] = set()
        self._prefixes: set[int] = set()
        self._cursor = self._first
        self._size = self._last - self._first + 1 - sum(map(self._usable, self._blocks))

    @property
    def available(self) -> int:
        """How many single addresses are left: what DescribeVSwitches shows."""
        return self._size - len(self._taken)

    @property
    def reserves_prefixes(self) -> bool:
        """Whether any block is reserved for prefixes."""
        return bool(self._blocks)

    def contains(self, address: int) -> bool:
        """Whether an ENI can ever hold this single address."""
        return self._first <= address <= self._last and self._block_end(address) is None

    def is_free(self, address: int) -> bool:
        """Whether nobody holds this address."""
        return address not in self._taken

    def lowest_free(self, count: int) -> list[int] | None:
        """Return the ``count`` lowest free addresses, or None if there are fewer."""
        if count > self.available:
            return None
        free = self._free_from(self._cursor)
        return [next(free) for _ in range(count)]

    def take(self, addresses: Sequence[int]) -> None:
        """Mark addresses as held."""
        self._taken.update(addresses)
        if self._cursor in self._taken and self.available:
            self._cursor = next(self._free_from(self._cursor))

    def release(self, addresses: Sequence[int]) -> None:
        """Mark addresses as free again."""
        self._taken.difference_update(addresses)
        self._cursor = min([self._cursor, *addresses])

    def holds_prefix(self, prefix: IPv4Network) -> bool:
        """Whether the prefix lies in a reserved block."""
        end = self._block_end(int(prefix.network_address))
        return end is not None and int(prefix.broadcast_address) <= end

    def prefix_is_free(self, prefix: IPv4Network) -> bool:
        """Whether nobody holds this prefix."""
        return int(prefix.network_address) not in self._prefixes

    def lowest_free_prefixes(self, count: int) -> list[IPv4Network] | None:
        """Return the ``count`` lowest free prefixes, or None if there are fewer."""
        found: list[IPv4Network] = []
        for start, end in self._blocks:
            for base in range(start, end + 1, PREFIX_SIZE):
                if base not in self._prefixes:
                    found.append(IPv4Network((base, PREFIX_LENGTH)))
                if len(found) == count:
                    return found
        return None

    def take_prefixes(self, prefixes: Iterable[IPv4Network]) -> None:
        """Mark prefixes as held."""
        self._prefixes.update(int(prefix.network_address) for prefix in prefixes)

    def release_prefixes(self, prefixes: Iterable[IPv4Network]) -> None:
        """Mark prefixes as free again."""
        self._prefixes.difference_update(int(prefix.network_address) for prefix in prefixes)

    def _usable(self, block: tuple[int, int]) -> int:
        """How many addresses a reserved block takes away from the single ones."""
        return max(0, min(block[1], self._last) - max(block[0], self._first) + 1)

    def _block_end(self, address: int) -> int | None:
        """Return the last address of the reserved block that ``address`` lies in, if any."""
        index = bisect_right(self._blocks, (address, 2**32)) - 1
        if index < 0:
            return None
        end = self._blocks[index][1]
        return end if address <= end else None

    def _free_from(self, address: int) -> Iterator[int]:
        while address <= self._last:
            end = self._block_end(address)
            if end is not None:
                address = end + 1
                continue
            if address not in self._taken:
                yield address
            address += 1


def to_number(address: str) -> int:
    """Return an address as the integer the pool works with."""
    return int(IPv4Address(address))


def to_text(number: int) -> str:
    """Return an address as it stands on the wire."""
    return str(IPv4Address(number))


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 address."""
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True
