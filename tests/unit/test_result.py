"""What is recorded of an ENI at its end."""

from __future__ import annotations

import pytest

from handler.core.model import Answer, Ask, AskKind, Outcome, Reason, Wish
from handler.core.protocol import Timing, Verdict, answered, asked, begin, observe
from handler.core.target import parse_target
from handler.shell.reconcile import Member, result_of
from tests.unit.builders import eni, subject

NOW = 1000.0
A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (Verdict(Outcome.ASSIGNED, Reason.REACHED), (B,)),
        (Verdict(Outcome.DEFERRED, Reason.OUT_OF_TIME), (A, B)),
    ],
    ids=["at its target", "undecided"],
)
def test_an_answer_that_no_read_confirms(end: Verdict, told: tuple[str, ...]) -> None:
    """It was replayed, and others reached the target: what is said to be held is held."""
    pursuit = asked(begin(eni()), Ask(AskKind.COUNT, 2), "token", NOW)
    pursuit = answered(pursuit, Answer((A, B), (), "req-1"), NOW)
    pursuit = observe(pursuit, eni(held=[B, C]), NOW + 1, Timing(30.0, 60.0))
    member = Member(subject(), Wish(parse_target("2"), "default"), 9, pursuit)
    assert told == result_of(member, end).addresses
