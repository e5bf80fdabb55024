"""The ledger of what vSwitches may still give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.core.ledger import Ledger

NOW, SETTLE = 1000.0, 30.0


def ledger_of(**available: int) -> Ledger:
    """A ledger with a reserve of 8 that has read these vSwitches."""
    ledger = Ledger(reserve=8, settle=SETTLE)
    for vswitch_id, free in available.items():
        ledger.learn(vswitch_id, free, NOW)
    return ledger


def test_the_reserve_is_deducted() -> None:
    """What may be given is what is free above the reserve, and never less than nothing."""
    assert {"a": 12, "b": 0, "c": 0} == ledger_of(a=20, b=8, c=3).left()


def test_when_a_vswitch_was_read() -> None:
    """The latest reading counts, however empty it is; None while there is none."""
    ledger = ledger_of(a=0)
    ledger.learn("a", 0, NOW + 5)
    assert [NOW + 5, None] == [ledger.read_at("a"), ledger.read_at("b")]


def test_a_grant_is_deducted_and_given_back() -> None:
    """What an ENI was granted and did not use is there for the next one."""
    ledger = ledger_of(a=20)
    ledger.grant("eni-a", "a", 5, had=0, at=NOW)
    assert {"a": 7} == ledger.left()
    ledger.release("eni-a", 2, NOW)
    assert {"a": 10} == ledger.left()


@pytest.mark.parametrize(("has", "left"), [(2, 12), (3, 12), (5, 10), (8, 7), (14, 7)])
def test_what_an_eni_has_grown_by_is_not_given_back(has: int, left: int) -> None:
    """Whoever made it grow, and by however much; one that has shrunk has got nothing."""
    ledger = ledger_of(a=20)
    ledger.grant("eni-a", "a", 5, had=3, at=NOW)
    ledger.release("eni-a", has, NOW)
    assert {"a": left} == ledger.left()


def test_giving_back_twice_gives_nothing() -> None:
    """A grant is released once."""
    ledger = ledger_of(a=20)
    ledger.grant("eni-a", "a", 5, had=0, at=NOW)
    ledger.release("eni-a", 0, NOW)
    ledger.release("eni-a", 0, NOW)
    assert {"a": 12} == ledger.left()


def test_what_a_finished_eni_was_granted_stays_deducted() -> None:
    """The ledger remembers no ENI that is finished, however large the fleet."""
    ledger = ledger_of(a=20)
    ledger.grant("eni-a", "a", 5, had=0, at=NOW)
    ledger.keep("eni-a")
    ledger.release("eni-a", 0, NOW)
    assert {"a": 7} == ledger.left()


def test_another_eni_may_release_what_it_was_granted() -> None:
    """While its outcome is open: not the ENI itself, not in another vSwitch, and not afterwards."""
    ledger = ledger_of(a=20, b=20)
    ledger.grant("eni-a", "a", 5, had=0, at=NOW)
    asked = [("eni-b", "a"), ("eni-a", "a"), ("eni-b", "b")]
    assert [True, False, False] == [ledger.others_may_release(*each) for each in asked]
    ledger.release("eni-a", 5, NOW)
    assert not ledger.others_may_release("eni-b", "a")


# Seconds after a grant of 5 of 12 at which a read shows 20 or 10 free, and what is left then.
READINGS = [
    (0.0, 20, 7),
    (29.9, 20, 7),
    (30.0, 20, 7),
    (0.0, 10, 2),
    (29.9, 10, 2),
    (30.0, 10, -3),
]


@pytest.mark.parametrize(("after", "free", "left"), READINGS)
def test_a_reading_while_a_grant_is_open(after: float, free: int, left: int) -> None:
    """What is granted stays deducted: early reads only lower, and no read shows an open call."""
    ledger = ledger_of(a=20)
    ledger.grant("eni-a", "a", 5, had=0, at=NOW)
    ledger.learn("a", free, NOW + after)
    assert {"a": max(0, left)} == ledger.left()


@pytest.mark.parametrize(("after", "left"), [(29.9, 7), (30.0, 12)])
def test_a_settled_reading_is_believed(after: float, left: int) -> None:
    """A read that began when reads had settled shows all that was taken: it may raise, too."""
    ledger = ledger_of(a=20)
    ledger.grant("eni-a", "a", 5, had=0, at=NOW)
    ledger.release("eni-a", 5, NOW)
    ledger.learn("a", 20, NOW + after)
    assert {"a": left} == ledger.left()


def test_a_closed_vswitch_stays_closed() -> None:
    """Nothing more is taken from a vSwitch that ECS called exhausted, whatever reads say."""
    ledger = ledger_of(a=20)
    ledger.close("a")
    ledger.learn("a", 100, NOW + 99)
    assert {"a": 0} == ledger.left()


def test_closing_one_that_was_never_read() -> None:
    """A vSwitch can be found exhausted before it is read."""
    ledger = ledger_of()
    ledger.close("a")
    assert {"a": 0} == ledger.left()


GRANTS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 9), st.integers(0, 9)))


@given(free=st.integers(0, 60), reserve=st.integers(0, 20), wishes=GRANTS)
def test_never_more_than_was_read_less_the_reserve(
    free: int, reserve: int, wishes: list[tuple[str, int, int]]
) -> None:
    """However grants, returns and late readings mix, used and granted stay within the reading."""
    ledger = Ledger(reserve, SETTLE)
    ledger.learn("v", free, NOW)
    used = 0
    for eni_id, wanted, kept in wishes:
        granted = min(wanted, ledger.left()["v"])
        ledger.grant(eni_id, "v", granted, had=3, at=NOW)
        assert used + granted <= max(0, free - reserve)
        ledger.learn("v", free, NOW + 1)
        ledger.release(eni_id, 3 + min(kept, granted), NOW)
        used += min(kept, granted)
    assert max(0, free - reserve) - used == ledger.left()["v"]
