"""The protocol of one ENI, explored whole: every interleaving up to a bound, not a sample.

Two or three writers drive `handler.core.rounds.Rounds`, the very code that the function drives. The
cloud is small: what the ENI held and since when, the tokens it remembers, calls and replies on
their way. From each situation every move is made, breadth-first, so that the first story that
breaks the promise is a shortest one.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from handler.core.ledger import Ledger
from handler.core.model import Answer, Ask, Wish
from handler.core.protocol import Timing
from handler.core.rounds import Assign, AssignCall, Limit, Look, ReadRooms, Rounds, Todo, member
from handler.core.target import Target
from handler.core.value import replace
from tests.unit.builders import addresses, eni, fault, subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.core.errors import CloudFault
    from handler.core.protocol import EniState

ENI, VSWITCH, REGION, QUOTA = "eni-a", "vsw-a", "cn-a", 12
SETTLE, TICK, START = 10.0, 5.0, 1000.0
TIMING = Timing(settle=SETTLE, visibility=20.0)
POOL = addresses(40)
MISMATCH, EXHAUSTED = "IdempotentParameterMismatch", "InvalidVSwitchId.IpNotEnough"

Held = frozenset[str]
# What one writer was told so far: a word, when, and what.
Inputs = tuple[tuple[Any, ...], ...]


class Bounds(NamedTuple):
    """How far is looked.

    Attributes:
        targets: one writer for each.
        held: addresses at first.
        ticks: how often time passes, `TICK` seconds each.
        lost: calls or replies that get lost.
        denied: writes that are refused for want of room which reads show.
    """

    targets: tuple[int, ...]
    held: int = 0
    ticks: int = 5
    lost: int = 1
    denied: int = 0


class Writer(NamedTuple):
    """One invocation; `sent` is its call on the way, `reply` (a code or addresses) its answer."""

    target: int
    inputs: Inputs = ()
    sent: AssignCall | None = None
    reply: tuple[str, ...] | str | None = None


class Situation(NamedTuple):
    """All there is. `history` holds what the ENI held, and since when."""

    now: float
    history: tuple[tuple[float, Held], ...]
    tokens: tuple[tuple[str, Ask, tuple[str, ...] | str], ...]
    writers: tuple[Writer, ...]
    given: int
    lost: int
    denied: int


class Explored(NamedTuple):
    """What was found: how many situations, and the shortest story that breaks the promise."""

    situations: int
    story: tuple[str, ...]


@lru_cache(maxsize=200_000)
def driven(target: int, inputs: Inputs) -> tuple[Todo | None, str]:
    """What a writer does next who was told this, and all that it knows, as text."""
    (_, began, held), *rest = inputs
    wish, ledger = Wish(Target(count=target), "default"), Ledger(reserve=0, settle=SETTLE)
    first = member(subject(eni(ENI, held)), wish, QUOTA, began)
    rounds = Rounds([first], ledger, Limit(), TIMING, REGION)
    todo, now = _next(rounds, ledger, began, held), began
    for word, now, what in rest:
        if word == "called":
            rounds.called(what, now)
            continue
        if word == "answered":
            rounds.answered(ENI, Answer(what), now)
        elif word == "refused":
            rounds.refused(ENI, _fault(what), now)
        elif word == "read":
            rounds.read({ENI: eni(ENI, what)}, {}, now)
        todo = _next(rounds, ledger, now, what if word == "read" else frozenset())
    known = [_known(each.state) for each in rounds.members]
    return todo, f"{todo!r} {known} {sorted(ledger.left().items())}"


def _known(state: EniState) -> str:
    """All that may decide what comes next, without what is for the record only."""
    plain = replace(state, requested=0, token=None, api_request_id=None, calls=0, first=state.eni)
    return repr((plain, bool(state.calls)))


def _next(rounds: Rounds, ledger: Ledger, now: float, held: Held) -> Todo | None:
    while not isinstance(todo := rounds.next(now), Assign | Look | None):
        if isinstance(todo, ReadRooms):
            ledger.learn(VSWITCH, len(POOL), now)
        else:
            rounds.owners(VSWITCH, dict.fromkeys(held, ENI))
    return todo


@lru_cache
def _fault(code: str) -> CloudFault:
    return fault(code, 403)


def moves(at: Situation) -> Iterator[tuple[str, Situation]]:
    """Everything that can happen next."""
    for number, writer in enumerate(at.writers):
        for what, after in _moves_of(at, writer):
            yield f"{at.now - START:4.0f} s  writer {number + 1}{what}", after(number)
    yield f"{at.now + TICK - START:4.0f} s", at._replace(now=at.now + TICK)


def _moves_of(at: Situation, writer: Writer) -> Iterator[tuple[str, Any]]:
    if writer.reply is not None:
        yield from _replies(at, writer)
    elif writer.sent is not None:
        yield from _performs(at, writer)
    elif not writer.inputs:
        for held in _shown(at):
            yield (
                f" begins, target {writer.target}, and reads {len(held)}",
                _told(at, writer, (("begins", at.now, held),)),
            )
    else:
        todo, _ = driven(writer.target, writer.inputs)
        if isinstance(todo, Assign):
            (call,) = todo.calls
            calling = writer._replace(sent=call, inputs=(*writer.inputs, ("called", at.now, call)))
            yield f" asks {_asked(call)}", _with(at, calling)
        elif isinstance(todo, Look) and todo.at <= at.now:
            for held in _shown(at):
                yield f" reads {len(held)}", _told(at, writer, (("read", at.now, held),))


def _asked(call: AssignCall) -> str:
    named = "by name" if call.ask.values else "by count"
    return f"{call.ask.count} {named} under {call.token[:6]}"


def _replies(at: Situation, writer: Writer) -> Iterator[tuple[str, Any]]:
    reply = writer.reply
    word = "refused" if isinstance(reply, str) else "answered"
    told = f" is refused: {reply}" if isinstance(reply, str) else f" is answered {len(reply or ())}"
    free = writer._replace(sent=None, reply=None)
    yield told, _told(at, free, ((word, at.now, reply),))
    if at.lost:
        unheard = (("refused", at.now, "no_answer"),)
        yield " loses the reply", _told(at._replace(lost=at.lost - 1), free, unheard)


def _performs(at: Situation, writer: Writer) -> Iterator[tuple[str, Any]]:
    call = writer.sent
    assert call is not None
    after, reply = assigned(at, call)
    yield f"'s call arrives: {_said(reply)}", _with(after, writer._replace(reply=reply))
    if at.lost:
        unsent = writer._replace(sent=None)
        unheard = (("refused", at.now, "no_answer"),)
        yield "'s call gets lost", _told(at._replace(lost=at.lost - 1), unsent, unheard)
    if at.denied and not any(call.token == token for token, _, _ in at.tokens):
        denied = writer._replace(reply=EXHAUSTED)
        yield (
            "'s call arrives: no room",
            _with(at._replace(denied=at.denied - 1), denied),
        )


def _said(reply: tuple[str, ...] | str) -> str:
    return reply if isinstance(reply, str) else f"{len(reply)} more"


def assigned(at: Situation, call: AssignCall) -> tuple[Situation, tuple[str, ...] | str]:
    """What ECS does with a call, and answers."""
    for token, ask, answer in at.tokens:
        if token == call.token:
            return at, (answer if ask == call.ask else MISMATCH)
    held = at.history[-1][1]
    if set(call.ask.values) & held:
        return at, "InvalidIp.IpAssigned"
    new = call.ask.values or POOL[at.given : at.given + call.ask.count]
    tokens = (*at.tokens, (call.token, call.ask, tuple(new)))
    history = (*at.history, (at.now, held | set(new)))
    given = at.given if call.ask.values else at.given + call.ask.count
    return at._replace(history=history, tokens=tokens, given=given), tuple(new)


def _shown(at: Situation) -> list[Held]:
    """All that a read may show: what was held at any moment of the time that reads lag."""
    found = []
    for place, (_, held) in enumerate(at.history):
        over = at.history[place + 1][0] if place + 1 < len(at.history) else at.now + 1
        if over > at.now - SETTLE and held not in found:
            found.append(held)
    return found


def _with(at: Situation, writer: Writer) -> Any:
    def put(number: int) -> Situation:
        writers = (*at.writers[:number], writer, *at.writers[number + 1 :])
        return at._replace(writers=writers)

    return put


def _told(at: Situation, writer: Writer, told: Inputs) -> Any:
    return _with(at, writer._replace(inputs=writer.inputs + told))


def _key(at: Situation) -> tuple[Any, ...]:
    """What tells situations apart: not how a writer came to know what it knows."""
    writers = tuple(
        (
            each.target,
            driven(each.target, each.inputs)[1] if each.inputs else "",
            each.sent,
            each.reply,
        )
        for each in at.writers
    )
    recent = tuple(_shown(at))
    writers = tuple(sorted(writers, key=repr))
    return (at.now, recent, at.history[-1], at.tokens, writers, at.lost, at.denied)


def explored(bounds: Bounds) -> Explored:
    """Every situation within the bounds, or until the promise is broken."""
    first = frozenset(POOL[: bounds.held])
    writers = tuple(Writer(each) for each in bounds.targets)
    start = Situation(START, ((0.0, first),), (), writers, bounds.held, bounds.lost, bounds.denied)
    last, allowed = start.now + bounds.ticks * TICK, max(bounds.held, *bounds.targets)
    waiting: deque[tuple[Situation, Any]] = deque([(start, None)])
    seen = {_key(start)}
    while waiting:
        at, told = waiting.popleft()
        for what, after in moves(at):
            if after.now > last:
                continue
            if len(after.history[-1][1]) > allowed:
                return Explored(len(seen), _story((what, told)))
            if (key := _key(after)) not in seen:
                seen.add(key)
                waiting.append((after, (what, told)))
    return Explored(len(seen), ())


def _story(told: Any) -> tuple[str, ...]:
    lines = []
    while told is not None:
        line, told = told
        lines.append(line)
    return tuple(reversed(lines))
