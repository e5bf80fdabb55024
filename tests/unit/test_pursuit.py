"""The protocol for one ENI, step by step: which call comes next, and when an ENI is finished."""

from __future__ import annotations

import pytest

from handler.core.model import Answer, Ask, Decision, Eni, Instance, Outcome, Reason, Wish
from handler.core.planner import decide, demand
from handler.core.protocol import (
    MAX_GENERATION,
    MAX_REFUSALS,
    MAX_TRANSIENT,
    TAKEN,
    Held,
    Pause,
    Pursuit,
    Timing,
    Verdict,
    answered,
    asked,
    begin,
    client_token,
    hindrance,
    is_ready,
    located,
    next_call,
    observe,
    paused,
    refused,
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

TIMING = Timing(settle=30.0, visibility=60.0)
NOW = 1000.0
SETTLED = NOW + 30.0
TWO = count(2)
A, B, C, D, *_ = addresses(9)
P, Q, *_ = prefixes(9)

UNCONFIRMED = Verdict(Outcome.DEFERRED, Reason.UNCONFIRMED)
NOT_READY = Verdict(Outcome.DEFERRED, Reason.NOT_READY)
GAVE_UP = Verdict(Outcome.DEFERRED, Reason.TRANSIENT)
MOVED = Verdict(Outcome.DEFERRED, Reason.MOVED)
GONE = Verdict(Outcome.GONE, Reason.NOT_FOUND)
TAKEN_ELSEWHERE = Verdict(Outcome.FAILED, Reason.ADDRESS_TAKEN)


def wanting(found: Eni, target: int = 2, room: int = 100) -> Decision:
    """What the planner decides from a reading."""
    return decide([demand(found, Wish(Target(count=target), "default"), 9)], {"vsw-a": room})[0]


def explicitly(found: Eni, ask: Ask) -> Decision:
    """The same for something that a request names."""
    return decide([demand(found, Wish(ask=ask, source="request"), 9)], {"vsw-a": 100})[0]


def token(pursuit: Pursuit) -> str:
    """The token of the next call."""
    return client_token("cn-a", pursuit.eni.id, pursuit.held, pursuit.generation)


def sent(ask: Ask = TWO, found: Eni | None = None, **known: object) -> Pursuit:
    """A pursuit that has just made a call."""
    pursuit = replace(begin(found or eni()), **known)  # type: ignore[arg-type]
    return asked(pursuit, ask, token(pursuit), NOW)


def got(*values: str, ask: Ask = TWO, found: Eni | None = None, **known: object) -> Pursuit:
    """A pursuit whose call was answered with these addresses or prefixes."""
    prefixed = tuple(each for each in values if "/" in each)
    single = tuple(each for each in values if "/" not in each)
    return answered(sent(ask, found, **known), Answer(single, prefixed, "req-1"), NOW)


def told(code: str, ask: Ask = TWO, found: Eni | None = None, **known: object) -> Pursuit:
    """A pursuit whose call was refused."""
    return refused(sent(ask, found, **known), fault(code), NOW, TIMING)


def seen(pursuit: Pursuit, *held: str, at: float = NOW + 1, prefixed: int = 0) -> Pursuit:
    """A pursuit after a reading."""
    return observe(pursuit, eni(held=held, prefixed=prefixed), at, TIMING)


# --- the token --------------------------------------------------------------------------------


def test_the_token_is_the_state_only() -> None:
    """What is asked is no part of it, so that from one state one ask gets through."""
    pursuit = begin(eni(held=[A]))
    assert [token(pursuit)] * 2 == [
        token(asked(pursuit, each, "t", NOW))
        for each in (
            count(1),
            names(B, C),
        )
    ]


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
    """Nothing hinders an ENI that was just taken up."""
    pursuit = begin(eni())
    assert hindrance(pursuit, instance(), NOW, TIMING) is None
    assert (pursuit, count(2)) == next_call(pursuit, wanting(pursuit.eni))


@pytest.mark.parametrize(
    ("held", "gained", "verdict"),
    [
        ((A, B), (), Verdict(Outcome.SATISFIED, Reason.AT_TARGET)),
        ((A, B), (B,), Verdict(Outcome.ASSIGNED, Reason.REACHED)),
    ],
)
def test_an_eni_that_needs_nothing_is_finished(
    held: tuple[str, ...], gained: tuple[str, ...], verdict: Verdict
) -> None:
    """It was assigned what it has if our own writes brought some of it."""
    pursuit = replace(begin(eni(held=held)), gained=frozenset(gained))
    pursuit, ask = next_call(pursuit, wanting(pursuit.eni))
    assert (verdict, None) == (pursuit.verdict, ask)


def test_a_full_vswitch_finishes_it_short() -> None:
    """What the planner decided is how it ends."""
    pursuit, ask = next_call(begin(eni()), wanting(eni(), room=0))
    assert (Verdict(Outcome.SHORT, Reason.VSWITCH), None) == (pursuit.verdict, ask)


def test_a_call_is_counted_and_remembered() -> None:
    """Its ask, its token and the state it was made from."""
    pursuit = sent(count(2), eni(held=[A]))
    assert pursuit.write is not None
    assert (1, 2, count(2)) == (pursuit.calls, pursuit.requested, pursuit.write.ask)
    assert pursuit.token == pursuit.write.token == token(pursuit)
    assert Held(frozenset({A}), frozenset()) == pursuit.write.held


def test_requested_is_what_was_gained_and_what_is_asked_now() -> None:
    """A call that is made again for the same is not counted twice."""
    again = asked(told("InternalError"), count(2), "t", NOW)
    assert (2, 2) == (again.calls, again.requested)
    more = asked(seen(got(A, B), A, B), count(3), "t", NOW)
    assert 5 == more.requested
    assert 0 == sent(prefix_count(2)).requested


# --- what an answer is worth ------------------------------------------------------------------


def test_an_answer_is_confirmed_by_a_read() -> None:
    """Addresses count once a read shows them."""
    waiting = got(A, B)
    assert isinstance(hindrance(waiting, instance(), NOW + 1, TIMING), Pause)
    done = seen(waiting, A, B)
    assert (frozenset({A, B}), None, "req-1") == (done.gained, done.write, done.api_request_id)
    assert hindrance(done, instance(), NOW + 1, TIMING) is None


@pytest.mark.parametrize(
    ("at", "until"), [(NOW, NOW + 0.2), (NOW + 29.9, SETTLED), (SETTLED, SETTLED)]
)
def test_an_answer_that_is_not_visible_is_waited_for(at: float, until: float) -> None:
    """With short looks at first, until reads have had their time."""
    assert Pause(until, SETTLED) == hindrance(got(A, B), instance(), at, TIMING)


def test_looks_get_rarer() -> None:
    """Each look in vain doubles the wait for the next one."""
    pursuit = paused(paused(got(A, B), instance(), NOW), instance(), NOW)
    assert Pause(NOW + 0.8, SETTLED) == hindrance(pursuit, instance(), NOW, TIMING)


def test_part_of_an_answer_is_not_enough() -> None:
    """A read that shows some of the addresses is late for the others."""
    pursuit = seen(got(A, B), A)
    assert pursuit.write is not None
    assert frozenset() == pursuit.gained


def test_an_answer_with_fewer_addresses_is_planned_afresh() -> None:
    """It is somebody else's: what is still needed is asked for from the new state."""
    pursuit = seen(got(A, ask=count(2)), A)
    assert (frozenset({A}), 0) == (pursuit.gained, pursuit.generation)
    assert (pursuit, count(1)) == next_call(pursuit, wanting(pursuit.eni))


def test_an_answer_of_prefixes() -> None:
    """Prefixes are confirmed like addresses."""
    pursuit = seen(got(P, ask=prefix_count(1)), prefixed=1)
    assert (frozenset({P}), None) == (pursuit.gained, pursuit.write)


def test_an_answer_that_names_nothing_is_judged_by_its_effect() -> None:
    """Older regions answer with a request id alone; what is new is what the call did."""
    assert frozenset({A, B}) == seen(got(), A, B).gained
    assert frozenset() == seen(got(), A, B, C).gained
    assert UNCONFIRMED == seen(got(), at=SETTLED).verdict
    assert seen(got(), at=SETTLED - 0.1).verdict is None


def test_an_answer_that_names_what_was_held_before_spends_its_token() -> None:
    """Taken away and given again: the state is the one of before, and its token has been used."""
    pursuit = seen(got(A, B, found=eni(held=[A, B])), A, B)
    assert (1, None) == (pursuit.generation, pursuit.write)
    assert frozenset({A, B}) == pursuit.gained


# --- replays ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "generation", "lost"), [(SETTLED - 0.1, 0, ()), (SETTLED, 1, (A, B))]
)
def test_a_replay_is_proven_when_reads_have_settled(
    at: float, generation: int, lost: tuple[str, ...]
) -> None:
    """Addresses that are absent for longer than reads lag were an older call's."""
    pursuit = seen(got(A, B), at=at)
    assert (generation, lost, frozenset()) == (pursuit.generation, pursuit.lost, pursuit.gained)


