"""The instances of one function: how many there are, and which of them takes a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from localcloud.functions import contexts
from localcloud.functions.instances import Instance

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.functions.contexts import Place
    from localcloud.functions.instances import WriteRow
    from localcloud.functions.invocation import Invocation
    from localcloud.functions.outcomes import Outcome
    from localcloud.functions.specs import FunctionSpec


class NoRoom(Exception):
    """As many instances are busy as there may be."""


class Fleet:
    """Starts instances when all are busy, and forgets those that have ended."""

    def __init__(self, spec: FunctionSpec, place: Place, write_row: WriteRow) -> None:
        self._spec = spec
        self._place = place
        self._write_row = write_row
        self._starting = 0
        self._instances: dict[int, Instance] = {}

    async def serve(self, invocation: Invocation, begun: Callable[[int], None]) -> Outcome:
        """Run the function; ``begun`` is told the process. Raises :class:`NoRoom`."""
        context = contexts.context(
            self._spec, self._place, invocation.request_id, invocation.qualifier
        )
        instance = self._idle() or await self._start()
        begun(instance.pid)
        outcome = await instance.serve(context, invocation.payload)
        if not instance.idle:
            await instance.ended
        return outcome

    def kill(self, pid: int | None = None) -> list[int]:
        """Kill one process, or all, and return which were not killed before."""
        return [
            known
            for known, instance in self._instances.items()
            if pid in (None, known) and instance.kill()
        ]

    async def stop(self) -> None:
        """End every process, after its farewell."""
        context = contexts.context(self._spec, self._place, "")
        await asyncio.gather(*(each.stop(context) for each in list(self._instances.values())))

    def _idle(self) -> Instance | None:
        return next((each for each in self._instances.values() if each.idle), None)

    async def _start(self) -> Instance:
        if len(self._instances) + self._starting >= self._spec.instances:
            raise NoRoom
        self._starting += 1
        try:
            instance = await Instance.start(self._spec, self._place, self._write_row)
        finally:
            self._starting -= 1
        self._instances[instance.pid] = instance
        instance.ended.add_done_callback(lambda _: self._instances.pop(instance.pid))
        return instance
