"""What no page settles about ECS, tried on ENIs that their owner names: tokens, lag, limits.

Each trial assigns a few addresses, looks, and takes them back. Nothing is touched but what these
trials were answered with. The order matters:

    assign 1 with token A        -> how long until a read shows it
    assign 1 with token A again  -> the same answer, or one more address
    assign 2 with token A        -> refused, the old answer, or two more
    take all of it back          -> how long until no read shows it
    assign 1 with token A again  -> the old answer though nothing is there: answers are remembered
    the same after longer pauses -> for how long

A refusal is tried with an ask that is one too many until an address is taken back.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from handler.core.errors import CloudFault

if TYPE_CHECKING:
    from collections.abc import Callable

    Held = frozenset[str]

# Seconds between two looks, and how long the pauses before the token is used again are at first.
LOOK, FIRST_PAUSE = 1.0, 5.0
# An unattached ENI is asked to take so many at a time, until a refusal, and so many at most.
STEP, MOST = 10, 60
OLD, MORE = "answered with the old addresses", "performed again"


class Ecs(Protocol):
    """What the trials need of ECS."""

    def held(self, eni: str) -> Held:
        """The secondary addresses that a read shows."""
        ...

    def assign(self, eni: str, count: int, token: str) -> Answer:
        """Ask for so many addresses; a refusal is an answer."""
        ...

    def unassign(self, eni: str, address: str) -> None:
        """Take an address away; nothing if it is not there."""
        ...


@dataclass(frozen=True)
class Answer:
    """What was assigned, or the code of a refusal."""

    addresses: Held = frozenset()
    code: str | None = None


@dataclass(frozen=True)
class TokenFacts:
    """What was seen of tokens and reads; a time of None is longer than anybody waited.

    Attributes:
        shown: seconds until a read showed what was assigned.
        gone: seconds until none showed what was taken away.
        same: the same token and the same ask.
        other: the same token and another ask.
        remembered: seconds after which the token still gave the old answer; None: not tried.
        forgotten: seconds after which it gave new addresses; None: it never did.
    """

    shown: float | None
    gone: float | None
    same: str
    other: str
    remembered: float | None
    forgotten: float | None


@dataclass(frozen=True)
class Place:
    """An ENI that trials are made on, and what time it is.

    Attributes:
        patience: seconds that a read is waited for, and a token is used again.
        mine: what was answered and is not taken back yet.
        unanswered: an ask whose answer is not known, with its token.
    """

    eni: str
    ecs: Ecs
    now: Callable[[], float]
    sleep: Callable[[float], None]
    patience: float
    mine: set[str] = field(default_factory=set)
    unanswered: list[tuple[int, str]] = field(default_factory=list)

    def assign(self, count: int, token: str) -> Answer:
        """Ask, and note what is ours to take back."""
        self.unanswered.append((count, token))
        try:
            found = self.ecs.assign(self.eni, count, token)
        except CloudFault:
            # It may have been done: under the same token, the answer tells.
            found = self.ecs.assign(self.eni, count, token)
        self.mine.update(found.addresses)
        self.unanswered.clear()
        return found

    def until(self, fits: Callable[[Held], bool]) -> float | None:
        """Seconds until a read fits; None when none did in time."""
        began = self.now()
        while not fits(self.ecs.held(self.eni)):
            if self.now() - began >= self.patience:
                return None
            self.sleep(LOOK)
        return self.now() - began

    def take_back(self) -> float | None:
        """Take away all that is ours; seconds until no read shows it.

        One by one, and also what no read shows: an answer may be an old one, or a read may lag.
        What was not answered, because of a Ctrl-C, is asked again under its token.
        """
        for count, token in tuple(self.unanswered):
            self.assign(count, token)
        for address in sorted(self.mine):
            self.ecs.unassign(self.eni, address)
        found = self.until(lambda held: not self.mine & held)
        if found is not None:
            self.mine.clear()
        return found


class CannotTry(Exception):
    """The first ask was refused, so that nothing can be learnt here."""


def tokens(place: Place) -> TokenFacts:
    """How ECS treats a token, and how far reads lag. Leaves the ENI as it was.

    Raises:
        CannotTry: nothing can be assigned here.
    """
    token = uuid.uuid4().hex
    first = place.assign(1, token)
    if first.code is not None or not first.addresses:
        raise CannotTry(f"one address was refused: {first.code or 'the answer names none'}")
    shown = place.until(lambda held: first.addresses <= held)
    same = _told(place.assign(1, token), first)
    other = _told(place.assign(2, token), first)
    gone = place.take_back()
    if shown is None or gone is None:
        # No read tells what is there, so neither whether a token was performed again.
        return TokenFacts(shown, None, same, other, None, None)
    remembered, forgotten = _memory(place, token, first, shown)
    place.take_back()
    return TokenFacts(shown, gone, same, other, remembered, forgotten)


def _told(answer: Answer, first: Answer) -> str:
    """What a second ask under a token was answered."""
    if answer.code is not None:
        return f"refused: {answer.code}"
    return OLD if answer.addresses == first.addresses else MORE


def _memory(place: Place, token: str, first: Answer, lag: float) -> tuple[float, float | None]:
    """How long the token gives the old answer, although its address is not there any more."""
    began, pause, remembered = place.now(), FIRST_PAUSE, 0.0
    while True:
        answer = place.assign(1, token)
        place.sleep(lag)
        since = place.now() - began
        if answer.addresses != first.addresses or first.addresses <= place.ecs.held(place.eni):
            return remembered, since
        remembered = since
        if since + pause > place.patience:
            return remembered, None
        place.sleep(pause)
        pause *= 2


def refusal(place: Place, capacity: int) -> str:
    """Whether a refusal is repeated under its token when there is nothing to refuse any more.

    Args:
        place: the ENI.
        capacity: secondary addresses that it holds at most.
    """
    room = capacity - len(place.ecs.held(place.eni))
    first = place.assign(1, uuid.uuid4().hex)
    if room < 1 or first.code is not None:
        return f"not tried: {first.code or 'the ENI is full'}"
    place.until(lambda held: first.addresses <= held)
    token = uuid.uuid4().hex
    refused = place.assign(room, token)
    if refused.code is None:
        place.take_back()
        return "not tried: the ENI takes more than its type says"
    place.take_back()
    again = place.assign(room, token)
    place.take_back()
    if again.code == refused.code:
        return f"repeated: {again.code}"
    return "not repeated: it is performed" if again.code is None else f"refused: {again.code}"


def limit(place: Place) -> tuple[int, str | None]:
    """How many secondary addresses an unattached ENI takes, and the code that refuses more."""
    held, step, code = len(place.ecs.held(place.eni)), STEP, None
    while step and held < MOST:
        answer = place.assign(min(step, MOST - held), uuid.uuid4().hex)
        if answer.code is None:
            held += len(answer.addresses)
        else:
            code, step = answer.code, step // 2
    place.take_back()
    return held, code
