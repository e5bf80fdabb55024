"""Quotas as the cloud enforces them: so many calls of an action in a minute of the wall clock."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from localcloud.errors import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.clock import Clock


class Throttle:
    """Counts calls by action; windows begin at multiples of the minute since the epoch."""

    def __init__(self, quotas: Mapping[str, int], minute: float, clock: Clock) -> None:
        self._quotas = quotas
        self._minute = minute
        self._clock = clock
        self._window = 0
        self._used: dict[str, int] = {}

    def admit(self, action: str) -> None:
        """Count a call, or raise Throttling.User when the window's quota is used up."""
        window = int(self._clock.now() // self._minute)
        if window != self._window:
            self._window, self._used = window, {}
        used = self._used.get(action, 0)
        if used >= self._quotas.get(action, used + 1):
            raise refusal("Throttling.User")
        self._used[action] = used + 1

    def wait_ms(self) -> int:
        """Return the milliseconds until the next window begins."""
        return math.ceil((self._minute - self._clock.now() % self._minute) * 1000)
