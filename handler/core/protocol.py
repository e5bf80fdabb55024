"""The protocol by which one ENI is brought to its target: pure, one step at a time.

Replies get lost, reads lag writes, events come twice. What keeps an ENI from being filled twice is
the ClientToken of a write: a digest of what the ENI holds, not of what is asked. ECS answers one
token once, so the token works as compare-and-swap on the ENI's state, among writers that never met.
From one state, one ask gets through; whoever asked something else hears of a mismatch, waits, reads
again and plans again. The token also counts a generation, for states that come back: it starts at 0
for every held set and rises when the token of this one is known to be spent.

An `EniState` is what one invocation knows of one ENI. It is in exactly one phase:

    Ready        nothing is outstanding: plan what it needs
    InDoubt      a call got no usable answer: it is made again as it was, under its own token
    Calling      a call is under way
    Confirming   a call was answered: a read must show what it did, within the time that reads lag
    Settling     a call may still show, ours or another writer's: nothing is written before reads
                 have had their time
    InUse        addresses asked for by name are in use, perhaps here, which a read may show
    Done         the end is known

What a read does (rows: the phase; columns: what the read shows). "Settled" means that the read
began after reads have had their time, `SETTLE_SECONDS` after the call:

    phase       same         effect   part         settled   absent
    Ready       Ready        Ready    Ready        Ready     Done
    InDoubt     InDoubt      Ready    InDoubt      InDoubt   Done
    Confirming  Confirming   Ready    Confirming   Ready     Done
    Settling    Settling     Ready    Settling     Ready     Done
    InUse       InUse        Ready    Ready        InUse     Done
    Done        Done         Done     Done         Done      Done

`same`: what was held before. `effect`: all that the call asked for. `part`: some of it. `settled`:
what was held before, read late enough. `absent`: no row, for as long as reads lag.

What a reply does to a call (columns: the phase in which it was made):

    reply       Ready        InDoubt
    answered    Confirming   Confirming
    throttled   Ready        InDoubt
    transient   InDoubt      InDoubt
    unknown     Ready        InDoubt
    wait        Ready        InDoubt
    gone        Ready        InDoubt
    exhausted   Ready        Settling
    full        Ready        Settling
    newtoken    Ready        Settling
    reread      Settling     Settling
    rejected    Done         Settling
    foreign     Done         Settling
    credentials Done         Settling

A refusal of a retry says nothing of the call before it: that one may still show, so the retry's end
waits in Settling. Only a mismatch (`reread`) proves that the earlier call did nothing.

Three walks, with SETTLE_SECONDS = 30; the ENI holds a, its target is 3:

A lost reply. 0 s: Ready, count 2 is asked under token(a, 0): Calling. 15 s: no answer: InDoubt. A
read shows {a}. The very call is made again, under the same token. ECS had performed the first one,
so it answers what it answered then: b and c. Confirming. A read shows {a, b, c}: Ready, and as
nothing is needed: assigned. Had the read shown {a, b}, no call would have been made: a part says
nothing before 45 s, as another write now would be one too many.

A late read. 0 s: Calling. 1 s: b and c are answered: Confirming. Reads show {a} until 20 s: each is
followed by another look, later and later. At 21 s {a, b, c}: assigned. Had reads still shown {a} at
31 s, the answer would have been a replay of an older token whose addresses were taken away since:
Ready, generation 1, and b and c are asked for by name, because an ask by name cannot overfill.

A vanished ENI. 0 s: Calling, no answer: InDoubt. The instance is released; the retry is refused as
`gone`. 2 s: no read shows the ENI, and ECS said so, too: Done, gone. Where ECS did not say so, it
is gone when a read that began at 32 s does not show it either, whatever the phase.

The shell asks `next_step` what to do; makes the call, plans or looks again; and notes what came of
it: `calling`, `answered`, `refused`, `read`. Nothing here does I/O or knows a clock.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, TypeAlias

from handler.core.model import Ask, AskKind, Outcome, Reason, Treatment
from handler.core.pacing import backoff
from handler.core.planner import first_of
from handler.core.value import Value, replace

if TYPE_CHECKING:
    from handler.core.errors import CloudFault
    from handler.core.model import Answer, Decision, Eni, Instance

# Tries of one ENI that ended in a transient error other than throttling, before it is given up.
MAX_TRANSIENT = 8
# Tokens of one state found to be spent, before the ENI is given up. Finding out costs one call.
MAX_GENERATION = 64
# A refusal that contradicts fresh reads is believed the third time: it is asked again with the same
# token, in case the reads were late, and once with the next, in case ECS replayed an old refusal.
MAX_REFUSALS = 3
# Writes to an ENI that ECS says does not exist while reads show it.
MAX_NOT_FOUND = 3
# Explicit addresses that are in use: on this very ENI that is success, so a re-read decides.
TAKEN = frozenset(
    {"InvalidIp.IpAssigned", "InvalidIp.IpRepeated", "InvalidPrivateIpAddress.Duplicated"}
)
# Of a prefix that a replay named: somebody else may have been given it since.
PREFIX_TAKEN = "InvalidIp.IpPrefixNotAvailable"
# A state that never ends (DescribeNetworkInterfaces reference), and looks before it is believed.
NEVER_READY, LOOKS_NEVER_READY = "CreateFailed", 2


class Timing(Value):
    """How long to wait, in seconds, and for whom.

    Attributes:
        settle: how long reads may lag writes.
        visibility: how long to wait for something to get ready.
        launch: whether a launch waits: a shortfall then needs a second reading, and what nobody
            understands is left undecided.
    """

    settle: float
    visibility: float
    launch: bool = False


class Held(Value):
    """What an ENI holds: the state that tokens and generations belong to."""

    secondary: frozenset[str]
    prefixes: frozenset[str]

    @classmethod
    def by(cls, eni: Eni) -> Held:
        """What a reading shows."""
        return cls(eni.secondary, eni.prefixes)

    @property
    def all(self) -> frozenset[str]:
        """Addresses and prefixes alike."""
        return self.secondary | self.prefixes

    def count(self, *, prefixes: bool) -> int:
        """How many of one kind."""
        return len(self.prefixes if prefixes else self.secondary)


def client_token(region: str, eni_id: str, held: Held, generation: int) -> str:
    """The ClientToken for a write to an ENI in this state: 64 hex digits.

    What is asked is left out on purpose: from one state, ECS then lets only one ask through.
    """
    state = [region, eni_id, sorted(held.secondary), sorted(held.prefixes), generation]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()


class Write(Value):
    """A call that was made and whose effect no read has shown yet.

    Attributes:
        held: what the ENI held when it was made.
        at: when it was made, and then when its reply came or failed to; epoch seconds.
        answer: None when its outcome is unknown.
    """

    ask: Ask
    token: str
    held: Held
    at: float
    answer: Answer | None = None

    @property
    def named(self) -> frozenset[str]:
        """The addresses and prefixes that the answer names; none without one."""
        answer = self.answer
        return frozenset(answer.addresses + answer.prefixes) if answer else frozenset()

    def effect(self, held: Held, at: float, timing: Timing) -> frozenset[str] | None:
        """What is new since the call, once that says what the call did; None before.

        Fewer new ones than were asked for may be a part of what reads will show.
        """
        new = held.all - self.held.all
        known = len(new) >= self.ask.count or at >= self.at + timing.settle
        return new if known else None


# --- what to do next ----------------------------------------------------------------------------


class Call(Value):
    """Make this call now."""

    ask: Ask


class Plan(Value):
    """It needs something and may be written to: share out the room, then ask `planned`."""


class LookAgain(Value):
    """Nothing to do yet: read again at `at`; the waiting is over at `until`. Epoch seconds."""

    at: float
    until: float


class End(Value):
    """It is finished, and how."""

    outcome: Outcome
    reason: Reason


Step: TypeAlias = "Call | Plan | LookAgain | End"

# --- the phases ---------------------------------------------------------------------------------


class Ready(Value):
    """Nothing is outstanding. No call before `not_before`."""

    not_before: float = 0.0


class InDoubt(Value):
    """A call got no usable answer. It is made again as it was, not before `not_before`."""

    write: Write
    not_before: float = 0.0


class Calling(Value):
    """A call is under way; `back` is the phase in which it was made."""

    write: Write
    back: Ready | InDoubt


class Confirming(Value):
    """A call was answered, and no read has shown yet what it did."""

    write: Write


class Settling(Value):
    """Somebody's call may still show: nothing is written until then.

    Attributes:
        until: a read that began then or later tells.
        doubt: our own call that may show.
        spent: whether the token of this state is known to be used, if nothing shows.
        then: how the ENI ends if nothing shows; None: it is planned again.
    """

    until: float
    doubt: Write | None = None
    spent: bool = False
    then: End | None = None
    not_before: float = 0.0


class InUse(Value):
    """These were asked for by name and are in use: perhaps here, which a read may show `until`."""

    values: tuple[str, ...]
    until: float


class Done(Value):
    """The end is known; perhaps not what became of our last call."""

    end: End
    doubt: Write | None = None


Phase: TypeAlias = "Ready | InDoubt | Calling | Confirming | Settling | InUse | Done"


class Refusal(Value):
    """A want of room or quota that reads contradict: what was asked, how often, when last.

    Attributes:
        new_token: whether it was asked with the next generation, too.
    """

    ask: Ask
    times: int
    at: float
    exhausted: bool
    new_token: bool = False


class Learnt(Value):
    """What was learnt about one held set; it is replaced as a whole when that changes."""

    generation: int = 0
    refusal: Refusal | None = None


class Ceiling(Value):
    """What ECS lets the ENI hold, whatever the numbers say that reads show.

    Attributes:
        most: addresses (or prefixes) that it can hold; more were refused.
        prefixes: which of the two.
        exhausted: for want of room in the vSwitch; otherwise the ENI's own quota.
    """

    most: int
    prefixes: bool
    exhausted: bool


class EniState(Value):
    """What one invocation knows of one ENI.

    Attributes:
        first: its first reading, which began at `first_at`.
        eni: its latest reading, which began at `read_at`.
        phase: where the protocol stands.
        learnt: about what it holds now.
        ceiling: what ECS was found to allow, if that is less than reads show.
        lost: what a replayed answer named and it does not hold.
        gained: what our writes brought and a read confirmed, the latest of them at `gained_at`.
        absent_since: since when reads have not shown it.
        not_ready_since: since when it has not been ready.
        looks: reads in vain since something changed.
        transients, contests, unknowns, not_found: refusals of these kinds so far.
        calls, requested, token, api_request_id, fault: for the record: calls made, addresses asked
            for, and the latest token, request id and refusal.
    """

    first: Eni
    first_at: float
    eni: Eni
    read_at: float
    phase: Phase = Ready()
    learnt: Learnt = Learnt()
    ceiling: Ceiling | None = None
    lost: tuple[str, ...] = ()
    gained: frozenset[str] = frozenset()
    gained_at: float = float("-inf")
    absent_since: float | None = None
    not_ready_since: float | None = None
    looks: int = 0
    transients: int = 0
    contests: int = 0
    unknowns: int = 0
    not_found: int = 0
    calls: int = 0
    requested: int = 0
    token: str | None = None
    api_request_id: str | None = None
    fault: CloudFault | None = None

    @property
    def held(self) -> Held:
        """What the latest reading shows."""
        return Held.by(self.eni)

    @property
    def end(self) -> End | None:
        """How it ends, once that is known."""
        return self.phase.end if isinstance(self.phase, Done) else None

    @property
    def outstanding(self) -> Write | None:
        """The call whose effect is not known yet."""
        match self.phase:
            case InDoubt(write=write) | Calling(write=write) | Confirming(write=write):
                return write
            case Settling(doubt=doubt) | Done(doubt=doubt):
                return doubt
            case _:
                return None

    @property
    def touched(self) -> bool:
        """Whether a call of this invocation may have changed it."""
        differs = bool(self.calls) and self.held != Held.by(self.first)
        return self.outstanding is not None or bool(self.gained) or differs


def begin(eni: Eni, at: float) -> EniState:
    """Take up an ENI with its first reading, which began at `at` (epoch seconds)."""
    return EniState(eni, at, eni, at)


# --- a read -------------------------------------------------------------------------------------


def read(state: EniState, eni: Eni | None, at: float, timing: Timing) -> EniState:
    """Take in a reading; None when the read did not show the ENI.

    Args:
        state: what was known.
        eni: the reading.
        at: when the read began, epoch seconds.
        timing: how long reads may lag.
    """
    if eni is None or not eni.complete:
        return _absent(state, at, timing, unreadable=eni is not None)
    eni = _at_least_known(state, eni, at, timing)
    if Held.by(eni) != state.held:
        state = _changed(state, Held.by(eni))
    state = replace(state, eni=eni, read_at=at, absent_since=None)
    match state.phase:
        case Confirming(write=write):
            return _confirmed(state, write, at, timing)
        case InDoubt(write=write) if write.held != state.held:
            new = write.effect(state.held, at, timing)
            return state if new is None else _credited(state, write, new)
        case Settling() as phase:
            return _settled(state, phase, at, timing)
        case _:
            return state


def _at_least_known(state: EniState, eni: Eni, at: float, timing: Timing) -> Eni:
    """A reading that lacks what an earlier one has confirmed of our writes is older than that one.

    Reads come from several places, and one may be further behind. As long as they may, what was
    confirmed is held: a part of it is a state that never was, and its token protects nothing.
    """
    known = state.gained & state.held.all
    if at >= state.gained_at + timing.settle or known <= Held.by(eni).all:
        return eni
    return replace(eni, secondary=state.eni.secondary, prefixes=state.eni.prefixes)


def _changed(state: EniState, held: Held) -> EniState:
    """What was learnt about one held set does not hold for another."""
    phase = state.phase
    if isinstance(phase, InUse):
        phase = Ready()
    elif isinstance(phase, Settling):
        phase = replace(phase, spent=False)
    lost = tuple(each for each in state.lost if each not in held.all)
    return replace(state, phase=phase, learnt=Learnt(), lost=lost, looks=0)


def _absent(state: EniState, at: float, timing: Timing, *, unreadable: bool) -> EniState:
    """Absence ends every phase: at once if ECS said so too, else when it outlasts late reads.

    A row that cannot be read is not absent; it is waited for as long.
    """
    since = at if state.absent_since is None else state.absent_since
    state = replace(state, absent_since=since)
    said = state.fault is not None and state.fault.treatment is Treatment.GONE
    if at < since + timing.settle and (unreadable or not said):
        return state
    hidden = End(Outcome.DEFERRED, Reason.NOT_VISIBLE)
    return _ended(state, hidden if unreadable else End(Outcome.GONE, Reason.NOT_FOUND))


def _confirmed(state: EniState, write: Write, at: float, timing: Timing) -> EniState:
    """Compare what was answered with what the reading shows.

    What is still absent when reads have settled was named by a replay: ECS answered what an older
    call with this token got. An answer that names nothing is judged by its effect.
    """
    named, held = write.named, state.held
    spent = replace(state.learnt, generation=state.learnt.generation + (held == write.held))
    if not named:
        new = write.effect(held, at, timing)
        if new is None:
            return state
        return _credited(replace(state, learnt=spent), write, new)
    if not named <= held.all and at < write.at + timing.settle:
        return state
    lost = tuple(sorted(named - held.all)) or state.lost
    gained = state.gained | (named & held.all)
    state = replace(state, gained=gained, gained_at=write.at)
    return replace(state, phase=Ready(), learnt=spent, lost=lost, looks=0)


def _settled(state: EniState, phase: Settling, at: float, timing: Timing) -> EniState:
    """Time is over, or our own call in doubt has shown what it did."""
    new = phase.doubt.effect(state.held, at, timing) if phase.doubt else None
    if phase.doubt and new:
        state = _credited(state, phase.doubt, new)
        return replace(state, phase=Done(phase.then)) if phase.then else state
    if at < phase.until:
        return state
    if phase.then:
        return replace(state, phase=Done(phase.then, phase.doubt if new is None else None))
    learnt = replace(state.learnt, generation=state.learnt.generation + phase.spent)
    return replace(state, phase=Ready(phase.not_before), learnt=learnt, looks=0)


def _credited(state: EniState, write: Write, new: frozenset[str]) -> EniState:
    """What is new is what the call did; more than it asked for is somebody else's."""
    mine = new if len(new) <= write.ask.count else frozenset()
    gained, at = (state.gained | mine, write.at) if mine else (state.gained, state.gained_at)
    return replace(state, phase=Ready(), gained=gained, gained_at=at, looks=0)


