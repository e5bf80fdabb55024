"""The shell: ENIs are read, planned, written to, and read again until each of them is finished.

One round does one step for every ENI of a crew, so that the vSwitches are shared out among all that
need them and one paged read confirms all writes. What to do about an ENI is decided by `policy`,
`planner` and `pursuit`; here it is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud import ports
from handler.cloud.faults import advice_on
from handler.cloud.ports import EniQuery
from handler.core import protocol
from handler.core.errors import CloudFault, OutOfTime
from handler.core.model import EniResult, Outcome, Reason, Subject, Treatment
from handler.core.planner import decide, demand
from handler.core.policy import scaling_group_of, wish_for
from handler.core.protocol import Pause, Pursuit, Verdict
from handler.core.value import Value, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from handler.cloud.ports import Cloud
    from handler.core.ledger import Rooms
    from handler.core.model import Ask, Decision, Eni, Instance, Request, Wish
    from handler.core.planner import Demand
    from handler.core.settings import Settings
    from handler.shell.invocation import Invocation
    from handler.shell.reading import Reader, Reading
    from handler.shell.records import Tally


class Member(Value):
    """One ENI of the crew: who it is, what is wanted of it, how far it has come.

    Attributes:
        capacity: how many secondary addresses it can hold, if that is known.
        drew: whether the latest call was granted room of its own.
    """

    subject: Subject
    wish: Wish
    capacity: int | None
    pursuit: Pursuit
    decision: Decision | None = None
    drew: bool = False

    @property
    def id(self) -> str:
        """The ENI's id."""
        return self.pursuit.eni.id


