"""One request from beginning to end: work, the hook, the summary, and what it means for the caller.

This is the edge: whatever went wrong inside becomes a result, or a `Retryable` that says what the
operator can do. No exception of a lower layer, whose text might hold a secret, is chained to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.faults import EXPIRED, NO_ANSWER, advice_on
from handler.core.errors import CloudFault, NotPermitted, Retryable, StaleCredentials, Unexpected
from handler.core.model import Reason, Treatment
from handler.core.rounds import Limit
from handler.core.value import Value, fields_of
from handler.shell.continuation import cursor_of
from handler.shell.launch import Launch
from handler.shell.reconcile import Reconciler
from handler.shell.records import NAMED, where

if TYPE_CHECKING:
    from handler.core.ledger import Ledger
    from handler.shell.continuation import Cursor
    from handler.shell.job import Job
    from handler.shell.records import Continuation, Lifecycle, Log


class Ended(Value):
    """How the work of an invocation ended."""

    lifecycle: Lifecycle | None = None
    continuation: Continuation | None = None
    failure: Retryable | None = None


class Run(Value):
    """The work that one request means.

    Attributes:
        ledger: what vSwitches may still give; shared by all events of an array.
    """

    job: Job
    log: Log
    ledger: Ledger

    def perform(self) -> dict[str, object]:
        """Do it.

        Returns:
            The result, as docs/interfaces.md documents it.

        Raises:
            Retryable: something is undecided; what was done is recorded.
        """
        cursor = cursor_of(self.job.request, self.job.delivery.chain)
        ended = self._work(cursor)
        failure = ended.failure or self._undecided(ended.continuation)
        self._tell(ended)
        self._summarise(ended.lifecycle, failure, cursor.hop)
        if failure is not None:
            raise type(failure)(self.log.hidden(str(failure)))
        return self._result(ended)

    def _work(self, cursor: Cursor) -> Ended:
        limit = Limit(cursor.remaining)
        reconciler = Reconciler(self.job, self.ledger, limit)
        try:
            if self.job.request.manual:
                from handler.shell.backfill import Backfill  # noqa: PLC0415  (no launch needs it)

                return Ended(continuation=Backfill(self.job, reconciler, limit, cursor).run())
            return Ended(lifecycle=Launch(self.job, reconciler).run())
        except Retryable as error:
            return Ended(failure=type(error)(str(error)))
        except CloudFault as fault:
            return Ended(failure=self._unfinished(fault))
        except Exception as error:  # noqa: BLE001  (its text may hold anything)
            return Ended(failure=Unexpected(where(error)))

    def _tell(self, ended: Ended) -> None:
        if ended.lifecycle is not None:
            level = "info" if ended.lifecycle.completed else "warning"
            self.log.write("lifecycle", level, **fields_of(ended.lifecycle))
        if ended.continuation is not None:
            level = "warning" if ended.continuation.repeated else "info"
            self.log.write("continuation", level, **ended.continuation.shown)

    def _unfinished(self, fault: CloudFault) -> Retryable:
        """What a call that failed, and is not tried again, means for the caller."""
        advice = advice_on(fault.code, fault.operation)
        # The words of a call without an answer are our own: what failed, at which host and proxy.
        why = f": {fault.message}" if fault.code == NO_ANSWER and fault.message else ""
        said = f"{fault.operation} failed with {fault.code}{why}. {advice}"
        if fault.code == EXPIRED and self.job.cloud.identity.from_environment:
            return StaleCredentials(said)
        denied = fault.treatment is Treatment.CREDENTIALS
        return NotPermitted(said) if denied else Retryable(said)

    def _undecided(self, continuation: Continuation | None) -> Retryable | None:
        """Why the event must be delivered again although nothing raised, if so."""
        tally, cloud = self.job.tally, self.job.cloud
        for result in tally.denied.values():
            if result.code == EXPIRED and cloud.identity.from_environment:
                return StaleCredentials(f"{result.code}: {result.advice}")
            if not self.job.request.manual:
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
        return "plan" if self.job.dry else "assign"

    def _result(self, ended: Ended) -> dict[str, object]:
        request, tally = self.job.request, self.job.tally
        result: dict[str, object] = {
            "request_id": self.job.delivery.request_id,
            "source": request.source,
            "action": self._action,
            "region": request.region,
            "reason": None,
            "counts": tally.sums(),
            "enis": tally.rows(),
            "lifecycle": fields_of(ended.lifecycle) if ended.lifecycle else None,
            "continuation": ended.continuation.shown if ended.continuation else None,
        }
        left_out = tally.left_out()
        return result | ({"enis_left_out": left_out} if left_out else {})

    def _summarise(self, lifecycle: Lifecycle | None, failure: Retryable | None, hop: int) -> None:
        request, delivery, invocation = self.job.request, self.job.delivery, self.job.invocation
        started, happened = delivery.started, request.event_time
        self.log.write(
            "run_summary",
            "info" if failure is None else "warning",
            source=request.source,
            action=self._action,
            counts=self.job.tally.sums(),
            lifecycle=fields_of(lifecycle) if lifecycle else None,
            raised=f"{type(failure).__name__}: {failure}" if failure else None,
            function_version=delivery.version,
            event_id=request.event_id,
            event_age_seconds=_since(happened, started),
            seconds_to_assigned=_since(happened or started, self.job.tally.assigned_at),
            seconds_waited=round(invocation.waited, 3),
            seconds=_since(started, invocation.clock.now()),
            hop=hop,
            vswitches=[
                {"vswitch_id": vswitch_id, "room": room, "reserve": self.ledger.reserve}
                for vswitch_id, room in sorted(self.ledger.shown().items())
            ],
        )


def _since(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 3)
