"""Asks the guests whether they answer, before a launch goes on: TCP connections, and no byte more.

Results of ENIs are held back until then, because whether the guest answers is part of them. This is
imported where `GUEST_PORT` is set, and costs nothing elsewhere.
"""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections import deque
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Protocol

from handler.cloud.limits import LONGEST
from handler.core.errors import OutOfTime
from handler.core.guests import (
    Heard,
    ends_too_early,
    judged,
    patience_of,
    question_for,
    still_held,
    still_to_ask,
)
from handler.core.pacing import backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from handler.core.guests import Question
    from handler.core.model import Eni, EniResult, Request
    from handler.core.settings import Settings
    from handler.shell.invocation import Invocation
    from handler.shell.reading import Reader
    from handler.shell.records import Tally

# Connections under way at once: well below the 1 024 files that a process may usually open.
IN_FLIGHT = 256
# How long one of them may take. A lost SYN is sent again after a second.
CONNECT_SECONDS = 2.0


class Knock(Protocol):
    """Finds out which addresses answer on a port."""

    def __call__(self, addresses: Sequence[str], port: int, seconds: float, /) -> Heard:
        """Ask each of them once, all within so many seconds; for what could be asked in time."""
        ...


class Guests:
    """The guests of one request: holds back the results of their ENIs until they were asked.

    Args:
        settings: port and patience, and what silence means.
        request: a launch waits for its guests; others ask them once.
        invocation: time and heartbeats.
        tally: takes the results.
        reader: shows what has become of an ENI meanwhile.
        knock: asks.
    """

    def __init__(  # noqa: PLR0913, PLR0917  (what asking takes)
        self,
        settings: Settings,
        request: Request,
        invocation: Invocation,
        tally: Tally,
        reader: Reader,
        knock: Knock,
    ) -> None:
        self._port = settings.guest_port or 0
        waits = not (request.manual or request.dry_run or settings.dry_run)
        patience = patience_of(
            settings.guest_seconds,
            invocation.before,
            settings.settle_seconds,
            hook=request.hook is not None,
        )
        if request.hook is None:  # nobody waits for it, and others may have to be served
            patience = min(patience, invocation.patience)
        self._patience = patience if waits else 0.0
        self._settle = settings.settle_seconds
        self._silence_counts = settings.on_silent == "short" and not request.manual
        self._invocation = invocation
        self._tally = tally
        self._reader = reader
        self._knock = knock
        self._held: list[tuple[EniResult, Question | None]] = []
        self._heard = Heard()

    def hold(self, result: EniResult, eni: Eni) -> bool:
        """Keep a result until `release`, if its guest is to be asked.

        Args:
            result: how an ENI ended.
            eni: its last reading.
        """
        question = question_for(result, eni)
        if question is not None:
            self._held.append((result, question))
        return question is not None

    def ask(self, hook_ends: Callable[[], float] = lambda: inf) -> None:
        """Ask until all have answered, or the time is over.

        Args:
            hook_ends: when the time of the hook is over, epoch seconds; it is completed before.

        Raises:
            OutOfTime: silence would count, and the time was too short to tell it from slowness.
            CloudFault: whose addresses the silent ones still are could not be read.
        """
        began = self._now()
        for tries in count():
            self._invocation.before_wait(0.0)
            last = min(self._invocation.last_write, hook_ends() - LONGEST)
            end = min(last, began + self._patience)
            if self._all_answer(last if tries == 0 else end):
                return
            left = end - CONNECT_SECONDS - self._now()
            if left <= 0:
                break
            self._invocation.wait(min(backoff(tries), left), left + CONNECT_SECONDS)
        if self._silence_counts and ends_too_early(began, last, self._patience, self._settle):
            raise OutOfTime("the time was not enough to hear whether the guests answer")
        if self._patience and self._now() >= began + self._settle:
            self._look_again()  # earlier, a read may not show yet what was written

    def _all_answer(self, end: float) -> bool:
        """Whether all have answered after one more round, which is over by `end`."""
        left, seconds = self._left(), end - self._now()
        if left and seconds > 0:
            self._heard = self._heard.and_then(self._knock(left, self._port, seconds))
        return not self._left()

    def _left(self) -> tuple[str, ...]:
        return still_to_ask((question for _, question in self._held if question), self._heard)

    def _look_again(self) -> None:
        """One read of the ENIs that are silent: what is no longer there does not have to answer."""
        silent = {
            str(result.network_interface_id)
            for result, question in self._held
            if question and still_to_ask([question], self._heard)
        }
        enis = self._reader.enis(sorted(silent))
        for place, (result, question) in enumerate(self._held):
            eni_id = str(result.network_interface_id)
            if question and eni_id in silent:
                self._held[place] = (result, still_held(question, enis.get(eni_id)))

    def release(self) -> None:
        """Hand on what was held back, with what the guests have answered until now."""
        held, self._held = self._held, []
        for result, question in held:
            self._tally.tell(judged(result, question, self._heard))
        self._heard = Heard()

    def _now(self) -> float:
        return self._invocation.clock.now()