def found_elsewhere(state: EniState, elsewhere: frozenset[str]) -> EniState:
    """Note which of the addresses refused as in use a read shows on other ENIs.

    Lost ones that another ENI has now are asked for by count; ones that a request named fail.
    """
    if not elsewhere:
        return state
    if not state.lost:
        return _ended(state, End(Outcome.FAILED, Reason.ADDRESS_TAKEN))
    rest = tuple(each for each in state.lost if each not in elsewhere)
    return replace(state, lost=rest, phase=Ready() if rest != state.lost else state.phase)


def stopped(state: EniState, end: End, at: float) -> EniState:
    """End it from outside; a call in doubt has one more read to show what it did."""
    doubt = state.outstanding
    return replace(state, phase=Settling(at, doubt, then=end) if doubt else Done(end))


def _ended(state: EniState, end: End) -> EniState:
    return replace(state, phase=Done(end, state.outstanding))


# --- what to do next ----------------------------------------------------------------------------


def next_step(  # noqa: PLR0911  (one case a phase)
    state: EniState, wanted: Decision, instance: Instance | None, now: float, timing: Timing
) -> tuple[EniState, Step]:
    """What to do next for an ENI.

    Args:
        state: what is known.
        wanted: what is decided from its latest reading if there is room for everything.
        instance: what it is attached to, as read last.
        now: epoch seconds.
        timing: how long to wait.
    """
    phase = state.phase
    gone = isinstance(phase, Done) and phase.end.outcome is Outcome.GONE
    if wanted.ask is None and not gone:
        return state, _final(state, wanted)  # whatever calls were told: it needs nothing
    if isinstance(phase, Done):
        return state, phase.end
    if (waiting := _outlasts(state, timing)) is not None:
        return _look(state, now, waiting)
    if state.eni.instance_id != state.first.instance_id:
        return state, End(Outcome.DEFERRED, Reason.MOVED)
    match phase:
        case InUse(until=until) if state.read_at < until:
            return _look(state, now, until)
        case InUse() if state.lost:
            return state, End(Outcome.DEFERRED, Reason.UNCONFIRMED)
        case InUse():
            return state, End(Outcome.FAILED, Reason.ADDRESS_TAKEN)
        case Ready() | InDoubt():
            return _when_ready(state, phase, instance, now, timing)
        case _:
            raise AssertionError(f"{state.eni.id} is {type(phase).__name__}")


