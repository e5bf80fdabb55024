"""Asynchronous invocations: run until they succeed or failed in every try, each task id once."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING

from localcloud.functions.fleet import NoRoom
from localcloud.functions.invocation import ASYNC, Invocation
from localcloud.functions.records import failure_record
from localcloud.functions.refusals import refused
from localcloud.functions.specs import LATEST, QUEUE
from localcloud.functions.tasks import ENQUEUED, RETRYING, RUNNING, Task
from localcloud.queues.store import Queues

if TYPE_CHECKING:
    from localcloud.clock import Clock
    from localcloud.functions.compute import FunctionCompute
    from localcloud.functions.outcomes import Outcome
    from localcloud.specs import World

FIRST_WAIT, LONGEST_WAIT = 0.5, 3600.0
"""Seconds before the second try, doubled for each further one ("Configure a retry mechanism")."""

LARGEST_MESSAGE = 64 * 1024
"""Bytes of a message in a queue (Simple Message Queue, "Limits")."""


class Deliveries:
    """The queue before the functions, and the queues that failures go to."""

    def __init__(self, world: World, compute: FunctionCompute, minute: float, clock: Clock) -> None:
        self._world = world
        self._compute = compute
        self._scale = minute / 60
        self._clock = clock
        self._running: set[asyncio.Task[None]] = set()
        self._begin()

    def _begin(self) -> None:
        destinations = [spec.on_failure for spec in self._world.functions]
        queues = [each.removeprefix(QUEUE) for each in destinations if each.startswith(QUEUE)]
        self.queues = Queues(self._world.queues, queues, self._clock)
        self._tasks: dict[tuple[str, str], Task] = {}

    async def stop(self) -> None:
        """Drop what is queued."""
        running = list(self._running)
        self._cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def reset(self) -> None:
        """Drop what is queued, and forget messages and task ids."""
        self._cancel()
        self._begin()

    def add(self, invocation: Invocation) -> None:
        """Run a function soon; raise if its task id was used before."""
        task = Task(invocation)
        key = (invocation.spec.name, task.id)
        if key in self._tasks:
            raise refused("StatefulAsyncInvocationAlreadyExists", task.id)
        task.enter(ENQUEUED, self._clock.now())
        self._tasks[key] = task
        self._begin_delivery(task)

    def task(self, function: str, task_id: str) -> Task | None:
        """Return the asynchronous invocation of a function that has this id."""
        return self._tasks.get((function, task_id))

    def again(self, function: str, task_id: str) -> None:
        """Deliver what was delivered before once more: that happens, if rarely."""
        self._begin_delivery(self._tasks[function, task_id])

    def _begin_delivery(self, task: Task) -> None:
        running = asyncio.create_task(self._deliver(task))
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    def _cancel(self) -> None:
        for running in self._running:
            running.cancel()

    async def _deliver(self, task: Task) -> None:
        invocation = task.invocation
        runs = invocation.spec.retries + 1
        for run in range(1, runs + 1):
            task.enter(RUNNING, self._clock.now())
            outcome = await self._run(invocation, run)
            if outcome.good or run == runs:
                break
            task.enter(RETRYING, self._clock.now())
            await self._wait(run)
        task.end(outcome, self._clock.now())
        if outcome.good:
            return
        self._give_up(invocation, outcome, runs)

    async def _run(self, invocation: Invocation, run: int) -> Outcome:
        """Run it once, as soon as there is room."""
        tries = 0
        while (outcome := await self._try(invocation, run)) is None:
            tries += 1
            await self._wait(tries)
        return outcome

    async def _try(self, invocation: Invocation, run: int) -> Outcome | None:
        try:
            return await self._compute.run(invocation, run)
        except NoRoom:
            return None

    async def _wait(self, tries: int) -> None:
        seconds = min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT)
        await self._clock.sleep(seconds * self._scale)

    def _give_up(self, invocation: Invocation, outcome: Outcome, runs: int) -> None:
        destination = invocation.spec.on_failure
        if not destination:
            return
        now = self._clock.now()
        record = failure_record(invocation, outcome, runs, self._world.region, now)
        if destination.startswith(QUEUE):
            self._send(destination.removeprefix(QUEUE), record, invocation)
        else:
            spec = self._compute.function(destination)
            payload = json.dumps(record).encode()
            self.add(Invocation(spec, str(uuid.uuid4()), payload, LATEST, ASYNC))

    def _send(self, queue: str, record: dict[str, object], invocation: Invocation) -> None:
        if len(json.dumps(record).encode()) > LARGEST_MESSAGE:
            lost = f"the failure record of {invocation.request_id} is too large for {queue}"
            self._compute.logs.add(invocation.spec.name, lost)
        else:
            self.queues.send(queue, record)
