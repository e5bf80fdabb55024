"""The protocol for one ENI, step by step: which call comes next, and when an ENI is finished."""

from __future__ import annotations

import re

import pytest

from handler.core import protocol
from handler.core.model import (
    Answer,
    Ask,
    Decision,
    Eni,
    Instance,
    Outcome,
    Reason,
    Treatment,
    Wish,
)
from handler.core.planner import decide, demand
from handler.core.protocol import (
    MAX_GENERATION,
    MAX_NOT_FOUND,
    MAX_TRANSIENT,
    TAKEN,
    Call,
    Confirming,
    End,
    EniState,
    Held,
    LookAgain,
    Plan,
    Ready,
    Step,
    Timing,
    answered,
    begin,
    calling,
    client_token,
    found_elsewhere,
    is_ready,
    next_step,
    planned,
    read,
    refused,
    stopped,
)
from handler.core.target import Target
from handler.core.value import replace
from tests.unit.builders import (
    addresses,
    cidrs,
    count,
    eni,
    fault,
    instance,
    names,
    prefix_count,
    prefixes,
)

BACKFILL = Timing(settle=30.0, visibility=60.0)
LAUNCH = Timing(settle=30.0, visibility=60.0, launch=True)
NOW = 1000.0
SETTLED = NOW + 30.0
TWO = count(2)
A, B, C, D, *_ = addresses(9)
P, Q, *_ = prefixes(9)

GONE = End(Outcome.GONE, Reason.NOT_FOUND)
NOT_READY = End(Outcome.DEFERRED, Reason.NOT_READY)
GAVE_UP = End(Outcome.DEFERRED, Reason.TRANSIENT)
IN_USE = End(Outcome.FAILED, Reason.ADDRESS_TAKEN)
ASSIGNED = End(Outcome.ASSIGNED, Reason.REACHED)
SATISFIED = End(Outcome.SATISFIED, Reason.AT_TARGET)
NO_ROOM = End(Outcome.SHORT, Reason.VSWITCH)

NO_ANSWER, MISMATCH, BURNT = "no_answer", "IdempotentParameterMismatch", "IdempotentFailed"
EXHAUSTED, FULL = "InvalidVSwitchId.IpNotEnough", "MaxEniPrivateIpsCountExceeded"
NOT_THERE, STATE = "InvalidEniId.NotFound", "InvalidOperation.InvalidEniState"
DUPLICATE = "InvalidIp.IpAssigned"


def wanting(found: Eni, target: int = 2, room: int = 100) -> Decision:
    """What the planner decides from a reading."""
    return decide([demand(found, Wish(Target(count=target), "default"), 29)], {"vsw-a": room})[0]


def explicitly(found: Eni, ask: Ask) -> Decision:
    """The same for something that a request names."""
    return decide([demand(found, Wish(ask=ask, source="request"), 29)], {"vsw-a": 100})[0]


def token(state: EniState) -> str:
    """The token of the next call."""
    return client_token("cn-a", state.eni.id, state.held, state.learnt.generation)


def sent(ask: Ask = TWO, found: Eni | None = None, at: float = NOW) -> EniState:
    """An ENI for which a call is under way."""
    state = begin(found or eni(), at)
    return calling(state, ask, token(state), at)


def again(state: EniState, ask: Ask = TWO, at: float = NOW) -> EniState:
    """The same, for an ENI that is known already."""
    return calling(state, ask, token(state), at)


def answer(*values: str) -> Answer:
    """An answer that names these addresses and prefixes."""
    single = tuple(each for each in values if "/" not in each)
    return Answer(single, tuple(each for each in values if "/" in each), "req-1")


def got(*values: str, ask: Ask = TWO, found: Eni | None = None) -> EniState:
    """An ENI whose call was answered so."""
    return answered(sent(ask, found), answer(*values), NOW)


def told(
    code: str, ask: Ask = TWO, found: Eni | None = None, timing: Timing = BACKFILL
) -> EniState:
    """An ENI whose call was refused, or not answered."""
    return refused(sent(ask, found), fault(code), NOW, timing)


def told_again(state: EniState, code: str, ask: Ask = TWO, at: float = NOW) -> EniState:
    """The same, for one more call."""
    return refused(again(state, ask, at), fault(code), at, BACKFILL)


def seen(state: EniState, *held: str, at: float = NOW + 1, prefixed: int = 0) -> EniState:
    """An ENI after a reading."""
    return read(state, eni(held=held, prefixed=prefixed), at, BACKFILL)


def unseen(state: EniState, at: float) -> EniState:
    """An ENI after a read that did not show it."""
    return read(state, None, at, BACKFILL)


def replayed(*values: str, ask: Ask = TWO) -> EniState:
    """An ENI whose call was answered with what an older one had got: reads never show it."""
    return seen(got(*values, ask=ask), at=SETTLED)


def step(
    state: EniState, at: float, timing: Timing = BACKFILL, owner: Instance | None = None
) -> Step:
    """What to do next for an ENI that is to hold two addresses."""
    return next_step(state, wanting(state.eni), owner or instance(), at, timing)[1]