def test_after_a_replay_the_very_addresses_are_asked_for() -> None:
    """By name, with the next generation, no more of them than are needed."""
    pursuit = seen(got(A, B), at=SETTLED)
    assert (pursuit, names(A, B)) == next_call(pursuit, wanting(eni(), 3))
    assert (pursuit, names(A)) == next_call(pursuit, wanting(eni(), 1))
    assert token(begin(eni())) != token(pursuit)


def test_lost_prefixes_are_asked_for_by_name_too() -> None:
    """Prefixes where prefixes are needed; lost addresses are no help there."""
    pursuit = seen(got(P, Q, ask=prefix_count(2)), at=SETTLED)
    assert cidrs(P, Q) == next_call(pursuit, explicitly(eni(), prefix_count(2)))[1]
    assert count(2) == next_call(pursuit, wanting(eni()))[1]


def test_a_replay_seen_from_another_state_keeps_its_generation() -> None:
    """Tokens of the new state are not spent; what is lost is still asked for by name."""
    pursuit = seen(got(A, B), C, at=SETTLED)
    assert (0, (A, B)) == (pursuit.generation, pursuit.lost)
    assert names(A) == next_call(pursuit, wanting(pursuit.eni))[1]


def test_part_of_a_replay_that_is_held_counts_as_gained() -> None:
    """And only the rest is lost."""
    pursuit = seen(got(A, B), A, at=SETTLED)
    assert (frozenset({A}), (B,), 0) == (pursuit.gained, pursuit.lost, pursuit.generation)


