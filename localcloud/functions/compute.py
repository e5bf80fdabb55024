"""Function Compute without its wire: which functions there are, and the running of them."""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from typing import TYPE_CHECKING

from localcloud.ecs_rows import ACCOUNT
from localcloud.functions.contexts import Place
from localcloud.functions.deliveries import Deliveries
from localcloud.functions.fleet import Fleet
from localcloud.functions.invocation import Attempt
from localcloud.functions.logs import Logs
from localcloud.functions.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.actions import Json
    from localcloud.clock import Clock
    from localcloud.functions.invocation import Invocation
    from localcloud.functions.outcomes import Outcome
    from localcloud.functions.specs import FunctionSpec
    from localcloud.model import AccessKey
    from localcloud.specs import World

LONGEST_JOURNAL = 100_000
"""Runs remembered; ours, as for calls."""


class FunctionCompute:
    """The functions of a world; its ``minute`` also scales the waits between retries.

    ``credentials`` are the temporary ones of the role that every function has here.
    """

    def __init__(
        self, world: World, minute: float, clock: Clock, credentials: Callable[[], AccessKey]
    ) -> None:
        self._world = world
        self._credentials = credentials
        self._clock = clock
        self._functions = {spec.name: spec for spec in world.functions}
        self._fleets: dict[str, Fleet] = {}
        self.deliveries = Deliveries(world, self, minute, clock)
        self.logs = Logs(self._functions, clock)
        self._journal: deque[Attempt] = deque(maxlen=LONGEST_JOURNAL)

    def start(self, url: str) -> None:
        """Let functions run; they find the cloud under this URL."""
        place = Place(self._world.region, url, self._credentials)
        self._fleets = {
            name: Fleet(spec, place, functools.partial(self._write_row, name))
            for name, spec in self._functions.items()
        }

    async def stop(self) -> None:
        """End every delivery and every process."""
        await self.deliveries.stop()
        await asyncio.gather(*(fleet.stop() for fleet in self._fleets.values()))

    def reset(self) -> None:
        """Kill every process, drop what is queued, and forget what was."""
        self.deliveries.reset()
        for fleet in self._fleets.values():
            fleet.kill()
        self.logs = Logs(self._functions, self._clock)
        self._journal.clear()

    def find(self, service: str, name: str, qualifier: str) -> FunctionSpec:
        """Return the function that lives there; raise if none does."""
        if service and service not in {spec.service for spec in self._functions.values()}:
            raise refused("ServiceNotFound", service)
        spec = self._functions.get(name)
        if spec is None or spec.service != service:
            raise refused("FunctionNotFound", name, f" in service '{service}'" if service else "")
        if qualifier not in spec.qualifiers:
            raise refused("VersionNotFound", qualifier, service or name)
        return spec

    def task(self, name: str, task_id: str) -> Json:
        """Return how far an asynchronous invocation has come; raise if there is none."""
        task = self.deliveries.task(name, task_id)
        if task is None:
            old = self._functions[name].service
            code = "StatefulAsyncInvocationNotFound" if old else "AsyncTaskNotFound"
            raise refused(code, task_id)
        return task.row(self._world.region, ACCOUNT)

    def function(self, name: str) -> FunctionSpec:
        """Return the function of that name, wherever it lives."""
        return self._functions[name]

    async def run(self, invocation: Invocation, attempt: int = 1) -> Outcome:
        """Run a function once and note it; raises NoRoom when too many instances are busy."""
        entry = Attempt.of(invocation, attempt, self._clock.now())

        def begun(pid: int) -> None:
            entry.pid = pid
            self._journal.append(entry)

        outcome = await self._fleets[invocation.spec.name].serve(invocation, begun)
        entry.end, entry.outcome = self._clock.now(), outcome.name
        return outcome

    def kill(self, which: int | str) -> list[int]:
        """Kill a process by its id, or all of a function by its name; return which were killed."""
        if isinstance(which, str):
            return self._fleets[which].kill()
        return [pid for fleet in self._fleets.values() for pid in fleet.kill(which)]

    def invocations(self) -> list[Json]:
        """Return every run since the last reset, in the order in which they began."""
        return [entry.row() for entry in self._journal]

    def state(self) -> Json:
        """Return the fields of a world that are about functions, unless it had none."""
        functions = self._world.source.get("functions")
        queues = self.deliveries.queues.contents()
        return {
            **({"functions": functions} if functions else {}),
            **({"queues": queues} if queues else {}),
        }

    def _write_row(self, function: str, text: str) -> None:
        self.logs.add(function, text)