def share(
    state: EniState,
    decision: Decision,
    at: float = NOW + 1,
    timing: Timing = BACKFILL,
    *,
    may_come: bool = False,
) -> Step:
    """What to do with what the planner gives."""
    return planned(state, decision, at, timing, room_may_come=may_come)[1]


# --- the table of the module ------------------------------------------------------------------


def table(head: str) -> dict[str, dict[str, str]]:
    """A table of the module's docstring: its cells by row and column."""
    lines = (protocol.__doc__ or "").split("\n\n")
    (block,) = [each for each in lines if each.split()[:1] == [head]]
    columns, *rows = (line.split() for line in block.splitlines())
    return {row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in rows}


PHASES = {
    "Ready": (begin(eni(), NOW), NOW),
    "InDoubt": (told(NO_ANSWER), NOW),
    "Confirming": (got(A, B), NOW),
    "Settling": (told_again(told(NO_ANSWER), EXHAUSTED), NOW),
    "InUse": (told(DUPLICATE, names(A, B)), NOW),
    "Done": (told("InvalidParameter"), NOW),
}
SHOWN = {
    "same": ((), NOW + 1),
    "effect": ((A, B), NOW + 1),
    "part": ((A,), NOW + 1),
    "settled": ((), SETTLED),
}
READS = table("phase")


@pytest.mark.parametrize("phase", PHASES)
def test_every_phase_is_in_the_table(phase: str) -> None:
    """The states of this test are in the phases that they stand for."""
    assert phase == type(PHASES[phase][0].phase).__name__
    assert [*PHASES] == [*READS]


@pytest.mark.parametrize("column", SHOWN)
@pytest.mark.parametrize("phase", PHASES)
def test_a_read_leads_to_the_phase_of_the_table(phase: str, column: str) -> None:
    """What a read shows decides, as the module's table says."""
    held, at = SHOWN[column]
    after = seen(PHASES[phase][0], *held, at=at)
    assert READS[phase][column] == type(after.phase).__name__


@pytest.mark.parametrize("phase", PHASES)
def test_absence_ends_every_phase(phase: str) -> None:
    """When it lasts as long as reads lag: the ENI is gone, whatever was going on."""
    once = unseen(PHASES[phase][0], NOW + 1)
    assert "Done" == READS[phase]["absent"]
    assert GONE == unseen(once, NOW + 31).end


REPLIES = table("reply")
CODES = {
    "throttled": "Throttling.User",
    "transient": NO_ANSWER,
    "wait": STATE,
    "gone": NOT_THERE,
    "exhausted": EXHAUSTED,
    "full": FULL,
    "newtoken": BURNT,
    "reread": MISMATCH,
    "rejected": "InvalidParameter",
    "credentials": "Forbidden.RAM",
    "unknown": "Some.NewCode",
    "foreign": "InvalidOperation.EniServiceManaged",
}


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("column", ["Ready", "InDoubt"])
def test_a_reply_leads_to_the_phase_of_the_table(reply: str, column: str) -> None:
    """An answer, or a refusal by its treatment, as the module's table says."""
    called = again(PHASES[column][0])
    if reply == "answered":
        after = answered(called, answer(A, B), NOW)
    else:
        after = refused(called, fault(CODES[reply]), NOW, BACKFILL)
    assert REPLIES[reply][column] == type(after.phase).__name__


def test_the_table_has_every_treatment() -> None:
    """And throttling, which is known by its code."""
    treatments = {each.value for each in Treatment}
    assert treatments | {"throttled", "answered"} == set(REPLIES)


def test_the_three_walks_are_told() -> None:
    """Of a lost reply, a late read and a vanished ENI."""
    told_of = re.findall(r"^(A \w+ \w+)\. 0 s:", protocol.__doc__ or "", re.MULTILINE)
    assert ["A lost reply", "A late read", "A vanished ENI"] == told_of


# --- the token --------------------------------------------------------------------------------


def test_the_token_is_the_state_only() -> None:
    """What is asked is no part of it, so that from one state one ask gets through."""
    state = begin(eni(held=[A]), NOW)
    assert [token(state)] * 2 == [token(again(state, each)) for each in (count(1), names(B, C))]


def test_the_token_does_not_depend_on_the_order_of_addresses() -> None:
    """Whoever reads the same has the same token; it is at most 64 ASCII characters."""
    one, other = (Held(frozenset(order), frozenset({P})) for order in ([A, B], [B, A]))
    found = client_token("cn-a", "eni-a", one, 0)
    assert found == client_token("cn-a", "eni-a", other, 0)
    assert (64, True) == (len(found), found.isascii())


def test_the_token_tells_states_apart() -> None:
    """Another region, ENI, address, prefix or generation makes another token."""
    empty, some = Held(frozenset(), frozenset()), Held(frozenset({A}), frozenset())
    tokens = {
        client_token("cn-a", "eni-a", empty, 0),
        client_token("cn-b", "eni-a", empty, 0),
        client_token("cn-a", "eni-b", empty, 0),
        client_token("cn-a", "eni-a", empty, 1),
        client_token("cn-a", "eni-a", some, 0),
        client_token("cn-a", "eni-a", Held(frozenset(), frozenset({A})), 0),
    }
    assert 6 == len(tokens)


