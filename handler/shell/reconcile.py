"""Does for ENIs what `handler.core.rounds` says, until each of them is finished.

The calls, the waiting and the reading are here; what to do next, and in which order, is decided
there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud import ports
from handler.cloud.ports import EniQuery
from handler.core.errors import CloudFault, OutOfTime
from handler.core.model import Outcome, Reason, Subject
from handler.core.policy import scaling_group_of, skipped_anyway, wish_for, without_target
from handler.core.protocol import End, Timing
from handler.core.rounds import Assign, FindOwners, Look, ReadRooms, Rounds, member, unread
from handler.core.value import Value
from handler.shell.records import result_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from handler.core.ledger import Ledger
    from handler.core.model import Answer, Eni, Instance, Wish
    from handler.core.rounds import AssignCall, Limit
    from handler.shell.job import Job
    from handler.shell.reading import Reading


class Reply(Value):
    """What came of one call; `answer` is None where it was not made in time.

    Attributes:
        began: when it was made, epoch seconds; None when it was not.
        ended: when its reply came.
    """

    call: AssignCall
    began: float | None
    ended: float
    answer: Answer | CloudFault | None = None


class Reconciler:
    """Brings ENIs to their targets, one group after another, within one invocation.

    Args:
        job: the request and what it works with.
        ledger: what vSwitches may still give.
        limit: how many ENIs may be changed.
    """

    def __init__(self, job: Job, ledger: Ledger, limit: Limit) -> None:
        self._job = job
        self._ledger = ledger
        self._limit = limit
        invocation, settings = job.invocation, job.settings
        # All events of an array came together: what one of them waited has passed for the others.
        visibility = max(0.0, settings.visibility_seconds - invocation.before)
        self.timing = Timing(
            settings.settle_seconds,
            min(visibility, invocation.patience),
            launch=not job.request.manual,
        )
        self._working: tuple[Subject, ...] = ()
        self._shown: dict[str, Instance] = {}

    def with_more_than(self, done: set[str]) -> frozenset[str]:
        """Instances that reads since the last call of this have shown with ENIs beyond these."""
        shown, self._shown = self._shown, {}
        return frozenset(id_ for id_, each in shown.items() if not done.issuperset(each.eni_ids))

    @property
    def groups(self) -> set[str | None]:
        """The scaling groups of all ENIs so far, those that are being worked on included."""
        return {*self._job.tally.groups, *(each.scaling_group_id for each in self._working)}

    def without_target(self, reading: Reading, eni_ids: Iterable[str]) -> set[str]:
        """ENIs that nothing gives a target yet, though a tag that is set later may."""
        wishes = (self._wish(reading.enis[each], reading.instances) for each in eni_ids)
        return without_target(wishes)

    def skipped_anyway(self, reading: Reading, eni: Eni) -> bool:
        """Whether nothing would be done to it, whatever else its row showed."""
        return skipped_anyway(eni, self._wish(eni, reading.instances)[1])

    def work(self, reading: Reading, eni_ids: Iterable[str]) -> None:
        """Finish these ENIs of a reading: each ends in exactly one result.

        Raises:
            OutOfTime: the rest was recorded as deferred.
            Exception: a read failed and is not tried again, or worse; the rest was recorded.
        """
        wishes = [self._wish(reading.enis[each], reading.instances) for each in sorted(eni_ids)]
        self._working = tuple(subject for subject, _ in wishes)
        rounds: Rounds | None = None
        try:
            rounds = self._rounds(wishes, self._capacities(wishes), reading.began)
            self._drive(rounds)
        except Exception as error:
            # Where no type could be read, each ENI has its record all the same.
            rounds = rounds or self._rounds(wishes, {}, reading.began)
            rounds.stop(unread(error), error if isinstance(error, CloudFault) else None)
            raise
        finally:
            if rounds is not None:
                self._record(rounds)
            self._working = ()

    def _drive(self, rounds: Rounds) -> None:
        """Do what is to be done next until there is nothing left."""
        while todo := rounds.next(self._now()):
            self._record(rounds)
            match todo:
                case ReadRooms(vswitch_ids=vswitch_ids):
                    self._read_rooms(rounds, vswitch_ids)
                case Assign(calls=calls):
                    self._assign(rounds, calls)
                case FindOwners():
                    self._find_owners(rounds, todo)
                case Look():
                    self._look(rounds, todo)

    def _now(self) -> float:
        return self._job.invocation.clock.now()

    def _wish(self, eni: Eni, instances: Mapping[str, Instance]) -> tuple[Subject, Wish]:
        instance = instances.get(eni.instance_id or "")
        subject = Subject(eni, instance, scaling_group_of(instance, self._job.request))
        return subject, wish_for(subject, self._job.request, self._job.settings.policy)

    def _rounds(
        self, wishes: list[tuple[Subject, Wish]], capacities: Mapping[str, int], began: float
    ) -> Rounds:
        members = [
            member(subject, wish, self._capacity(subject, capacities), began)
            for subject, wish in wishes
        ]
        region, dry = self._job.request.region, self._job.dry
        return Rounds(members, self._ledger, self._limit, self.timing, region, dry=dry)

    def _capacity(self, subject: Subject, capacities: Mapping[str, int]) -> int | None:
        if subject.instance is not None:
            return capacities.get(subject.instance.type)
        return self._job.settings.available_eni_limit if subject.eni.ours else None

    def _capacities(self, wishes: list[tuple[Subject, Wish]]) -> Mapping[str, int]:
        """How many addresses an ENI can hold, by type; types are read only where it matters."""
        wishful = {
            subject.instance.id: subject.instance
            for subject, wish in wishes
            if subject.instance and wish.skip is None
        }
        return self._job.reader.capacities(wishful.values())

    def _record(self, rounds: Rounds) -> None:
        for finished, end in rounds.ended():
            self._job.record(result_of(finished, end), finished.state.eni)

    def _read_rooms(self, rounds: Rounds, vswitch_ids: Iterable[str]) -> None:
        began = self._now()
        for vswitch_id, free in self._job.reader.available(vswitch_ids).items():
            if isinstance(free, CloudFault):
                rounds.unreadable(vswitch_id, free)
            else:
                self._ledger.learn(vswitch_id, free, began)

    def _assign(self, rounds: Rounds, calls: Iterable[AssignCall]) -> None:
        for reply in self._job.invocation.side_by_side(self._call, calls):
            eni_id = reply.call.eni_id
            if reply.began is None or reply.answer is None:
                end = End(Outcome.DEFERRED, Reason.OUT_OF_TIME)
                rounds.not_called(eni_id, end, reply.ended)
                continue
            rounds.called(reply.call, reply.began)
            if isinstance(reply.answer, CloudFault):
                rounds.refused(eni_id, reply.answer, reply.ended)
            else:
                rounds.answered(eni_id, reply.answer, reply.ended)

    def _call(self, call: AssignCall) -> Reply:
        """One call for one ENI. Runs in a thread, and shares nothing with others."""
        invocation, ecs = self._job.invocation, self._job.cloud.ecs
        try:
            invocation.admit(ports.ASSIGN)
        except OutOfTime:
            return Reply(call, None, self._now())
        began = self._now()
        answer: Answer | CloudFault
        try:
            answer = invocation.send(
                ports.ASSIGN, lambda: ecs.assign(call.eni_id, call.ask, call.token)
            )
        except CloudFault as fault:
            answer = fault
        return Reply(call, began, self._now(), answer)

    def _look(self, rounds: Rounds, look: Look) -> None:
        """One paged read of all ENIs that are not finished."""
        now = self._now()
        if look.at > now:
            self._job.invocation.wait(look.at - now, look.until - now)
        began = self._now()
        enis = self._job.reader.enis(look.eni_ids)
        instances = self._job.reader.instances(look.instance_ids)
        self._shown.update(instances)
        rounds.read(enis, instances, began)

    def _find_owners(self, rounds: Rounds, asked: FindOwners) -> None:
        owners = {
            value: eni.id
            for eni in self._job.reader.list_enis(EniQuery(vswitch_id=asked.vswitch_id))
            for value in asked.values & {*eni.secondary, *eni.prefixes, eni.primary}
        }
        rounds.owners(asked.vswitch_id, owners)
