"""What guests are asked, and what their answers mean."""

from __future__ import annotations

import pytest

from handler.core.guests import (
    Heard,
    Question,
    ends_too_early,
    judged,
    may_be_asked,
    patience_of,
    question_for,
    still_held,
    still_to_ask,
)
from handler.core.model import Eni, EniResult, Guest, Outcome, Reason
from handler.core.value import replace

CONTROL, FIRST, SECOND = "10.0.0.1", "10.0.0.9", "10.0.0.10"
ENI = Eni("eni-a", "Primary", "InUse", "vsw-a", "i-a", frozenset({SECOND, FIRST}), primary=CONTROL)
QUESTION = Question((FIRST, SECOND), CONTROL)


def result(outcome: Outcome = Outcome.ASSIGNED, reason: Reason = Reason.REACHED) -> EniResult:
    """How the ENI ended."""
    return EniResult("eni-a", "i-a", "vsw-a", outcome, reason)


def heard(*answered: str, asked: tuple[str, ...] = (CONTROL, FIRST, SECOND)) -> Heard:
    """All were asked, and these have answered."""
    return Heard(frozenset(asked), frozenset(answered))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3"),  # noqa: S104
        *("169.254.0.1", "224.0.0.1", "239.255.255.255", "255.255.255.255", "240.0.0.1"),
        *("100.64.0.0", "100.100.100.200", "100.127.255.255"),
        *("", "::1", "10.0.0.1/32", "10.0.0.1 ", "example"),
    ],
)
def test_address_that_is_never_asked(address: str) -> None:
    """This machine's own, link-local, multicast and the provider's, and what is none at all."""
    assert may_be_asked(address) is False


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "172.16.0.9", "192.168.1.2", "100.63.255.255", "100.128.0.0", "8.0.0.1"]
)
def test_address_that_may_be_asked(address: str) -> None:
    """What a VPC can have."""
    assert may_be_asked(address) is True


@pytest.mark.parametrize("outcome", list(Outcome))
def test_who_is_asked(outcome: Outcome) -> None:
    """Who was worked on and is decided; neither what was skipped or is gone, nor what is left."""
    left_out = {Outcome.SKIPPED, Outcome.GONE, Outcome.DEFERRED}
    expected = None if outcome in left_out else QUESTION
    assert expected == question_for(result(outcome), ENI)


def test_eni_without_secondary_addresses_is_not_asked() -> None:
    """The primary address alone tells nothing of interest."""
    bare = Eni("eni-a", "Primary", "InUse", "vsw-a", "i-a", primary=CONTROL)
    assert question_for(result(), bare) is None


def test_special_addresses_of_an_eni_are_left_out() -> None:
    """Whatever ECS lists, neither this machine nor the metadata service is asked."""
    held = frozenset({"127.0.0.1", FIRST})
    odd = Eni("eni-a", "Primary", "InUse", "vsw-a", "i-a", held, primary="100.100.100.200")
    assert Question((FIRST,), None) == question_for(result(), odd)


@pytest.mark.parametrize(
    ("answered", "left"),
    [
        ((), (FIRST, SECOND, CONTROL)),
        ((CONTROL,), (FIRST, SECOND)),
        ((FIRST,), (SECOND, CONTROL)),
        ((FIRST, SECOND), ()),
    ],
)
def test_what_is_asked_again(answered: tuple[str, ...], left: tuple[str, ...]) -> None:
    """What has not answered; the control only beside an address that is silent."""
    assert left == still_to_ask([QUESTION], heard(*answered))


def test_address_of_two_enis_is_asked_once() -> None:
    """Two questions that share an address ask it once."""
    other = Question((SECOND,), FIRST)
    assert (FIRST, SECOND, CONTROL) == still_to_ask([QUESTION, other], Heard())


@pytest.mark.parametrize(
    ("answered", "guest", "silent"),
    [
        ((FIRST, SECOND, CONTROL), Guest.ANSWERS, ()),
        ((FIRST, SECOND), Guest.ANSWERS, ()),
        ((CONTROL,), Guest.SILENT, (FIRST, SECOND)),
        ((CONTROL, FIRST), Guest.SILENT, (SECOND,)),
        ((FIRST,), Guest.SILENT, (SECOND,)),
        ((), Guest.UNREACHABLE, (FIRST, SECOND)),
    ],
)
def test_verdict(answered: tuple[str, ...], guest: Guest, silent: tuple[str, ...]) -> None:
    """Silence means the address where anything else of the ENI answers, and else the way to it."""
    found = judged(result(), QUESTION, heard(*answered))
    assert (guest, silent) == (found.guest, found.silent)


