"""The path of a call: signature, fault, quota, parameters, token, state, journal, in that order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from localcloud.catalog import OPERATIONS, PRODUCTS
from localcloud.door import under
from localcloud.encoding import ENCODINGS, JSON
from localcloud.errors import ApiError, refusal
from localcloud.faults import Fault, FaultList
from localcloud.founding import found_cloud
from localcloud.journal import Entry, Journal
from localcloud.parameters import Given, missing
from localcloud.products import ECS
from localcloud.signature import Gatekeeper
from localcloud.snapshot import snapshot
from localcloud.throttle import Throttle
from localcloud.tokens import TokenBook
from localcloud.wire import Reply, Request, Speaker, new_request_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.actions import Action, Json
    from localcloud.clock import Clock
    from localcloud.limits import Limits
    from localcloud.specs import World

METHODS = ("GET", "POST")

RETRY_AFTER = "x-acs-retry-after"
"""Header of a throttled answer, in milliseconds: SDKs wait as long if they are told to retry."""


@dataclass(frozen=True)
class Call:
    """A call that was let in: what it asks, and what a fault does to it."""

    action: Action
    ask: Any
    token: str
    parameters: Mapping[str, str]
    delay: float
    lag: float

    @property
    def thing(self) -> str:
        """The id of what it changes, if only one call at a time may."""
        return self.parameters.get(self.action.locks, "")


@dataclass(frozen=True)
class Visit:
    """A call on its way through: what the journal will say of it, and who answers it."""

    entry: Entry
    speaker: Speaker


class Run:
    """Everything that has happened since the start or the last reset."""

    def __init__(
        self,
        world: World,
        faults: object,
        minute: float,
        clock: Clock,
        limits: Limits,
        *,
        retry_after: bool,
    ) -> None:
        self._world = world
        self._clock = clock
        self.cloud = found_cloud(world, clock, limits)
        self.faults = FaultList(faults, OPERATIONS)
        self.journal = Journal()
        self.gatekeeper = Gatekeeper(self.cloud.keys, clock)
        self._throttle = Throttle(world.quotas, minute, clock)
        self._tokens = TokenBook(
            world.token_seconds,
            clock,
            remember_failures=world.remember_failures,
            mismatch_refused=world.mismatch_refused,
        )
        self._retry_after = retry_after
        self._busy: set[str] = set()
        self.in_progress = 0

    def state(self) -> Json:
        """Return the state in the shape of a world file."""
        return snapshot(self.cloud, self._world.source)

    async def serve(self, request: Request) -> Reply:
        """Perform a call, note it in the journal and return its reply."""
        visit = self._welcome(request)
        self.in_progress += 1
        try:
            reply = await self._admit(request, visit)
        except ApiError as error:
            reply = self._refuse(error, visit)
        finally:
            self.in_progress -= 1
        return self._note(visit.entry, reply)

    def turn_away(self, error: ApiError) -> Reply:
        """Note a request that could not be read, and return its reply."""
        entry = Entry("", {}, self._clock.now(), new_request_id())
        visit = Visit(entry, self._speaker(entry, "JSON"))
        return self._note(entry, self._refuse(error, visit))

    def _welcome(self, request: Request) -> Visit:
        product = PRODUCTS.get(request.version)
        entry = Entry(
            action=request.action,
            parameters=request.own_parameters,
            time=self._clock.now(),
            request_id=new_request_id(),
            product=product.name if product else "",
            agent=request.header("user-agent"),
        )
        return Visit(entry, self._speaker(entry, request.format))

    def _speaker(self, entry: Entry, wanted: str) -> Speaker:
        product = entry.product or ECS.name
        return Speaker(
            action=entry.action,
            request_id=entry.request_id,
            product=product,
            host=f"{product.lower()}.{self._world.region}.aliyuncs.com",
            encoding=ENCODINGS.get(wanted, JSON),
        )

    async def _admit(self, request: Request, visit: Visit) -> Reply:
        self.gatekeeper.admit(request)
        action = _find_action(request)
        fault = self.faults.take(action, visit.entry.parameters)
        if fault is None:
            return await self._answer(action, visit)
        visit.entry.fault = fault.kind
        return await self._answer_with(fault, action, visit)

    async def _answer_with(self, fault: Fault, action: Action, visit: Visit) -> Reply:
        delay = fault.seconds if fault.kind == "slow" else 0.0
        lag = fault.seconds if fault.kind == "stale" else 0.0
        return await under(fault, partial(self._answer, action, visit, delay, lag))

    async def _answer(
        self, action: Action, visit: Visit, delay: float = 0.0, lag: float = 0.0
    ) -> Reply:
        """Perform a call; a slow one takes its token and its place in the quota when it comes."""
        try:
            self._throttle.admit(action.name)
            call = self._read(action, visit.entry.parameters, delay, lag)
            body = await (self._write(call) if action.writes else self._look(call))
        except ApiError as error:
            return self._refuse(error, visit)
        return visit.speaker.success(body)

    def _read(
        self, action: Action, parameters: Mapping[str, str], delay: float, lag: float
    ) -> Call:
        given = Given(parameters, self._world.region)
        ask = action.read(given)
        token = given.client_token() if action.idempotent else ""
        given.nothing_left()
        return Call(action, ask, token, parameters, delay, max(lag, self._world.read_lag))

    async def _look(self, call: Call) -> Json:
        await self._wait(call)
        return call.action.perform(self.cloud.view(call.lag), call.ask)

    async def _write(self, call: Call) -> Json:
        if not call.token:
            return await self._change(call)
        key = (call.action.name, call.token)
        claim = self._tokens.claim(key, call.parameters)
        if claim.outcome is not None:
            await self._wait(call)
            return claim.repeat()
        try:
            body = await self._change(call)
        except ApiError as error:
            self._tokens.fail(key, error)
            raise
        claim.outcome = body
        return body

    async def _change(self, call: Call) -> Json:
        """Change the cloud; while a slow call does, others for the same thing are refused."""
        if call.thing in self._busy:
            raise refusal("Operation.Conflict", f"Another task on {call.thing} is in progress.")
        if call.thing and call.delay:
            self._busy.add(call.thing)
        try:
            await self._wait(call)
        finally:
            self._busy.discard(call.thing)
        self.cloud.settle()
        return call.action.perform(self.cloud, call.ask)

    async def _wait(self, call: Call) -> None:
        if call.delay:
            await self._clock.sleep(call.delay)

    def _refuse(self, error: ApiError, visit: Visit) -> Reply:
        reply = visit.speaker.failure(error)
        if self._retry_after and error.code.startswith("Throttling"):
            return replace(reply, headers={RETRY_AFTER: str(self._throttle.wait_ms())})
        return reply

    def _note(self, entry: Entry, reply: Reply) -> Reply:
        entry.status, entry.code, entry.answered = reply.status, reply.code, reply.sent
        self.journal.add(entry)
        return reply


def _find_action(request: Request) -> Action:
    if request.method not in METHODS:
        raise refusal("UnsupportedHTTPMethod")
    if request.format not in ENCODINGS:
        raise refusal("InvalidParameter.Format")
    for name, value in (("Action", request.action), ("Version", request.version)):
        if not value:
            raise missing(name)
    product = PRODUCTS.get(request.version)
    if product is None:
        raise refusal("InvalidVersion")
    action = product.actions.get(request.action)
    if action is None:
        raise refusal("InvalidAction.NotFound")
    return action