def test_lost_addresses_that_turn_up_are_lost_no_more() -> None:
    """They were late after all."""
    assert () == seen(seen(got(A, B), at=SETTLED), A, B, at=SETTLED + 1).lost


def test_what_a_request_names_is_asked_for_as_it_is() -> None:
    """A replay does not change which addresses a request named."""
    pursuit = seen(got(A, B, ask=names(A, B)), at=SETTLED)
    assert names(A, B) == next_call(pursuit, explicitly(eni(), names(A, B)))[1]


# --- a new held set ---------------------------------------------------------------------------


def test_a_new_held_set_starts_over() -> None:
    """What was learnt about one state does not hold for another."""
    pursuit = replace(
        begin(eni()),
        generation=4,
        lost=(A, D),
        refused_ask=count(2),
        refusals=2,
        insisted=True,
        taken=(A,),
        contested_until=SETTLED,
        polls=7,
    )
    found = eni(held=[A])
    assert replace(begin(eni()), eni=found, lost=(D,)) == observe(pursuit, found, NOW, TIMING)


def test_the_same_held_set_keeps_its_generation() -> None:
    """Other parts of a reading may change."""
    pursuit = replace(begin(eni()), generation=2)
    assert 2 == observe(pursuit, eni(status="Attaching"), NOW, TIMING).generation


