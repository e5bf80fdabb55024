"""The way in: signature, fault, existence, payload, then a run now or a place in the queue."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from localcloud.errors import ApiError
from localcloud.functions import wire
from localcloud.functions.fleet import NoRoom
from localcloud.functions.invocation import ASYNC, Invocation
from localcloud.functions.refusals import not_admitted, refused
from localcloud.functions.signature import read_signature
from localcloud.journal import Entry
from localcloud.signature import read_signed
from localcloud.wire import Reply

if TYPE_CHECKING:
    from localcloud.clock import Clock
    from localcloud.faults import Fault
    from localcloud.functions.compute import FunctionCompute
    from localcloud.functions.wire import Ask
    from localcloud.run import Run
    from localcloud.wire import Request


class Door:
    """Serves the invocations of one run of the local cloud."""

    def __init__(self, run: Run, compute: FunctionCompute, clock: Clock) -> None:
        self._run = run
        self._compute = compute
        self._clock = clock

    async def serve(self, request: Request) -> Reply:
        """Perform a request, note it in the journal and return its reply."""
        entry = Entry(
            wire.operation_of(request).name, {}, self._clock.now(), str(uuid.uuid4()), "FC"
        )
        entry.agent = request.header("user-agent")
        self._run.in_progress += 1
        try:
            reply = await self._answer(request, entry)
        finally:
            self._run.in_progress -= 1
        entry.status, entry.code, entry.answered = reply.status, reply.code, reply.sent
        self._run.journal.add(entry)
        return reply

    async def _answer(self, request: Request, entry: Entry) -> Reply:
        try:
            ask = wire.read_question(request) or wire.read_ask(request)
            entry.parameters = ask.parameters()
            self._admit(request)
            fault = self._run.faults.take(ask.operation, entry.parameters)
            if fault is None:
                return await self._perform(ask, request.body, entry.request_id)
            entry.fault = fault.kind
            return await self._perform_with(fault, ask, request.body, entry.request_id)
        except ApiError as error:
            return wire.failure(error, entry.request_id, old=wire.is_old(request))

    def _admit(self, request: Request) -> None:
        signed = read_signature(request) if wire.is_old(request) else read_signed(request)
        try:
            self._run.gatekeeper.check(signed)
        except ApiError as error:
            raise not_admitted(error, signed.key_id) from error

    async def _perform_with(self, fault: Fault, ask: Ask, payload: bytes, request_id: str) -> Reply:
        if fault.kind == "error":
            raise fault.error()
        if fault.kind == "http":
            return Reply(fault.status, fault.body.encode(), fault.content_type)
        if fault.kind == "reset_before":
            return Reply(None, sent=False)
        if fault.kind == "slow":
            await self._clock.sleep(fault.seconds)
        reply = await self._perform(ask, payload, request_id)
        if fault.kind == "no_reply":
            return Reply(reply.status, code=reply.code, sent=False)
        return reply

    async def _perform(self, ask: Ask, payload: bytes, request_id: str) -> Reply:
        spec = self._compute.find(ask.service, ask.function, ask.qualifier)
        if ask.operation is wire.GET_FUNCTION:
            return wire.told(spec.row(), request_id)
        if ask.operation is not wire.INVOKE:
            return wire.told(self._compute.task(ask.function, ask.task_id), request_id)
        wire.check_payload(ask, payload)
        invocation = Invocation(spec, request_id, payload, ask.qualifier, ask.type, ask.task_id)
        if invocation.type == ASYNC:
            self._compute.deliveries.add(invocation)
            return wire.accepted(request_id)
        try:
            return wire.result(await self._compute.run(invocation), request_id)
        except NoRoom as error:
            raise refused("ResourceExhausted", spec.instances) from error