def connect_to(
    addresses: Iterable[str],
    port: int,
    seconds: float,
    reached_at: Callable[[str], str] = str,
) -> Heard:
    """Connect to each address, many side by side, in this thread.

    A connection that is accepted or refused is an answer. No answer in time is none, and neither is
    a router that knows no way: the guest may come up yet.

    Args:
        addresses: where to.
        port: which port.
        seconds: how long all of it may take.
        reached_at: where an address is; on a machine that has only itself, elsewhere.
    """
    with selectors.DefaultSelector() as selector:
        round_ = _Round(selector, port, deque(addresses), time.monotonic() + seconds)
        try:
            round_.run(reached_at)
        finally:
            round_.close()
    return Heard(frozenset(round_.asked), frozenset(round_.answered))


class _Round:
    """Connections under way, the oldest first, and what came of the others."""

    def __init__(
        self, selector: selectors.BaseSelector, port: int, left: deque[str], end: float
    ) -> None:
        self._selector = selector
        self._port = port
        self._left = left
        self._end = end
        self._open: dict[socket.socket, tuple[str, float]] = {}
        self.asked: set[str] = set()
        self.answered: set[str] = set()

    def run(self, reached_at: Callable[[str], str]) -> None:
        """Until each was asked, or the time is over."""
        while self._left or self._open:
            while self._left and len(self._open) < IN_FLIGHT and time.monotonic() < self._end:
                if not self._begin(self._left[0], reached_at(self._left[0])):
                    break
                self._left.popleft()
            if not self._open:
                return  # no time left, or no socket to be had
            self._wait()

    def _begin(self, address: str, host: str) -> bool:
        """Begin to connect; False where the process has no socket left."""
        try:
            one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        except OSError:
            return False
        one.setblocking(False)  # noqa: FBT003  (its name says it)
        self.asked.add(address)
        self._open[one] = (address, min(self._end, time.monotonic() + CONNECT_SECONDS))
        status = one.connect_ex((host, self._port))
        if status == errno.EINPROGRESS:
            self._selector.register(one, selectors.EVENT_WRITE)
        else:
            self._ended(one, status)
        return True

    def _wait(self) -> None:
        """Take in what has ended since; give up what has lasted too long."""
        if not self._selector.get_map():
            return
        oldest = next(iter(self._open.values()))[1]
        for key, _ in self._selector.select(max(0.0, oldest - time.monotonic())):
            one = key.fileobj
            if isinstance(one, socket.socket):
                self._selector.unregister(one)
                self._ended(one, one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        now = time.monotonic()
        for one in [one for one, (_, until) in self._open.items() if until <= now]:
            self._selector.unregister(one)
            self._ended(one, errno.ETIMEDOUT)

    def _ended(self, one: socket.socket, status: int) -> None:
        address, _ = self._open.pop(one)
        one.close()
        if status in {0, errno.ECONNREFUSED}:
            self.answered.add(address)

    def close(self) -> None:
        """Leave nothing behind, whatever happened."""
        for one in self._open:
            one.close()
        self._open.clear()