# --- unknown outcomes -------------------------------------------------------------------------

NO_EFFECT_KNOWN = ["no_answer", "InternalError", "ServiceUnavailable", "LastTokenProcessing"]


@pytest.mark.parametrize("code", [*NO_EFFECT_KNOWN, "Throttling.User"])
def test_an_unknown_outcome_is_asked_again_with_the_same_token(code: str) -> None:
    """Whatever became of the call, it cannot be done twice."""
    before = sent()
    pursuit = seen(told(code))
    again, ask = next_call(pursuit, wanting(eni()))
    assert (token(before), count(2)) == (token(again), ask)


def test_a_lost_reply_is_recognised_by_its_effect() -> None:
    """What is new since the call is what it brought."""
    pursuit = seen(told("no_answer"), A, B)
    assert (frozenset({A, B}), None) == (pursuit.gained, pursuit.write)


def test_more_than_was_asked_is_not_ours() -> None:
    """Somebody else was at work; nothing is claimed."""
    assert frozenset() == seen(told("no_answer"), A, B, C).gained


def test_transient_errors_are_spaced_out() -> None:
    """Each try waits longer; other steps of the protocol are not held up."""
    pursuit = told("InternalError")
    assert Pause(NOW + 0.2, NOW + 0.2) == hindrance(pursuit, instance(), NOW, TIMING)
    assert hindrance(pursuit, instance(), NOW + 0.2, TIMING) is None
    again = refused(pursuit, fault("InternalError"), NOW, TIMING)
    assert Pause(NOW + 0.4, NOW + 0.4) == hindrance(again, instance(), NOW, TIMING)


@pytest.mark.parametrize("code", ["InternalError", "no_answer"])
def test_transient_errors_are_bounded(code: str) -> None:
    """After eight of them the ENI is put off."""
    pursuit = sent()
    for _ in range(MAX_TRANSIENT - 1):
        pursuit = refused(pursuit, fault(code, None), NOW, TIMING)
    assert pursuit.verdict is None
    assert GAVE_UP == refused(pursuit, fault(code, None), NOW, TIMING).verdict


def test_a_prefix_more_is_another_state_too() -> None:
    """Its tokens begin at generation 0, as everybody else begins them there."""
    before = replace(begin(eni(held=2)), generation=4, contested_until=NOW + 1, polls=7)
    found = eni(held=2, prefixed=1)
    after = observe(before, found, NOW, TIMING)
    assert replace(begin(eni(held=2)), eni=found) == after


@pytest.mark.parametrize("code", ["IdempotentParameterMismatch", "IdempotentFailed"])
def test_tokens_found_to_be_spent_are_bounded(code: str) -> None:
    """Each costs a call and may cost a wait: after 64 of one state the ENI is put off."""
    last = replace(sent(), generation=MAX_GENERATION - 1)
    assert refused(last, fault(code, None), NOW, TIMING).verdict is None
    more = replace(sent(), generation=MAX_GENERATION)
    assert GAVE_UP == refused(more, fault(code, None), NOW, TIMING).verdict


def test_throttling_is_the_pacers_business() -> None:
    """It is neither counted nor waited for here."""
    pursuit = sent()
    for _ in range(MAX_TRANSIENT * 2):
        pursuit = refused(pursuit, fault("Throttling.User"), NOW, TIMING)
    assert (None, 0) == (pursuit.verdict, pursuit.transients)
    assert hindrance(pursuit, instance(), NOW, TIMING) is None


# --- ENIs that change hands -------------------------------------------------------------------


@pytest.mark.parametrize("owner", [None, "i-b"])
def test_an_eni_that_hangs_elsewhere_by_now_is_not_written_to(owner: str | None) -> None:
    """Its target was that of what it hung on at first; the next delivery judges it anew."""
    pursuit = observe(begin(eni()), eni(instance_id=owner), NOW, TIMING)
    assert MOVED == hindrance(pursuit, instance(), NOW, TIMING)


