"""The shell: ENIs are read, planned, written to, and read again until each of them is finished.

One round does one step for every ENI of a crew, so that the vSwitches are shared out among all that
need them and one paged read confirms all writes. What to do about an ENI is decided by `policy`,
`planner` and `pursuit`; here it is done.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from handler import pursuit as protocol
from handler.cloud import ports
from handler.cloud.faults import advice_on
from handler.cloud.ports import EniQuery
from handler.errors import CloudFault, OutOfTime
from handler.model import EniResult, Outcome, Reason, Subject, Treatment
from handler.planner import decide, demand
from handler.policy import scaling_group_of, wish_for
from handler.pursuit import Pause, Pursuit, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from handler.cloud.ports import Cloud
    from handler.invocation import Invocation
    from handler.model import Ask, Decision, Eni, Instance, Request, Wish
    from handler.planner import Demand
    from handler.reading import Reader, Reading
    from handler.records import Tally
    from handler.rooms import Rooms
    from handler.settings import Settings


@dataclass(frozen=True)
class Member:
    """One ENI of the crew: who it is, what is wanted of it, how far it has come."""

    subject: Subject
    wish: Wish
    capacity: int | None
    pursuit: Pursuit
    decision: Decision | None = None

    @property
    def id(self) -> str:
        """The ENI's id."""
        return self.pursuit.eni.id


@dataclass
class Reconciler:
    """Brings ENIs to their targets, one crew after another, within one invocation."""

    request: Request
    settings: Settings
    cloud: Cloud
    reader: Reader
    invocation: Invocation
    rooms: Rooms
    tally: Tally
    changed: set[str] = field(default_factory=set)

    @property
    def timing(self) -> protocol.Timing:
        """How long reads may lag, and how long to wait for readiness."""
        return protocol.Timing(self.settings.settle_seconds, self.settings.visibility_seconds)

    @property
    def dry(self) -> bool:
        """Whether nothing may be written."""
        return self.request.dry_run or self.settings.dry_run

    def work(self, reading: Reading, eni_ids: Iterable[str]) -> None:
        """Finish these ENIs: each ends in exactly one result.

        Raises:
            OutOfTime: the rest was recorded as deferred.
            CloudFault: a read failed for good; the rest was recorded as deferred.
        """
        self._crew: dict[str, Member] = {}
        capacities = self.reader.capacities(reading.instances.values())
        for eni_id in sorted(eni_ids):
            self._enlist(reading.enis[eni_id], reading.instances, capacities)
        try:
            while self._crew:
                self._round()
        except (OutOfTime, CloudFault) as error:
            self._defer_rest(error)
            raise

    def _enlist(
        self, eni: Eni, instances: Mapping[str, Instance], capacities: Mapping[str, int]
    ) -> None:
        instance = instances.get(eni.instance_id or "")
        subject = Subject(eni, instance, scaling_group_of(instance, self.request))
        wish = wish_for(subject, self.request, self.settings.policy)
        capacity = capacities.get(instance.type) if instance else self.settings.available_eni_limit
        self._crew[eni.id] = Member(subject, wish, capacity, protocol.begin(eni))

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
        for member in list(self._crew.values()):
            wanted = demand(member.pursuit.eni, member.wish, member.capacity)
            held_up = self._held_up(member, wanted, now)
            if isinstance(held_up, Verdict):
                self._finish(member, held_up)
            elif isinstance(held_up, Pause):
                pauses.append(held_up)
            else:
                ready.append(wanted)
        decisions = decide(ready, self._shares(ready))
        return [ask for each in decisions if (ask := self._step(each)) is not None], pauses

    def _held_up(self, member: Member, wanted: Demand, now: float) -> Pause | Verdict | None:
        """What keeps an ENI from the next call, if it needs one."""
        pursuit, instance = member.pursuit, member.subject.instance
        if wanted.ask is None or pursuit.verdict is not None:
            return pursuit.verdict
        if not self._may_change(member.id):
            return Verdict(Outcome.DEFERRED, Reason.LIMIT)
        if self.dry:
            return None
        held_up = protocol.hindrance(pursuit, instance, now, self.timing)
        if isinstance(held_up, Pause):
            self._keep(member, protocol.paused(pursuit, instance, now))
        return held_up

    def _may_change(self, eni_id: str) -> bool:
        if self.request.limit is None or eni_id in self.changed:
            return True
        if len(self.changed) >= self.request.limit:
            return False
        self.changed.add(eni_id)
        return True

    def _shares(self, ready: list[Demand]) -> dict[str, int]:
        """What the vSwitches concerned can give; only those of which something is needed."""
        for wanted in ready:
            if wanted.ask is not None:
                self.rooms.settle(wanted.eni.id, 0)
        concerned = {wanted.eni.vswitch_id for wanted in ready if wanted.draws}
        for vswitch_id, free in self.reader.available(self.rooms.unknown(concerned)).items():
            self.rooms.learn(vswitch_id, free)
        return self.rooms.left()

    def _step(self, decision: Decision) -> tuple[Member, Ask] | None:
        member = replace(self._crew[decision.eni.id], decision=decision)
        if self.dry and decision.ask is not None:
            self._finish(member, Verdict(Outcome.PLANNED, Reason.WOULD_ASSIGN))
            return None
        pursuit, ask = protocol.next_call(member.pursuit, decision)
        member = replace(member, pursuit=pursuit)
        if ask is None:
            self._finish(member, pursuit.verdict or Verdict(decision.outcome, decision.reason))
            return None
        if not ask.is_prefix:
            self.rooms.grant(member.id, decision.eni.vswitch_id, ask.count)
        return member, ask

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
        """Note what came of a call; what was refused took nothing from the vSwitch."""
        self._crew[member.id] = member
        if member.pursuit.write is None:
            self.rooms.settle(member.id, 0)

    # --- reading again ------------------------------------------------------------------------

    def _reread(self) -> None:
        """One paged read for the whole crew; more only where something is odd."""
        if not self._crew:
            return
        began = self.invocation.clock.now()
        found = self.reader.enis(sorted(self._crew))
        for eni_id, member in list(self._crew.items()):
            seen = protocol.observe(member.pursuit, found.get(eni_id), began, self.timing)
            if member.pursuit.write is not None and seen.write is None:
                self.rooms.settle(eni_id, len(seen.gained) - len(member.pursuit.gained))
            self._keep(member, seen)
        self._reread_instances()
        self._reread_vswitches()
        for member in list(self._crew.values()):
            if member.pursuit.taken and member.pursuit.polls == 0:
                self._look_for_owner(member)

    def _reread_instances(self) -> None:
        """Instances that must change state before their primary ENI takes addresses."""
        waiting = {
            member.subject.instance.id: member
            for member in self._crew.values()
            if member.subject.instance
            and not protocol.is_ready(member.pursuit.eni, member.subject.instance)
        }
        for instance_id, instance in self.reader.instances(sorted(waiting)).items():
            member = waiting[instance_id]
            subject = replace(member.subject, instance=instance)
            self._crew[member.id] = replace(member, subject=subject)

    def _reread_vswitches(self) -> None:
        """What is free where ECS has just said that there is not enough."""
        exhausted = {
            member.pursuit.eni.vswitch_id
            for member in self._crew.values()
            if member.pursuit.refused_ask is not None
            and _treatment(member.pursuit) is Treatment.EXHAUSTED
        }
        for vswitch_id, free in self.reader.available(exhausted).items():
            self.rooms.learn(vswitch_id, free)

    def _look_for_owner(self, member: Member) -> None:
        """Which other ENIs hold addresses refused as taken; an address belongs to one vSwitch."""
        asked = set(member.pursuit.taken)
        query = EniQuery(vswitch_id=member.pursuit.eni.vswitch_id)
        elsewhere = frozenset(
            address
            for eni in self.reader.list_enis(query)
            if eni.id != member.id
            for address in eni.secondary & asked
        )
        self._keep(member, protocol.located(member.pursuit, elsewhere))

    def _keep(self, member: Member, pursuit: Pursuit) -> None:
        self._crew[member.id] = replace(self._crew[member.id], pursuit=pursuit)

    # --- finishing ----------------------------------------------------------------------------

    def _finish(self, member: Member, verdict: Verdict) -> None:
        del self._crew[member.id]
        exhausted = _treatment(member.pursuit) is Treatment.EXHAUSTED
        by_refusal = exhausted and member.pursuit.refused_ask is not None
        if by_refusal and verdict == Verdict(Outcome.SHORT, Reason.VSWITCH):
            self.rooms.close(member.pursuit.eni.vswitch_id)
        self.tally.add(result_of(member, verdict), self.invocation.clock.now())

    def _defer_rest(self, error: Exception) -> None:
        """What could not be finished is recorded all the same, with the reason why."""
        end = Verdict(Outcome.DEFERRED, Reason.OUT_OF_TIME)
        for member in list(self._crew.values()):
            pursuit = member.pursuit
            if isinstance(error, CloudFault):
                end, pursuit = _unread(error), replace(pursuit, fault=error)
            self._finish(replace(member, pursuit=pursuit), pursuit.verdict or end)