# --- from reading to call ---------------------------------------------------------------------


def test_the_first_call_asks_what_the_planner_decided() -> None:
    """Nothing is in the way of an ENI that was just taken up."""
    state = begin(eni(), NOW)
    assert Plan() == step(state, NOW)
    assert Call(TWO) == share(state, wanting(state.eni))


def test_an_eni_that_needs_nothing_is_finished() -> None:
    """It was assigned what it has if our own writes brought some of it."""
    assert SATISFIED == step(begin(eni(held=[A, B]), NOW), NOW)
    assert ASSIGNED == step(seen(got(A, B), A, B), NOW + 1)


@pytest.mark.parametrize("code", [NO_ANSWER, MISMATCH, EXHAUSTED, "InvalidParameter"])
def test_whatever_a_call_was_told_an_eni_at_its_target_is_finished(code: str) -> None:
    """A read shows what is needed: nothing else matters."""
    assert step(seen(told(code), A, B), NOW + 1) in {SATISFIED, ASSIGNED}


def test_a_call_is_counted_and_remembered() -> None:
    """Its ask, its token and the state it was made from."""
    state = sent(TWO, eni(held=[A]))
    write = state.outstanding
    assert write is not None
    assert (1, 2, TWO) == (state.calls, state.requested, write.ask)
    assert state.token == write.token == token(state)
    assert Held(frozenset({A}), frozenset()) == write.held


def test_requested_is_what_was_gained_and_what_is_asked_now() -> None:
    """A call that is made again for the same is not counted twice."""
    twice = again(told("InternalError"))
    assert (2, 2) == (twice.calls, twice.requested)
    assert 5 == again(seen(got(A, B), A, B), count(3)).requested
    assert 0 == sent(prefix_count(2)).requested


# --- what an answer is worth ------------------------------------------------------------------


def test_an_answer_is_confirmed_by_a_read() -> None:
    """Addresses count once a read shows them."""
    assert isinstance(step(got(A, B), NOW + 1), LookAgain)
    done = seen(got(A, B), A, B)
    assert (frozenset({A, B}), None, "req-1") == (
        done.gained,
        done.outstanding,
        done.api_request_id,
    )


@pytest.mark.parametrize(
    ("at", "until"), [(NOW, NOW + 0.2), (NOW + 29.9, SETTLED), (SETTLED, SETTLED)]
)
def test_an_answer_that_is_not_visible_is_waited_for(at: float, until: float) -> None:
    """With short looks at first, until reads have had their time."""
    assert LookAgain(until, SETTLED) == step(got(A, B), at)


def test_looks_get_rarer() -> None:
    """Each look in vain doubles the wait for the next one."""
    state = got(A, B)
    for _ in range(2):
        state, _step = next_step(state, wanting(eni()), instance(), NOW, BACKFILL)
    assert LookAgain(NOW + 0.8, SETTLED) == step(state, NOW)


def test_part_of_an_answer_is_not_enough() -> None:
    """A read that shows some of the addresses is late for the others."""
    state = seen(got(A, B), A)
    assert isinstance(state.phase, Confirming)
    assert frozenset() == state.gained


def test_an_answer_with_fewer_addresses_is_planned_again() -> None:
    """It is somebody else's: what is still needed is asked for from the new state."""
    state = seen(got(A), A)
    assert (frozenset({A}), 0) == (state.gained, state.learnt.generation)
    assert Call(count(1)) == share(state, wanting(state.eni))


def test_an_answer_of_prefixes() -> None:
    """Prefixes are confirmed like addresses."""
    state = seen(got(P, ask=prefix_count(1)), prefixed=1)
    assert (frozenset({P}), None) == (state.gained, state.outstanding)


def test_an_answer_that_names_nothing_is_judged_by_its_effect() -> None:
    """Older regions answer with a request id alone; what is new is what the call did."""
    assert frozenset({A, B}) == seen(got(), A, B).gained
    assert frozenset() == seen(got(), A, B, C).gained


@pytest.mark.parametrize(("at", "phase"), [(SETTLED - 0.1, Confirming), (SETTLED, Ready)])
def test_part_of_what_an_answer_without_names_did(at: float, phase: type) -> None:
    """It is all that it did only when reads have settled."""
    assert phase is type(seen(got(), A, at=at).phase)


def test_an_answer_that_names_nothing_and_did_nothing_spends_its_token() -> None:
    """ECS replayed what an older call got, and somebody took it away since: the next token."""
    state = seen(got(), at=SETTLED)
    assert (1, Call(TWO)) == (state.learnt.generation, share(state, wanting(eni())))


def test_an_answer_that_names_what_was_held_before_spends_its_token() -> None:
    """Taken away and given again: the state is the one of before, and its token has been used."""
    state = seen(got(A, B, found=eni(held=[A, B])), A, B)
    assert (1, None) == (state.learnt.generation, state.outstanding)
    assert frozenset({A, B}) == state.gained


