"""One request sent to the deployed function: accepted, answered, or followed to the end."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from rich.live import Live

from handler.cloud.faults import FAULTS, advice_on
from handler.command import screen
from handler.command.asked import BadRequest
from handler.command.chain import SUCCEEDED, Chain, Hop, Task, follow
from handler.command.exits import Exit
from handler.command.tables import chain_table
from handler.continuation import Cursor, cursor_of, payload_for
from handler.errors import CloudFault, Retryable

if TYPE_CHECKING:
    from handler.command.asked import Asked
    from handler.command.chain import Reply

FAILED = "Failed"
_NO_TASK = (
    "Function Compute shows no task {}: the function's task mode (asyncTask) is off, or the task "
    "is older than 7 days. What becomes of the request is in the function's log."
)
_UNTOLD = (
    "Function Compute does not tell what the function returned (that is a preview); how each ENI "
    "ended is in the function's log, and so is the chain's end."
)
_GOES_ON = (
    "The function goes on by itself. Follow it again with --chain {} (and the same function)."
)


class Deployed(Protocol):
    """The deployed function; every method may raise `CloudFault`."""

    def invoke_later(self, payload: bytes, task_id: str) -> None:
        """Invoke it asynchronously, once per task id."""
        ...

    def invoke(self, payload: bytes) -> Reply:
        """Invoke it and wait for the answer."""
        ...

    def task(self, task_id: str) -> Task | None:
        """How far an asynchronous invocation has come; None when there is none of that id."""
        ...


@dataclass
class Sending:
    """A chain of invocations that begins with a request of ours.

    Attributes:
        chain_id: its id; the tasks are called after it.
        poll: seconds between two looks.
        as_json: JSON lines instead of a table.
    """

    remote: Deployed
    chain_id: str
    poll: float
    as_json: bool
    chain: Chain = field(default_factory=Chain)

    def deliver(self, asked: Asked | None, *, sync: bool, following: bool) -> Exit:
        """Send a request (None: only follow), and say what becomes of it."""
        try:
            cursor = cursor_of(asked.request, self.chain_id) if asked else Cursor(self.chain_id)
            if asked is not None:
                following = self._send(_payload(asked, cursor), cursor, sync, following)
            if sync and (next_hop := self._next()) is not None:
                cursor = next_hop
            if following:
                self._follow(cursor)
        except CloudFault as fault:
            advice = advice_on(fault.code, fault.operation) if fault.code in FAULTS else ""
            screen.error(f"{fault}. {advice}".strip())
            return Exit.FAILED
        except KeyboardInterrupt:
            screen.note(_GOES_ON.format(self.chain_id))
            return Exit.STOPPED
        return self._conclude(cursor, accepted_only=not sync and not following)

    def _send(self, payload: bytes, cursor: Cursor, sync: bool, following: bool) -> bool:
        """Whether there is something to follow then."""
        if not sync:
            self.remote.invoke_later(payload, cursor.task_id)
            return following
        reply = self.remote.invoke(payload)
        status = SUCCEEDED if reply.error is None else FAILED
        self._note(Hop(cursor.hop, "(sync)", Task(status, error=reply.error, result=reply.result)))
        return following and self._next() is not None

    def _next(self) -> Cursor | None:
        """Where the chain goes on after the hop that was answered."""
        result = self.chain.hops[-1].task.result if self.chain.hops else None
        continuation = (result or {}).get("continuation")
        return Cursor(self.chain_id, continuation["hop"]) if continuation else None

    def _follow(self, cursor: Cursor) -> None:
        console = screen.console(stderr=True)
        live = Live(console=console, transient=True, auto_refresh=False)
        with live if console.is_terminal else contextlib.nullcontext():
            for hop in follow(self.remote.task, cursor, lambda: time.sleep(self.poll)):
                self.chain.current = None if hop.task.ended else hop
                if hop.task.ended:
                    self._note(hop)
                live.update(chain_table(self.chain), refresh=console.is_terminal)

    def _note(self, hop: Hop) -> None:
        self.chain.hops.append(hop)
        if self.as_json:
            screen.json_line(**hop.row())

    def _conclude(self, cursor: Cursor, *, accepted_only: bool) -> Exit:
        status = Exit.AT_TARGET if accepted_only else self.chain.exit
        if self.as_json:
            self._last_line(status, cursor)
        elif accepted_only:
            screen.console().print(f"accepted as task {cursor.task_id}")
            screen.note(_GOES_ON.format(self.chain_id))
        elif self.chain.hops:
            self._show()
        for hop in self.chain.hops:
            if (reason := hop.trouble) is not None:
                screen.error(reason)
        if not accepted_only and not self.chain.hops:
            screen.error(_NO_TASK.format(cursor.task_id))
        return status

    def _show(self) -> None:
        console = screen.console()
        console.print(f"chain {self.chain_id}, tasks {Cursor(self.chain_id).task_id} and on")
        console.print(chain_table(self.chain))
        console.print()
        if not self.chain.known:
            screen.note(_UNTOLD)
            return
        counts = self.chain.counts
        hops = len(self.chain.hops)
        console.print(
            f"{counts['addresses_assigned']} addresses assigned in {hops} "
            f"invocation{'s' if hops > 1 else ''}"
        )
        if self._next() is not None:
            screen.note(_GOES_ON.format(self.chain_id))

    def _last_line(self, status: Exit, cursor: Cursor) -> None:
        screen.json_line(
            record_type="command",
            exit_status=int(status),
            meaning=status.meaning,
            chain=self.chain_id,
            task_id=cursor.task_id,
            hops=len(self.chain.hops),
            counts=dict(self.chain.counts) if self.chain.hops and self.chain.known else None,
        )


def _payload(asked: Asked, cursor: Cursor) -> bytes:
    try:
        return payload_for(asked.request, cursor)
    except Retryable as error:
        raise BadRequest(f"FILE: {error}") from None