class Reconciler:
    """Brings ENIs to their targets, one crew after another, within one invocation."""

    def __init__(  # noqa: PLR0913, PLR0917  (what it works with)
        self,
        request: Request,
        settings: Settings,
        cloud: Cloud,
        reader: Reader,
        invocation: Invocation,
        rooms: Rooms,
        tally: Tally,
        limit: int | None = None,
    ) -> None:
        self.request = request
        self.settings = settings
        self.cloud = cloud
        self.reader = reader
        self.invocation = invocation
        self.rooms = rooms
        self.tally = tally
        self.limit = limit
        # All events of an array came together: what one of them waited has passed for the others.
        visibility = max(0.0, settings.visibility_seconds - invocation.before)
        self.timing = protocol.Timing(settings.settle_seconds, min(visibility, invocation.patience))
        self.changed = 0
        self._crew: dict[str, Member] = {}
        self._changing: set[str] = set()

    @property
    def dry(self) -> bool:
        """Whether nothing may be written."""
        return self.request.dry_run or self.settings.dry_run

    @property
    def groups(self) -> set[str | None]:
        """The scaling groups of all ENIs so far, those that are being worked on included."""
        return {
            *self.tally.groups,
            *(each.subject.scaling_group_id for each in list(self._crew.values())),
        }

    def work(self, reading: Reading, eni_ids: Iterable[str]) -> None:
        """Finish these ENIs: each ends in exactly one result.

        Raises:
            OutOfTime: the rest was recorded as deferred.
            Exception: a read failed for good, or worse; the rest was recorded as deferred.
        """
        members = [self._member(reading.enis[each], reading.instances) for each in sorted(eni_ids)]
        self._crew, self._changing = {member.id: member for member in members}, set()
        try:
            self._measure(reading.instances)
            while self._crew:
                self._round()
        except Exception as error:
            self._defer_rest(error)
            raise

    def _member(self, eni: Eni, instances: Mapping[str, Instance]) -> Member:
        instance = instances.get(eni.instance_id or "")
        subject = Subject(eni, instance, scaling_group_of(instance, self.request))
        wish = wish_for(subject, self.request, self.settings.policy)
        return Member(subject, wish, None, protocol.begin(eni))

    def _measure(self, instances: Mapping[str, Instance]) -> None:
        """How many addresses each ENI can hold; types are read only where it matters."""
        wishful = {
            member.subject.instance.id
            for member in self._crew.values()
            if member.subject.instance and member.wish.skip is None
        }
        capacities = self.reader.capacities(instances[each] for each in wishful)
        for member in list(self._crew.values()):
            instance = member.subject.instance
            limit = self.settings.available_eni_limit if member.pursuit.eni.ours else None
            capacity = capacities.get(instance.type) if instance else limit
            self._crew[member.id] = replace(member, capacity=capacity)

    def _round(self) -> None:
        """One step for every ENI: finish it, write to it, or wait for it."""
        asks, pauses = self._plan()
        if asks:
            for member in self.invocation.side_by_side(self._assign, asks):
                self._take_back(member)
        elif pauses:
            now = self.invocation.clock.now()
            longest = max(pause.at_most_until for pause in pauses)
            until = min(pause.until for pause in pauses)
            self.invocation.wait(max(0.0, until - now), longest - now)
        self._reread()

    # --- deciding -----------------------------------------------------------------------------

    def _plan(self) -> tuple[list[tuple[Member, Ask]], list[Pause]]:
        """Finish what is finished; return what to ask for, and what has to wait."""
        now = self.invocation.clock.now()
        ready, pauses = [], []
        steps: list[tuple[Member, Ask] | None] = []
        for member in list(self._crew.values()):
            wanted = demand(member.pursuit.eni, member.wish, member.capacity)
            held_up = self._held_up(member, wanted, now)
            if isinstance(held_up, Verdict):
                self._finish(member, held_up)
            elif isinstance(held_up, Pause):
                pauses.append(held_up)
            elif wanted.ask is not None and (ask := protocol.in_doubt(member.pursuit)):
                steps.append((replace(member, drew=False), ask))
            else:
                ready.append(wanted)
        ready = self._with_room(ready)
        insisting: set[str] = set()
        # Those that the limit has admitted come first: they may leave their place to others.
        decided = sorted(
            decide(ready, self.rooms.left()), key=lambda each: each.eni.id not in self._changing
        )
        steps += [self._step(each, insisting) for each in decided]
        return [step for step in steps if step is not None], pauses

    @staticmethod
    def _exhausted(pursuit: Pursuit) -> bool:
        return pursuit.refused_ask is not None and _treatment(pursuit) is Treatment.EXHAUSTED

    def _held_up(self, member: Member, wanted: Demand, now: float) -> Pause | Verdict | None:
        """What keeps an ENI from the next call, if it needs one."""
        pursuit, instance = member.pursuit, member.subject.instance
        gone = pursuit.verdict is not None and pursuit.verdict.outcome is Outcome.GONE
        if self.dry or (wanted.ask is None and not gone):
            return None  # whatever calls were told: it needs nothing
        held_up = protocol.hindrance(pursuit, instance, now, self.timing)
        if isinstance(held_up, Pause):
            self._keep(member, protocol.paused(pursuit, instance, now))
        return held_up

    def _may_change(self, eni_id: str) -> bool:
        if eni_id in self._changing:
            return True
        if self.limit is not None and self.changed >= self.limit:
            return False
        self._changing.add(eni_id)
        self.changed += 1
        return True

    def _leave_to_others(self, eni_id: str) -> None:
        """It was not changed: the limit has room for another one."""
        self.changed -= eni_id in self._changing
        self._changing.discard(eni_id)

    def _with_room(self, ready: list[Demand]) -> list[Demand]:
        """Look at the vSwitches of which something is needed; drop the ENIs of unreadable ones."""
        for wanted in ready:
            if wanted.ask is not None:
                self._settle(self._crew[wanted.eni.id])
        concerned = {wanted.eni.vswitch_id for wanted in ready if wanted.draws}
        unreadable = self._learn(self.rooms.unknown(concerned))
        for wanted in ready:
            if wanted.draws and (fault := unreadable.get(wanted.eni.vswitch_id)):
                member = self._crew[wanted.eni.id]
                blamed = replace(member, pursuit=replace(member.pursuit, fault=fault))
                self._finish(blamed, _unread(fault))
        return [wanted for wanted in ready if wanted.eni.id in self._crew]

    def _learn(self, vswitch_ids: Iterable[str]) -> dict[str, CloudFault]:
        """Read vSwitches into the ledger; return those that could not be read."""
        unreadable = {}
        for vswitch_id, free in self.reader.available(vswitch_ids).items():
            if isinstance(free, CloudFault):
                unreadable[vswitch_id] = free
            else:
                self.rooms.learn(vswitch_id, free)
        return unreadable

    def _step(self, decision: Decision, insisting: set[str]) -> tuple[Member, Ask] | None:
        """The call to make for an ENI, if any.

        Of those that an exhausted vSwitch refused what they ask again, one insists: the others see
        what comes of it.
        """
        member = replace(self._crew[decision.eni.id], decision=decision)
        if decision.ask is not None and not self._may_change(member.id):
            if not self._changing & self._crew.keys():
                self._finish(member, Verdict(Outcome.DEFERRED, Reason.LIMIT))
            return None
        if decision.ask is not None and self.dry:
            self._draw(decision.eni, decision.ask)
            self._finish(member, Verdict(Outcome.PLANNED, Reason.WOULD_ASSIGN))
            return None
        pursuit, ask = protocol.next_call(member.pursuit, decision)
        member = replace(member, pursuit=pursuit)
        if ask is None:
            self._finish(member, pursuit.verdict or Verdict(decision.outcome, decision.reason))
            return None
        if self._exhausted(member.pursuit) and ask == member.pursuit.refused_ask:
            if decision.eni.vswitch_id in insisting:
                return None
            insisting.add(decision.eni.vswitch_id)
        return replace(member, drew=self._draw(decision.eni, ask)), ask

    def _draw(self, eni: Eni, ask: Ask) -> bool:
        """Deduct what is asked for from what the vSwitch has left; prefixes take nothing of it."""
        if not ask.is_prefix:
            self.rooms.grant(eni.id, eni.vswitch_id, ask.count, len(eni.secondary))
        return not ask.is_prefix

    def _settle(self, member: Member) -> None:
        """Give back what a read shows not to be taken; all is kept while a write is in doubt."""
        if member.pursuit.write is None:
            self.rooms.settle(member.id, len(member.pursuit.eni.secondary))

    # --- writing ------------------------------------------------------------------------------

    def _assign(self, step: tuple[Member, Ask]) -> Member:
        """One call for one ENI. Runs in a thread; touches nothing but its own member."""
        member, ask = step
        pursuit = member.pursuit
        token = protocol.client_token(
            self.request.region, member.id, pursuit.held, pursuit.generation
        )
        try:
            self.invocation.admit(ports.ASSIGN)
        except OutOfTime:
            end = Verdict(Outcome.DEFERRED, Reason.OUT_OF_TIME)
            return replace(member, pursuit=replace(pursuit, verdict=end))
        now = self.invocation.clock.now
        sent = protocol.asked(pursuit, ask, token, now())
        try:
            answer = self.invocation.send(
                ports.ASSIGN, lambda: self.cloud.ecs.assign(member.id, ask, token)
            )
        except CloudFault as fault:
            return replace(member, pursuit=protocol.refused(sent, fault, now(), self.timing))
        return replace(member, pursuit=protocol.answered(sent, answer, now()))

    def _take_back(self, member: Member) -> None:
        """Note what came of a call; what was refused took nothing, but an earlier one may have."""
        before = self._crew[member.id].pursuit.write
        self._crew[member.id] = member
        if member.drew and (member.pursuit.write is None or member.pursuit.write == before):
            self.rooms.revoke(member.id)
        if member.pursuit.write is not None:
            return
        if member.pursuit.verdict is not None:
            self._finish(member, member.pursuit.verdict)

    # --- reading again ------------------------------------------------------------------------

    def _reread(self) -> None:
        """One paged read for the whole crew; more only where something is odd."""
        if not self._crew:
            return
        began = self.invocation.clock.now()
        found = self.reader.enis(sorted(self._crew))
        for eni_id, member in list(self._crew.items()):
            seen = protocol.observe(member.pursuit, found.get(eni_id), began, self.timing)
            self._keep(member, seen)
            if member.pursuit.write is not None and seen.write is None:
                self._settle(self._crew[eni_id])
        self._reread_instances()
        members = self._crew.values()
        self._learn({m.pursuit.eni.vswitch_id for m in members if self._exhausted(m.pursuit)})
        self._look_for_owners([m for m in members if m.pursuit.taken and m.pursuit.polls == 0])

    def _reread_instances(self) -> None:
        """Instances that must change state before their primary ENI takes addresses."""
        waiting = [
            member
            for member in self._crew.values()
            if not protocol.is_ready(member.pursuit.eni, member.subject.instance)
        ]
        ids = {member.subject.instance.id for member in waiting if member.subject.instance}
        instances = self.reader.instances(sorted(ids))
        for member in waiting:
            before = member.subject.instance
            instance = instances.get(before.id, before) if before else None
            subject = replace(member.subject, instance=instance)
            self._crew[member.id] = replace(member, subject=subject)

    def _look_for_owners(self, members: list[Member]) -> None:
        """Which other ENIs hold what was refused as taken; it belongs to one vSwitch."""
        asked = {address for member in members for address in member.pursuit.taken}
        for vswitch_id in sorted({member.pursuit.eni.vswitch_id for member in members}):
            owners = {
                address: eni.id
                for eni in self.reader.list_enis(EniQuery(vswitch_id=vswitch_id))
                for address in asked & {*eni.secondary, *eni.prefixes, eni.primary}
            }
            for member in members:
                elsewhere = frozenset(
                    each
                    for each in member.pursuit.taken
                    if owners.get(each, member.id) != member.id
                )
                if member.pursuit.eni.vswitch_id == vswitch_id:
                    self._keep(member, protocol.located(member.pursuit, elsewhere))

    def _keep(self, member: Member, pursuit: Pursuit) -> None:
        self._crew[member.id] = replace(self._crew[member.id], pursuit=pursuit)

    # --- finishing ----------------------------------------------------------------------------

    def _finish(self, member: Member, verdict: Verdict) -> None:
        del self._crew[member.id]
        self.rooms.forget(member.id)
        if verdict.outcome is not Outcome.PLANNED and not member.pursuit.touched:
            self._leave_to_others(member.id)
        if self._exhausted(member.pursuit) and verdict == Verdict(Outcome.SHORT, Reason.VSWITCH):
            self.rooms.close(member.pursuit.eni.vswitch_id)
        self.tally.add(result_of(member, verdict), self.invocation.clock.now())

    def _defer_rest(self, error: Exception) -> None:
        """What could not be finished is recorded all the same, with the reason why."""
        late = isinstance(error, OutOfTime)
        end = Verdict(Outcome.DEFERRED, Reason.OUT_OF_TIME if late else Reason.TRANSIENT)
        for member in list(self._crew.values()):
            pursuit = member.pursuit
            if isinstance(error, CloudFault):
                end, pursuit = _unread(error), replace(pursuit, fault=error)
            self._finish(replace(member, pursuit=pursuit), pursuit.verdict or end)


