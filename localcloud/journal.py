"""What was called, for tests and people to look at; secrets never get in here."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.actions import Json

LONGEST = 100_000
"""Calls remembered; ours, so that a local cloud left running does not grow for ever."""


@dataclass
class Entry:
    """One call; ``time`` is when it came, and entries stand in the order in which calls ended."""

    action: str
    parameters: Mapping[str, str]
    time: float
    request_id: str
    product: str = ""
    status: int | None = None
    code: str | None = None
    answered: bool = True
    fault: str | None = None
    agent: str = ""
    """The caller's User-Agent."""


class Journal:
    """The calls since the last reset."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=LONGEST)

    def add(self, entry: Entry) -> None:
        """Note a call that has ended."""
        self._entries.append(entry)

    def __len__(self) -> int:
        return len(self._entries)

    def rows(self, action: str | None = None, since: int = 0) -> list[Json]:
        """Return the calls, or those of one action; without the first ``since`` calls."""
        entries = islice(self._entries, since, None)
        return [asdict(entry) for entry in entries if action in (None, entry.action)]
