"""The way into a service with a wire of its own: the journal, faults and refusals of every call."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from localcloud.errors import ApiError
from localcloud.journal import Entry
from localcloud.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from localcloud.actions import Operation
    from localcloud.clock import Clock
    from localcloud.faults import Fault
    from localcloud.run import Run
    from localcloud.wire import Request


class Ask(Protocol):
    """What a request asks for."""

    @property
    def operation(self) -> Operation:
        """For fault rules."""

    def parameters(self) -> Mapping[str, str]:
        """For the journal and for fault rules."""


A = TypeVar("A", bound=Ask)


class Door(ABC, Generic[A]):
    """Serves one product of one run of the local cloud."""

    product: str

    def __init__(self, run: Run, clock: Clock) -> None:
        self._run = run
        self._clock = clock

    async def serve(self, request: Request) -> Reply:
        """Perform a request, note it in the journal and return its reply."""
        name = self._operation_of(request).name
        entry = Entry(name, {}, self._clock.now(), str(uuid.uuid4()), self.product)
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
            ask = self._read(request)
            entry.parameters = ask.parameters()
            self._admit(request)
            fault = self._run.faults.take(ask.operation, entry.parameters)
            perform = partial(self._perform, ask, request, entry.request_id)
            if fault is None:
                return await perform()
            entry.fault = fault.kind
            return await under(fault, partial(self._late, fault, perform))
        except ApiError as error:
            return self._refused(error, request, entry.request_id)

    async def _late(self, fault: Fault, perform: Callable[[], Awaitable[Reply]]) -> Reply:
        if fault.kind == "slow":
            await self._clock.sleep(fault.seconds)
        return await perform()

    @abstractmethod
    def _operation_of(self, request: Request) -> Operation:
        """What a request is about, as far as that can be told before it is read."""

    @abstractmethod
    def _read(self, request: Request) -> A:
        """Read what is asked; raise for what is not served."""

    @abstractmethod
    def _admit(self, request: Request) -> None:
        """Raise unless the request is signed."""

    @abstractmethod
    async def _perform(self, ask: A, request: Request, request_id: str) -> Reply:
        """Do what is asked; raise when it is refused."""

    @abstractmethod
    def _refused(self, error: ApiError, request: Request, request_id: str) -> Reply:
        """Return a refusal as this product words it."""


async def under(fault: Fault, perform: Callable[[], Awaitable[Reply]]) -> Reply:
    """Return the reply that a fault leaves of a call; a delay is up to whoever performs it."""
    if fault.kind == "error":
        raise fault.error()
    if fault.kind == "http":
        return Reply(fault.status, fault.body.encode(), fault.content_type)
    if fault.kind == "reset_before":
        return Reply(None, sent=False)
    reply = await perform()
    if fault.kind == "no_reply":
        return Reply(reply.status, code=reply.code, sent=False)
    return reply
