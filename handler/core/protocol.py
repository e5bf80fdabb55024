"""The protocol by which one ENI is brought to its target: pure, one small step at a time.

Replies get lost, reads lag writes, events come twice. What keeps an ENI from being filled twice is
its ClientToken: a digest of what the ENI holds, not of what is asked. ECS answers one token once,
so the token works as compare-and-swap on the ENI's state, among writers that never met.

A `Pursuit` is what an invocation knows of one ENI. The shell reads (`observe`), asks what holds
the ENI up (`hindrance`), plans, asks for the call to make (`next_call`), makes it, and notes what
came of it (`answered`, `refused`). Nothing here does I/O or knows a clock.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from handler.core.model import Ask, AskKind, Outcome, Reason, Treatment
from handler.core.pacing import backoff
from handler.core.value import Value, replace

if TYPE_CHECKING:
    from handler.core.errors import CloudFault
    from handler.core.model import Answer, Decision, Eni, Instance

# Tries of one ENI that ended in a transient error other than throttling, before it is given up.
MAX_TRANSIENT = 8
# Tokens of one state found to be spent, before the ENI is given up. Finding out costs one call.
MAX_GENERATION = 64
# A refusal that contradicts fresh reads is asked three times: once more with the same token, in
# case the reads were late, and once with the next, in case ECS replayed an old refusal.
MAX_REFUSALS = 3
# Explicit addresses that are in use: on this very ENI that is success, so a re-read decides.
TAKEN = frozenset(
    {"InvalidIp.IpAssigned", "InvalidIp.IpRepeated", "InvalidPrivateIpAddress.Duplicated"}
)
# Of a prefix that a replay named: somebody else may have been given it since.
PREFIX_TAKEN = "InvalidIp.IpPrefixNotAvailable"


class Timing(Value):
    """How long reads may lag writes, and how long to wait for something to get ready; seconds."""

    settle: float
    visibility: float


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


def client_token(region: str, eni_id: str, held: Held, generation: int) -> str:
    """The ClientToken for a write to an ENI in this state: 64 hex digits.

    What is asked is left out on purpose: from one state, ECS then lets only one ask through.
    """
    state = [region, eni_id, sorted(held.secondary), sorted(held.prefixes), generation]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()


class Write(Value):
    """A call that was made and whose effect no read has shown yet.

    Attributes:
        at: when it was made, epoch seconds.
        before: the one in doubt when it was made.
        answer: None when its outcome is unknown.
    """

    ask: Ask
    token: str
    held: Held
    at: float
    before: Write | None = None
    answer: Answer | None = None

    @property
    def promised(self) -> frozenset[str]:
        """The addresses and prefixes that the answer names; none without one."""
        answer = self.answer
        return frozenset(answer.addresses + answer.prefixes) if answer else frozenset()


class Verdict(Value):
    """How the pursuit of an ENI ends."""

    outcome: Outcome
    reason: Reason


class Pause(Value):
    """Nothing to do for this ENI yet.

    Attributes:
        until: when to look again, epoch seconds.
        at_most_until: when waiting for it ends.
    """

    until: float
    at_most_until: float


class Pursuit(Value):
    """What one invocation knows of one ENI.

    Attributes:
        first: its first reading.
        eni: its latest reading.
        generation: of the token for what it holds now.
        write: the latest write whose effect is not visible yet.
        lost: addresses and prefixes that a replayed answer named and that the ENI does not hold.
        gained: addresses and prefixes that our writes brought and a read confirmed.
        requested: addresses asked for so far.
        calls: AssignPrivateIpAddresses calls made.
        fault: the latest refusal.
        refused_ask: what was refused for want of room, until it is asked differently.
        refusals: how often in a row `refused_ask` was refused against what reads show.
        insisted: whether the next generation was taken for it.
        contested_until: until then another writer's call, or an earlier one of ours that was in
            doubt when it was tried again, may become visible.
        taken: addresses or prefixes asked for by name and refused as in use.
        taken_at: when that was.
        hindered_since: since when the ENI has not been ready.
        polls: looks taken while waiting.
        not_before: no call before this time.
        transients: transient errors so far.
        contests: how often a token was found to be used otherwise, in any state.
        missing_since: since when reads have not shown the ENI.
        verdict: the end, once it is known.
    """

    first: Eni
    eni: Eni
    generation: int = 0
    write: Write | None = None
    lost: tuple[str, ...] = ()
    gained: frozenset[str] = frozenset()
    requested: int = 0
    calls: int = 0
    fault: CloudFault | None = None
    token: str | None = None
    api_request_id: str | None = None
    refused_ask: Ask | None = None
    refusals: int = 0
    insisted: bool = False
    taken: tuple[str, ...] = ()
    taken_at: float = 0.0
    contested_until: float | None = None
    hindered_since: float | None = None
    polls: int = 0
    not_before: float = 0.0
    transients: int = 0
    contests: int = 0
    missing_since: float | None = None
    verdict: Verdict | None = None

    @property
    def held(self) -> Held:
        """What the latest reading shows."""
        return Held.by(self.eni)

    @property
    def touched(self) -> bool:
        """Whether a call of this invocation may have changed it."""
        differs = bool(self.calls) and self.held != Held.by(self.first)
        return self.write is not None or bool(self.gained) or differs


def begin(eni: Eni) -> Pursuit:
    """Take up an ENI with its first reading."""
    return Pursuit(first=eni, eni=eni)


def observe(pursuit: Pursuit, eni: Eni | None, now: float, timing: Timing) -> Pursuit:
    """Take in a reading; None when the read did not show the ENI.

    Args:
        pursuit: what was known.
        eni: the reading.
        now: when the read began, epoch seconds.
        timing: how long reads may lag.
    """
    if eni is None or not eni.complete:
        return _missed(pursuit, now, timing, unreadable=eni is not None)
    if Held.by(eni) != pursuit.held:
        pursuit = _afresh(pursuit, Held.by(eni))
    pursuit = replace(pursuit, eni=eni, missing_since=None)
    return _uncontested(_confirmed(pursuit, now, timing), now)


def _afresh(pursuit: Pursuit, held: Held) -> Pursuit:
    """What was learnt about one held set does not hold for another."""
    return replace(
        pursuit,
        generation=0,
        lost=tuple(each for each in pursuit.lost if each not in held.all),
        refused_ask=None,
        refusals=0,
        insisted=False,
        taken=(),
        contested_until=None,
        polls=0,
    )


def _missed(pursuit: Pursuit, now: float, timing: Timing, *, unreadable: bool) -> Pursuit:
    """Gone when ECS said so too, else when it stays absent for longer than reads lag.

    A row that cannot be read is not absent; it is waited for as long.
    """
    since = pursuit.missing_since if pursuit.missing_since is not None else now
    pursuit = replace(pursuit, missing_since=since)
    told = pursuit.fault is not None and pursuit.fault.treatment is Treatment.GONE
    if now < since + timing.settle and (unreadable or not told):
        return pursuit
    gone, hidden = Outcome.GONE, Outcome.DEFERRED
    end = Verdict(hidden, Reason.NOT_VISIBLE) if unreadable else Verdict(gone, Reason.NOT_FOUND)
    return replace(pursuit, verdict=end)


def _uncontested(pursuit: Pursuit, now: float) -> Pursuit:
    """What was waited for had no effect within the time that reads lag: its token is spent."""
    if pursuit.contested_until is None or now < pursuit.contested_until:
        return pursuit
    spent = pursuit.fault is not None and pursuit.fault.treatment is Treatment.REREAD
    return replace(pursuit, write=None, contested_until=None, generation=pursuit.generation + spent)


def _confirmed(pursuit: Pursuit, now: float, timing: Timing) -> Pursuit:
    """Compare the latest write with what the reading shows."""
    write, held = pursuit.write, pursuit.held
    if write is None:
        return pursuit
    promised = write.promised
    if not promised:
        return _confirmed_by_effect(pursuit, write, now, timing)
    if promised <= held.all:
        generation, gained = _following(pursuit, write), pursuit.gained | promised
        return replace(pursuit, write=None, generation=generation, gained=gained, polls=0)
    if now < write.at + timing.settle:
        return pursuit
    return _replayed(pursuit, write, promised)


def _following(pursuit: Pursuit, write: Write) -> int:
    """The generation after a write whose token is spent: the next one, if the state is the same.

    It is after a replay, and after addresses were taken away and given again.
    """
    return pursuit.generation + (pursuit.held == write.held)


def _confirmed_by_effect(pursuit: Pursuit, write: Write, now: float, timing: Timing) -> Pursuit:
    """No answer, or one that names nothing: what is new since then is what it did."""
    new = pursuit.held.all - write.held.all
    if new:
        mine = new if len(new) <= write.ask.count else frozenset()
        return replace(pursuit, write=None, gained=pursuit.gained | mine, polls=0)
    if write.answer is not None and now >= write.at + timing.settle:
        return replace(pursuit, verdict=Verdict(Outcome.DEFERRED, Reason.UNCONFIRMED))
    if write.held != pursuit.held and now >= write.at + timing.settle:
        return replace(pursuit, write=None)
    return pursuit


def _replayed(pursuit: Pursuit, write: Write, promised: frozenset[str]) -> Pursuit:
    """Addresses answered and still absent: ECS replayed what an older call with this token got.

    The next generation asks for those very addresses. An ask by name cannot overfill, whoever
    else makes it; an ask by count could.
    """
    held = pursuit.held
    return replace(
        pursuit,
        write=None,
        generation=_following(pursuit, write),
        lost=tuple(sorted(promised - held.all)),
        gained=pursuit.gained | (promised & held.all),
        polls=0,
    )


def located(pursuit: Pursuit, elsewhere: frozenset[str]) -> Pursuit:
    """Note which of the addresses refused as taken a read shows on other ENIs.

    Lost ones that another ENI has now are asked for by count; ones that a request named fail.
    """
    if pursuit.lost:
        rest = tuple(each for each in pursuit.lost if each not in elsewhere)
        found = rest != pursuit.lost
        return replace(pursuit, lost=rest, taken=() if found else pursuit.taken)
    failed = Verdict(Outcome.FAILED, Reason.ADDRESS_TAKEN) if elsewhere else pursuit.verdict
    return replace(pursuit, verdict=failed)


def hindrance(
    pursuit: Pursuit, instance: Instance | None, now: float, timing: Timing
) -> Pause | Verdict | None:
    """What keeps an ENI that needs something from being written to, if anything."""
    doubtful = pursuit.write is not None and pursuit.contested_until is not None
    if pursuit.verdict is not None and not doubtful:
        return pursuit.verdict
    lag = _lagging(pursuit, timing)
    if lag is not None:
        return _poll(pursuit, now, lag)
    if pursuit.eni.instance_id != pursuit.first.instance_id:
        return Verdict(Outcome.DEFERRED, Reason.MOVED)
    if pursuit.taken:
        return _taken(pursuit, now, timing)
    if not is_ready(pursuit.eni, instance) or _told_to_wait(pursuit):
        return _not_ready(pursuit, instance, now, timing)
    return Pause(pursuit.not_before, pursuit.not_before) if now < pursuit.not_before else None


def _lagging(pursuit: Pursuit, timing: Timing) -> float | None:
    """Until when reads may still be catching up with a write, ours or another's."""
    ends = [pursuit.contested_until] if pursuit.contested_until is not None else []
    write = pursuit.write
    if write is not None and (write.answer is not None or write.held != pursuit.held):
        ends.append(write.at + timing.settle)
    if pursuit.missing_since is not None:
        ends.append(pursuit.missing_since + timing.settle)
    return max(ends, default=None)


