"""What to do next for many ENIs: the order of everything, decided without doing any of it.

One round does one step for every ENI that is not finished, so that vSwitches are shared out among
all that need them and one paged read confirms all writes. Whoever drives it asks `next` what to do,
does just that, and notes what came of it, until nothing is left:

    ReadRooms   read these vSwitches               -> ledger.learn, or `unreadable`
    Assign      make these calls, side by side     -> `called` and then `answered` or `refused`,
                                                      or `not_called`
    FindOwners  see which ENIs hold these          -> `owners`
    Look        wait until then, and read          -> `read`

ENIs that are finished come out of `ended`, each once, with how they ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from handler.core import protocol
from handler.core.errors import CloudFault, OutOfTime
from handler.core.model import Outcome, Reason, Treatment
from handler.core.planner import decide, demand
from handler.core.protocol import Call, End, LookAgain, Plan
from handler.core.value import Value, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from handler.core.ledger import Ledger
    from handler.core.model import Answer, Ask, Decision, Eni, Instance, Subject, Wish
    from handler.core.protocol import EniState, Timing

LIMITED = End(Outcome.DEFERRED, Reason.LIMIT)
WOULD_ASSIGN = End(Outcome.PLANNED, Reason.WOULD_ASSIGN)


class Member(Value):
    """One ENI: who it is, what is wanted of it, how far it has come, what is decided.

    Attributes:
        capacity: how many secondary addresses it can hold, if that is known.
    """

    subject: Subject
    wish: Wish
    capacity: int | None
    state: EniState
    decision: Decision

    @property
    def id(self) -> str:
        """The ENI's id."""
        return self.state.eni.id


def member(subject: Subject, wish: Wish, capacity: int | None, at: float) -> Member:
    """An ENI at its first reading, which began at `at` (epoch seconds)."""
    eni = subject.eni
    state, decision = protocol.begin(eni, at), demand(eni, wish, capacity)
    return Member(subject, wish, capacity, state, decision)


class ReadRooms(Value):
    """Read how many free addresses these vSwitches have."""

    vswitch_ids: tuple[str, ...]


class AssignCall(Value):
    """AssignPrivateIpAddresses for one ENI."""

    eni_id: str
    ask: Ask
    token: str


class Assign(Value):
    """Make these calls, side by side."""

    calls: tuple[AssignCall, ...]


class FindOwners(Value):
    """See which ENIs of a vSwitch hold these addresses or prefixes."""

    vswitch_id: str
    values: frozenset[str]


class Look(Value):
    """Wait until `at`, then read these again; the waiting may last until `until` (epoch seconds).

    Attributes:
        instance_ids: instances whose state keeps an ENI from taking addresses.
    """

    at: float
    until: float
    eni_ids: tuple[str, ...]
    instance_ids: tuple[str, ...]


Todo: TypeAlias = "ReadRooms | Assign | FindOwners | Look"


