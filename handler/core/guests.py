"""Whether guests answer: what is asked, how often, and what the answers mean.

An address that ECS has assigned answers only when the guest's interface holds it, too. The sign of
that is a TCP connection: accepted or refused, something is there. Silence can mean the address or
the way to it, so the primary address of the same ENI is asked beside it, as the control. It is
known to be up once the guest is, and the same port is open on it or is not.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from handler.core.model import Guest, Outcome
from handler.core.value import Value, replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handler.core.model import Eni, EniResult

# How ENIs end whose addresses are there to stay. What was skipped is somebody else's or unwanted,
# what is deferred is asked when it is decided.
_ASKED = frozenset(
    {Outcome.SATISFIED, Outcome.ASSIGNED, Outcome.SHORT, Outcome.FAILED, Outcome.PLANNED}
)
# The provider's own services live there: the metadata service, DNS, the in-VPC endpoints.
_PROVIDER = IPv4Network("100.64.0.0/10")
_ADVICE = {
    Guest.SILENT: "Assigned, but the guest does not answer on it: see docs/guest.md.",
    Guest.UNREACHABLE: (
        "Not even the primary address answers: the guest is not up, or GUEST_PORT is filtered."
    ),
}


class Question(Value):
    """What one ENI is asked: its secondary addresses, and its primary one as the control."""

    secondary: tuple[str, ...]
    control: str | None


class Heard(Value):
    """Which addresses were asked so far, and which of them have answered."""

    asked: frozenset[str] = frozenset()
    answered: frozenset[str] = frozenset()

    def and_then(self, later: Heard) -> Heard:
        """This and what was heard later."""
        return Heard(self.asked | later.asked, self.answered | later.answered)


def may_be_asked(address: str) -> bool:
    """Whether an address can be that of a guest; never this machine's own, or the provider's."""
    try:
        value = IPv4Address(address)
    except AddressValueError:
        return False
    special = value.is_loopback or value.is_link_local or value.is_multicast or value.is_reserved
    # 0.0.0.0/8 is this machine as well.
    return not (special or value in _PROVIDER or value in IPv4Network("0.0.0.0/8"))


def question_for(result: EniResult, eni: Eni) -> Question | None:
    """What to ask of an ENI that is finished; None where there is nothing to ask.

    Args:
        result: how it ended.
        eni: its last reading.
    """
    if result.outcome not in _ASKED:
        return None
    secondary = sorted((each for each in eni.secondary if may_be_asked(each)), key=IPv4Address)
    control = eni.primary if eni.primary and may_be_asked(eni.primary) else None
    return Question(tuple(secondary), control) if secondary else None


def still_to_ask(questions: Iterable[Question], heard: Heard) -> tuple[str, ...]:
    """What has not answered, each address once; a control only beside others that are silent."""
    found: dict[str, None] = {}
    for question in questions:
        silent = [each for each in question.secondary if each not in heard.answered]
        found.update(dict.fromkeys(silent))
        if silent and question.control and question.control not in heard.answered:
            found[question.control] = None
    return tuple(found)


def still_held(question: Question, eni: Eni | None) -> Question | None:
    """What is left of a question when an ENI is read again: None when nothing is.

    While a guest is asked its instance may be released, and an address taken away from it.

    Args:
        question: what was asked.
        eni: the later reading; None when it does not show the ENI.
    """
    held = eni.secondary if eni is not None and eni.complete else frozenset[str]()
    secondary = tuple(each for each in question.secondary if each in held)
    return Question(secondary, question.control) if secondary else None


def judged(result: EniResult, question: Question | None, heard: Heard) -> EniResult:
    """The result with what the guest answered.

    An address for which there was no time is not called silent; where that is all there is to say,
    nothing is said.
    """
    if question is None:
        return result
    unknown = set(question.secondary) - heard.asked
    silent = tuple(
        each for each in question.secondary if each not in heard.answered and each not in unknown
    )
    if not silent:
        return result if unknown else replace(result, guest=Guest.ANSWERS)
    others = {*question.secondary, question.control}
    guest = Guest.SILENT if others & heard.answered else Guest.UNREACHABLE
    advice = result.advice or _ADVICE[guest]
    return replace(result, guest=guest, silent=silent, advice=advice)


def patience_of(asked: float, before: float, settle: float, *, hook: bool) -> float:
    """How long the guests of one launch are asked, seconds.

    All events of an array came together: what one of them has waited has passed for the others, or
    silent guests would keep the last ones from being worked on at all. A hook whose instances were
    only worked on now still gets the time in which silence begins to mean something.

    Args:
        asked: how long guests are to be asked (`GUEST_SECONDS`).
        before: how long ago the delivery began.
        settle: see `ends_too_early`.
        hook: whether a hook waits for what they say.
    """
    return max(asked - before, min(asked, settle) if hook else 0.0)


def ends_too_early(began: float, last: float, patience: float, settle: float) -> bool:
    """Whether the time is over before silence means anything, epoch seconds.

    A shortfall is not told because of what was seen once; see `SETTLE_SECONDS`.

    Args:
        began: when the guests were asked first.
        last: when the asking has to end, for want of time.
        patience: how long they are to be asked, seconds.
        settle: how long it takes until a second look tells something.
    """
    return last < began + min(patience, settle)
