"""One request sent to the deployed function: accepted, answered, or followed to the end."""

from __future__ import annotations

import contextlib
import heapq
import shlex
import time
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Protocol

from rich.live import Live

from console import credentials, screen
from console.chain import SUCCEEDED, Chain, Hop, Task, follow
from console.exits import Exit
from console.limited import left_by_limit
from console.manual import BadRequest
from console.nothing import nothing_done
from console.progress import gravity
from console.report.reading import Fleet
from console.tables import chain_table, eni_table, outcomes
from handler.core.errors import CloudFault, Retryable
from handler.core.model import Treatment
from handler.core.pacing import repeated
from handler.core.value import replace
from handler.shell.backfill import HANDOVER_TRIES
from handler.shell.continuation import Cursor, cursor_of, payload_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from console.chain import Reply
    from console.manual import ManualRequest

FAILED = "Failed"
# Function Compute may show a task some seconds late.
PATIENCE_SECONDS = 16.0
_NO_TASK = (
    "Function Compute shows no task {}: the function's task mode (asyncTask) is off, or the task "
    "is older than 7 days. What becomes of the request is in the function's log."
)
_UNTOLD = (
    "Function Compute does not tell what the function returned (that is a preview); how each ENI "
    "ended is in the function's log, and so is the chain's end."
)
_TWICE = "A result lists 500 ENIs at most: what two invocations both met may count twice."
_ACCEPTED = "the request was accepted and is not followed; its end is in the function's log"
_NO_ANSWER = (
    "There is no answer, and a synchronous call is not a task that could be followed: what it did "
    "is in the function's log. What is done stays done, so the request may be sent again."
)
_PERHAPS = "Whether the request was accepted is not known; --chain {} shows it, if it was."
_GOES_ON = (
    "The function goes on by itself. Follow it again with --chain {} (and the same function)."
)
_LOCAL_ENDS = (
    "The local cloud ends with this command, and the function in it too. With --follow, the "
    "command waits for the end of the chain."
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
        patience: seconds until a task that is not shown is given up.
        as_json: JSON lines instead of a table.
        local: whether the function ends with the command.
        rows: how many ENIs of a synchronous answer are shown.
    """

    remote: Deployed
    chain_id: str
    poll: float
    as_json: bool
    patience: float = PATIENCE_SECONDS
    local: bool = False
    rows: int = 0
    sleep: Callable[[float], None] = time.sleep
    chain: Chain = field(default_factory=Chain)
    _under_way: bool = field(default=False, init=False)

    def deliver(self, asked: ManualRequest | None, *, sync: bool, following: bool) -> Exit:
        """Send a request (None: only follow), and say what becomes of it."""
        sync = sync and asked is not None
        cursor = Cursor(self.chain_id)
        try:
            if asked is None:
                cursor = self._beginning()
            elif sync:
                self._call(_payload(asked, self.chain_id), cursor)
            else:
                self._hand_over(_payload(asked, self.chain_id), cursor)
            self._under_way = asked is None or not sync or self._next() is not None
            cursor = self._next() or cursor
            if following and self._under_way:
                self._follow(cursor)
        except CloudFault as fault:
            return self._left(self._refused(fault, sync=sync), cursor)
        except KeyboardInterrupt:
            screen.note(self._how_to_go_on(sync=sync))
            return self._left(Exit.STOPPED, cursor)
        return self._conclude(cursor, asked, accepted_only=not sync and not following)

    def _beginning(self) -> Cursor:
        """A chain that began with a synchronous call has no task for its first hop."""
        first, second = Cursor(self.chain_id), Cursor(self.chain_id, 1)
        with contextlib.suppress(CloudFault):  # whoever follows meets it again
            return first if self._shown(first) or not self._shown(second) else second
        return first

    def _shown(self, cursor: Cursor) -> bool:
        return self.remote.task(cursor.task_id) is not None

    def _call(self, payload: bytes, cursor: Cursor) -> None:
        reply = self.remote.invoke(payload)
        status = SUCCEEDED if reply.error is None else FAILED
        self._note(Hop(cursor.hop, "(sync)", Task(status, error=reply.error, result=reply.result)))

    def _hand_over(self, payload: bytes, cursor: Cursor) -> None:
        """Tried again under the same task id, under which the function runs once."""
        send = partial(self.remote.invoke_later, payload, cursor.task_id)
        repeated(send, HANDOVER_TRIES, self.sleep)

    def _next(self) -> Cursor | None:
        """Where the chain goes on after the hop that was answered."""
        number = self.chain.hops[-1].next_number if self.chain.hops else None
        return None if number is None else Cursor(self.chain_id, number)

    def _follow(self, cursor: Cursor) -> None:
        console = screen.console(stderr=True)
        live = Live(console=console, transient=True, auto_refresh=False)
        hops = follow(
            self.remote.task,
            cursor,
            lambda: self.sleep(self.poll),
            max(1, ceil(self.patience / self.poll)),
            handed_over=self._next() is not None,
        )
        with live if console.is_terminal else contextlib.nullcontext():
            for hop in hops:
                self.chain.current = None if hop.task.ended else hop
                if hop.task.ended:
                    self._note(hop)
                live.update(chain_table(self.chain), refresh=console.is_terminal)

    def _refused(self, fault: CloudFault, *, sync: bool) -> Exit:
        screen.error(credentials.explained(fault))
        if self._under_way or fault.treatment is Treatment.TRANSIENT:
            screen.note(self._how_to_go_on(sync=sync))
        return credentials.status_of(fault)

    def _left(self, status: Exit, cursor: Cursor) -> Exit:
        """What a script reads of an end before the end."""
        if self.as_json:
            self._last_line(status, status.meaning, cursor)
        return status

    def _goes_on(self) -> str:
        return _LOCAL_ENDS if self.local else _GOES_ON.format(shlex.quote(self.chain_id))

    def _how_to_go_on(self, *, sync: bool) -> str:
        """For whoever leaves before the end."""
        if self._under_way or self.local:
            return self._goes_on()
        return _NO_ANSWER if sync else _PERHAPS.format(shlex.quote(self.chain_id))

    def _note(self, hop: Hop) -> None:
        self.chain.hops.append(hop)
        if self.as_json:
            screen.json_line(**hop.row())

    def _conclude(
        self, cursor: Cursor, asked: ManualRequest | None, *, accepted_only: bool
    ) -> Exit:
        status, nothing, limited = Exit.AT_TARGET, None, None
        if not accepted_only:
            status, nothing, limited = self._judged(asked)
        if self.as_json:
            self._last_line(status, _ACCEPTED if accepted_only else status.meaning, cursor)
        elif accepted_only:
            screen.console().print(screen.foreign(f"accepted as task {cursor.task_id}"))
            screen.note(self._goes_on())
        elif self.chain.hops:
            self._show()
        for hop in self.chain.hops:
            if (reason := hop.trouble) is not None:
                screen.error(reason)
        if nothing:
            screen.error(nothing)
        if limited:
            screen.note(limited, whole=True)
        if not accepted_only and not self.chain.hops:
            screen.error(_NO_TASK.format(cursor.task_id))
        return status

    def _judged(self, asked: ManualRequest | None) -> tuple[Exit, str | None, str | None]:
        """The status; why nothing was done; and what the request's limit left."""
        status, nothing, limited = self.chain.exit, None, None
        if status not in {Exit.AT_TARGET, Exit.SHORT}:
            return status, None, None
        request = None if asked is None else asked.request
        if request is not None and status is Exit.AT_TARGET:
            nothing = nothing_done(request, self.chain.met)
        if nothing is None:
            limited = left_by_limit(request, self.chain.limited, self.chain.changed)
        if status is Exit.AT_TARGET and (nothing or limited):
            status = Exit.BAD_REQUEST if nothing else Exit.SHORT
        return status, nothing, limited

    def _show(self) -> None:
        console = screen.console()
        tasks = f"tasks {Cursor(self.chain_id).task_id} and on"
        console.print(screen.foreign(f"chain {self.chain_id}, {tasks}"))
        console.print(chain_table(self.chain))
        console.print()
        if not self.chain.known:
            if not any(hop.odd for hop in self.chain.hops):
                screen.note(_UNTOLD)
            return
        self._show_enis(console)
        counts = self.chain.counts
        console.print(outcomes(counts, counts["enis"]))
        if not self.chain.counted_once:
            console.print(_TWICE, style="dim")
        hops = screen.counted(len(self.chain.hops), "invocation")
        console.print(f"{self.chain.done} in {hops}")
        if self._next() is not None:
            screen.note(self._goes_on())

    def _show_enis(self, console: Console) -> None:
        """The plan, or what was done: of each ENI that the results list."""
        fleet = Fleet()  # another function's rows may be of any shape
        for row in self.chain.last_rows:
            fleet.add({**row, "record_type": "eni_result"})
        listed = heapq.nsmallest(self.rows, fleet.rows.values(), key=gravity)
        if listed:
            console.print(eni_table(listed, console.width))
            console.print()

    def _last_line(self, status: Exit, meaning: str, cursor: Cursor) -> None:
        screen.json_line(
            record_type="command",
            exit_status=int(status),
            meaning=meaning,
            chain=self.chain_id,
            task_id=cursor.task_id,
            hops=len(self.chain.hops),
            counts=dict(self.chain.counts) if self.chain.hops and self.chain.known else None,
        )


def _payload(asked: ManualRequest, chain_id: str) -> bytes:
    """The request as the beginning of a chain of its own.

    A cursor that it holds says where to begin; the task ids of the chain that it is of are taken.
    """
    cursor = replace(cursor_of(asked.request, chain_id), chain=chain_id, hop=0)
    try:
        return payload_for(asked.request, cursor)
    except Retryable as error:
        raise BadRequest(f"FILE: {error}") from None