def _outlasts(state: EniState, timing: Timing) -> float | None:
    """Until when reads may still be catching up, with a write or with the ENI itself."""
    if state.absent_since is not None:
        return state.absent_since + timing.settle
    match state.phase:
        case Settling(until=until):
            return until
        case Confirming(write=write):
            return write.at + timing.settle
        case InDoubt(write=write) if write.held != state.held:
            return write.at + timing.settle
        case _:
            return None


def _look(state: EniState, now: float, until: float) -> tuple[EniState, LookAgain]:
    """Each look in vain doubles the wait for the next one; the last is at the end."""
    at = max(now, min(now + backoff(state.looks), until))
    return replace(state, looks=state.looks + 1), LookAgain(at, max(at, until))


def _when_ready(
    state: EniState, phase: Ready | InDoubt, instance: Instance | None, now: float, timing: Timing
) -> tuple[EniState, Step]:
    """Its next call, once ECS takes addresses for the ENI and the pause after a refusal is over."""
    step = Plan() if isinstance(phase, Ready) else Call(phase.write.ask)
    ready, not_before = is_ready(state.eni, instance), phase.not_before
    if ready and not _said_wait(state):
        if state.not_ready_since is not None:
            state = replace(state, not_ready_since=None, looks=0)
        return (state, LookAgain(not_before, not_before)) if now < not_before else (state, step)
    since = now if state.not_ready_since is None else state.not_ready_since
    state, end = replace(state, not_ready_since=since), since + timing.visibility
    if state.eni.status == NEVER_READY and state.looks >= LOOKS_NEVER_READY:
        return state, End(Outcome.FAILED, Reason.ENI_STATE)
    if now >= end:
        return state, End(Outcome.DEFERRED, Reason.NOT_READY)
    if not ready or now < not_before:
        return _look(state, now, end if not ready else min(not_before, end))
    return state, step


