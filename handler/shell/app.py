"""The composition root: everything is put together here, once per function instance.

Clock, environment and threads come in as arguments. The SDKs are imported when a client is first
needed: an event that is ignored costs none of that.
"""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from handler.cloud import ports
from handler.cloud.lean import lean
from handler.core.errors import Retryable, StaleCredentials
from handler.core.ledger import Rooms
from handler.core.model import Rejected, Request
from handler.core.pacing import Pacer
from handler.core.settings import Settings, read_settings
from handler.core.value import replace
from handler.events import Batch, parse
from handler.shell.continuation import cursor_shown
from handler.shell.invocation import Invocation, deadline_of
from handler.shell.log import RecordLog, withheld
from handler.shell.reading import Reader
from handler.shell.records import MAX_ENIS, not_acted_on, with_at_most
from handler.shell.run import Delivery, Run
from handler.shell.warmup import warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from handler.cloud.connect import Connector
    from handler.core.pacing import Clock
    from handler.events import Item
    from handler.shell.log import Record
    from handler.shell.records import Log

    # From the fields of every record, LOG_LEVEL and the secrets of the moment to a log.
    Logs = Callable[[Record, str, Callable[[], Iterable[str]]], Log]

# Terway's limits on itself, calls a minute (pkg/aliyun/client/limit.go): the best public hint.
ALLOWANCES = {
    ports.DESCRIBE_ENIS: 800,
    ports.DESCRIBE_TYPES: 400,
    ports.DESCRIBE_VSWITCHES: 300,
    "*": 500,
}
# Of the reads, for plans while backfills are switched off.
PLAN_SHARE = 0.5
# When the context names no timeout there is none to keep: a laptop.
NO_TIMEOUT = 86_400.0

Result = dict[str, object]


