"""What is recorded of an ENI at its end."""

from __future__ import annotations

import pytest

from handler.core.model import Answer, Ask, AskKind, Outcome, Reason, Wish
from handler.core.protocol import End, Timing, answered, calling, read
from handler.core.rounds import member
from handler.core.target import parse_target
from handler.core.value import replace
from handler.shell.records import result_of
from tests.unit.builders import eni, subject

NOW = 1000.0
A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (End(Outcome.ASSIGNED, Reason.REACHED), (B,)),
        (End(Outcome.DEFERRED, Reason.OUT_OF_TIME), (A, B)),
    ],
    ids=["at its target", "undecided"],
)
def test_an_answer_that_no_read_confirms(end: End, told: tuple[str, ...]) -> None:
    """It was replayed, and others reached the target: what is said to be held is held."""
    first = member(subject(), Wish(parse_target("2"), "default"), 9, NOW)
    state = calling(first.state, Ask(AskKind.COUNT, 2), "token", NOW)
    state = answered(state, Answer((A, B), (), "req-1"), NOW)
    state = read(state, eni(held=[B, C]), NOW + 1, Timing(30.0, 60.0))
    assert told == result_of(replace(first, state=state), end).addresses