def _taken(pursuit: Pursuit, now: float, timing: Timing) -> Pause | Verdict:
    """In use, but neither here nor on another ENI: perhaps here, and reads are late."""
    end = pursuit.taken_at + timing.settle
    if now < end:
        return _poll(pursuit, now, end)
    if pursuit.lost:
        return Verdict(Outcome.DEFERRED, Reason.UNCONFIRMED)
    return Verdict(Outcome.FAILED, Reason.ADDRESS_TAKEN)


def _told_to_wait(pursuit: Pursuit) -> bool:
    fault = pursuit.fault
    return fault is not None and fault.treatment in {Treatment.WAIT, Treatment.GONE}


def _not_ready(
    pursuit: Pursuit, instance: Instance | None, now: float, timing: Timing
) -> Pause | Verdict | None:
    since = pursuit.hindered_since if pursuit.hindered_since is not None else now
    end = since + timing.visibility
    if now >= end:
        return Verdict(Outcome.DEFERRED, Reason.NOT_READY)
    if not is_ready(pursuit.eni, instance):
        return _poll(pursuit, now, end)
    return Pause(min(pursuit.not_before, end), end) if now < pursuit.not_before else None


def is_ready(eni: Eni, instance: Instance | None) -> bool:
    """Whether ECS takes addresses for it (AssignPrivateIpAddresses reference, usage notes)."""
    if eni.status not in {"InUse", "Available"}:
        return False
    return eni.type != "Primary" or instance is None or instance.status in {"Running", "Stopped"}


