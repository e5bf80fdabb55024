"""Function instances that take turns, so that every interleaving can be drawn and repeated.

An instance goes on until it has looked at the clock a given number of times; then the next one may.
The function looks at the clock before every call, so between two calls anything can happen: another
delivery, an operator's change, the end of the process.
"""

from __future__ import annotations

import contextlib
import io
import json
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, Protocol

from handler.core.errors import Retryable
from handler.shell.app import App
from localcloud.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Mapping

# Looks after which a delivery that has not ended never will: its time is bounded, so they are.
ENDLESS = 20_000
# Minutes of the pacing begin at the same moments in every run; callers sign with the real time.
START = 1_800_000_000.0


class CloudTime(ManualClock):
    """The cloud's time, which has nothing to do with the machine's."""

    def __init__(self) -> None:
        super().__init__(START)

    def outside(self) -> float:
        """What callers sign with."""
        return time.time()


class Killed(BaseException):
    """A delivery is cut off, as if its process were killed; nothing of the function catches it."""


class Watching(Protocol):
    """Who sees what a function instance does."""

    def watch(self, worker: Worker) -> None:
        """It looks at the clock, and has not seen the time yet."""
        ...

    def sleeps(self, seconds: float) -> None:
        """It pauses."""
        ...


class Worker:
    """One function instance; it works on one delivery at a time.

    Args:
        time: the cloud's time; a sleep of the function moves it.
        environ: the environment of the process.
        audit: sees what it does.
    """

    def __init__(self, time: CloudTime, environ: Mapping[str, str], audit: Watching) -> None:
        self._time = time
        self._audit = audit
        self.environ = environ
        self.app = App.from_environ(environ, self)
        self.busy = False
        self.killed = False
        self._turn, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._looks = 0

    # --- what the function sees: a clock -------------------------------------------------------

    def now(self) -> float:
        """The time; here another may take the turn."""
        self._look()
        return self._time.now()

    def sleep(self, seconds: float) -> None:
        """Let others take the turn, and time pass."""
        self._audit.sleeps(seconds)
        wake = self._time.now() + seconds
        self._look()
        self._time.advance(max(0.0, wake - self._time.now()))

    def _look(self) -> None:
        self._audit.watch(self)
        self._looks -= 1
        if self._looks < 0 and not self.killed:
            self._back.release()
            self._turn.acquire()
        if self.killed:
            raise Killed

    # --- what the stage does -------------------------------------------------------------------

    def begin(self, event: bytes, context: object) -> None:
        """Hand over an event; nothing happens before the first turn."""
        self.event, self.context, self.busy = event, context, True
        self.output, self.result, self.error = io.StringIO(), dict[str, Any](), None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def go(self, looks: int = ENDLESS) -> None:
        """Go on for so many looks at the clock, or to the end."""
        self._looks = looks
        with contextlib.redirect_stdout(self.output), contextlib.redirect_stderr(self.output):
            self._turn.release()
            self._back.acquire()
        assert looks < ENDLESS or not self.busy, "a delivery does not come to an end"

    def kill(self) -> None:
        """Cut its delivery off where it stands, and let the instance go."""
        self.killed = True
        if self.busy:
            self.go()
        self.app.close()

    def _work(self) -> None:
        self._turn.acquire()
        try:
            self.result = self.app.handle(self.event, self.context)
        except BaseException as error:  # noqa: BLE001  (whatever leaves the function is judged)
            self.error = error
        self.busy = False
        self._back.release()

    # --- what came of it -----------------------------------------------------------------------

    error: BaseException | None
    result: dict[str, Any]

    @property
    def undecided(self) -> bool:
        """Whether the event must be delivered again."""
        return isinstance(self.error, Retryable | Killed)

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every line on stdout."""
        return [json.loads(line) for line in self.output.getvalue().splitlines()]

    @property
    def everything(self) -> str:
        """Every byte that leaves the process: output, result, exception and its traceback."""
        trace = traceback.format_exception(self.error) if self.error else []
        return self.output.getvalue() + json.dumps(self.result) + "".join(trace) + repr(self.error)
