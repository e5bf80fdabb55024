"""The way in: signature, fault, then the queue."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from localcloud.errors import ApiError
from localcloud.journal import Entry
from localcloud.queues import wire
from localcloud.wire import Reply

if TYPE_CHECKING:
    from localcloud.clock import Clock
    from localcloud.faults import Fault
    from localcloud.queues.store import Queues
    from localcloud.queues.wire import Ask
    from localcloud.run import Run
    from localcloud.wire import Request

PRODUCT = "Mns"
POLL = 0.05
"""Seconds of the machine between two looks of a caller who waits for a message."""


class QueueDoor:
    """Serves the queues of one run of the local cloud."""

    def __init__(self, run: Run, queues: Queues, clock: Clock) -> None:
        self._run = run
        self._queues = queues
        self._clock = clock

    async def serve(self, request: Request) -> Reply:
        """Perform a request, note it in the journal and return its reply."""
        name, now = wire.operation_of(request).name, self._clock.now()
        entry = Entry(name, {}, now, str(uuid.uuid4()), PRODUCT)
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
            ask = wire.read_ask(request)
            entry.parameters = ask.parameters()
            self._run.gatekeeper.check(wire.read_signature(request))
            fault = self._run.faults.take(ask.operation, entry.parameters)
            if fault is None:
                return await self._perform(ask, entry.request_id)
            entry.fault = fault.kind
            return await self._perform_with(fault, ask, entry.request_id)
        except ApiError as error:
            return wire.failure(error, entry.request_id)

    async def _perform_with(self, fault: Fault, ask: Ask, request_id: str) -> Reply:
        if fault.kind == "error":
            raise fault.error()
        if fault.kind == "http":
            return Reply(fault.status, fault.body.encode(), fault.content_type)
        if fault.kind == "reset_before":
            return Reply(None, sent=False)
        if fault.kind == "slow":
            await self._clock.sleep(fault.seconds)
        reply = await self._perform(ask, request_id)
        if fault.kind == "no_reply":
            return Reply(reply.status, code=reply.code, sent=False)
        return reply

    async def _perform(self, ask: Ask, request_id: str) -> Reply:
        if ask.operation is wire.DELETE:
            self._queues.delete(ask.queue, ask.handle)
            return wire.deleted(request_id)
        if ask.operation is wire.CHANGE:
            changed = self._queues.change(ask.queue, ask.handle, ask.seconds)
            return wire.changed(changed, request_id)
        end = self._clock.outside() + ask.seconds
        while (message := self._queues.receive(ask.queue)) is None:
            if self._clock.outside() >= end:
                raise ApiError(404, "MessageNotExist", "Message not exist.")
            await self._clock.sleep(POLL)
        return wire.received(message, request_id)
