"""One request from beginning to end: work, the hook, the summary, and what it means for the caller.

This is the edge: whatever went wrong inside becomes a result, or a `Retryable` that says what the
operator can do. No exception of a lower layer, whose text might hold a secret, is chained to it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from handler.backfill import Backfill
from handler.cloud.faults import EXPIRED, advice_on
from handler.errors import CloudFault, NotPermitted, OutOfTime, Retryable, StaleCredentials
from handler.launch import Launch
from handler.model import Treatment
from handler.reconcile import Reconciler
from handler.records import Tally
from handler.rooms import Rooms

if TYPE_CHECKING:
    from handler.cloud.ports import Cloud
    from handler.invocation import Invocation
    from handler.model import Request
    from handler.reading import Reader
    from handler.records import Lifecycle, Log
    from handler.settings import Settings

# ENIs named in the text of an exception; the records hold all of them.
NAMED = 5


@dataclass
class Delivery:
    """One invocation: its id and region, since when, until when, and of which function version."""

    request_id: str
    region: str | None
    started: float
    deadline: float
    version: str | None = None


@dataclass
class Run:
    """The work that one request means."""

    request: Request
    delivery: Delivery
    settings: Settings
    cloud: Cloud
    reader: Reader
    invocation: Invocation
    log: Log

    def perform(self) -> dict[str, object]:
        """Do it.

        Returns:
            The result, as the README documents it.

        Raises:
            Retryable: something is undecided; what was done is recorded.
        """
        tally = Tally(self.log)
        rooms = Rooms(self.settings.vswitch_reserve)
        crew = Reconciler(
            self.request, self.settings, self.cloud, self.reader, self.invocation, rooms, tally
        )
        lifecycle, failure = self._work(crew)
        failure = failure or self._undecided(tally)
        if lifecycle is not None:
            level = "info" if lifecycle.completed else "warning"
            self.log.write("lifecycle", level, **asdict(lifecycle))
        self._summarise(crew, lifecycle, failure)
        if failure is not None:
            raise failure
        return self._result(tally, lifecycle)

    def _work(self, crew: Reconciler) -> tuple[Lifecycle | None, Retryable | None]:
        try:
            if self.request.manual:
                Backfill(crew).run()
                return None, None
            return Launch(crew, self.delivery.request_id).run(), None
        except OutOfTime as error:
            return None, OutOfTime(str(error))
        except CloudFault as fault:
            return None, self._unfinished(fault)

    def _unfinished(self, fault: CloudFault) -> Retryable:
        """What a call that failed for good means for the caller."""
        advice = advice_on(fault.code, fault.operation)
        said = f"{fault.operation} failed with {fault.code}. {advice}"
        if fault.code == EXPIRED and self.cloud.identity.from_environment:
            return StaleCredentials(said)
        denied = fault.treatment is Treatment.CREDENTIALS
        return NotPermitted(said) if denied else Retryable(said)

    def _undecided(self, tally: Tally) -> Retryable | None:
        """Why the event must be delivered again although nothing raised, if so."""
        for result in tally.denied:
            if result.code == EXPIRED and self.cloud.identity.from_environment:
                return StaleCredentials(f"{result.code}: {result.advice}")
            if not self.request.manual:
                return NotPermitted(f"{result.code or result.reason}: {result.advice}")
        if not tally.undecided:
            return None
        named = ", ".join(
            f"{each.network_interface_id or each.instance_id} ({each.reason})"
            for each in tally.undecided[:NAMED]
        )
        return Retryable(f"{len(tally.undecided)} undecided: {named}")

    @property
    def _action(self) -> str:
        return "plan" if self.request.dry_run or self.settings.dry_run else "assign"

    def _result(self, tally: Tally, lifecycle: Lifecycle | None) -> dict[str, object]:
        result: dict[str, object] = {
            "request_id": self.delivery.request_id,
            "source": self.request.source,
            "action": self._action,
            "region": self.request.region,
            "reason": None,
            "counts": tally.sums(),
            "enis": tally.rows(),
            "lifecycle": asdict(lifecycle) if lifecycle else None,
            "continuation": None,
        }
        left_out = tally.left_out()
        return result | ({"enis_left_out": left_out} if left_out else {})

    def _summarise(
        self, crew: Reconciler, lifecycle: Lifecycle | None, failure: Retryable | None
    ) -> None:
        started, happened = self.delivery.started, self.request.event_time
        assigned = crew.tally.assigned_at
        self.log.write(
            "run_summary",
            "info" if failure is None else "warning",
            source=self.request.source,
            action=self._action,
            counts=crew.tally.sums(),
            lifecycle=asdict(lifecycle) if lifecycle else None,
            raised=f"{type(failure).__name__}: {failure}" if failure else None,
            function_version=self.delivery.version,
            event_id=self.request.event_id,
            event_age_seconds=_since(happened, started),
            seconds_to_assigned=_since(happened or started, assigned),
            seconds_waited=round(self.invocation.waited, 3),
            seconds=_since(started, self.invocation.clock.now()),
            hop=0,
            vswitches=[
                {"vswitch_id": vswitch_id, "room": room, "reserve": self.settings.vswitch_reserve}
                for vswitch_id, room in sorted(crew.rooms.left().items())
            ],
        )


def _since(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 3)
