"""What things were a moment ago: reads of the real cloud may lag its writes by seconds.

Entities are immutable values, so keeping a version costs a reference, and only versions that a
read can still ask for are kept.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

LONGEST_LAG = 600.0
"""Seconds a read can look back; ours: no figure for read lag is documented."""

ALWAYS = float("-inf")


class Timeline(Generic[T]):
    """The values that one thing had, and since when."""

    __slots__ = ("_since", "_values")

    def __init__(self, value: T, *, since: float = ALWAYS) -> None:
        self._since = [since]
        self._values = [value]

    @property
    def latest(self) -> T:
        """The value it has now."""
        return self._values[-1]

    def at(self, moment: float) -> T | None:
        """Return the value it had at ``moment``; None before it existed."""
        index = bisect_right(self._since, moment) - 1
        return self._values[index] if index >= 0 else None

    def put(self, value: T, now: float) -> None:
        """Give it a new value from ``now`` on."""
        self._since.append(now)
        self._values.append(value)
        keep = bisect_right(self._since, now - LONGEST_LAG) - 1
        if keep > 0:
            del self._since[:keep]
            del self._values[:keep]


class Table(Generic[T]):
    """The things of one kind by id, each with its past, in the order in which they appeared."""

    def __init__(self) -> None:
        self._timelines: dict[str, Timeline[T | None]] = {}

    def add(self, key: str, value: T, *, since: float = ALWAYS) -> None:
        """Add a thing that has existed since ``since``."""
        self._timelines[key] = Timeline(value, since=since)

    def put(self, key: str, value: T, now: float) -> None:
        """Replace a thing from ``now`` on."""
        self._timelines[key].put(value, now)

    def drop(self, key: str, now: float) -> None:
        """Have a thing exist no longer from ``now`` on; its past can still be seen."""
        self._timelines[key].put(None, now)

    def __contains__(self, key: str) -> bool:
        return key in self._timelines

    def get(self, key: str) -> T | None:
        """Return the thing as it is now."""
        timeline = self._timelines.get(key)
        return timeline.latest if timeline else None

    def get_at(self, key: str, moment: float) -> T | None:
        """Return the thing as it was at ``moment``."""
        timeline = self._timelines.get(key)
        return timeline.at(moment) if timeline else None

    def all(self) -> Iterator[T]:
        """Yield every thing as it is now."""
        values = (timeline.latest for timeline in self._timelines.values())
        return (value for value in values if value is not None)

    def all_at(self, moment: float) -> Iterator[T]:
        """Yield every thing as it was at ``moment``."""
        values = (timeline.at(moment) for timeline in self._timelines.values())
        return (value for value in values if value is not None)