# --- replays ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "generation", "lost"), [(SETTLED - 0.1, 0, ()), (SETTLED, 1, (A, B))]
)
def test_a_replay_is_proven_when_reads_have_settled(
    at: float, generation: int, lost: tuple[str, ...]
) -> None:
    """Addresses that are absent for longer than reads lag were an older call's."""
    state = seen(got(A, B), at=at)
    assert (generation, lost, frozenset()) == (state.learnt.generation, state.lost, state.gained)


def test_after_a_replay_the_very_addresses_are_asked_for() -> None:
    """By name, with the next generation, no more of them than are needed."""
    state = replayed(A, B)
    assert Call(names(A, B)) == share(state, wanting(eni(), 3))
    assert Call(names(A)) == share(state, wanting(eni(), 1))
    assert token(begin(eni(), NOW)) != token(state)


def test_lost_prefixes_are_asked_for_by_name_too() -> None:
    """Prefixes where prefixes are needed; lost addresses are no help there."""
    state = replayed(P, Q, ask=prefix_count(2))
    assert Call(cidrs(P, Q)) == share(state, explicitly(eni(), prefix_count(2)))
    assert Call(TWO) == share(state, wanting(eni()))


def test_a_replay_seen_from_another_state_keeps_its_generation() -> None:
    """Tokens of the new state are not spent; what is lost is still asked for by name."""
    state = seen(got(A, B), C, at=SETTLED)
    assert (0, (A, B)) == (state.learnt.generation, state.lost)
    assert Call(names(A)) == share(state, wanting(state.eni))


def test_part_of_a_replay_that_is_held_counts_as_gained() -> None:
    """And only the rest is lost."""
    state = seen(got(A, B), A, at=SETTLED)
    assert (frozenset({A}), (B,), 0) == (state.gained, state.lost, state.learnt.generation)


def test_lost_addresses_that_turn_up_are_lost_no_more() -> None:
    """They were late after all."""
    assert () == seen(replayed(A, B), A, B, at=SETTLED + 1).lost


def test_what_a_request_names_is_asked_for_as_it_is() -> None:
    """A replay does not change which addresses a request named."""
    state = replayed(A, B, ask=names(A, B))
    assert Call(names(A, B)) == share(state, explicitly(eni(), names(A, B)))


# --- a new held set ---------------------------------------------------------------------------


def test_a_new_held_set_starts_over() -> None:
    """What was learnt about one state does not hold for another; others begin there, too."""
    state = told_again(told(BURNT), EXHAUSTED)
    assert (1, True) == (state.learnt.generation, state.learnt.refusal is not None)
    for after in (seen(state, A), seen(state, prefixed=1)):
        assert protocol.Learnt() == after.learnt
    assert 1 == seen(state).learnt.generation


# --- unknown outcomes -------------------------------------------------------------------------

TRANSIENT = [NO_ANSWER, "InternalError", "ServiceUnavailable", "LastTokenProcessing"]


@pytest.mark.parametrize("code", TRANSIENT)
def test_an_unknown_outcome_is_asked_again_with_the_same_token(code: str) -> None:
    """Whatever became of the call, it cannot be done twice; the planner is not asked."""
    state = seen(told(code))
    assert (token(sent()), Call(TWO)) == (token(state), step(state, NOW + 1))


def test_a_throttled_call_was_not_looked_at() -> None:
    """It is planned again, or, if another one is in doubt, that one is made again."""
    assert Plan() == step(seen(told("Throttling.User")), NOW + 1)
    doubt = told_again(told(NO_ANSWER), "Throttling.User", at=NOW + 1)
    assert Call(TWO) == step(doubt, NOW + 1)


def test_a_lost_reply_is_recognised_by_its_effect() -> None:
    """What is new since the call is what it brought."""
    state = seen(told(NO_ANSWER), A, B)
    assert (frozenset({A, B}), None) == (state.gained, state.outstanding)


@pytest.mark.parametrize(
    ("at", "expected"), [(SETTLED - 0.1, LookAgain), (SETTLED, Plan)], ids=["early", "settled"]
)
def test_part_of_a_lost_reply_says_nothing_before_reads_have_settled(
    at: float, expected: type
) -> None:
    """Asking for the rest of six, of which three show, would make nine."""
    state = seen(told(NO_ANSWER, count(6)), A, B, C, at=at)
    found = next_step(state, wanting(state.eni, 6), instance(), at, BACKFILL)[1]
    assert expected is type(found)


def test_more_than_was_asked_is_not_ours() -> None:
    """Somebody else was at work; nothing is claimed."""
    assert frozenset() == seen(told(NO_ANSWER), A, B, C).gained


def test_transient_errors_are_spaced_out() -> None:
    """Each try waits longer."""
    state = told("InternalError")
    assert LookAgain(NOW + 0.2, NOW + 0.2) == step(state, NOW)
    assert Call(TWO) == step(state, NOW + 0.2)
    assert LookAgain(NOW + 0.4, NOW + 0.4) == step(told_again(state, "InternalError"), NOW)