def _poll(pursuit: Pursuit, now: float, end: float) -> Pause:
    return Pause(min(now + backoff(pursuit.polls), max(end, now)), end)


def paused(pursuit: Pursuit, instance: Instance | None, now: float) -> Pursuit:
    """Note that a look was taken in vain."""
    since = pursuit.hindered_since
    if since is None and not is_ready(pursuit.eni, instance):
        since = now
    return replace(pursuit, polls=pursuit.polls + 1, hindered_since=since)


def in_doubt(pursuit: Pursuit) -> Ask | None:
    """What was asked when nobody knows what became of it, from the state that still is.

    It is asked again as it was: another ask would be refused, if this one was performed.
    """
    write = pursuit.write
    if write is None or write.answer is not None or write.held != pursuit.held:
        return None
    return write.ask


def next_call(pursuit: Pursuit, decision: Decision) -> tuple[Pursuit, Ask | None]:
    """What to ask for now; None and a verdict when the ENI is finished.

    Args:
        pursuit: an ENI that nothing hinders.
        decision: what the planner decided from its latest reading.
    """
    ask = decision.ask
    if ask is None:
        return replace(pursuit, verdict=_final(pursuit, decision)), None
    if ask.values:
        # A request names them itself: asked for as they are, and failed when they are taken.
        pursuit = replace(pursuit, lost=())
    ask = _by_name(pursuit, ask)
    if ask != pursuit.refused_ask:
        return replace(pursuit, refused_ask=None, refusals=0, insisted=False), ask
    if pursuit.refusals >= MAX_REFUSALS:
        return replace(pursuit, verdict=_no_room(pursuit.fault)), None
    if pursuit.refusals == MAX_REFUSALS - 1 and not pursuit.insisted:
        pursuit = replace(pursuit, generation=pursuit.generation + 1, insisted=True)
    return pursuit, ask


