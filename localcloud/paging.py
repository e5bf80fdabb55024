"""Cutting lists into pages, in the two styles of the API: NextToken, and page numbers."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from localcloud.parameters import Given, invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

DEFAULT_SIZE = 10


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page, and what the answer says about it."""

    items: Sequence[T]
    total: int
    number: int
    size: int
    next_token: str


@dataclass(frozen=True)
class PageWish:
    """Which page a caller wants; a token says where the last one ended."""

    size: int
    number: int = 1
    offset: int | None = None

    def cut(self, items: Sequence[T]) -> Page[T]:
        """Return the page of ``items``."""
        start = self.offset if self.offset is not None else (self.number - 1) * self.size
        end = start + self.size
        more = self.offset is not None and end < len(items)
        return Page(
            items[start:end], len(items), self.number, self.size, _encode(end) if more else ""
        )


def by_token(given: Given, low: int, high: int, default: int = DEFAULT_SIZE) -> PageWish:
    """Read MaxResults and NextToken; MaxResults is limited to its bounds."""
    size = given.clamped("MaxResults", low, high) or default
    return PageWish(size, offset=_decode(given.text("NextToken")))


def by_number(given: Given, most: int) -> PageWish:
    """Read PageNumber and PageSize."""
    size = given.whole("PageSize", 1, most) or DEFAULT_SIZE
    return PageWish(size, given.whole("PageNumber", 1) or 1)


def by_either(given: Given, low: int, high: int, most: int) -> PageWish:
    """Read whichever style the caller uses; the one with tokens wins, as documented."""
    numbered = by_number(given, most)
    tokens = given.text("MaxResults") or given.text("NextToken")
    return by_token(given, low, high) if tokens else numbered


def _encode(offset: int) -> str:
    text = f"{offset}.{_seal(offset)}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decode(token: str) -> int:
    if not token:
        return 0
    try:
        offset, _, seal = base64.urlsafe_b64decode(token).decode("ascii").partition(".")
        if seal == _seal(int(offset)):
            return int(offset)
    except (binascii.Error, ValueError):
        pass
    raise invalid("NextToken", "it was not answered by the last call")


def _seal(offset: int) -> str:
    """A tail that only this program makes, so that invented tokens are found out."""
    return hashlib.sha256(f"localcloud page {offset}".encode()).hexdigest()[:12]
