"""What functions write, as Log Service would show it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localcloud.actions import Json
    from localcloud.clock import Clock

MOST_ROWS = 100_000
"""Rows remembered of a function; ours, as for calls."""


class Logs:
    """The rows of every function."""

    def __init__(self, functions: Iterable[str], clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, deque[Json]] = {name: deque(maxlen=MOST_ROWS) for name in functions}

    def __contains__(self, function: str) -> bool:
        return function in self._rows

    def add(self, function: str, text: str) -> None:
        """Add what was written, unless that is nothing but a line break."""
        message = text.removesuffix("\n")
        if message:
            row = {"topic": f"FCLogs:{function}", "time": self._clock.now(), "message": message}
            self._rows[function].append(row)

    def rows(self, function: str) -> list[Json]:
        """Return the rows of a function, oldest first."""
        return list(self._rows[function])