def _by_name(pursuit: Pursuit, ask: Ask) -> Ask:
    """The same ask for the very addresses or prefixes that a replay named, while any are lost."""
    named = tuple(each for each in pursuit.lost if ("/" in each) == ask.is_prefix)[: ask.count]
    if not named:
        return ask
    return Ask(AskKind.PREFIXES if ask.is_prefix else AskKind.ADDRESSES, len(named), named)


def _no_room(fault: CloudFault | None) -> Verdict:
    full = fault is not None and fault.treatment is Treatment.FULL
    return Verdict(Outcome.SHORT, Reason.QUOTA if full else Reason.VSWITCH)


def _final(pursuit: Pursuit, decision: Decision) -> Verdict:
    if decision.outcome is Outcome.SATISFIED and pursuit.gained:
        return Verdict(Outcome.ASSIGNED, Reason.REACHED)
    return Verdict(decision.outcome, decision.reason)


def asked(pursuit: Pursuit, ask: Ask, token: str, now: float) -> Pursuit:
    """Note that a call is about to be made."""
    gained = sum("/" not in each for each in pursuit.gained)
    return replace(
        pursuit,
        calls=pursuit.calls + 1,
        token=token,
        requested=pursuit.requested if ask.is_prefix else gained + ask.count,
        write=Write(ask, token, pursuit.held, now, pursuit.write),
    )


def answered(pursuit: Pursuit, answer: Answer, now: float) -> Pursuit:
    """Note what ECS says it assigned; the next reading must show it."""
    write = replace(pursuit.write, answer=answer, at=now) if pursuit.write else None
    return replace(
        pursuit, write=write, fault=None, api_request_id=answer.request_id, hindered_since=None
    )


