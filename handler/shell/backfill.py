"""A manual request: a fleet is brought to its target a chunk at a time, over many invocations.

Also `plan`, the same without writes. When the time of an invocation runs out, the rest is handed
over to the next one; what the two do twice is found done.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from handler.cloud import ports
from handler.core.errors import CloudFault, OutOfTime
from handler.core.model import Outcome, Reason
from handler.core.pacing import repeated
from handler.core.rounds import unread
from handler.core.value import Value
from handler.shell.continuation import payload_for
from handler.shell.records import Continuation
from handler.shell.selection import chunks
from handler.shell.visibility import Sight, advice_for, unexplained, unseen

if TYPE_CHECKING:
    from handler.cloud.ports import Functions
    from handler.core.model import Eni
    from handler.core.rounds import Limit
    from handler.shell.continuation import Cursor
    from handler.shell.job import Job
    from handler.shell.reading import Reading
    from handler.shell.reconcile import Reconciler
    from handler.shell.selection import Chunk

_RECHECK_SECONDS = 1.0
_HIDDEN = "Allow ecs:DescribeInstances, or ask again: an ENI or its instance is not shown."
# Tries of a hand-over; they run in what the deadline leaves of the timeout.
HANDOVER_TRIES = 3


class Backfill(Value):
    """One manual request, in one invocation of a chain.

    Attributes:
        reconciler: does the work.
        limit: how many ENIs may be changed.
        cursor: where this invocation begins.
    """

    job: Job
    reconciler: Reconciler
    limit: Limit
    cursor: Cursor

    def run(self) -> Continuation | None:
        """Bring everything that is selected to its target, as far as time allows.

        Returns:
            The hand-over, when something is left to do.

        Raises:
            OutOfTime: time ran out and nothing was done, or there is nobody to hand over to.
            CloudFault: a read was refused or failed in every try, or the hand-over did.
        """
        page, after, worked = self.cursor.page, self.cursor.after, False
        try:
            selected = chunks(self.job.request.selector, self.job.reader, self.cursor)
            for chunk in self.job.invocation.until_stopped(selected):
                self._work_and_ask(chunk)
                page, after, worked = chunk.next_page, chunk.last_id, True
                if self.limit.reached:
                    break
        except OutOfTime:
            functions = self.job.cloud.functions
            if functions is None or not (worked or self.job.tally.progress()):
                raise
            cursor = self.cursor.next_hop(page, after, self.limit.changed)
            return self._hand_over(functions, cursor)
        return None

    @property
    def _sight(self) -> Sight:
        attached = self.job.request.selector.by_instances
        return Sight(self.reconciler.skipped_anyway, attached=attached)

    def _work_and_ask(self, chunk: Chunk) -> None:
        """Work on a chunk, and ask its guests once, if that was asked for."""
        guests = self.job.guests
        try:
            self._work(chunk)
            if guests is not None:
                guests.ask()
        finally:
            if guests is not None:
                guests.release()

    def _work(self, chunk: Chunk) -> None:
        """What is named and not shown is read once more before it is called gone."""
        reading, error, sight = chunk.reading, None, self._sight
        done, missing = sight.sort_out(reading, chunk.named)
        try:
            self.reconciler.work(reading, done)
            if missing:
                self.job.invocation.wait(_RECHECK_SECONDS)
                reading = self.job.reader.of_named(self.job.request.selector, missing)
                found, missing = sight.sort_out(reading, missing)
                new = found - done
                done |= new
                self.reconciler.work(reading, new)
        except (OutOfTime, CloudFault) as met:
            error = met
        self._record_unread(missing, reading, done, error)
        if self.job.tally.out_of_time():
            raise OutOfTime("the time was not enough for all ENIs of a chunk")

    def _hand_over(self, functions: Functions, cursor: Cursor) -> Continuation:
        """Invoke the function for the next hop; under its task id, that happens once."""
        payload, invocation = payload_for(self.job.request, cursor), self.job.invocation
        tries = count()

        def invoke() -> bool:
            next(tries)
            return invocation.send(
                ports.INVOKE, lambda: functions.invoke_later(payload, cursor.task_id)
            )

        new = repeated(invoke, HANDOVER_TRIES, invocation.clock.sleep)
        # Used before by this very invocation when an answer was lost, else by an earlier try of it.
        return Continuation(cursor.task_id, cursor.hop, repeated=not new and next(tries) == 1)

    def _record_unread(
        self, missing: frozenset[str], reading: Reading, done: set[str], error: Exception | None
    ) -> None:
        """Gone, unless something of it is shown: then it is undecided, perhaps a permission.

        Args:
            missing: what is named and was not shown.
            reading: what was, at last.
            done: the ENIs that were worked on.
            error: what kept it from being looked for again, if anything.

        Raises:
            Exception: that, or what kept its ENIs from being looked for.
        """
        hidden: list[Eni] = []
        try:
            if error is None:
                hidden = unexplained(self.job.reader, missing, reading, probes=None)
        except (OutOfTime, CloudFault) as met:
            error = met
        sight, enis = self._sight, reading.enis.values()
        unreadable = [eni for eni in enis if not sight.readable(reading, eni)]
        found = {eni.id: eni for eni in hidden + unreadable if eni.id not in done}
        reason = unread(error).reason if error else Reason.NOT_VISIBLE
        advice = advice_for(error) if error else _HIDDEN
        for eni in found.values():
            self.job.record(unseen(eni.id, eni, Outcome.DEFERRED, reason, advice))
        told = set(found) | {eni.instance_id for eni in found.values()}
        for each in sorted(missing - told):
            if error is not None or hidden or each in reading.instances:
                self.job.record(unseen(each, None, Outcome.DEFERRED, reason, advice))
            else:
                self.job.record(unseen(each, None, Outcome.GONE, Reason.NOT_FOUND))
        if error is not None:
            raise error
