"""Ends calls that last too long as a whole.

A timeout of `requests` bounds each wait for a piece of an answer, so an answer that trickles holds
a call for as long as it likes. One thread, which sleeps while no call is under way, shuts the
connection of a call whose time is over.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Any

# How far past its limit a call may last, at most.
EVERY = 0.25


class WatchedCall:
    """One call under way; `connection` is what it is sent through, as soon as that is known."""

    def __init__(self, ends: float) -> None:
        self.ends = ends
        self.connection: Any = None
        self.ended = False

    def end(self) -> None:
        """Shut its connection: whoever waits for a piece of the answer gets an error."""
        self.ended = True
        sock = getattr(self.connection, "sock", None)
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class Watch:
    """Looks at all calls under way."""

    def __init__(self) -> None:
        self._calls: set[WatchedCall] = set()
        self._lock = threading.Lock()
        self._busy = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, seconds: float) -> WatchedCall:
        """A call begins that may last so long."""
        call = WatchedCall(time.monotonic() + seconds)
        with self._lock:
            self._calls.add(call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
        self._busy.set()
        return call

    def over(self, call: WatchedCall) -> None:
        """A call has ended by itself, or was ended."""
        with self._lock:
            self._calls.discard(call)
            if not self._calls:
                self._busy.clear()

    def _run(self) -> None:
        while True:
            self._busy.wait()
            time.sleep(EVERY)
            now = time.monotonic()
            with self._lock:
                late = [call for call in self._calls if call.ends <= now]
            for call in late:
                call.end()