def refused(pursuit: Pursuit, fault: CloudFault, now: float, timing: Timing) -> Pursuit:
    """Note a refusal, by the treatment of its code."""
    pursuit = replace(pursuit, fault=fault, api_request_id=fault.request_id)
    before = pursuit.write.before if pursuit.write else None
    if fault.throttling:
        # It was not looked at: what is in doubt is what was in doubt before.
        return replace(pursuit, write=before)
    if fault.treatment is Treatment.TRANSIENT:
        # The same token again: whatever became of the call, it cannot be done twice.
        return _again(pursuit, now + backoff(pursuit.transients))
    refused_ask = pursuit.write.ask if pursuit.write else None
    # What a retry is told says nothing of the call before it, unless its token was used otherwise:
    # a read must, and may be late.
    left = before if fault.treatment is not Treatment.REREAD else None
    pursuit = replace(pursuit, write=left)
    if left is not None and fault.treatment not in {Treatment.WAIT, Treatment.GONE}:
        pursuit = replace(pursuit, contested_until=now + timing.settle, polls=0)
    return _TREAT[fault.treatment](pursuit, refused_ask, now, timing)


def _again(pursuit: Pursuit, not_before: float) -> Pursuit:
    """One more try, and they are counted."""
    if pursuit.transients + 1 >= MAX_TRANSIENT:
        return replace(pursuit, verdict=Verdict(Outcome.DEFERRED, Reason.TRANSIENT))
    return replace(pursuit, transients=pursuit.transients + 1, not_before=not_before)


def _wait(pursuit: Pursuit, _ask: Ask | None, now: float, _timing: Timing) -> Pursuit:
    since = pursuit.hindered_since if pursuit.hindered_since is not None else now
    return replace(pursuit, hindered_since=since, not_before=now + backoff(pursuit.polls))


def _want_of_room(pursuit: Pursuit, ask: Ask | None, now: float, timing: Timing) -> Pursuit:
    """Counted while the same is refused; prefixes are final, as no read shows what is free."""
    if ask is not None and ask.is_prefix:
        return replace(pursuit, verdict=_no_room(pursuit.fault))
    refusals = pursuit.refusals + 1 if ask == pursuit.refused_ask else 1
    pursuit = replace(pursuit, refused_ask=ask, refusals=refusals)
    full = pursuit.fault is not None and pursuit.fault.treatment is Treatment.FULL
    if refusals < MAX_REFUSALS or not full:
        return pursuit
    # Full for good, or filled by someone whose write is not visible yet: give reads their time.
    return replace(pursuit, contested_until=now + timing.settle, polls=0)


def _burnt(pursuit: Pursuit, _ask: Ask | None, _now: float, _timing: Timing) -> Pursuit:
    return _spent(pursuit) or replace(pursuit, generation=pursuit.generation + 1)


def _contested(pursuit: Pursuit, _ask: Ask | None, now: float, timing: Timing) -> Pursuit:
    """Waited out; and when reads come and go, each after the first few comes later."""
    contests = pursuit.contests + 1
    pause = backoff(contests - MAX_TRANSIENT) if contests > MAX_TRANSIENT else 0.0
    return _spent(pursuit) or replace(
        pursuit,
        contested_until=now + timing.settle,
        not_before=now + pause,
        contests=contests,
        polls=0,
    )


def _spent(pursuit: Pursuit) -> Pursuit | None:
    """The ENI put off, when too many tokens of its state were found to be spent."""
    if pursuit.generation < MAX_GENERATION:
        return None
    return replace(pursuit, verdict=Verdict(Outcome.DEFERRED, Reason.TRANSIENT))


def _rejected(pursuit: Pursuit, ask: Ask | None, now: float, _timing: Timing) -> Pursuit:
    """Final, but for what is in use, which may be in use on this very ENI."""
    code = pursuit.fault.code if pursuit.fault else ""
    lost_prefix = bool(pursuit.lost) and code == PREFIX_TAKEN
    if ask is not None and ask.values and (code in TAKEN or lost_prefix):
        # What an earlier call has taken by name, a read will show on this ENI.
        return replace(pursuit, write=None, taken=ask.values, taken_at=now, polls=0)
    return replace(pursuit, verdict=Verdict(Outcome.FAILED, Reason.REFUSED))


def _denied(pursuit: Pursuit, _ask: Ask | None, _now: float, _timing: Timing) -> Pursuit:
    return replace(pursuit, verdict=Verdict(Outcome.FAILED, Reason.NOT_PERMITTED))


_TREAT = {
    Treatment.WAIT: _wait,
    Treatment.GONE: _wait,
    Treatment.EXHAUSTED: _want_of_room,
    Treatment.FULL: _want_of_room,
    Treatment.NEW_TOKEN: _burnt,
    Treatment.REREAD: _contested,
    Treatment.REJECTED: _rejected,
    Treatment.CREDENTIALS: _denied,
}
