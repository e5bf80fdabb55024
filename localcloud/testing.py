"""The local cloud inside a test: a server in a thread of the same process."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from localcloud.app import running
from localcloud.limits import DEFAULT_LIMITS, Limits
from localcloud.service import MINUTE, Service
from localcloud.threads import InThread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from ssl import SSLContext
    from types import TracebackType

    from typing_extensions import Self

    from localcloud.clock import Clock

T = TypeVar("T")

POLL = 0.005
NOTES = "LOCALCLOUD_NOTES"
"""Names a folder: what was called is noted there, per process."""
EMPTY_WORLD: Mapping[str, Any] = {"region": "cn-hangzhou"}


class LocalCloud:
    """A running local cloud; use it with ``with``.

    ``url`` is where it listens. Unless the world names access keys, the one in
    ``localcloud.world.DEFAULT_KEY`` is valid. With ``between_calls`` the user
    promises to look at its state only while no call is being served: it is then read directly, not
    on the server's thread.
    """

    def __init__(
        self,
        world: Mapping[str, Any] = EMPTY_WORLD,
        *,
        minute: float = MINUTE,
        faults: Sequence[Mapping[str, Any]] = (),
        clock: Clock | None = None,
        limits: Limits = DEFAULT_LIMITS,
        retry_after: bool = False,
        certificate: SSLContext | None = None,
        between_calls: bool = False,
    ) -> None:
        self.world = world
        self.url = ""
        self._between_calls = between_calls
        self._service = Service(
            world, faults=faults, minute=minute, clock=clock, limits=limits, retry_after=retry_after
        )
        self._server = InThread(partial(running, self._service, 0, certificate), "localcloud")

    def __enter__(self) -> Self:
        self.url = self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()
        self._take_notes()

    @property
    def address(self) -> str:
        """Host and port, as SDKs take an endpoint."""
        return self.url.partition("://")[2]

    def state(self) -> dict[str, Any]:
        """Return the state in the shape of a world file."""
        return self._look(self._service.state)

    def enis(self) -> dict[str, dict[str, Any]]:
        """Return every ENI of the state by id: those of instances, then the unattached ones."""
        state = self.state()
        attached = [eni for each in state["instances"] for eni in each["enis"]]
        return {eni["id"]: eni for eni in attached + state.get("enis", [])}

    def held(self) -> dict[str, int]:
        """Return how many secondary addresses each ENI holds, by id."""
        return {eni_id: len(eni["secondary"]) for eni_id, eni in self.enis().items()}

    def calls(self, action: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """Return the journal, or the calls of one action; without the first ``since`` calls."""
        return self._look(lambda: self._service.run.journal.rows(action, since))

    def call_count(self) -> int:
        """Return how many calls have ended: a call is counted before its reply is sent.

        Nothing is asked on the server's thread, so this may be called at every moment.
        """
        return len(self._service.run.journal)

    def invocations(self) -> list[dict[str, Any]]:
        """Return every run of a function, in the order in which they began."""
        return self._ask(self._service.functions.invocations)

    def logs(self, function: str) -> list[dict[str, Any]]:
        """Return the log rows of a function, oldest first."""
        return self._ask(lambda: self._service.functions.logs.rows(function))

    def queue(self, name: str) -> list[Any]:
        """Return the messages of a queue, oldest first."""
        return self._ask(lambda: self._service.functions.deliveries.queues.contents().get(name, []))

    def kill_instance(self, which: int | str) -> list[int]:
        """Kill a process by its id, or all of a function by its name; return which were killed."""
        return self._ask(lambda: self._service.functions.kill(which))

    def deliver_again(self, function: str, task_id: str) -> None:
        """Deliver an asynchronous invocation once more, as "at least once" allows."""
        self._ask(lambda: self._service.functions.deliveries.again(function, task_id))

    def wait_for_call(self, seconds: float = 5.0) -> None:
        """Wait until a call has come that is not answered yet: a slow one."""
        end = time.monotonic() + seconds
        while not self._ask(lambda: self._service.run.in_progress):
            if time.monotonic() > end:
                raise TimeoutError("no call came")
            time.sleep(POLL)

    def faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Put other fault rules in place of all."""
        self._ask(lambda: self._service.run.faults.replace(rules))

    def reset(self) -> None:
        """Go back to the beginning: world, faults, tokens, quotas and journal."""
        self._take_notes()
        self._ask(self._service.reset)

    def restart(self, world: Mapping[str, Any], clock: Clock) -> None:
        """Begin with another world and another clock, on the same port."""
        self._take_notes()
        self._ask(lambda: self._service.restart(world, clock))
        self.world = world

    def notes(self) -> str:
        """Return who has called what, one line each."""
        seen = {f"action={c['product']}:{c['action']} agent={c['agent']}" for c in self.calls()}
        return "".join(f"{each}\n" for each in sorted(seen))

    def _take_notes(self) -> None:
        """Note who called what, where notes are wanted: one file per process."""
        if not (folder := os.environ.get(NOTES)):
            return
        with (Path(folder) / str(os.getpid())).open("a", encoding="utf-8") as file:
            file.write(self.notes())

    def _look(self, question: Callable[[], T]) -> T:
        return question() if self._between_calls else self._ask(question)

    def _ask(self, question: Callable[[], T]) -> T:
        return self._server.ask(question)