def test_transient_errors_are_bounded() -> None:
    """After eight of them the ENI is put off, when one more read has shown nothing."""
    state = told(NO_ANSWER)
    for _ in range(MAX_TRANSIENT - 1):
        assert state.end is None
        state = told_again(state, NO_ANSWER)
    assert GAVE_UP == seen(state).end
    assert ASSIGNED == step(seen(state, A, B), NOW + 1)


@pytest.mark.parametrize("code", [BURNT, MISMATCH])
def test_tokens_found_to_be_spent_are_bounded(code: str) -> None:
    """Each costs a call and may cost a wait: after 64 of one state the ENI is put off."""
    state = begin(eni(), NOW)
    for _ in range(MAX_GENERATION):
        state = told_again(state, BURNT)
    assert (MAX_GENERATION, None) == (state.learnt.generation, state.end)
    assert GAVE_UP == told_again(state, code).end


def test_throttling_is_the_pacers_business() -> None:
    """It is neither counted nor waited for here."""
    state = begin(eni(), NOW)
    for _ in range(MAX_TRANSIENT * 2):
        state = told_again(state, "Throttling.User")
    assert (Plan(), 0) == (step(state, NOW), state.transients)


UNDECIDED = End(Outcome.DEFERRED, Reason.REFUSED)
REFUSED = End(Outcome.FAILED, Reason.REFUSED)


@pytest.mark.parametrize(("timing", "end"), [(BACKFILL, REFUSED), (LAUNCH, UNDECIDED)])
def test_a_code_that_nobody_knows_is_tried_once_more(timing: Timing, end: End) -> None:
    """Then it fails in a backfill; for a launch it decides nothing."""
    once = told("Some.NewCode", timing=timing)
    assert Plan() == step(once, NOW + 0.2)
    assert end == refused(again(once), fault("Some.NewCode"), NOW, timing).end


def test_a_refusal_that_says_whose_the_eni_is() -> None:
    """It is left alone, as its row would have said."""
    expected = End(Outcome.SKIPPED, Reason.SERVICE_MANAGED)
    assert expected == told("InvalidOperation.EniServiceManaged").end


# --- ENIs that change hands -------------------------------------------------------------------


@pytest.mark.parametrize("owner", [None, "i-b"])
def test_an_eni_that_hangs_elsewhere_by_now_is_not_written_to(owner: str | None) -> None:
    """Its target was that of what it hung on at first; the next delivery decides again."""
    state = read(begin(eni(), NOW), eni(instance_id=owner), NOW, BACKFILL)
    assert End(Outcome.DEFERRED, Reason.MOVED) == step(state, NOW)


def test_what_was_answered_before_an_eni_moved_gets_its_time_to_show() -> None:
    """So that it is recorded."""
    state = read(got(A, B), eni(instance_id=None), NOW, BACKFILL)
    assert isinstance(step(state, NOW), LookAgain)


# --- tokens that are spent --------------------------------------------------------------------


def test_a_burnt_token_is_replaced() -> None:
    """IdempotentFailed: the same is asked with the next generation."""
    state = seen(told(BURNT))
    assert (1, Call(TWO)) == (state.learnt.generation, share(state, wanting(eni())))


@pytest.mark.parametrize(("at", "generation"), [(SETTLED - 0.1, 0), (SETTLED, 1)])
def test_a_contested_state_is_left_when_nothing_comes_of_it(at: float, generation: int) -> None:
    """The other writer's call gets its time to show; then the next generation is taken."""
    state = seen(told(MISMATCH), at=at)
    assert generation == state.learnt.generation
    assert (LookAgain(SETTLED, SETTLED) if generation == 0 else Plan()) == step(state, at)


def test_a_contested_state_that_changes_is_planned_again() -> None:
    """The other writer's addresses are adopted and only the rest is asked for."""
    state = seen(told(MISMATCH), A, at=SETTLED)
    assert (0, Plan()) == (state.learnt.generation, step(state, SETTLED))
    assert Call(count(1)) == share(state, wanting(state.eni))


def test_a_contested_state_that_changes_gets_its_whole_time() -> None:
    """What shows of the other writer's call may be a part of it: more would be too many."""
    assert LookAgain(NOW + 1.2, SETTLED) == step(seen(told(MISMATCH), A), NOW + 1)


# --- want of room -----------------------------------------------------------------------------


@pytest.mark.parametrize("code", [EXHAUSTED, FULL, "InvalidVSwitchId.IpPrefixNotEnough"])
def test_a_contradicted_refusal_is_asked_three_times(code: str) -> None:
    """Once more with the same token when reads have settled, then with the next one."""
    ask = prefix_count(6) if "Prefix" in code else count(6)
    decision = explicitly(eni(), ask) if ask.is_prefix else wanting(eni(), 6)
    state = seen(told(code, ask))
    assert LookAgain(NOW + 1.2, SETTLED) == share(state, decision)
    state = seen(state, at=SETTLED)
    assert (token(sent()), Call(ask)) == (token(state), share(state, decision, SETTLED))
    state = told_again(state, code, ask, SETTLED)
    state, third = planned(state, decision, SETTLED, BACKFILL, room_may_come=False)
    assert (1, Call(ask)) == (state.learnt.generation, third)