class WallClock:
    """The machine's clock."""

    def now(self) -> float:
        """The time, in epoch seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        time.sleep(seconds)


class App:
    """The function, as long as its instance lives.

    Attributes:
        settings: what the operator configured.
        environ: the environment, for credentials and FC_* variables.
        clock: time and sleep.
        logs: makes the log of an invocation.
        functions: who takes what an invocation leaves undone; None: the function itself, in FC.
        pacer: how many calls are made, and may be; it outlives an invocation.
        stop: once set, nothing new is written or begun, and what is left is handed over.
    """

    def __init__(  # noqa: PLR0913, PLR0917  (what can be replaced)
        self,
        settings: Settings,
        environ: Mapping[str, str],
        clock: Clock | None = None,
        logs: Logs = RecordLog,
        functions: ports.Functions | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.settings = settings
        self.environ = environ
        self.clock = clock or WallClock()
        self.logs = logs
        self.functions = functions
        self.stop = stop or threading.Event()
        allowances = ALLOWANCES | {ports.ASSIGN: self.settings.assign_per_minute}
        self.pacer = Pacer(allowances, self.settings.minute_seconds)
        # Calls of a backfill wait in their threads for the next minute; launches have their own.
        self._threads = {
            manual: ThreadPoolExecutor(self.settings.max_concurrency, "call")
            for manual in (False, True)
        }
        self._capacities: dict[str, int] = {}
        self._connector: Connector | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], clock: Clock | None = None) -> App:
        """Read the settings.

        Raises:
            BadSettings: naming every variable that cannot be used.
        """
        return cls(read_settings(environ), environ, clock)

    def close(self) -> None:
        """Let the threads end."""
        for threads in self._threads.values():
            threads.shutdown(wait=False)

    def warm_up(self, context: object) -> None:
        """Import the SDKs, build the clients and connect: the first event pays none of it."""
        connector, region = self._connect(context), self._delivery(context).region
        if region is not None:
            # A host that hangs keeps a thread of its own, not one that the first event needs.
            threads = ThreadPoolExecutor(1, "warm-up")
            warm_up(connector.cloud(region, self._place(context)), threads)
            threads.shutdown(wait=False)

    def handle(self, event: object, context: object) -> Result:
        """Work on one delivery.

        Args:
            event: what the trigger delivers: bytes of JSON, wrapped or not.
            context: the runtime's, for request id, timeout, region and credentials.

        Returns:
            The result; see docs/interfaces.md.

        Raises:
            Retryable: something is undecided; the event must be delivered again.
        """
        delivery = self._delivery(context)
        parsed = parse(event, home_region=delivery.region)
        rooms = Rooms(self.settings.vswitch_reserve)
        if isinstance(parsed, Batch):
            return self._batch(parsed, delivery, rooms, context)
        return self._one(parsed, delivery, rooms, context)

    def _batch(self, batch: Batch, delivery: Delivery, rooms: Rooms, context: object) -> Result:
        """Every event is tried; if one must be delivered again, then all are."""
        results, failures, listed = [], [], 0
        for part, item in enumerate(batch.items):
            try:
                result = self._one(item, replace(delivery, part=part), rooms, context)
            except Retryable as error:  # noqa: PERF203  (one event must not cost the others)
                failures.append(error)
            else:
                results.append(with_at_most(MAX_ENIS - listed, result))
                listed += len(results[-1]["enis"])  # type: ignore[arg-type]
        if failures:
            stale = (each for each in failures if isinstance(each, StaleCredentials))
            raise next(stale, failures[0])
        counts: dict[str, int] = {}
        for result in results:
            for name, count in result["counts"].items():  # type: ignore[attr-defined]
                counts[name] = counts.get(name, 0) + count
        request_id = delivery.request_id
        return {"action": "batch", "request_id": request_id, "counts": counts, "results": results}

    def _one(self, item: Item, delivery: Delivery, rooms: Rooms, context: object) -> Result:
        cursor = None
        if isinstance(item, Request) and self._refuses(item):
            cursor = cursor_shown(item.cursor or {})
            allowed = "a share above 0 of ASSIGN_PER_MINUTE"
            item = Rejected("BACKFILL_SHARE", "0", allowed, item.source, item.region, item.event_id)
        if isinstance(item, Request):
            return self._work(item, delivery, rooms, context)
        log = self._log(delivery, item.region)
        result = not_acted_on(delivery.request_id, item)
        rejected = isinstance(item, Rejected)
        log.write(
            "event_rejected" if rejected else "event_ignored",
            "warning" if rejected else "info",
            source=item.source,
            reason=item.reason,
            event_id=item.event_id,
            **({"cursor": cursor} if cursor else {}),
        )
        return withheld(result, log.hidden)

    def _refuses(self, request: Request) -> bool:
        """Whether the operator has switched backfills off; plans cost no writes."""
        return request.manual and not request.dry_run and self.settings.backfill_share == 0

    def _work(self, request: Request, delivery: Delivery, rooms: Rooms, context: object) -> Result:
        connector = self._connect(context)
        tokens = [request.hook.token] if request.hook else []
        log = self._log(delivery, request.region, tokens)
        share = (self.settings.backfill_share or PLAN_SHARE) if request.manual else 1.0
        invocation = Invocation(
            self.clock,
            delivery.deadline,
            self.pacer,
            self._threads[request.manual],
            log,
            share,
            self.stop.is_set,
            delivery.started,
        )
        cloud = connector.cloud(request.region, self._place(context))
        cloud = replace(cloud, functions=self.functions or cloud.functions)
        reader = Reader(cloud, invocation, self._capacities)
        if request.dry_run:  # what a plan reckons with stays there for whoever writes
            rooms = Rooms(self.settings.vswitch_reserve)
        run = Run(request, delivery, self.settings, cloud, reader, invocation, log, rooms)
        return withheld(run.perform(), log.hidden)

    def _log(self, delivery: Delivery, region: str | None, tokens: list[str] | None = None) -> Log:
        base = {"request_id": delivery.request_id, "region": region}
        known = self._connector.credentials if self._connector else None
        return self.logs(
            base,
            self.settings.log_level,
            lambda: (tokens or []) + (known.secrets() if known else []),
        )

    def _connect(self, context: object) -> Connector:
        if self._connector is None:
            with lean():
                from handler.cloud.connect import Connector  # noqa: PLC0415  (the SDKs, when needed)
            self._connector = Connector(self.settings.endpoints, self.environ)
        self._connector.credentials.use(context)
        return self._connector

    def _place(self, context: object) -> ports.Place | None:
        """Where this function lives; None outside of Function Compute."""
        function, service = getattr(context, "function", None), getattr(context, "service", None)
        name = self.environ.get("FC_FUNCTION_NAME") or getattr(function, "name", None)
        account = self.environ.get("FC_ACCOUNT_ID") or getattr(context, "account_id", None)
        if not name or not account:
            return None
        in_service = self.environ.get("FC_SERVICE_NAME") or getattr(service, "name", None) or ""
        found = getattr(function, "qualifier", None) or getattr(service, "qualifier", None) or ""
        return ports.Place(account, name, in_service, "" if found == "LATEST" else found)

    def _delivery(self, context: object) -> Delivery:
        """What the runtime tells of an invocation; both context shapes, and none at all."""
        started = self.clock.now()
        function, service = getattr(context, "function", None), getattr(context, "service", None)
        version = getattr(function, "version_id", None) or getattr(service, "version_id", None)
        return Delivery(
            request_id=str(getattr(context, "request_id", None) or uuid.uuid4()),
            region=self.environ.get("FC_REGION") or getattr(context, "region", None) or None,
            started=started,
            deadline=deadline_of(started, _seconds(getattr(function, "timeout", None))),
            version=str(version) if version else None,
        )


def _seconds(timeout: object) -> float:
    """The function's timeout: a number, or text holding one (python3.12)."""
    try:
        return float(str(timeout))
    except ValueError:
        return NO_TIMEOUT