def is_ready(eni: Eni, instance: Instance | None) -> bool:
    """Whether ECS takes addresses for it (AssignPrivateIpAddresses reference, usage notes)."""
    if eni.status not in {"InUse", "Available"}:
        return False
    return eni.type != "Primary" or instance is None or instance.status in {"Running", "Stopped"}


def _said_wait(state: EniState) -> bool:
    fault = state.fault
    return fault is not None and fault.treatment in {Treatment.WAIT, Treatment.GONE}


def _final(state: EniState, decision: Decision) -> End:
    if decision.outcome is Outcome.SATISFIED and state.gained:
        return End(Outcome.ASSIGNED, Reason.REACHED)
    return End(decision.outcome, decision.reason)


def planned(
    state: EniState, decision: Decision, now: float, timing: Timing, *, room_may_come: bool
) -> tuple[EniState, Call | LookAgain | End]:
    """What to do for an ENI after `Plan`.

    Args:
        state: what is known.
        decision: what is decided with the room that there is.
        now: epoch seconds.
        timing: how long to wait.
        room_may_come: another ENI may give back what it was granted of the same vSwitch.
    """
    if decision.ask is None:
        return _without_room(state, decision, now, timing, room_may_come=room_may_come)
    if decision.ask.values:
        # A request names them itself: asked for as they are, and failed when they are in use.
        state = replace(state, lost=())
    ask = _under(state.ceiling, _by_name(state, decision.ask), state.held)
    if ask is None:
        return state, _at_ceiling(state)
    refusal = state.learnt.refusal
    if refusal is None or refusal.ask != ask:
        return state, Call(ask)
    if refusal.times == 1 and state.read_at < refusal.at + timing.settle:
        return _look(state, now, refusal.at + timing.settle)
    if refusal.times > 1 and not refusal.new_token:
        learnt = Learnt(state.learnt.generation + 1, replace(refusal, new_token=True))
        state = replace(state, learnt=learnt)
    return state, Call(ask)


