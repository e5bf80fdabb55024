"""A local cloud without its web server: the world it starts from, and the run that is on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.catalog import ACTIONS
from localcloud.clock import Clock, SystemClock
from localcloud.functions.compute import FunctionCompute
from localcloud.functions.door import FunctionDoor
from localcloud.limits import DEFAULT_LIMITS, Limits
from localcloud.queues.door import QueueDoor
from localcloud.run import Run
from localcloud.schema import InvalidInput
from localcloud.world import read_world

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.actions import Json
    from localcloud.errors import ApiError
    from localcloud.model import AccessKey
    from localcloud.specs import World
    from localcloud.wire import Reply, Request

MINUTE = 60.0

CREDENTIALS_SECONDS = 36 * 3600.0
"""How long a function's credentials are valid (Function Compute, "Grant permissions")."""


class Service:
    """Serves calls; raises InvalidInput when the world or the faults cannot be used."""

    def __init__(
        self,
        world: Mapping[str, Any],
        *,
        faults: object = (),
        minute: float = MINUTE,
        clock: Clock | None = None,
        limits: Limits = DEFAULT_LIMITS,
        retry_after: bool = False,
    ) -> None:
        self._world = _read(world)
        self._faults = faults
        self._minute = minute
        self._clock = clock or SystemClock()
        self._limits = limits
        self._retry_after = retry_after
        self.functions = FunctionCompute(self._world, minute, self._clock, self._credentials)
        self.run = self._begin()

    def restart(self, world: Mapping[str, Any], clock: Clock) -> None:
        """Begin with another world and another clock; functions stay those of the first world."""
        self._world, self._clock = _read(world), clock
        self.reset()

    def reset(self) -> None:
        """Go back to the beginning: world, faults, tokens, quotas, nonces and journal.

        Calls in progress end in the run in which they began.
        """
        self.functions.reset()
        self.run = self._begin()

    def state(self) -> Json:
        """Return the state in the shape of a world file."""
        return {**self.run.state(), **self.functions.state()}

    async def serve(self, request: Request) -> Reply:
        """Perform a call and return its reply."""
        return await self.run.serve(request)

    async def invoke(self, request: Request) -> Reply:
        """Perform a call of Function Compute and return its reply."""
        return await FunctionDoor(self.run, self.functions, self._clock).serve(request)

    async def take(self, request: Request) -> Reply:
        """Perform a call about a queue and return its reply."""
        queues = self.functions.deliveries.queues
        return await QueueDoor(self.run, queues, self._clock).serve(request)

    def turn_away(self, error: ApiError) -> Reply:
        """Return the reply to a request that could not be read."""
        return self.run.turn_away(error)

    def _credentials(self) -> AccessKey:
        """Return what Function Compute gets for the role of a function."""
        return self.run.cloud.keys.issue(self._clock.now() + CREDENTIALS_SECONDS)

    def _begin(self) -> Run:
        return Run(
            self._world,
            self._faults,
            self._minute,
            self._clock,
            self._limits,
            retry_after=self._retry_after,
        )


def _read(source: Mapping[str, Any]) -> World:
    world = read_world(source)
    for name in world.quotas:
        if name not in ACTIONS:
            raise InvalidInput(f"quotas.{name}: no such action is served")
    return world