def test_what_was_answered_before_an_eni_moved_gets_its_time_to_show() -> None:
    """So that it is recorded."""
    pursuit = observe(got(A, B), eni(instance_id=None), NOW, TIMING)
    assert isinstance(hindrance(pursuit, instance(), NOW, TIMING), Pause)


# --- tokens that are spent --------------------------------------------------------------------


def test_a_burnt_token_is_replaced() -> None:
    """IdempotentFailed: the same is asked with the next generation."""
    pursuit = seen(told("IdempotentFailed"))
    assert 1 == pursuit.generation
    assert (pursuit, count(2)) == next_call(pursuit, wanting(eni()))


@pytest.mark.parametrize(("at", "generation"), [(SETTLED - 0.1, 0), (SETTLED, 1)])
def test_a_contested_state_is_left_when_nothing_comes_of_it(at: float, generation: int) -> None:
    """The other writer's call gets its time to show; then the next generation is taken."""
    pursuit = seen(told("IdempotentParameterMismatch"), at=at)
    assert generation == pursuit.generation
    pausing = hindrance(pursuit, instance(), at, TIMING)
    assert (Pause(SETTLED, SETTLED) if generation == 0 else None) == pausing


def test_a_contested_state_that_changes_is_planned_afresh() -> None:
    """The other writer's addresses are adopted and only the rest is asked for."""
    pursuit = seen(told("IdempotentParameterMismatch"), A, at=SETTLED)
    assert (0, None) == (pursuit.generation, pursuit.contested_until)
    assert (pursuit, count(1)) == next_call(pursuit, wanting(pursuit.eni))


# --- want of room -----------------------------------------------------------------------------

EXHAUSTED, FULL = "InvalidVSwitchId.IpNotEnough", "MaxEniPrivateIpsCountExceeded"


def refused_again(pursuit: Pursuit, code: str) -> tuple[Pursuit, str]:
    """One more call, refused: what is known then, and the token it was made with."""
    pursuit, ask = next_call(pursuit, wanting(eni()))
    assert ask is not None
    used = token(pursuit)
    pursuit = refused(asked(pursuit, ask, used, NOW), fault(code), NOW, TIMING)
    return seen(pursuit, at=NOW), used


@pytest.mark.parametrize(
    ("code", "at", "reason"),
    [(EXHAUSTED, NOW, Reason.VSWITCH), (FULL, SETTLED, Reason.QUOTA)],
)
def test_a_contradicted_refusal_is_asked_three_times(code: str, at: float, reason: Reason) -> None:
    """Twice with the same token, once with the next; then the ENI is short."""
    pursuit, used = begin(eni()), []
    for _ in range(MAX_REFUSALS):
        pursuit, latest = refused_again(pursuit, code)
        used.append(latest)
    expected = [client_token("cn-a", "eni-a", pursuit.held, each) for each in (0, 0, 1)]
    assert expected == used
    pursuit = seen(pursuit, at=at)
    assert hindrance(pursuit, instance(), at, TIMING) is None
    pursuit, ask = next_call(pursuit, wanting(eni()))
    assert (Verdict(Outcome.SHORT, reason), None) == (pursuit.verdict, ask)


def test_a_smaller_ask_is_a_new_one() -> None:
    """What the vSwitch says it has left is asked for, and counted from the start."""
    pursuit, _ = refused_again(begin(eni()), EXHAUSTED)
    pursuit, ask = next_call(pursuit, wanting(eni(), room=1))
    assert (count(1), 0, None, 0) == (
        ask,
        pursuit.refusals,
        pursuit.refused_ask,
        pursuit.generation,
    )


def test_a_full_eni_is_adopted() -> None:
    """Somebody filled it: what the next read shows is what it has."""
    pursuit = seen(told(FULL), A, B)
    verdict = next_call(pursuit, wanting(pursuit.eni))[0].verdict
    assert Verdict(Outcome.SATISFIED, Reason.AT_TARGET) == verdict


