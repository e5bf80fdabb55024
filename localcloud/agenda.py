"""What has begun and is not over: an ENI is Attaching now and InUse in a few seconds.

Nothing runs in the background. Whoever looks at the cloud or changes it lets the agenda catch up
first, and each change is noted as of the moment it was due, so that lagging reads stay right.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

Change = Callable[[float], None]
"""Takes effect as of the moment it is given."""


class Agenda:
    """Changes to come, by the moment they are due; those of one moment in the order of planning."""

    def __init__(self) -> None:
        self._numbers = count()
        self._changes: list[tuple[float, int, Change]] = []

    def plan(self, moment: float, change: Change) -> None:
        """Have a change made at a moment."""
        heapq.heappush(self._changes, (moment, next(self._numbers), change))

    def catch_up(self, now: float) -> None:
        """Make all changes that are due, also those that the changes themselves have planned."""
        while self._changes and self._changes[0][0] <= now:
            moment, _, change = heapq.heappop(self._changes)
            change(moment)