def room_for(most: int, wanted: int, code: str) -> tuple[list[int], EniState, Step]:
    """Bring an ENI to `wanted` where ECS gives at most `most`, whatever reads say.

    Returns:
        What was asked for in each call, and how it ended.
    """
    state, asks, now = begin(eni(), NOW), [], NOW
    while True:
        held = len(state.eni.secondary)
        state, found = planned(
            state, wanting(state.eni, wanted), now, BACKFILL, room_may_come=False
        )
        if isinstance(found, LookAgain):
            now = found.until
        elif isinstance(found, Call):
            asks.append(found.ask.count)
            called, given = again(state, found.ask, now), held + found.ask.count
            if given > most:
                state = refused(called, fault(code), now, BACKFILL)
            else:
                state, held = answered(called, answer(*addresses(given)[held:]), now), given
        else:
            return asks, state, found
        state = read(state, eni(held=held), now, BACKFILL)
        if held == wanted:
            return asks, state, SATISFIED


@pytest.mark.parametrize(
    ("most", "wanted", "asks"),
    [
        (11, 14, [14, 14, 14, 7, 3, 2, 1]),
        (0, 8, [8, 8, 8, 4, 2, 1]),
        (15, 19, [19, 19, 19, 9, 5, 2, 1]),
        (1, 2, [2, 2, 2, 1]),
        (0, 1, [1, 1, 1]),
    ],
)
@pytest.mark.parametrize(("code", "reason"), [(EXHAUSTED, "vswitch"), (FULL, "quota")])
def test_less_is_asked_for_until_what_there_is_was_taken(
    most: int, wanted: int, asks: list[int], code: str, reason: str
) -> None:
    """Half of what may still be had each time: at most 2 + log2 n calls more than three."""
    found, state, end = room_for(most, wanted, code)
    assert (asks, most) == (found, len(state.eni.secondary))
    assert End(Outcome.SHORT, Reason(reason)) == end
    assert len(found) <= 3 + 2 + wanted.bit_length()


def test_a_smaller_share_is_asked_for_at_once() -> None:
    """What the vSwitch says it has left contradicts nothing."""
    assert Call(count(1)) == share(seen(told(EXHAUSTED)), wanting(eni(), room=1))


def test_a_full_eni_is_adopted() -> None:
    """Somebody filled it: what the next read shows is what it has."""
    assert SATISFIED == step(seen(told(FULL), A, B), NOW + 1)


def test_a_launch_is_short_only_by_a_second_reading() -> None:
    """The first one may not show yet what another writer has given it."""
    no_room, state = wanting(eni(), room=0), begin(eni(), NOW)
    assert NO_ROOM == share(state, no_room)
    assert LookAgain(NOW + 1.2, SETTLED) == share(state, no_room, timing=LAUNCH)
    early, late = (seen(state, at=at) for at in (SETTLED - 0.1, SETTLED))
    assert isinstance(share(early, no_room, SETTLED, LAUNCH), LookAgain)
    assert NO_ROOM == share(late, no_room, SETTLED, LAUNCH)


def test_nobody_is_short_while_another_may_give_room_back() -> None:
    """What another ENI was granted may turn out to be free."""
    no_room, state = wanting(eni(), room=0), begin(eni(), NOW)
    assert isinstance(share(state, no_room, may_come=True), LookAgain)


@pytest.mark.parametrize(
    ("read_at", "stale"), [(NOW + 29, True), (SETTLED, False), (SETTLED + 1, False)]
)
def test_a_launch_reads_the_vswitch_again_before_it_is_short(read_at: float, stale: bool) -> None:
    """As the ENI's reading, that of its vSwitch must have begun when reads had settled."""
    state = begin(eni(), NOW)
    found = [protocol.room_is_stale(state, read_at, SETTLED, each) for each in (LAUNCH, BACKFILL)]
    assert [stale, False] == found


# --- addresses that are in use ----------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(TAKEN))
def test_in_use_on_this_very_eni_is_success(code: str) -> None:
    """A read that shows them here settles it."""
    state = told(code, names(A, B))
    assert (A, B) == protocol.in_use(state)
    assert isinstance(step(state, NOW + 1), LookAgain)
    assert SATISFIED == step(seen(state, A, B), NOW + 1)


def test_in_use_by_another_eni() -> None:
    """What a request named fails."""
    state = told(DUPLICATE, names(A, B))
    assert IN_USE == found_elsewhere(state, frozenset({B})).end
    assert found_elsewhere(state, frozenset()).end is None


def test_in_use_and_shown_nowhere() -> None:
    """When reads have settled, what a request named fails and what was lost is put off."""
    named = seen(told(DUPLICATE, names(A, B)), at=SETTLED)
    assert IN_USE == step(named, SETTLED)
    lost = told_again(replayed(A, B), DUPLICATE, names(A, B), SETTLED)
    assert isinstance(step(lost, SETTLED), LookAgain)
    later = seen(lost, at=SETTLED + 30)
    assert End(Outcome.DEFERRED, Reason.UNCONFIRMED) == step(later, SETTLED + 30)