class Limit:
    """At most so many ENIs are changed; one that was not changed leaves its place to another.

    Args:
        most: None without a limit.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.changed = 0
        self._admitted: set[str] = set()

    @property
    def reached(self) -> bool:
        """Whether no other ENI may be changed."""
        return self.most is not None and self.changed >= self.most

    def admits(self, eni_id: str) -> bool:
        """Whether the ENI may be changed; if so it has a place from now on."""
        if eni_id in self._admitted:
            return True
        if self.reached:
            return False
        self._admitted.add(eni_id)
        self.changed += 1
        return True

    def leave(self, eni_id: str, *, changed: bool) -> None:
        """The ENI is finished; if it was not changed, its place is free."""
        if eni_id in self._admitted:
            self._admitted.discard(eni_id)
            self.changed -= not changed

    @property
    def working(self) -> bool:
        """Whether an ENI that has a place may still give it up."""
        return bool(self._admitted)


class _Round(Value):
    """One round before the room is shared out: retries, who waits, who needs room."""

    calls: tuple[AssignCall, ...]
    looks: tuple[LookAgain, ...]
    needing: tuple[str, ...]


class Rounds:
    """Brings these ENIs to their targets, as far as decisions go.

    Args:
        members: the ENIs, at their first reading.
        ledger: what vSwitches may give; shared by everything that one delivery does.
        limit: how many ENIs may be changed; likewise.
        timing: how long to wait, and whether for a launch.
        region: part of every ClientToken.
        dry: decide only; nothing is called.
    """

    def __init__(  # noqa: PLR0913  (what a round depends on)
        self,
        members: Iterable[Member],
        ledger: Ledger,
        limit: Limit,
        timing: Timing,
        region: str,
        *,
        dry: bool = False,
    ) -> None:
        self._members = {each.id: each for each in members}
        self._ledger = ledger
        self._limit = limit
        self._timing = timing
        self._region = region
        self._dry = dry
        self._ended: list[tuple[Member, End]] = []
        self._unshared: _Round | None = None
        self._must_look = False
        self._owners_asked: set[str] = set()
        self._at = 0.0

    def ended(self) -> list[tuple[Member, End]]:
        """Who is finished since this was asked last, and how."""
        ended, self._ended = self._ended, []
        return ended

    @property
    def members(self) -> list[Member]:
        """Who is not finished."""
        return list(self._members.values())

    def next(self, now: float) -> Todo | None:
        """What to do now (epoch seconds); None when every ENI is finished."""
        self._at = now
        while self._members:
            if todo := self._next(now):
                return todo
        return None

    def _next(self, now: float) -> Todo | None:
        """The same, or None after which to ask again: an ENI that ended has left its place."""
        if self._must_look:
            return self._look(now, now)
        if owners := self._find_owners():
            return owners
        begun = self._unshared or self._begin(now)
        if unread := self._unread(begun.needing, now):
            self._unshared = begun
            return ReadRooms(unread)
        self._unshared = None
        calls, looks = self._share(begun, now)
        if calls:
            self._must_look = True
            return Assign(calls)
        if looks:
            return self._look(min(each.at for each in looks), max(each.until for each in looks))
        return None

    def _begin(self, now: float) -> _Round:
        """The next step of every ENI, as far as it depends on that ENI alone."""
        calls, looks, needing = [], [], []
        for each in self.members:
            if self._dry:
                needing.append(each.id)
                continue
            instance = each.subject.instance
            state, step = protocol.next_step(each.state, each.decision, instance, now, self._timing)
            self._keep(each.id, state)
            match step:
                case End():
                    self._end(each.id, step)
                case LookAgain():
                    looks.append(step)
                case Call(ask=ask):
                    calls.append(self._call(each.id, ask))
                case Plan():
                    needing.append(each.id)
        return _Round(tuple(calls), tuple(looks), tuple(needing))

    def _unread(self, eni_ids: Iterable[str], now: float) -> tuple[str, ...]:
        """The vSwitches of which something is needed and that must be read first."""
        unread = set()
        for each in (self._members[eni_id] for eni_id in eni_ids if eni_id in self._members):
            vswitch_id = each.state.eni.vswitch_id
            if each.decision.draws and vswitch_id not in unread:
                at = self._ledger.read_at(vswitch_id)
                stale = at is None or protocol.room_is_stale(each.state, at, now, self._timing)
                if stale or self._room_settled(vswitch_id, at, now):
                    unread.add(vswitch_id)
        return tuple(sorted(unread))

    def _room_settled(self, vswitch_id: str, read_at: float | None, now: float) -> bool:
        """Whether a launch can read now what grants have left of a vSwitch."""
        known = float("-inf") if read_at is None else read_at
        return self._timing.launch and known < self._ledger.settled_at(vswitch_id) <= now

    def _room_may_come(self, eni_id: str, vswitch_id: str, waiting: set[str]) -> bool:
        """Whether a vSwitch may have more for an ENI than it seems.

        Another ENI may give back what it was granted, or what it waits to ask for; and in a launch,
        the latest reading may be too early to show what is left.
        """
        read_at = self._ledger.read_at(vswitch_id)
        early = read_at is not None and read_at < self._ledger.settled_at(vswitch_id)
        return (
            vswitch_id in waiting
            or self._ledger.others_may_release(eni_id, vswitch_id)
            or (self._timing.launch and early)
        )

    def _share(
        self, begun: _Round, now: float
    ) -> tuple[tuple[AssignCall, ...], tuple[LookAgain, ...]]:
        """Admit first, then share out the room among those that may be changed."""
        calls, looks = list(begun.calls), list(begun.looks)
        admitted = self._admitted(
            [self._members[each] for each in begun.needing if each in self._members]
        )
        halving, waiting = set[str](), set[str]()
        decided = decide((each.decision for each in admitted), self._ledger.left())
        for decision in sorted(decided, key=lambda each: each.ask is None):
            step = self._planned(decision, now, halving, waiting)
            if isinstance(step, LookAgain):
                looks.append(step)
                if decision.ask is not None:
                    waiting.add(decision.eni.vswitch_id)
            elif isinstance(step, Call):
                calls.append(self._granted(decision.eni, step.ask, now))
            elif decision.ask is not None:  # it leaves its share to the others
                waiting.add(decision.eni.vswitch_id)
        return tuple(calls), tuple(looks)

    def _admitted(self, needing: list[Member]) -> list[Member]:
        """Those that may be changed, the worst-off first; who needs nothing needs no place."""
        worst_off = sorted(needing, key=lambda each: (len(each.state.eni.secondary), each.id))
        refused = {
            each.id
            for each in worst_off
            if each.decision.ask is not None and not self._limit.admits(each.id)
        }
        if refused and not self._limit.working:
            for eni_id in refused:
                self._end(eni_id, LIMITED)
        return [each for each in needing if each.id not in refused]

    def _planned(
        self, decision: Decision, now: float, halving: set[str], waiting: set[str]
    ) -> Call | LookAgain | None:
        """What one ENI does with its share of the room.

        Of those that an exhausted vSwitch has refused what it seems to have, one asks again: the
        others see what comes of it.
        """
        eni_id, vswitch_id = decision.eni.id, decision.eni.vswitch_id
        if self._dry:
            self._end(eni_id, self._as_planned(decision, now))
            return None
        before = self._members[eni_id].state
        may_come = self._room_may_come(eni_id, vswitch_id, waiting)
        state, step = protocol.planned(before, decision, now, self._timing, room_may_come=may_come)
        if not isinstance(step, LookAgain) and protocol.contradicts_room(before):
            if vswitch_id in halving:
                return None
            halving.add(vswitch_id)
        self._keep(eni_id, state)
        if isinstance(step, End):
            self._end(eni_id, step)
            return None
        return step

    def _as_planned(self, decision: Decision, now: float) -> End:
        """How an ENI ends in a plan; what it would take is deducted for the others.

        Where what it would get is less than what it lacks, the reason says what there is too
        little of.
        """
        member = self._members[decision.eni.id]
        self._members[member.id] = replace(member, decision=decision)
        if decision.ask is None:
            return End(decision.outcome, decision.reason)
        if decision.draws:
            eni = decision.eni
            self._ledger.grant(eni.id, eni.vswitch_id, decision.draws, len(eni.secondary), now)
        return End(Outcome.PLANNED, decision.reason) if decision.short else WOULD_ASSIGN

    def _granted(self, eni: Eni, ask: Ask, now: float) -> AssignCall:
        """Deduct what is asked for from what the vSwitch has left; prefixes take nothing of it."""
        if not ask.is_prefix:
            self._ledger.grant(eni.id, eni.vswitch_id, ask.count, len(eni.secondary), now)
        return self._call(eni.id, ask)

    def _call(self, eni_id: str, ask: Ask) -> AssignCall:
        state = self._members[eni_id].state
        token = protocol.client_token(self._region, eni_id, state.held, state.learnt.generation)
        return AssignCall(eni_id, ask, token)

    def _look(self, at: float, until: float) -> Look:
        waiting = {
            each.subject.instance.id
            for each in self._members.values()
            if each.subject.instance is not None
            and not protocol.is_ready(each.state.eni, each.subject.instance)
        }
        return Look(at, until, tuple(sorted(self._members)), tuple(sorted(waiting)))

    # --- what came of it ----------------------------------------------------------------------

    def unreadable(self, vswitch_id: str, fault: CloudFault) -> None:
        """A vSwitch could not be read: its ENIs that need something end."""
        for each in self.members:
            if each.state.eni.vswitch_id == vswitch_id and each.decision.draws:
                self._keep(each.id, replace(each.state, fault=fault))
                self._end(each.id, unread(fault))

    def called(self, call: AssignCall, at: float) -> None:
        """A call is about to be made."""
        state = self._members[call.eni_id].state
        self._keep(call.eni_id, protocol.calling(state, call.ask, call.token, at))

    def answered(self, eni_id: str, answer: Answer, at: float) -> None:
        """What ECS answered."""
        self._keep(eni_id, protocol.answered(self._members[eni_id].state, answer, at))

    def refused(self, eni_id: str, fault: CloudFault, at: float) -> None:
        """A call was refused or not answered; what was refused took nothing."""
        before = self._members[eni_id].state
        self._keep(eni_id, protocol.refused(before, fault, at, self._timing))
        self._release(eni_id, at)

    def not_called(self, eni_id: str, end: End, at: float) -> None:
        """A call was not made: its ENI ends, after one more read if one is in doubt."""
        self._keep(eni_id, protocol.stopped(self._members[eni_id].state, end, at))
        self._release(eni_id, at)

    def read(self, enis: Mapping[str, Eni], instances: Mapping[str, Instance], at: float) -> None:
        """A read of ENIs and instances that began at `at`; what is not shown is absent."""
        self._must_look = False
        for each in self.members:
            state = protocol.read(each.state, enis.get(each.id), at, self._timing)
            subject, decision = each.subject, each.decision
            found = instances.get(subject.instance.id) if subject.instance else None
            if found is not None:
                subject = replace(subject, instance=found)
            if state.eni != each.state.eni:
                decision = demand(state.eni, each.wish, each.capacity)
            self._members[each.id] = replace(each, subject=subject, state=state, decision=decision)
            self._release(each.id, at)

    def owners(self, vswitch_id: str, owners: Mapping[str, str]) -> None:
        """Which ENI holds each address or prefix that was asked for, as a read shows."""
        for each in self._in_use():
            if each.state.eni.vswitch_id == vswitch_id:
                self._owners_asked.add(each.id)
                values = protocol.in_use(each.state)
                elsewhere = frozenset(v for v in values if owners.get(v, each.id) != each.id)
                self._keep(each.id, protocol.found_elsewhere(each.state, elsewhere))

    def stop(self, end: End, fault: CloudFault | None = None) -> None:
        """End all that are left, unless their end is known."""
        for each in self.members:
            if fault is not None:
                self._keep(each.id, replace(each.state, fault=fault))
            self._end(each.id, each.state.end or end)

    def _find_owners(self) -> FindOwners | None:
        asked = [each for each in self._in_use() if each.id not in self._owners_asked]
        if not asked:
            return None
        vswitch_id = asked[0].state.eni.vswitch_id
        alike = [each for each in asked if each.state.eni.vswitch_id == vswitch_id]
        return FindOwners(vswitch_id, frozenset().union(*(protocol.in_use(e.state) for e in alike)))

    def _in_use(self) -> list[Member]:
        return [each for each in self._members.values() if protocol.in_use(each.state)]

    def _release(self, eni_id: str, at: float) -> None:
        """Give back what a read shows not to be taken; all is kept while a write is in doubt."""
        state = self._members[eni_id].state
        if state.outstanding is None:
            self._ledger.release(eni_id, len(state.eni.secondary), at)
            if not protocol.in_use(state):
                self._owners_asked.discard(eni_id)

    def _keep(self, eni_id: str, state: EniState) -> None:
        known = self._members[eni_id]
        if state is not known.state:
            self._members[eni_id] = replace(known, state=state)

    def _end(self, eni_id: str, end: End) -> None:
        member = self._members.pop(eni_id)
        state = member.state
        if end.outcome is Outcome.GONE:  # and with it, what it was granted
            self._ledger.release(eni_id, 0, self._at)
        self._ledger.keep(eni_id)
        self._limit.leave(eni_id, changed=end.outcome is Outcome.PLANNED or state.touched)
        if protocol.contradicts_room(state) and end == End(Outcome.SHORT, Reason.VSWITCH):
            self._ledger.close(state.eni.vswitch_id)
        self._ended.append((member, end))


def unread(error: Exception) -> End:
    """How ENIs end that an error has kept from being read to the end."""
    if isinstance(error, OutOfTime):
        return End(Outcome.DEFERRED, Reason.OUT_OF_TIME)
    if isinstance(error, CloudFault) and error.treatment is Treatment.CREDENTIALS:
        return End(Outcome.FAILED, Reason.NOT_PERMITTED)
    return End(Outcome.DEFERRED, Reason.TRANSIENT)