def _unread(fault: CloudFault) -> Verdict:
    if fault.treatment is Treatment.CREDENTIALS:
        return Verdict(Outcome.FAILED, Reason.NOT_PERMITTED)
    return Verdict(Outcome.DEFERRED, Reason.TRANSIENT)


def _treatment(pursuit: Pursuit) -> Treatment | None:
    return pursuit.fault.treatment if pursuit.fault else None


def result_of(member: Member, verdict: Verdict) -> EniResult:
    """The record of a finished ENI."""
    pursuit, decision = member.pursuit, member.decision
    fault = pursuit.fault if _explains(pursuit.fault, verdict) else None
    planned = decision.ask if decision and verdict.outcome is Outcome.PLANNED else None
    gained = sorted(pursuit.gained | _answered(pursuit, verdict), key=_in_order)
    settled = decision or demand(pursuit.eni, member.wish, member.capacity).decision
    return EniResult(
        network_interface_id=pursuit.eni.id,
        instance_id=pursuit.eni.instance_id,
        instance_type=member.subject.instance.type if member.subject.instance else None,
        scaling_group_id=member.subject.scaling_group_id,
        vswitch_id=pursuit.eni.vswitch_id,
        outcome=verdict.outcome,
        reason=verdict.reason,
        target=settled.target,
        target_source=settled.target_source,
        before=len(pursuit.first.secondary),
        after=len(pursuit.eni.secondary),
        requested=planned.count if planned and not planned.is_prefix else pursuit.requested,
        addresses=tuple(each for each in gained if "/" not in each),
        prefixes=tuple(each for each in gained if "/" in each),
        code=fault.code if fault else None,
        api_request_id=pursuit.api_request_id,
        attempts=pursuit.calls,
        client_token=pursuit.token,
        advice=advice_on(fault.code, fault.operation) if fault else None,
    )


def _answered(pursuit: Pursuit, verdict: Verdict) -> frozenset[str]:
    """What ECS says it assigned and no read has confirmed; its client token tells it apart.

    An ENI that others have brought to its target holds of it what the last read shows, no more.
    """
    named = pursuit.write.promised if pursuit.write else frozenset()
    return named if verdict.outcome is Outcome.DEFERRED else named & pursuit.held.all


def _in_order(address: str) -> list[int]:
    """Addresses in the order of their numbers, not of their letters."""
    return [int(part) for part in address.replace("/", ".").split(".")]


def _explains(fault: CloudFault | None, verdict: Verdict) -> bool:
    """Whether the latest refusal is why the ENI ended so."""
    if fault is not None and verdict.outcome is Outcome.SHORT:
        return fault.treatment in {Treatment.EXHAUSTED, Treatment.FULL}
    return verdict.outcome in {Outcome.FAILED, Outcome.DEFERRED, Outcome.GONE}
