"""How long the calls of this thread may take as a whole: set by whoever knows the deadline."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# To connect, and to be answered: 5 s and 10 s are what the SDK waits for a connection, and for each
# piece of an answer.
CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
LONGEST = CONNECT_SECONDS + READ_SECONDS
# A call that is begun at all gets this long.
SHORTEST = 0.5

_thread = threading.local()


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Calls of this thread that begin now end within so many seconds, answered or not."""
    _thread.seconds = min(LONGEST, max(SHORTEST, seconds))
    try:
        yield
    finally:
        _thread.seconds = LONGEST


def allowed() -> float:
    """Seconds that a call of this thread may take."""
    seconds: float = getattr(_thread, "seconds", LONGEST)
    return seconds
