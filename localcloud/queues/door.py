"""The way into the queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcloud.door import Door
from localcloud.errors import ApiError
from localcloud.queues import wire

if TYPE_CHECKING:
    from localcloud.clock import Clock
    from localcloud.queues.store import Queues
    from localcloud.queues.wire import Ask, Operation
    from localcloud.run import Run
    from localcloud.wire import Reply, Request

POLL = 0.05
"""Seconds of the machine between two looks of a caller who waits for a message."""


class QueueDoor(Door[wire.Ask]):
    """Serves the queues of one run of the local cloud."""

    product = "Mns"

    def __init__(self, run: Run, queues: Queues, clock: Clock) -> None:
        super().__init__(run, clock)
        self._queues = queues

    def _operation_of(self, request: Request) -> Operation:
        return wire.operation_of(request)

    def _read(self, request: Request) -> Ask:
        return wire.read_ask(request)

    def _admit(self, request: Request) -> None:
        self._run.gatekeeper.check(wire.read_signature(request))

    def _refused(self, error: ApiError, request: Request, request_id: str) -> Reply:
        del request
        return wire.failure(error, request_id)

    async def _perform(self, ask: Ask, request: Request, request_id: str) -> Reply:
        del request
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