def test_lost_addresses_that_another_eni_has_are_asked_for_by_count() -> None:
    """Only those; the others still by name."""
    state = told_again(replayed(A, B), DUPLICATE, names(A, B), SETTLED)
    some = found_elsewhere(state, frozenset({A}))
    assert Call(names(B)) == share(some, wanting(eni()))
    none_left = found_elsewhere(state, frozenset({A, B}))
    assert Call(TWO) == share(none_left, wanting(eni()))
    assert Plan() == step(none_left, SETTLED)


def test_two_lost_addresses_of_which_a_request_named_one_that_is_in_use() -> None:
    """What a request named fails, although a replay had named it too."""
    state = replayed(A, B, ask=names(A, B))
    state, found = planned(
        state, explicitly(eni(), names(A, B)), SETTLED, BACKFILL, room_may_come=False
    )
    assert Call(names(A, B)) == found
    taken = told_again(state, DUPLICATE, names(A, B), SETTLED)
    assert IN_USE == found_elsewhere(taken, frozenset({A})).end


def test_numbers_are_never_in_use() -> None:
    """Such a refusal of a count makes no sense and is final."""
    assert REFUSED == told(DUPLICATE, TWO).end


# --- the end, by refusal ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason"),
    [("InvalidParameter", Reason.REFUSED), ("Forbidden.RAM", Reason.NOT_PERMITTED)],
)
def test_permanent_refusals(code: str, reason: Reason) -> None:
    """They are recorded and never retried."""
    state = told(code)
    assert End(Outcome.FAILED, reason) == state.end == step(state, NOW)
    assert state.fault is not None
    assert code == state.fault.code


@pytest.mark.parametrize("code", ["InvalidParameter", "Forbidden.RAM"])
def test_a_refused_retry_says_nothing_of_the_call_before_it(code: str) -> None:
    """That one may still show: the end waits for reads, and is another one if it does."""
    state = told_again(told(NO_ANSWER), code)
    assert isinstance(step(state, NOW), LookAgain)
    assert ASSIGNED == step(seen(state, A, B), NOW + 1)
    assert Outcome.FAILED is getattr(seen(state, at=SETTLED).end, "outcome", None)


def test_stopped_from_outside() -> None:
    """A call in doubt has one more read to show what it did."""
    late = End(Outcome.DEFERRED, Reason.OUT_OF_TIME)
    assert late == stopped(begin(eni(), NOW), late, NOW).end
    doubt = stopped(told(NO_ANSWER), late, NOW + 5)
    assert LookAgain(NOW + 5, NOW + 5) == step(doubt, NOW + 5)
    assert late == step(seen(doubt, at=NOW + 5), NOW + 5)
    assert ASSIGNED == step(seen(doubt, A, B, at=NOW + 5), NOW + 5)


# --- gone, and missing reads ------------------------------------------------------------------


def test_gone_only_when_a_read_confirms() -> None:
    """ECS may say so of an ENI that reads still show; then it is waited for."""
    state = told(NOT_THERE)
    assert state.end is None
    assert isinstance(step(seen(state), NOW + 0.1), LookAgain)
    assert GONE == unseen(state, NOW + 1).end


def test_told_gone_and_still_shown() -> None:
    """Three writes are enough, spread over the time that something new may take to appear."""
    state, now, calls = told(NOT_THERE), NOW, 1
    while not isinstance(found := step(state, now), End):
        state, _step = next_step(state, wanting(eni()), instance(), now, BACKFILL)
        if isinstance(found, LookAgain):
            now = found.at
            state = seen(state, at=now)
        else:
            state, calls = told_again(state, NOT_THERE, at=now), calls + 1
    assert (MAX_NOT_FOUND, NOT_READY, NOW + 40) == (calls, found, now)


@pytest.mark.parametrize(("later", "end"), [(29.9, None), (30.0, GONE)])
def test_an_eni_that_reads_do_not_show(later: float, end: End | None) -> None:
    """One read may be late; absent for longer than reads lag is gone."""
    missed = unseen(begin(eni(), NOW), NOW)
    assert LookAgain(NOW + 0.2, SETTLED) == step(missed, NOW)
    assert end == unseen(missed, NOW + later).end


@pytest.mark.parametrize("code", [NO_ANSWER, EXHAUSTED, "InvalidParameter", "Forbidden.RAM", STATE])
def test_an_eni_that_vanishes_while_a_call_is_in_doubt(code: str) -> None:
    """Its retry was refused, and every look ends in the future until it is gone."""
    state, now, looks = told_again(told(NO_ANSWER), code), NOW, 0
    while not isinstance(found := step(state, now), End):
        assert isinstance(found, LookAgain)
        assert found.at > now
        state, _step = next_step(state, wanting(eni()), instance(), now, BACKFILL)
        now, looks = found.at, looks + 1
        state = unseen(state, now)
    assert GONE == found
    assert looks <= 12
    assert now <= NOW + 31