def _without_room(
    state: EniState, decision: Decision, now: float, timing: Timing, *, room_may_come: bool
) -> tuple[EniState, LookAgain | End]:
    """Short, unless what was read may be late, or another ENI has room to give back."""
    short, confirmed = decision.outcome is Outcome.SHORT, shortfall_counts_from(state, timing)
    if short and state.read_at < confirmed:
        return _look(state, now, confirmed)
    if short and room_may_come:
        return _look(state, now, now + timing.settle)
    return state, _final(state, decision)


def shortfall_counts_from(state: EniState, timing: Timing) -> float:
    """From when on a reading that shows no room ends the ENI as short.

    One that began earlier may not show yet what has been written. A backfill believes the first.
    """
    return state.first_at + timing.settle if timing.launch else float("-inf")


def room_is_stale(state: EniState, read_at: float, now: float, timing: Timing) -> bool:
    """Whether the vSwitch, last read at `read_at`, must be read again for this ENI.

    It must after a refusal that reads contradict, once more when reads have settled after it, and
    before an ENI ends as short.
    """
    moments = [shortfall_counts_from(state, timing)]
    if refusal := state.learnt.refusal:
        moments += [refusal.at, refusal.at + timing.settle] if refusal.exhausted else []
    return any(read_at < moment <= now for moment in moments)