@pytest.mark.parametrize(
    ("asked", "answered", "guest", "silent"),
    [
        ((), (), None, ()),
        ((FIRST,), (FIRST,), None, ()),
        ((CONTROL, FIRST), (CONTROL,), Guest.SILENT, (FIRST,)),
    ],
)
def test_verdict_without_time(
    asked: tuple[str, ...],
    answered: tuple[str, ...],
    guest: Guest | None,
    silent: tuple[str, ...],
) -> None:
    """An address for which there was no time is not called silent, and nobody is said to answer."""
    found = judged(result(), QUESTION, heard(*answered, asked=asked))
    assert (guest, silent) == (found.guest, found.silent)


@pytest.mark.parametrize(
    ("eni", "left"),
    [
        (ENI, QUESTION),
        (replace(ENI, secondary=frozenset({FIRST, "10.0.0.11"})), Question((FIRST,), CONTROL)),
        (replace(ENI, secondary=frozenset()), None),
        (replace(ENI, complete=False), None),
        (None, None),
    ],
)
def test_what_is_no_longer_there_need_not_answer(eni: Eni | None, left: Question | None) -> None:
    """An instance was released, or an address taken away, while the guest was asked."""
    assert left == still_held(QUESTION, eni)


def test_nothing_is_said_of_a_guest_that_has_gone() -> None:
    """Its result stays as it was."""
    assert result() == judged(result(), None, heard())


def test_silence_comes_with_advice() -> None:
    """The record says what to look at; advice about the assignment itself goes first."""
    silent, unreachable = (judged(result(), QUESTION, heard(*each)) for each in ((CONTROL,), ()))
    assert "docs/guest.md" in str(silent.advice)
    assert "primary" in str(unreachable.advice)
    told = EniResult(
        "eni-a", "i-a", "vsw-a", Outcome.SHORT, Reason.VSWITCH, advice="Enlarge the vSwitch."
    )
    assert "Enlarge the vSwitch." == judged(told, QUESTION, heard()).advice


@pytest.mark.parametrize(
    ("guest", "on_silent", "falls_short"),
    [
        (None, "short", False),
        (Guest.ANSWERS, "short", False),
        (Guest.SILENT, "short", True),
        (Guest.UNREACHABLE, "short", True),
        (Guest.SILENT, "report", False),
        (Guest.UNREACHABLE, "report", False),
    ],
)
def test_what_a_hook_hears_of(guest: Guest | None, on_silent: str, falls_short: bool) -> None:
    """Silence of either kind counts as missing where `ON_SILENT` says so, and nowhere else."""
    found = EniResult("eni-a", "i-a", "vsw-a", Outcome.ASSIGNED, Reason.REACHED, guest=guest)
    assert falls_short is found.falls_short(on_silent)


@pytest.mark.parametrize(
    ("last", "patience", "settle", "early"),
    [
        (130.0, 120.0, 30.0, False),
        (129.9, 120.0, 30.0, True),
        (110.0, 10.0, 30.0, False),
        (109.0, 10.0, 30.0, True),
        (100.0, 0.0, 30.0, False),
    ],
)
def test_too_short_to_tell(last: float, patience: float, settle: float, early: bool) -> None:
    """Silence tells something after the settle time, or after all of a shorter patience."""
    assert early is ends_too_early(100.0, last, patience, settle)


@pytest.mark.parametrize(
    ("asked", "before", "hook", "patience"),
    [
        (120.0, 0.0, True, 120.0),
        (120.0, 0.0, False, 120.0),
        (120.0, 50.0, True, 70.0),
        (120.0, 100.0, True, 30.0),
        (120.0, 100.0, False, 20.0),
        (120.0, 500.0, True, 30.0),
        (120.0, 500.0, False, 0.0),
        (10.0, 500.0, True, 10.0),
        (0.0, 0.0, True, 0.0),
    ],
)
def test_what_one_event_waited_has_passed_for_the_others(
    asked: float, before: float, hook: bool, patience: float
) -> None:
    """A hook still gets the time after which silence tells something; others one round."""
    assert patience == patience_of(asked, before, 30.0, hook=hook)
