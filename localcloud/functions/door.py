"""The way in: signature, fault, existence, payload, then a run now or a place in the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcloud.door import Door
from localcloud.errors import ApiError
from localcloud.functions import wire
from localcloud.functions.fleet import NoRoom
from localcloud.functions.invocation import ASYNC, Invocation
from localcloud.functions.refusals import not_admitted, refused
from localcloud.functions.signature import read_signature
from localcloud.signature import read_signed

if TYPE_CHECKING:
    from localcloud.clock import Clock
    from localcloud.functions.compute import FunctionCompute
    from localcloud.functions.wire import Ask, Operation
    from localcloud.run import Run
    from localcloud.wire import Reply, Request


class FunctionDoor(Door[wire.Ask]):
    """Serves the invocations of one run of the local cloud."""

    product = "FC"

    def __init__(self, run: Run, compute: FunctionCompute, clock: Clock) -> None:
        super().__init__(run, clock)
        self._compute = compute

    def _operation_of(self, request: Request) -> Operation:
        return wire.operation_of(request)

    def _read(self, request: Request) -> Ask:
        return wire.read_question(request) or wire.read_ask(request)

    def _admit(self, request: Request) -> None:
        signed = read_signature(request) if wire.is_old(request) else read_signed(request)
        try:
            self._run.gatekeeper.check(signed)
        except ApiError as error:
            raise not_admitted(error, signed.key_id) from error

    def _refused(self, error: ApiError, request: Request, request_id: str) -> Reply:
        return wire.failure(error, request_id, old=wire.is_old(request))

    async def _perform(self, ask: Ask, request: Request, request_id: str) -> Reply:
        spec = self._compute.find(ask.service, ask.function, ask.qualifier)
        if ask.operation is wire.GET_FUNCTION:
            return wire.told(spec.row(), request_id)
        if ask.operation is not wire.INVOKE:
            return wire.told(self._compute.task(ask.function, ask.task_id), request_id)
        payload = request.body
        wire.check_payload(ask, payload)
        invocation = Invocation(spec, request_id, payload, ask.qualifier, ask.type, ask.task_id)
        if invocation.type == ASYNC:
            self._compute.deliveries.add(invocation)
            return wire.accepted(request_id)
        try:
            return wire.result(await self._compute.run(invocation), request_id)
        except NoRoom as error:
            raise refused("ResourceExhausted", spec.instances) from error