def test_a_full_eni_gets_time_to_show_why() -> None:
    """Three refusals may all be of a write that no read shows yet."""
    pursuit = begin(eni())
    for _ in range(MAX_REFUSALS):
        pursuit, _used = refused_again(pursuit, FULL)
    assert isinstance(hindrance(pursuit, instance(), NOW + 1, TIMING), Pause)
    assert Outcome.SATISFIED is wanting(seen(pursuit, A, B, at=NOW + 2).eni).outcome


def test_waiting_for_a_full_eni_spends_no_token() -> None:
    """The generation rises after another writer's ask, not after a refusal of our own."""
    pursuit = told(FULL, refused_ask=count(2), refusals=MAX_REFUSALS - 1)
    assert SETTLED == pursuit.contested_until
    waited = seen(pursuit, at=SETTLED)
    assert (None, 0) == (waited.contested_until, waited.generation)


def test_want_of_prefixes_is_final() -> None:
    """No read shows what CIDR reservations have left."""
    pursuit = told("InvalidVSwitchId.IpPrefixNotEnough", prefix_count(2))
    assert Verdict(Outcome.SHORT, Reason.VSWITCH) == pursuit.verdict


# --- addresses that are taken -----------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(TAKEN))
def test_taken_on_this_very_eni_is_success(code: str) -> None:
    """A read that shows them here settles it."""
    pursuit = told(code, names(A, B))
    assert (A, B) == pursuit.taken
    assert isinstance(hindrance(pursuit, instance(), NOW + 1, TIMING), Pause)
    pursuit = seen(pursuit, A, B)
    assert hindrance(pursuit, instance(), NOW + 1, TIMING) is None
    assert Outcome.SATISFIED is explicitly(pursuit.eni, names(A, B)).outcome


def test_taken_by_another_eni() -> None:
    """What a request named fails."""
    pursuit = told("InvalidIp.IpAssigned", names(A, B))
    assert TAKEN_ELSEWHERE == located(pursuit, frozenset({B})).verdict
    assert located(pursuit, frozenset()).verdict is None


def test_taken_and_shown_nowhere() -> None:
    """When reads have settled, what a request named fails and what was lost is put off."""
    named = told("InvalidIp.IpAssigned", names(A, B))
    assert TAKEN_ELSEWHERE == hindrance(named, instance(), SETTLED, TIMING)
    lost = told("InvalidIp.IpAssigned", names(A, B), lost=(A, B), generation=1)
    assert UNCONFIRMED == hindrance(lost, instance(), SETTLED, TIMING)


def test_lost_addresses_that_another_eni_has_are_asked_for_by_count() -> None:
    """Only those; the others still by name."""
    pursuit = told("InvalidIp.IpAssigned", names(A, B), lost=(A, B), generation=1)
    some = located(pursuit, frozenset({A}))
    assert (some, names(B)) == next_call(some, wanting(eni()))
    none_left = located(pursuit, frozenset({A, B}))
    assert (none_left, count(2)) == next_call(none_left, wanting(eni()))
    assert hindrance(none_left, instance(), NOW, TIMING) is None


def test_numbers_are_never_taken() -> None:
    """Such a refusal of a count makes no sense and is final."""
    refusal = Verdict(Outcome.FAILED, Reason.REFUSED)
    assert refusal == told("InvalidIp.IpAssigned", count(2)).verdict


# --- the end, by refusal ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason"),
    [("InvalidParameter", Reason.REFUSED), ("Forbidden.RAM", Reason.NOT_PERMITTED)],
)
def test_permanent_refusals(code: str, reason: Reason) -> None:
    """They are recorded and never retried."""
    pursuit = told(code)
    assert (Verdict(Outcome.FAILED, reason), code) == (
        pursuit.verdict,
        pursuit.fault.code if pursuit.fault else None,
    )


# --- gone, and missing reads ------------------------------------------------------------------


