"""One request from beginning to end: work, the hook, the summary, and what it means for the caller.

This is the edge: whatever went wrong inside becomes a result, or a `Retryable` that says what the
operator can do. No exception of a lower layer, whose text might hold a secret, is chained to it.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from handler.cloud.faults import EXPIRED, advice_on
from handler.core.errors import CloudFault, NotPermitted, Retryable, StaleCredentials, Unexpected
from handler.core.model import Reason, Treatment
from handler.core.value import Value, fields_of
from handler.shell.continuation import cursor_of
from handler.shell.launch import Launch
from handler.shell.reconcile import Reconciler
from handler.shell.records import NAMED, Tally

if TYPE_CHECKING:
    from handler.cloud.ports import Cloud
    from handler.core.ledger import Rooms
    from handler.core.model import Request
    from handler.core.settings import Settings
    from handler.shell.continuation import Cursor
    from handler.shell.invocation import Invocation
    from handler.shell.reading import Reader
    from handler.shell.records import Continuation, Lifecycle, Log


class Delivery(Value):
    """One invocation: its id and region, since when, until when, and of which function version.

    Attributes:
        part: which event of an array this is about, from 0 on.
    """

    request_id: str
    region: str | None
    started: float
    deadline: float
    version: str | None = None
    part: int = 0

    @property
    def chain(self) -> str:
        """Under which id its work is handed over; every event of an array has one of its own."""
        return f"{self.request_id}-{self.part}" if self.part else self.request_id


class End(Value):
    """How the work of an invocation ended."""

    lifecycle: Lifecycle | None = None
    continuation: Continuation | None = None
    failure: Retryable | None = None


class Run(Value):
    """The work that one request means."""

    request: Request
    delivery: Delivery
    settings: Settings
    cloud: Cloud
    reader: Reader
    invocation: Invocation
    log: Log
    rooms: Rooms

    def perform(self) -> dict[str, object]:
        """Do it.

        Returns:
            The result, as the README documents it.

        Raises:
            Retryable: something is undecided; what was done is recorded.
        """
        tally = Tally(self.log)
        cursor = cursor_of(self.request, self.delivery.chain)
        crew = Reconciler(
            self.request,
            self.settings,
            self.cloud,
            self.reader,
            self.invocation,
            self.rooms,
            tally,
            cursor.remaining,
        )
        end = self._work(crew, cursor)
        failure = end.failure or self._undecided(tally, end.continuation)
        self._tell(end)
        self._summarise(crew, end.lifecycle, failure, cursor.hop)
        if failure is not None:
            raise type(failure)(self.log.hidden(str(failure)))
        return self._result(tally, end)

    def _work(self, crew: Reconciler, cursor: Cursor) -> End:
        try:
            if self.request.manual:
                from handler.shell.backfill import Backfill  # noqa: PLC0415  (no launch needs it)

                return End(continuation=Backfill(crew, cursor).run())
            return End(lifecycle=Launch(crew, self.delivery.chain).run())
        except Retryable as error:
            return End(failure=type(error)(str(error)))
        except CloudFault as fault:
            return End(failure=self._unfinished(fault))
        except Exception as error:  # noqa: BLE001  (its text may hold anything)
            return End(failure=Unexpected(_where(error)))

    def _tell(self, end: End) -> None:
        if end.lifecycle is not None:
            level = "info" if end.lifecycle.completed else "warning"
            self.log.write("lifecycle", level, **fields_of(end.lifecycle))
        if end.continuation is not None:
            level = "warning" if end.continuation.repeated else "info"
            self.log.write("continuation", level, **end.continuation.shown)

    def _unfinished(self, fault: CloudFault) -> Retryable:
        """What a call that failed for good means for the caller."""
        advice = advice_on(fault.code, fault.operation)
        said = f"{fault.operation} failed with {fault.code}. {advice}"
        if fault.code == EXPIRED and self.cloud.identity.from_environment:
            return StaleCredentials(said)
        denied = fault.treatment is Treatment.CREDENTIALS
        return NotPermitted(said) if denied else Retryable(said)

    def _undecided(self, tally: Tally, continuation: Continuation | None) -> Retryable | None:
        """Why the event must be delivered again although nothing raised, if so."""
        for result in tally.denied.values():
            if result.code == EXPIRED and self.cloud.identity.from_environment:
                return StaleCredentials(f"{result.code}: {result.advice}")
            if not self.request.manual:
                return NotPermitted(f"{result.code or result.reason}: {result.advice}")
        handed_over = {Reason.OUT_OF_TIME} if continuation else set()
        undecided = [each for reason, each in tally.undecided.items() if reason not in handed_over]
        if not undecided:
            return None
        first = [result for each in undecided for result in each.named][:NAMED]
        named = ", ".join(
            f"{each.network_interface_id or each.instance_id} ({each.reason})" for each in first
        )
        return Retryable(f"{sum(each.count for each in undecided)} undecided: {named}")

    @property
    def _action(self) -> str:
        return "plan" if self.request.dry_run or self.settings.dry_run else "assign"

    def _result(self, tally: Tally, end: End) -> dict[str, object]:
        result: dict[str, object] = {
            "request_id": self.delivery.request_id,
            "source": self.request.source,
            "action": self._action,
            "region": self.request.region,
            "reason": None,
            "counts": tally.sums(),
            "enis": tally.rows(),
            "lifecycle": fields_of(end.lifecycle) if end.lifecycle else None,
            "continuation": end.continuation.shown if end.continuation else None,
        }
        left_out = tally.left_out()
        return result | ({"enis_left_out": left_out} if left_out else {})

    def _summarise(
        self, crew: Reconciler, lifecycle: Lifecycle | None, failure: Retryable | None, hop: int
    ) -> None:
        started, happened = self.delivery.started, self.request.event_time
        assigned = crew.tally.assigned_at
        self.log.write(
            "run_summary",
            "info" if failure is None else "warning",
            source=self.request.source,
            action=self._action,
            counts=crew.tally.sums(),
            lifecycle=fields_of(lifecycle) if lifecycle else None,
            raised=f"{type(failure).__name__}: {failure}" if failure else None,
            function_version=self.delivery.version,
            event_id=self.request.event_id,
            event_age_seconds=_since(happened, started),
            seconds_to_assigned=_since(happened or started, assigned),
            seconds_waited=round(self.invocation.waited, 3),
            seconds=_since(started, self.invocation.clock.now()),
            hop=hop,
            vswitches=[
                {"vswitch_id": vswitch_id, "room": room, "reserve": self.settings.vswitch_reserve}
                for vswitch_id, room in sorted(crew.rooms.left().items())
            ],
        )


def _where(error: Exception) -> str:
    """The type of an exception, and the function that raised it: nothing that it says."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1]
    file = "/".join(Path(last.filename).parts[-2:])
    return f"{type(error).__name__} in {last.name}, {file}, line {last.lineno}"


def _since(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 3)
