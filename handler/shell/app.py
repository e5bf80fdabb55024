"""The composition root: everything is put together here, once per function instance.

Clock, environment and threads come in as arguments. The SDKs are imported when a client is first
needed: an event that is ignored costs none of that.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import TYPE_CHECKING

from handler.cloud import ports
from handler.cloud.deferred import deferred_imports
from handler.core.pacing import Pacer
from handler.core.settings import Settings, read_settings
from handler.core.value import replace
from handler.shell.dispatch import Dispatch, Result
from handler.shell.hook import Hooks
from handler.shell.invocation import Invocation, deadline_of
from handler.shell.job import Delivery, Job
from handler.shell.log import HookToken, RecordLog, withheld
from handler.shell.reading import Reader
from handler.shell.records import Tally
from handler.shell.run import Run
from handler.shell.warmup import warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Executor

    from handler.core.ledger import Ledger
    from handler.core.model import Request
    from handler.core.pacing import Clock
    from handler.shell.log import Record
    from handler.shell.probe import Guests, Knock
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
# Minutes of throttling that a timeout should hold: one to wait out (and 5 s, so that not all begin
# at once), and half of one to read, write and confirm in.
LEAST_MINUTES = 1.5
_NO_PORT = "ask_guests: found true; GUEST_PORT is not set, so no guest is asked"
_SET_A_PORT = "Set GUEST_PORT, with what it needs: see docs/guest.md; or leave ask_guests out."
# When the context names no timeout there is none to keep: a laptop.
NO_TIMEOUT = 86_400.0


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

    Args:
        connector: gives the services; None: over the SDKs, when they are first needed.
        threads: makes what runs so many calls side by side.
        jitter: spreads throttled callers over the start of a minute; see `Pacer`.
        knock: finds out which addresses answer on a port; None: by connecting to them.
    """

    def __init__(  # noqa: PLR0913, PLR0917  (what can be replaced)
        self,
        settings: Settings,
        environ: Mapping[str, str],
        clock: Clock | None = None,
        logs: Logs = RecordLog,
        functions: ports.Functions | None = None,
        stop: threading.Event | None = None,
        connector: ports.Connector | None = None,
        threads: Callable[[int], Executor] = ThreadPoolExecutor,
        jitter: Callable[[], float] = random.random,
        knock: Knock | None = None,
    ) -> None:
        self.settings = settings
        self.environ = environ
        self.clock = clock or WallClock()
        self.logs = logs
        self.functions = functions
        self.stop = stop or threading.Event()
        allowances = ALLOWANCES | {ports.ASSIGN: self.settings.assign_per_minute}
        self.pacer = Pacer(allowances, self.settings.minute_seconds, jitter)
        # Calls of a backfill wait in their threads for the next minute; launches have their own.
        self._threads = {manual: threads(self.settings.max_concurrency) for manual in (False, True)}
        self._capacities: dict[str, int] = {}
        self._hooks = Hooks(settings.lifecycle_hooks)
        self._connector = connector
        self._knock = knock

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
        connector, delivery = self._connect(context), self._delivery(context)
        self._warn_of_a_short_timeout(delivery)
        if (region := delivery.region) is not None:
            # A host that hangs keeps a thread of its own, not one that the first event needs.
            threads = ThreadPoolExecutor(1, "warm-up")
            warm_up(connector.cloud(region, self._place(context)), threads)
            threads.shutdown(wait=False)

    def _warn_of_a_short_timeout(self, delivery: Delivery) -> None:
        """A launch that is throttled cannot wait for the next minute if its time ends before."""
        least = LEAST_MINUTES * self.settings.minute_seconds
        timeout = (delivery.timeout_at or inf) - delivery.started
        if timeout < least:
            self._log(delivery, delivery.region).write(
                "configuration",
                "warning",
                reason=f"timeout: found {timeout:.0f} s; allowed, but too little to wait "
                f"{self.settings.minute_seconds:.0f} s when a call is throttled",
                advice=f"Give the function a timeout of {least:.0f} s or more.",
            )

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

        def run(request: Request, delivery: Delivery, ledger: Ledger) -> Result:
            return self._run(request, delivery, ledger, context)

        return Dispatch(self.settings, self._log, run).deliver(event, self._delivery(context))

    def _run(self, request: Request, delivery: Delivery, ledger: Ledger, context: object) -> Result:
        connector = self._connect(context)
        tokens = [HookToken(request.hook.token)] if request.hook else []
        log = self._log(delivery, request.region, tokens)
        invocation = self._invocation(request, delivery, log)
        cloud = connector.cloud(request.region, self._place(context))
        cloud = replace(cloud, functions=self.functions or cloud.functions)
        reader = Reader(cloud, invocation, self._capacities)
        tally = Tally(log, self.settings.on_silent)
        guests = self._guests(request, invocation, tally, reader)
        settings, hooks = self.settings, self._hooks
        job = Job(request, delivery, settings, cloud, reader, invocation, tally, hooks, guests)
        return withheld(Run(job, log, ledger).perform(), log.hidden)

    def _guests(
        self, request: Request, invocation: Invocation, tally: Tally, reader: Reader
    ) -> Guests | None:
        """Who asks the guests; None where nobody does, which then costs no import either."""
        if request.manual and not request.ask_guests:
            return None
        if self.settings.guest_port is None:
            if request.ask_guests:
                tally.log.write("configuration", "warning", reason=_NO_PORT, advice=_SET_A_PORT)
            return None
        from handler.shell.probe import Guests, connect_to  # noqa: PLC0415  (when needed)

        knock = self._knock or connect_to
        return Guests(self.settings, request, invocation, tally, reader, knock)

    def _invocation(self, request: Request, delivery: Delivery, log: Log) -> Invocation:
        return Invocation(
            self.clock,
            delivery.deadline,
            self.pacer,
            self._threads[request.manual],
            log,
            (self.settings.backfill_share or PLAN_SHARE) if request.manual else 1.0,
            self.stop.is_set,
            delivery.started,
            delivery.timeout_at,
            launch=not request.manual,
        )

    def _log(self, delivery: Delivery, region: str | None, tokens: Iterable[HookToken] = ()) -> Log:
        base = {"request_id": delivery.request_id, "region": region}
        known = self._connector.credentials if self._connector else None
        return self.logs(
            base,
            self.settings.log_level,
            lambda: [*tokens, *(known.secrets() if known else [])],
        )

    def _connect(self, context: object) -> ports.Connector:
        if self._connector is None:
            with deferred_imports():
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
        timeout = _seconds(getattr(function, "timeout", None))
        return Delivery(
            request_id=str(getattr(context, "request_id", None) or uuid.uuid4()),
            region=self.environ.get("FC_REGION") or getattr(context, "region", None) or None,
            started=started,
            deadline=deadline_of(started, timeout),
            version=str(version) if version else None,
            timeout_at=started + timeout,
        )


def _seconds(timeout: object) -> float:
    """The function's timeout: a number, or text holding one (python3.12)."""
    try:
        return float(str(timeout))
    except ValueError:
        return NO_TIMEOUT
