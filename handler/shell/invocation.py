"""The means of one invocation: its time, its share of the allowed calls, its threads.

Every API call passes here, so that pacing, the deadline, heartbeats and `api_error` records are
each done in one place.
"""

from __future__ import annotations

import threading
from contextvars import copy_context
from math import inf
from typing import TYPE_CHECKING, TypeVar

from handler.cloud import ports
from handler.cloud.faults import advice_on
from handler.cloud.limits import LONGEST, at_most
from handler.core.errors import CloudFault, OutOfTime
from handler.core.pacing import repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor

    from handler.core.pacing import Clock, Pacer
    from handler.shell.records import Log

T = TypeVar("T")
S = TypeVar("S")

# Tries of a read that ended in a transient error other than throttling.
MAX_READS = 8
# What is left of the timeout for calls in flight.
MARGIN = LONGEST
# What of the time before the deadline is left to reads: what was written last must be confirmed.
CONFIRM = 5.0
STOPPED = "stopped on request"


def deadline_of(start: float, timeout: float) -> float:
    """When to begin nothing new: a margin before the timeout.

    Args:
        start: when the invocation began, epoch seconds.
        timeout: the function's timeout in seconds.
    """
    return start + timeout - min(MARGIN, timeout / 4)


class Invocation:
    """Time, pacing and threads for one invocation.

    Attributes:
        last_write: when the last write may begin that can still be confirmed, epoch seconds.

    Args:
        clock: time and sleep.
        deadline: when to begin nothing new, epoch seconds.
        pacer: shared by all invocations of this function instance.
        threads: runs calls side by side.
        log: where refused calls are recorded.
        share: the part of each operation's allowance that may be used.
        stopped: whether to write nothing more; reads still confirm what was written.
        started: when the delivery began, epoch seconds: before now, for all but the first event of
            an array.
        timeout_at: when the runtime ends the invocation, epoch seconds; None: never.
        launch: whether a launch is worked on: it has nobody to hand over to.
    """

    def __init__(  # noqa: PLR0913, PLR0917  (these are the means; a bag of them would be this class)
        self,
        clock: Clock,
        deadline: float,
        pacer: Pacer,
        threads: Executor,
        log: Log,
        share: float = 1.0,
        stopped: Callable[[], bool] = lambda: False,
        started: float | None = None,
        timeout_at: float | None = None,
        *,
        launch: bool = False,
    ) -> None:
        self.clock = clock
        self.deadline = deadline
        self.log = log
        # Whatever a call does, a second is left to record it.
        self._calls_end = inf if timeout_at is None else timeout_at - 1.0
        self._launch = launch
        now = clock.now()
        began = now if started is None else started
        self.before = now - began
        # Half of a delivery's time may be spent on waiting for what does not appear.
        self.patience = max(0.0, (began + deadline) / 2 - now)
        self.last_write = deadline - min(CONFIRM, max(0.0, deadline - now) / 12)
        self.waited = 0.0
        self.before_wait: Callable[[float], None] = lambda _planned: None
        self._pacer = pacer
        self._threads = threads
        self._share = share
        self._stopped = stopped
        self._lock = threading.Lock()

    def wait(self, seconds: float, planned: float | None = None, end: float | None = None) -> None:
        """Let time pass.

        Args:
            seconds: how long.
            planned: how long the waiting of which this is a part may last.
            end: when it must be over, epoch seconds; None for the deadline.

        Raises:
            OutOfTime: it would last longer.
        """
        if self.clock.now() + seconds > (self.deadline if end is None else end):
            raise OutOfTime(f"waiting {seconds:.0f} s more would end after the deadline")
        self._pause(seconds, max(seconds, planned or 0.0))

    def _pause(self, seconds: float, planned: float) -> None:
        """Let so much time pass; the calls that keep a hook alive count towards it."""
        began = self.clock.now()
        self.before_wait(planned)
        rest = min(seconds, seconds - (self.clock.now() - began))  # a clock may be set back
        if rest > 0:
            with self._lock:
                self.waited += rest
            self.clock.sleep(rest)

    def admit(self, operation: str) -> None:
        """Wait until the operation may be called.

        Raises:
            OutOfTime: that is after the deadline; for a write, too late to confirm it.
        """
        end = self.last_write if operation == ports.ASSIGN else self.deadline
        self._in_time(operation, end)
        self.before_wait(0.0)
        self._check(operation, end)
        while (delay := self._pacer.admit(operation, self.clock.now(), self._share)) > 0:
            self._use_up(delay, end)
            self.wait(delay, end=end)
            self._check(operation, end)

    def _in_time(self, operation: str, end: float) -> None:
        if self.clock.now() >= end:
            raise OutOfTime(f"no time left for {operation}")

    def _use_up(self, delay: float, end: float) -> None:
        """A launch that must wait past its end for another minute uses the time that there is.

        It is delivered again at once: without this, every delivery would meet the same minute.
        """
        left = end - self.clock.now()
        if self._launch and 0 < left < delay:
            self._pause(left, left)

    def _check(self, operation: str, end: float) -> None:
        self._in_time(operation, end)
        if operation == ports.ASSIGN and self._stopped():
            raise OutOfTime(STOPPED)

    def until_stopped(self, items: Iterable[T]) -> Iterator[T]:
        """The items, one by one.

        Raises:
            OutOfTime: there is another item, and nothing new is to be begun.
        """
        for item in items:
            if self._stopped():
                raise OutOfTime(STOPPED)
            yield item

    def send(self, operation: str, call: Callable[[], T]) -> T:
        """Make one admitted call.

        Raises:
            CloudFault: it was refused or not answered; recorded as `api_error`.
        """
        began = self.clock.now()
        try:
            with at_most(self._calls_end - began):
                result = call()
        except CloudFault as fault:
            self._note(fault, began)
            raise
        self._pacer.succeeded(operation, began)
        return result

    def read(self, operation: str, call: Callable[[], T]) -> T:
        """Make a call that may be made twice, again while its errors are transient.

        Raises:
            CloudFault: it is refused, or transient errors do not end.
            OutOfTime: the deadline came first.
        """

        def admitted() -> T:
            self.admit(operation)
            return self.send(operation, call)

        return repeated(admitted, MAX_READS, self.wait, paced=True)

    def side_by_side(self, work: Callable[[S], T], items: Iterable[S]) -> list[T]:
        """Do the same work on several items at once; results in their order."""
        items = list(items)
        if len(items) == 1:
            return [work(items[0])]
        # What belongs to the request, such as its credentials, goes along.
        futures = [self._threads.submit(copy_context().run, work, item) for item in items]
        for future in futures:  # whatever fails: nothing goes on after the invocation has ended
            future.exception()
        return [future.result() for future in futures]

    def _note(self, fault: CloudFault, began: float) -> None:
        fault.hide(self.log.hidden)
        if fault.throttling:
            self._pacer.throttled(fault.operation, began)
        else:
            self._pacer.succeeded(fault.operation, began)
        self.log.write(
            "api_error",
            "warning",
            operation=fault.operation,
            code=fault.code,
            status=fault.status,
            treatment=fault.treatment.value,
            message=fault.message,
            api_request_id=fault.request_id,
            advice=advice_on(fault.code, fault.operation),
        )
