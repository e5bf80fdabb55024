"""Time as an argument, so that tests can move minutes and days without waiting for them."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the local cloud knows of time: seconds since the epoch, and waiting."""

    def now(self) -> float:
        """Return the seconds since the epoch."""
        ...

    def outside(self) -> float:
        """Return what the clocks of callers show: they sign with it."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait without keeping other calls from being served."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> float:
        """Return the machine's wall-clock time."""
        return time.time()

    def outside(self) -> float:
        """Return the same: callers share the machine's time."""
        return self.now()

    async def sleep(self, seconds: float) -> None:
        """Wait for real."""
        await asyncio.sleep(seconds)


class ScaledClock:
    """A clock that runs ``speed`` times as fast as the machine's.

    It began with a minute of the machine, so that its minutes begin at multiples of
    ``60 / speed`` seconds of the machine: callers can keep to them.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start = time.time() // 60 * 60

    def now(self) -> float:
        """Return a time that is ahead of the machine's, and moves away from it."""
        return self._start + (time.time() - self._start) * self._speed

    def outside(self) -> float:
        """Return the machine's wall-clock time."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait until this clock has moved on by so many seconds."""
        await asyncio.sleep(seconds / self._speed)


class ManualClock:
    """A clock that stands still until it is moved; sleeping moves it."""

    def __init__(self, start: float | None = None) -> None:
        self._now = time.time() if start is None else start

    def now(self) -> float:
        """Return the time this clock was last moved to."""
        return self._now

    def outside(self) -> float:
        """Return the same: callers are moved with it."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Let time pass at once, after giving other calls a turn."""
        await asyncio.sleep(0)
        self.advance(seconds)