def _by_name(state: EniState, ask: Ask) -> Ask:
    """The same ask for the very addresses or prefixes that a replay named, while any are lost."""
    named = tuple(each for each in state.lost if ("/" in each) == ask.is_prefix)[: ask.count]
    if not named:
        return ask
    return Ask(AskKind.PREFIXES if ask.is_prefix else AskKind.ADDRESSES, len(named), named)


def _under(ceiling: Ceiling | None, ask: Ask, held: Held) -> Ask | None:
    """Half of what may still be had, once more than that was refused; None when nothing may."""
    if ceiling is None or ceiling.prefixes != ask.is_prefix:
        return ask
    rest = min(ask.count, ceiling.most - held.count(prefixes=ask.is_prefix))
    return first_of(ask, (rest + 1) // 2) if rest > 0 else None


def _at_ceiling(state: EniState) -> End:
    exhausted = state.ceiling is not None and state.ceiling.exhausted
    return End(Outcome.SHORT, Reason.VSWITCH if exhausted else Reason.QUOTA)


# --- a call -------------------------------------------------------------------------------------


def calling(state: EniState, ask: Ask, token: str, at: float) -> EniState:
    """Note that a call is about to be made."""
    back = state.phase if isinstance(state.phase, InDoubt) else Ready()
    gained = sum("/" not in each for each in state.gained)
    return replace(
        state,
        calls=state.calls + 1,
        token=token,
        requested=state.requested if ask.is_prefix else gained + ask.count,
        phase=Calling(Write(ask, token, state.held, at), back),
    )


def _under_way(state: EniState) -> Calling:
    match state.phase:
        case Calling() as call:
            return call
        case phase:
            raise AssertionError(f"{state.eni.id} is {type(phase).__name__}, not Calling")


def answered(state: EniState, answer: Answer, at: float) -> EniState:
    """Note what ECS says it assigned; the next reading must show it."""
    write = replace(_under_way(state).write, answer=answer, at=at)
    return replace(
        state,
        phase=Confirming(write),
        fault=None,
        api_request_id=answer.request_id,
        not_ready_since=None,
        looks=0,
    )


def refused(  # noqa: C901, PLR0911, PLR0912  (one table of treatments)
    state: EniState, fault: CloudFault, at: float, timing: Timing
) -> EniState:
    """Note a refusal, or that there was no answer, by the treatment of its code."""
    call, back = replace(_under_way(state).write, at=at), _under_way(state).back
    state = replace(state, fault=fault, api_request_id=fault.request_id)
    # The refusal of a retry says nothing of the call before it, which may still show.
    doubt = back.write if isinstance(back, InDoubt) else None
    phase = Settling(at + timing.settle, doubt) if doubt else Ready()
    after = replace(state, phase=phase, not_ready_since=None)
    match fault.treatment:
        case _ if fault.throttling:  # it was not looked at
            return replace(state, phase=back)
        case Treatment.WAIT | Treatment.GONE:
            return _told_to_wait(state, back, at, timing)
        case Treatment.TRANSIENT:
            return _again(after, call)
        case Treatment.UNKNOWN if state.unknowns == 0:
            return replace(after, phase=replace(back, not_before=at + backoff(0)), unknowns=1)
        case Treatment.UNKNOWN:  # nobody's instance is released for a code that nobody knows
            return _refused_at_last(
                after, Outcome.DEFERRED if timing.launch else Outcome.FAILED, Reason.REFUSED
            )
        case Treatment.EXHAUSTED:
            return _want_of_room(after, call.ask, at, exhausted=True)
        case Treatment.FULL:
            return _want_of_room(after, call.ask, at, exhausted=False)
        case Treatment.NEW_TOKEN | Treatment.REREAD if state.learnt.generation >= MAX_GENERATION:
            return _refused_at_last(after, Outcome.DEFERRED, Reason.TRANSIENT)
        case Treatment.NEW_TOKEN:
            generation = state.learnt.generation + 1
            return replace(after, learnt=replace(state.learnt, generation=generation))
        case Treatment.REREAD:
            return _contested(after, at, timing)
        case Treatment.REJECTED if call.ask.values and _in_use(state, fault):
            # What an earlier call has taken by name, a read will show on this ENI.
            return replace(after, phase=InUse(call.ask.values, at + timing.settle), looks=0)
        case Treatment.REJECTED:
            return _refused_at_last(after, Outcome.FAILED, Reason.REFUSED)
        case Treatment.FOREIGN:
            return _refused_at_last(after, Outcome.SKIPPED, Reason.SERVICE_MANAGED)
        case Treatment.CREDENTIALS:
            return _refused_at_last(after, Outcome.FAILED, Reason.NOT_PERMITTED)


def _refused_at_last(state: EniState, outcome: Outcome, reason: Reason) -> EniState:
    """It ends so: at once, or when a call in doubt has had its time to show."""
    end = End(outcome, reason)
    if isinstance(state.phase, Settling):
        return replace(state, phase=replace(state.phase, then=end))
    return replace(state, phase=Done(end))


def _again(state: EniState, call: Write) -> EniState:
    """The same token again: whatever became of the call, it cannot be done twice."""
    if state.transients + 1 >= MAX_TRANSIENT:
        end = End(Outcome.DEFERRED, Reason.TRANSIENT)
        return replace(state, phase=Settling(call.at, call, then=end))
    again = InDoubt(call, call.at + backoff(state.transients))
    return replace(state, phase=again, transients=state.transients + 1)


def _told_to_wait(state: EniState, back: Ready | InDoubt, at: float, timing: Timing) -> EniState:
    """It is not ready, or not there: few more tries, while it is watched whether it gets ready."""
    since = at if state.not_ready_since is None else state.not_ready_since
    gone = state.fault is not None and state.fault.treatment is Treatment.GONE
    pause = timing.visibility / MAX_NOT_FOUND if gone else backoff(state.looks)
    state = replace(state, not_ready_since=since, not_found=state.not_found + gone)
    if state.not_found >= MAX_NOT_FOUND:
        return stopped(replace(state, phase=back), End(Outcome.DEFERRED, Reason.NOT_READY), at)
    return replace(state, phase=replace(back, not_before=at + pause))


def _contested(state: EniState, at: float, timing: Timing) -> EniState:
    """Another writer took this state: its call may show, in parts; then all is planned again.

    When reads come and go, each wait after the first few is longer.
    """
    contests = state.contests + 1
    pause = backoff(contests - MAX_TRANSIENT) if contests > MAX_TRANSIENT else 0.0
    phase = Settling(at + timing.settle, spent=True, not_before=at + pause)
    return replace(state, phase=phase, contests=contests, looks=0)


def _in_use(state: EniState, fault: CloudFault) -> bool:
    return fault.code in TAKEN or (bool(state.lost) and fault.code == PREFIX_TAKEN)


def _want_of_room(state: EniState, ask: Ask, at: float, *, exhausted: bool) -> EniState:
    """Counted while reads say that there is room; the third time, or at less, it is believed."""
    refusal = state.learnt.refusal
    times = refusal.times + 1 if refusal else 1
    known = state.ceiling is not None and state.ceiling.prefixes == ask.is_prefix
    if times < MAX_REFUSALS and not known:
        new_token = refusal is not None and refusal.new_token
        refusal = Refusal(ask, times, at, exhausted, new_token)
        return replace(state, learnt=replace(state.learnt, refusal=refusal), looks=0)
    most = state.held.count(prefixes=ask.is_prefix) + ask.count - 1
    return replace(
        state,
        ceiling=Ceiling(most, ask.is_prefix, exhausted),
        learnt=replace(state.learnt, refusal=None),
        looks=0,
    )


# --- for whoever shares out the room ------------------------------------------------------------


def contradicts_room(state: EniState) -> bool:
    """Whether ECS has refused it room that its vSwitch seems to have."""
    refusal, ceiling = state.learnt.refusal, state.ceiling
    return bool((refusal and refusal.exhausted) or (ceiling and ceiling.exhausted))


def in_use(state: EniState) -> tuple[str, ...]:
    """The addresses or prefixes that it asked for by name and that are in use somewhere."""
    return state.phase.values if isinstance(state.phase, InUse) else ()
