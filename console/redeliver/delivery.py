"""Failed events, delivered again and followed to their end.

What is in the queue stays there until its event has settled: a message is only hidden, its event is
delivered under a task id that follows from the message's id, and the message is deleted when that
task has succeeded. Whoever ends the process at any moment loses nothing: the message becomes
visible again, and the next run finds the task by its id, and does not deliver twice.

Function Compute writes a new record when a redelivery fails, too. The same event is then in the
queue twice, and the older message goes, so that a queue does not double with every attempt.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from console.chain import SUCCEEDED, Task
from handler.core.errors import CloudFault
from handler.core.model import Treatment
from handler.core.pacing import repeated
from handler.shell.backfill import HANDOVER_TRIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.redeliver.records import FailedEvent, Message
    from console.sending import Deployed

T = TypeVar("T")

# How long a message is hidden at a time.
HIDDEN_SECONDS = 120
# How many are on their way: launches want instances of the function, too (10 are reserved).
SIDE_BY_SIDE = 4
# The shortest that MNS hides a message: it is visible for whoever comes next.
AT_ONCE = 1
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")


class End(str, Enum):
    """What became of a failed event."""

    SETTLED = "settled"
    WOULD_DELIVER = "would_deliver"
    HOPELESS = "hopeless"
    FAILED_AGAIN = "failed_again"
    UNKNOWN = "unknown"
    UNDER_WAY = "under_way"

    @property
    def left(self) -> bool:
        """Whether it stays in the queue for a person."""
        return self in {End.HOPELESS, End.FAILED_AGAIN}


@dataclass(frozen=True)
class Row:
    """A failed event and what became of it.

    Attributes:
        task_id: under which it was delivered.
        reason: what a person should know about its end.
    """

    event: FailedEvent
    end: End
    task_id: str | None = None
    reason: str = ""


class Failures(Protocol):
    """The queue; every method may raise `CloudFault`."""

    def receive(self, wait: int) -> Message | None:
        """The next message, hidden for a while; None when none is visible."""
        ...

    def hide(self, handle: str, seconds: int) -> str | None:
        """Hide a message for so long from now; its new handle, None if the old one is too old."""
        ...

    def delete(self, handle: str) -> bool:
        """Take a message out; False if the handle is too old."""
        ...


@dataclass
class Flight:
    """A delivery that has not ended.

    Attributes:
        handle: opens its message.
        renew: when the message must be hidden again, by the clock of the run.
        missed: looks at its task that showed nothing.
        copies: handles of further messages with the same event.
    """

    event: FailedEvent
    handle: str
    renew: float
    task_id: str = ""
    missed: int = 0
    copies: dict[str, str] = field(default_factory=dict)


@dataclass
class Redelivery:
    """One run.

    Attributes:
        read: a message to the failed event in it.
        limit: how many events are taken at most; None: all.
        dry_run: show them, and deliver nothing.
        poll: seconds between two looks at the tasks.
        patience: seconds until a task that is not shown is given up.
        changed: is called when a row was added or has changed.
        rows: by the id of the message, in their order.
    """

    queue: Failures
    function: Deployed
    read: Callable[[Message], FailedEvent]
    limit: int | None
    dry_run: bool
    poll: float
    patience: float
    sleep: Callable[[float], None]
    now: Callable[[], float]
    changed: Callable[[], None]
    rows: dict[str, Row] = field(default_factory=dict)
    _flights: dict[str, Flight] = field(default_factory=dict, init=False)
    _left: dict[str, str] = field(default_factory=dict, init=False)  # handles
    _blind: bool = field(default=False, init=False)

    def run(self) -> None:
        """Go on until the queue shows nothing more, or the limit is reached.

        Raises:
            CloudFault: a call was refused, or not answered again and again. What was taken out
                and did not settle is in the queue.
        """
        try:
            while self._take() or self._flights:
                for message_id in list(self._flights):
                    self._look(message_id)
                if self._flights:
                    self.sleep(self.poll)
        finally:
            self._release()

    def _take(self) -> bool:
        """Receive as many as there is room for; whether there was any."""
        taken = False
        while self._wants_more():
            message = self._asked(partial(self.queue.receive, 0 if self._flights else AT_ONCE))
            if message is None:
                break
            taken = True
            self._sort(message)
        return taken

    def _wants_more(self) -> bool:
        full = self.limit is not None and len(self.rows) >= self.limit
        return len(self._flights) < SIDE_BY_SIDE and not full and not self._blind

    def _sort(self, message: Message) -> None:
        event = self.read(message)
        if message.id in self._flights:  # the time for which it was hidden was too short
            self._flights[message.id].handle = self._hidden(message.handle)
        elif message.id in self._left:
            self._left[message.id] = self._hidden(message.handle)
        elif event.hopeless:
            self._leave(Row(event, End.HOPELESS, reason=event.hopeless), message.handle)
        elif self.dry_run:
            self._leave(Row(event, End.WOULD_DELIVER), message.handle)
        elif (flight := self._flight_of(event)) is not None:
            flight.copies[message.id] = self._hidden(message.handle)
        elif older := self._failed_with(event):
            self._replace(older, event, message)
        else:
            self._deliver(event, message)

    def _flight_of(self, event: FailedEvent) -> Flight | None:
        same = (it for it in self._flights.values() if it.event.payload == event.payload)
        return next(same, None)

    def _failed_with(self, event: FailedEvent) -> list[Row]:
        """What has failed again in this run and is the same event."""
        failed = (row for row in self.rows.values() if row.end is End.FAILED_AGAIN)
        return [row for row in failed if row.event.payload == event.payload]

    def _replace(self, older: list[Row], event: FailedEvent, message: Message) -> None:
        """Keep the message that came last: it stays in the queue for longest."""
        self._leave(Row(event, End.FAILED_AGAIN, older[0].task_id, older[0].reason), message.handle)
        for row in older:
            del self.rows[row.event.message_id]
            self._delete(self._left.pop(row.event.message_id))
        self.changed()

    def _deliver(self, event: FailedEvent, message: Message) -> None:
        flight = Flight(event, self._hidden(message.handle), self.now() + HIDDEN_SECONDS / 2)
        flight.task_id, found = self._next_task(message.id)
        self._flights[message.id] = flight
        self._show(Row(event, End.UNDER_WAY, flight.task_id))
        if found is None:
            self._send(message.id, flight)

    def _send(self, message_id: str, flight: Flight) -> None:
        send = partial(self.function.invoke_later, flight.event.payload, flight.task_id)
        try:
            self._asked(send)
        except CloudFault as fault:
            if fault.treatment is not Treatment.TRANSIENT:  # else it may have been accepted
                self._left[message_id] = self._flights.pop(message_id).handle
                del self.rows[message_id]
            raise

    def _next_task(self, message_id: str) -> tuple[str, Task | None]:
        """The task of an earlier run that has not failed, or else the id of a new one."""
        number = 0
        while True:
            task_id = f"rd_{_NO_NAME.sub('_', message_id)}_{number}"
            task = self._asked(partial(self.function.task, task_id))
            if task is None or not task.ended or task.status == SUCCEEDED:
                return task_id, task
            number += 1

    def _look(self, message_id: str) -> None:
        flight = self._flights[message_id]
        task = self._task(flight)
        if task is not None and task.ended:
            self._end(message_id, task)
        elif flight.missed * self.poll >= self.patience:
            self._lose(message_id)
        elif self.now() >= flight.renew:
            flight.handle = self._hidden(flight.handle)
            flight.renew = self.now() + HIDDEN_SECONDS / 2

    def _task(self, flight: Flight) -> Task | None:
        """How far it has come; None when it cannot be told now."""
        task = None
        try:
            task = self.function.task(flight.task_id)
        except CloudFault as fault:
            if fault.treatment is not Treatment.TRANSIENT:
                raise
        flight.missed = 0 if task else flight.missed + 1
        return task

    def _end(self, message_id: str, task: Task) -> None:
        flight = self._flights[message_id]
        handles = {message_id: flight.handle} | flight.copies
        if task.status == SUCCEEDED:
            gone = [self._delete(handle) for handle in handles.values()]
            said = "" if all(gone) else "its record is still there; the next run deletes it"
            row = Row(flight.event, End.SETTLED, flight.task_id, said)
        else:
            kept, self._left[kept] = handles.popitem()
            for handle in handles.values():
                self._delete(handle)
            said = f"{task.status}: {task.error}" if task.error else task.status
            event = replace(flight.event, message_id=kept)
            row = Row(event, End.FAILED_AGAIN, flight.task_id, said)
        del self._flights[message_id]
        if row.event.message_id != message_id:
            del self.rows[message_id]
        self._show(row)

    def _lose(self, message_id: str) -> None:
        """A function whose tasks are not shown is sent nothing more."""
        flight, self._blind = self._flights.pop(message_id), True
        self._leave(Row(flight.event, End.UNKNOWN, flight.task_id, "no task is shown"), None)

    def _leave(self, row: Row, handle: str | None) -> None:
        """Hide what stays, so that this run does not receive it again."""
        if handle is not None:
            self._left[row.event.message_id] = self._hidden(handle)
        self._show(row)

    def _show(self, row: Row) -> None:
        self.rows[row.event.message_id] = row
        self.changed()

    def _hidden(self, handle: str) -> str:
        found = self._asked(partial(self.queue.hide, handle, HIDDEN_SECONDS))
        return handle if found is None else found

    def _delete(self, handle: str) -> bool:
        return self._asked(partial(self.queue.delete, handle))

    def _asked(self, call: Callable[[], T]) -> T:
        return repeated(call, HANDOVER_TRIES, self.sleep)

    def _release(self) -> None:
        """Let whoever comes next see what stays."""
        for handle in self._left.values():
            with contextlib.suppress(CloudFault):
                self.queue.hide(handle, AT_ONCE)
        self._left.clear()
