"""Requests worked on in this process, by the code that is deployed, as the operator."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

from handler.cloud.faults import NO_CREDENTIALS
from handler.cloud.ports import ASSIGN
from handler.core.errors import NotPermitted, Retryable
from handler.core.settings import read_settings
from handler.shell.app import App, WallClock
from handler.shell.log import RecordLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from handler.core.pacing import Clock
    from handler.core.settings import Settings
    from handler.shell.dispatch import Result
    from handler.shell.log import Record
    from handler.shell.records import Log

    Hear = Callable[[Record], None]


class Wakeable(WallClock):
    """The machine's clock; whoever sleeps when the stop comes is woken once."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass, or the time until the stop."""
        if self._stop.is_set():
            time.sleep(seconds)
        else:
            self._stop.wait(seconds)


@dataclass
class Rest:
    """Keeps what an invocation leaves undone; in Function Compute the next one would get it."""

    payload: bytes | None = None

    def invoke_later(self, payload: bytes, task_id: str) -> bool:  # noqa: ARG002  (the port's)
        """See `ports.Functions.invoke_later`."""
        self.payload = payload
        return True


@dataclass(frozen=True)
class RecordTap:
    """A log that is listened to, and perhaps written too."""

    hear: Hear
    log: Log
    written: bool = False

    def write(self, record_type: str, level: str = "info", **fields: object) -> None:
        """See `records.Log`."""
        self.hear({"record_type": record_type, "level": level, **fields})
        if self.written:
            self.log.write(record_type, level, **fields)

    def hidden(self, text: str) -> str:
        """See `records.Log`."""
        return self.log.hidden(text)


@dataclass(frozen=True)
class Ended:
    """How a request ended.

    Attributes:
        result: of the last invocation, unless that failed.
        failure: what is undecided or was refused, and what to do about it; of the first
            invocation that failed.
        rest: the manual request that does what is left after a stop.
    """

    result: Result | None = None
    failure: Retryable | None = None
    rest: bytes | None = None

    @property
    def refused(self) -> str | None:
        """Why the request was not acted on at all."""
        acted = self.result is None or self.result["action"] in {"assign", "plan"}
        return None if acted else str((self.result or {})["reason"])

    @property
    def unsigned(self) -> bool:
        """Whether there were no credentials, so that no call was made."""
        return isinstance(self.failure, NotPermitted) and NO_CREDENTIALS in str(self.failure)


class Session:
    """The function, in this process.

    Args:
        environ: the settings, as the function takes them, and credentials.
        hear: gets every record.
        written: whether the records go to standard output too.
        clock: time and sleep; None: the machine's.

    Raises:
        BadSettings: naming every variable that cannot be used.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        hear: Hear,
        *,
        written: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self.stop = threading.Event()
        self.settings: Settings = read_settings(environ)
        self._kept = Rest()
        self._hear, self._written = hear, written
        clock = clock or Wakeable(self.stop)
        self._app = App(self.settings, environ, clock, self._log, self._kept, self.stop)

    @property
    def allowance(self) -> int:
        """How many of them there may be in a throttling window, as known by now."""
        allowance = self._app.pacer.allowance(ASSIGN, self._app.clock.now())
        return max(1, int(allowance * self.settings.backfill_share))

    def _log(self, base: Record, level: str, secrets: Callable[[], Iterable[str]]) -> Log:
        return RecordTap(self._hear, RecordLog(base, level, secrets), self._written)

    def work(self, payload: bytes) -> Ended:
        """Work on a request to its end, or until stopped; the first failure is remembered."""
        ended = self._once(payload)
        failure = ended.failure
        while ended.rest is not None and not self.stop.is_set():
            ended = self._once(ended.rest)
            failure = failure or ended.failure
        self._app.close()
        return replace(ended, failure=failure)

    def _once(self, payload: bytes) -> Ended:
        self._kept.payload = None
        try:
            result = self._app.handle(payload, SimpleNamespace(request_id=str(uuid.uuid4())))
        except Retryable as failure:
            return Ended(None, failure, self._kept.payload or self._after_stop(payload))
        return Ended(result, None, self._kept.payload)

    def _after_stop(self, payload: bytes) -> bytes | None:
        """What is left where nothing was handed over: only a stop leaves anything."""
        return payload if self.stop.is_set() else None