def _unread(fault: CloudFault) -> Verdict:
    denied = fault.treatment is Treatment.CREDENTIALS
    reason = Reason.NOT_PERMITTED if denied else Reason.TRANSIENT
    return Verdict(Outcome.DEFERRED, reason)


def _treatment(pursuit: Pursuit) -> Treatment | None:
    return pursuit.fault.treatment if pursuit.fault else None


def result_of(member: Member, verdict: Verdict) -> EniResult:
    """The record of a finished ENI."""
    pursuit, decision = member.pursuit, member.decision
    fault = pursuit.fault if _explains(pursuit.fault, verdict) else None
    planned = decision.ask if decision and verdict.outcome is Outcome.PLANNED else None
    gained = sorted(pursuit.gained, key=_in_order)
    settled = decision or demand(pursuit.eni, member.wish, member.capacity).decision
    return EniResult(
        network_interface_id=pursuit.eni.id,
        instance_id=pursuit.eni.instance_id,
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


def _in_order(address: str) -> list[int]:
    """Addresses in the order of their numbers, not of their letters."""
    return [int(part) for part in address.replace("/", ".").split(".")]


def _explains(fault: CloudFault | None, verdict: Verdict) -> bool:
    """Whether the latest refusal is why the ENI ended so."""
    if fault is not None and verdict.outcome is Outcome.SHORT:
        return fault.treatment in {Treatment.EXHAUSTED, Treatment.FULL}
    return verdict.outcome in {Outcome.FAILED, Outcome.DEFERRED, Outcome.GONE}
