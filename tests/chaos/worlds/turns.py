"""Who goes on next: actors that take turns in a time of their own.

Every actor (a delivery, somebody else at the console) is a greenlet. It goes on until it makes a
call or sleeps; then whoever is due next goes on. Nothing waits, so a world takes milliseconds, and
one seed repeats it.
"""

from __future__ import annotations

import heapq
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

import greenlet

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

# Turns after which a world will never end: its deliveries are bounded, so they are.
ENDLESS = 60_000


class Endless(Exception):
    """A world does not come to its end."""


class Turns:
    """The time of a world, and who is due when.

    Args:
        draws: who goes first of those that are due at the same time.
        start: the time at the beginning, epoch seconds.
    """

    def __init__(self, draws: Random, start: float) -> None:
        self._draws = draws
        self._due: list[tuple[float, float, greenlet.greenlet]] = []
        self._taken = 0
        self.now = start

    def begin(self, work: Callable[[], None], at: float) -> None:
        """Let an actor begin at a time."""
        self._put(at, greenlet.greenlet(work, parent=greenlet.getcurrent()))

    def pause(self, seconds: float) -> None:
        """Let others go on until so many seconds have passed; called by an actor."""
        actor = greenlet.getcurrent()
        self._put(self.now + max(0.0, seconds), actor)
        actor.parent.switch()

    def rest(self) -> None:
        """Let others go on until one of them says `go_on`; called by an actor."""
        greenlet.getcurrent().parent.switch()

    def go_on(self, actor: greenlet.greenlet) -> None:
        """Let an actor that rests go on."""
        self._put(self.now, actor)

    def play(self) -> None:
        """Let all of them come to their ends.

        Raises:
            Endless: one of them does not.
        """
        while self._due:
            self._taken += 1
            if self._taken > ENDLESS:
                raise Endless(f"{ENDLESS} turns, and something still goes on")
            at, _, actor = heapq.heappop(self._due)
            self.now = max(self.now, at)
            actor.parent = greenlet.getcurrent()
            actor.switch()

    def _put(self, at: float, actor: greenlet.greenlet) -> None:
        heapq.heappush(self._due, (at, self._draws.random(), actor))


class SideBySide(Executor):
    """Does what it is given in turns: the calls of one delivery come in any order, too."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        """Begin it, as an actor of its own."""
        future = Awaited(self._turns)

        def run() -> None:
            try:
                found = work(*args, **named)
            except BaseException as error:  # noqa: BLE001  (whoever asks for the result gets it)
                future.set_exception(error)
            else:
                future.set_result(found)
            future.wake()

        self._turns.begin(run, self._turns.now)
        return future


class Awaited(Future[Any]):
    """What an actor waits for without keeping the others from going on."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns
        self._waiting: greenlet.greenlet | None = None

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What it ended with, once it has."""
        if not self.done():
            self._waiting = greenlet.getcurrent()
            self._turns.rest()
        return super().exception(timeout)

    def wake(self) -> None:
        """Let whoever waits go on."""
        if self._waiting is not None:
            self._turns.go_on(self._waiting)
