"""How fast the cloud may be called: windows of one wall-clock minute, and backoff between tries.

ECS counts calls per account, region and operation in fixed minutes that begin at multiples of a
minute since the epoch; once throttled, an operation stays so until the next minute begins. Backing
off within the minute is wasted. Time is an argument here.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import TYPE_CHECKING, Protocol, TypeVar

from handler.core.errors import CloudFault
from handler.core.model import Treatment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

# Throttled callers come back spread over this share of a minute (5 s of 60 s).
JITTER_SHARE = 5 / 60
# Whoever called from this part of a minute on has used the whole of it: what got through then is
# the quota, or the part of it that others leave. Whoever came later learns only that others call.
WHOLE_MINUTE_SHARE = 10 / 60
# A quota that throttling revealed is crept up from by this share every minute.
GROWTH = 0.1
# However much others call, an instance goes on with this part of what is configured.
FLOOR_SHARE = 1 / 8
BACKOFF_FIRST, BACKOFF_LONGEST = 0.2, 5.0


class Clock(Protocol):
    """Wall-clock time, in epoch seconds, and sleep."""

    def now(self) -> float:
        """The time, in epoch seconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


def backoff(attempt: int) -> float:
    """Seconds to wait after the nth try (0, 1, ...): doubling, at most `BACKOFF_LONGEST`."""
    return min(BACKOFF_LONGEST, BACKOFF_FIRST * 2.0 ** min(attempt, 16))


def repeated(
    call: Callable[[], T], most: int, pause: Callable[[float], None], *, paced: bool = False
) -> T:
    """Make a call that may be made twice, again while its errors are transient.

    Args:
        call: is made at least once.
        most: tries of a transient error; a refusal that nobody knows is tried once more.
        pause: lets so many seconds pass between two tries.
        paced: whether the call itself waits for the next minute when this one's calls are used
            up: such a refusal is then no try.

    Raises:
        CloudFault: it is refused, or transient errors do not end.
    """
    tries = Counter[Treatment]()
    allowed = {Treatment.TRANSIENT: most, Treatment.UNKNOWN: 2}
    while True:
        try:
            return call()
        except CloudFault as fault:
            if paced and fault.throttling:
                continue
            tries[fault.treatment] += 1
            if tries[fault.treatment] >= allowed.get(fault.treatment, 1):
                raise
        pause(backoff(tries.total() - 1))


class _Lane:
    """One operation's minute."""

    def __init__(self, configured: int, minute: int) -> None:
        self.configured = self.allowance = configured
        self.floor = max(1, int(configured * FLOOR_SHARE))
        self.doubling = False
        self.admitted = 0
        self.closed_until = 0.0
        self.count_from(minute)

    def count_from(self, minute: int) -> None:
        """Count the calls of this minute."""
        self.minute, self.used, self.succeeded, self.throttled = minute, 0, 0, False
        self.whole = False

    def enter(self, minute: int) -> None:
        """Begin a new minute: take in what throttling revealed, or grow."""
        passed = minute - self.minute
        if passed <= 0:
            return
        if self.throttled:
            self.learn()
            passed -= 1
        while passed > 0 and self.allowance < self.configured:
            step = self.allowance if self.doubling else max(1, int(self.allowance * GROWTH))
            self.allowance, passed = min(self.configured, self.allowance + step), passed - 1
        self.count_from(minute)

    def learn(self) -> None:
        """What a throttled minute teaches: the quota, or no more than that others call too."""
        alone = self.whole and self.succeeded >= self.floor
        told = self.succeeded if alone else self.allowance // 2
        self.allowance = min(self.allowance, max(self.floor, told))
        self.doubling = not alone


class Pacer:
    """Admits calls, per operation, within the minute's allowance. Safe to share among threads.

    Args:
        allowances: calls a minute, per operation; "*" stands for every other one.
        minute: the length of a window in seconds.
        jitter: a number in 0..1, new at each call.
    """

    def __init__(
        self,
        allowances: Mapping[str, int],
        minute: float = 60.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._allowances = allowances
        self._minute = minute
        self._jitter = jitter
        self._lanes: dict[str, _Lane] = {}
        self._lock = threading.Lock()

    def admit(self, operation: str, now: float, share: float = 1.0) -> float:
        """Count one call in, or say how long to wait before asking again.

        Args:
            operation: for example "ecs:AssignPrivateIpAddresses".
            now: epoch seconds.
            share: the part of the allowance that the caller may use up, above 0 to 1.

        Returns:
            0.0 when the call may be made now, else seconds until the next window.
        """
        with self._lock:
            lane = self._lane(operation, now)
            if self._window(now) < lane.minute - 1:
                # The clock was set back, the cloud's was not: what was used counts on, for a while.
                lane.minute = self._window(now)
                lane.closed_until = min(lane.closed_until, self._next_window(now))
            if now < lane.closed_until:
                return lane.closed_until - now
            if lane.used >= max(1, int(lane.allowance * share)):
                return self._next_window(now) - now
            if lane.used == 0:
                into = now - self._window(now) * self._minute
                lane.whole = into <= WHOLE_MINUTE_SHARE * self._minute
            lane.used += 1
            lane.admitted += 1
            return 0.0

    def succeeded(self, operation: str, now: float) -> None:
        """Note that a call was not throttled.

        Args:
            operation: as in `admit`.
            now: when the call was made; an earlier window tells nothing of this one.
        """
        with self._lock:
            lane = self._lane(operation, now)
            lane.succeeded += lane.minute == self._window(now)

    def throttled(self, operation: str, now: float) -> None:
        """Close the operation until the next window and a little more.

        Args:
            operation: as in `admit`.
            now: when the throttled call was made; an earlier window tells nothing of this one.
        """
        with self._lock:
            lane = self._lane(operation, now)
            if not lane.throttled and lane.minute == self._window(now):
                lane.throttled = True
                spread = self._jitter() * JITTER_SHARE * self._minute
                lane.closed_until = self._next_window(now) + spread

    def allowance(self, operation: str, now: float) -> int:
        """Calls that the operation may make in the current window."""
        with self._lock:
            return self._lane(operation, now).allowance

    def admitted(self, operation: str, now: float) -> int:
        """Calls that were admitted so far, in all windows."""
        with self._lock:
            return self._lane(operation, now).admitted

    def _lane(self, operation: str, now: float) -> _Lane:
        lane = self._lanes.get(operation)
        if lane is None:
            configured = self._allowances.get(operation, self._allowances["*"])
            lane = self._lanes[operation] = _Lane(configured, self._window(now))
        lane.enter(self._window(now))
        return lane

    def _window(self, now: float) -> int:
        """The window that `now` is in; a boundary, however it was rounded, begins the next one."""
        window = int(now // self._minute)
        return window + ((window + 1) * self._minute <= now)

    def _next_window(self, now: float) -> float:
        return (self._window(now) + 1) * self._minute