def test_an_eni_that_reads_show_again() -> None:
    """The next absence counts from its own beginning."""
    back = seen(unseen(begin(eni(), NOW), NOW), at=NOW + 20)
    assert back.absent_since is None
    assert unseen(back, NOW + 31).end is None


# --- readiness --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "owner", "ready"),
    [
        (eni(), instance(), True),
        (eni(), instance(status="Starting"), True),
        (eni(status="Available", instance_id=None), None, True),
        (eni(status="Attaching"), instance(), False),
        (eni(status="Detaching"), instance(), False),
        (eni(type="Primary"), instance(), True),
        (eni(type="Primary"), instance(status="Stopped"), True),
        (eni(type="Primary"), instance(status="Starting"), False),
        (eni(type="Primary"), instance(status="Pending"), False),
        (eni(type="Primary"), None, True),
    ],
)
def test_readiness(found: Eni, owner: Instance | None, ready: bool) -> None:
    """An ENI must be in use or available; of a primary one, the instance running or stopped."""
    assert ready == is_ready(found, owner)


def waited(state: EniState, at: float) -> EniState:
    """An ENI after a look in vain."""
    return next_step(state, wanting(state.eni), instance(), at, BACKFILL)[0]


def test_waiting_for_readiness_is_bounded() -> None:
    """From the first look in vain, for as long as something new may take to appear."""
    attaching = begin(eni(status="Attaching"), NOW)
    assert LookAgain(NOW + 0.2, NOW + 60) == step(attaching, NOW)
    waiting = waited(attaching, NOW)
    assert LookAgain(NOW + 10.4, NOW + 60) == step(waiting, NOW + 10)
    assert NOT_READY == step(waiting, NOW + 60)


def test_patience_begins_anew_once_an_eni_was_ready() -> None:
    """A refusal for its state much later is waited out as if it was the first."""
    state = waited(begin(eni(status="Attaching"), NOW), NOW)
    state = waited(seen(state, at=NOW + 5), NOW + 5)
    state = told_again(state, "Throttling.User", at=NOW + 6)
    state = told_again(seen(state, at=NOW + 70), STATE, at=NOW + 70)
    assert LookAgain(NOW + 70.2, NOW + 70.2) == step(state, NOW + 70)


@pytest.mark.parametrize("code", [STATE, "IncorrectVSwitchStatus"])
def test_a_refusal_for_its_state_is_waited_out(code: str) -> None:
    """It is asked again after a while with the same token, and put off in the end."""
    state = told(code)
    assert isinstance(step(state, NOW), LookAgain)
    assert Plan() == step(state, NOW + 0.2)
    assert token(sent()) == token(state)
    later = refused(again(state, at=NOW + 50), fault(code), NOW + 50, BACKFILL)
    assert NOT_READY == step(later, NOW + 60)


def test_an_answer_ends_the_waiting() -> None:
    """The next time something is not ready, it has its full time again."""
    done = answered(again(told(STATE), at=NOW + 50), Answer((A, B)), NOW + 50)
    assert (None, None) == (done.not_ready_since, done.fault)


@pytest.mark.parametrize(("looks", "end"), [(1, LookAgain), (2, End)])
def test_an_eni_in_a_state_that_never_ends(looks: int, end: type) -> None:
    """Two looks that show no change are enough: it has failed."""
    state = begin(eni(status="CreateFailed", instance_id=None), NOW)
    for number in range(looks):
        state = waited(state, NOW + number)
    found = step(state, NOW + looks)
    assert end is type(found)
    assert end is LookAgain or found == End(Outcome.FAILED, Reason.ENI_STATE)


# --- reads that go back -----------------------------------------------------------------------


@pytest.mark.parametrize("shown", [(), (A,), (B,)])
def test_what_was_confirmed_is_held_while_reads_may_be_older(shown: tuple[str, ...]) -> None:
    """A later read that shows a part of our write is an earlier state: nothing is planned on it."""
    confirmed = seen(got(A, B), A, B)
    back = seen(confirmed, *shown, at=NOW + 2)
    assert Held(frozenset({A, B}), frozenset()) == back.held
    assert (confirmed.phase, confirmed.learnt) == (back.phase, back.learnt)


def test_what_is_taken_away_counts_when_reads_have_settled() -> None:
    """The mirror: somebody has removed it, and a read that began late enough shows that."""
    confirmed = seen(got(A, B), A, B)
    assert Held(frozenset({A}), frozenset()) == seen(confirmed, A, at=SETTLED).held


def test_what_others_take_away_of_their_own_counts_at_once() -> None:
    """The mirror: only our own writes are known to be there."""
    confirmed = seen(got(A, B, found=eni(held=(C,))), A, B, C)
    assert Held(frozenset({A, B}), frozenset()) == seen(confirmed, A, B, at=NOW + 2).held


def test_a_row_that_shows_less_still_tells_the_rest() -> None:
    """Its status and its instance are those of the reading."""
    confirmed = seen(got(A, B), A, B)
    row = replace(eni(held=(A,)), status="Detaching")
    assert "Detaching" == read(confirmed, row, NOW + 2, BACKFILL).eni.status