def test_gone_only_when_a_read_confirms() -> None:
    """ECS may say so of an ENI that reads still show; then it is waited for."""
    pursuit = told("InvalidEniId.NotFound")
    assert pursuit.verdict is None
    assert isinstance(hindrance(seen(pursuit), instance(), NOW + 0.1, TIMING), Pause)
    assert GONE == observe(pursuit, None, NOW + 1, TIMING).verdict


def test_told_gone_and_still_shown() -> None:
    """Waited for no longer than for anything else, then put off."""
    assert NOT_READY == hindrance(told("InvalidEniId.NotFound"), instance(), NOW + 60, TIMING)


@pytest.mark.parametrize(("later", "verdict"), [(29.9, None), (30.0, GONE)])
def test_an_eni_that_reads_do_not_show(later: float, verdict: Verdict | None) -> None:
    """One read may be late; absent for longer than reads lag is gone."""
    missed = observe(begin(eni()), None, NOW, TIMING)
    assert Pause(NOW + 0.2, SETTLED) == hindrance(missed, instance(), NOW, TIMING)
    assert verdict == observe(missed, None, NOW + later, TIMING).verdict


def test_an_eni_that_reads_show_again() -> None:
    """The next absence counts from its own beginning."""
    back = seen(observe(begin(eni()), None, NOW, TIMING), at=NOW + 20)
    assert back.missing_since is None
    assert observe(back, None, NOW + 31, TIMING).verdict is None


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


def test_waiting_for_readiness_is_bounded() -> None:
    """From the first look in vain, for as long as something new may take to appear."""
    attaching = begin(eni(status="Attaching"))
    assert Pause(NOW + 0.2, NOW + 60) == hindrance(attaching, instance(), NOW, TIMING)
    waiting = paused(attaching, instance(), NOW)
    assert Pause(NOW + 10.4, NOW + 60) == hindrance(waiting, instance(), NOW + 10, TIMING)
    assert NOT_READY == hindrance(waiting, instance(), NOW + 60, TIMING)


@pytest.mark.parametrize("code", ["InvalidOperation.InvalidEniState", "IncorrectVSwitchStatus"])
def test_a_refusal_for_its_state_is_waited_out(code: str) -> None:
    """It is asked again after a while with the same token, and put off in the end."""
    pursuit = told(code)
    assert Pause(NOW + 0.2, NOW + 60) == hindrance(pursuit, instance(), NOW, TIMING)
    assert hindrance(pursuit, instance(), NOW + 0.2, TIMING) is None
    assert token(sent()) == token(next_call(pursuit, wanting(eni()))[0])
    later = refused(asked(pursuit, count(2), "t", NOW + 50), fault(code), NOW + 50, TIMING)
    assert NOT_READY == hindrance(later, instance(), NOW + 60, TIMING)


def test_an_answer_ends_the_waiting() -> None:
    """The next time something is not ready, it has its full time again."""
    waited = told("InvalidOperation.InvalidEniState")
    done = answered(asked(waited, count(2), "t", NOW + 50), Answer((A, B)), NOW + 50)
    assert (None, None) == (done.hindered_since, done.fault)


def test_a_verdict_is_the_first_hindrance() -> None:
    """An ENI that is finished is held up by nothing else."""
    assert GONE == hindrance(replace(got(A), verdict=GONE), instance(), NOW, TIMING)


def test_two_lost_addresses_of_which_a_request_named_one_that_is_taken() -> None:
    """What a request named fails as taken, although a replay had named it too."""
    pursuit = seen(got(A, B, ask=names(A, B)), at=SETTLED)
    pursuit, ask = next_call(pursuit, explicitly(eni(), names(A, B)))
    assert ask is not None
    sent_again = asked(pursuit, ask, token(pursuit), SETTLED)
    taken = refused(sent_again, fault("InvalidIp.IpAssigned"), SETTLED, TIMING)
    once = located(taken, frozenset({A}))
    assert TAKEN_ELSEWHERE == once.verdict
