"""The ledger of what vSwitches may still give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.core.ledger import Rooms


def rooms(**available: int) -> Rooms:
    """A ledger with a reserve of 8 that has read these vSwitches."""
    ledger = Rooms(reserve=8)
    for vswitch_id, free in available.items():
        ledger.learn(vswitch_id, free)
    return ledger


def test_the_reserve_is_deducted() -> None:
    """What may be given is what is free above the reserve, and never less than nothing."""
    assert {"a": 12, "b": 0, "c": 0} == rooms(a=20, b=8, c=3).left()


def test_only_what_was_not_read_is_unknown() -> None:
    """A vSwitch is read once, however empty."""
    assert {"b"} == rooms(a=0).unknown({"a", "b"})


def test_a_grant_is_deducted_and_given_back() -> None:
    """What an ENI was granted and did not use is there for the next one."""
    ledger = rooms(a=20)
    ledger.grant("eni-a", "a", 5, had=0)
    assert {"a": 7} == ledger.left()
    ledger.settle("eni-a", 2)
    assert {"a": 10} == ledger.left()


@pytest.mark.parametrize(("has", "left"), [(2, 12), (3, 12), (5, 10), (8, 7), (14, 7)])
def test_what_an_eni_has_grown_by_is_not_given_back(has: int, left: int) -> None:
    """Whoever made it grow, and by however much; one that has shrunk has got nothing."""
    ledger = rooms(a=20)
    ledger.grant("eni-a", "a", 5, had=3)
    ledger.settle("eni-a", has)
    assert {"a": left} == ledger.left()


@pytest.mark.parametrize(("has", "left"), [(0, 12), (3, 12), (6, 9), (9, 6), (12, 3), (20, 3)])
def test_grants_of_one_eni_add_up(has: int, left: int) -> None:
    """One may be in doubt while another is made; the ENI has grown since the first of them."""
    ledger = rooms(a=20)
    ledger.grant("eni-a", "a", 5, had=3)
    ledger.grant("eni-a", "a", 4, had=5)
    assert {"a": 3} == ledger.left()
    ledger.settle("eni-a", has)
    assert {"a": left} == ledger.left()


def test_a_grant_on_which_nothing_was_taken_is_revoked() -> None:
    """The one before it stays: what became of that is not known."""
    ledger = rooms(a=20)
    ledger.grant("eni-a", "a", 5, had=0)
    ledger.grant("eni-a", "a", 4, had=0)
    ledger.revoke("eni-a")
    assert {"a": 7} == ledger.left()
    ledger.settle("eni-a", 0)
    assert {"a": 12} == ledger.left()


def test_giving_back_twice_gives_nothing() -> None:
    """A grant is settled once."""
    ledger = rooms(a=20)
    ledger.grant("eni-a", "a", 5, had=0)
    ledger.settle("eni-a", 0)
    ledger.settle("eni-a", 0)
    assert {"a": 12} == ledger.left()


def test_what_a_finished_eni_was_granted_stays_deducted() -> None:
    """The ledger remembers no ENI that is finished, however large the fleet."""
    ledger = rooms(a=20)
    ledger.grant("eni-a", "a", 5, had=0)
    ledger.forget("eni-a")
    ledger.settle("eni-a", 0)
    assert {"a": 7} == ledger.left()


def test_later_readings_only_lower() -> None:
    """A late reading must not bring back what was granted in the meantime."""
    ledger = rooms(a=20)
    ledger.grant("eni-a", "a", 5, had=0)
    ledger.learn("a", 20)
    assert {"a": 7} == ledger.left()
    ledger.learn("a", 10)
    assert {"a": 2} == ledger.left()


def test_a_closed_vswitch_stays_closed() -> None:
    """Nothing more is taken from a vSwitch that ECS called exhausted, whatever reads say."""
    ledger = rooms(a=20)
    ledger.close("a")
    ledger.learn("a", 100)
    assert {"a": 0} == ledger.left()


def test_closing_one_that_was_never_read() -> None:
    """A vSwitch can be found exhausted before it is read; then it need not be read."""
    ledger = rooms()
    ledger.close("a")
    assert set() == ledger.unknown({"a"})
    assert {"a": 0} == ledger.left()


GRANTS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 9), st.integers(0, 9)))


@given(free=st.integers(0, 60), reserve=st.integers(0, 20), wishes=GRANTS)
def test_never_more_than_was_read_less_the_reserve(
    free: int, reserve: int, wishes: list[tuple[str, int, int]]
) -> None:
    """However grants, returns and late readings mix, used and granted stay within the reading."""
    ledger = Rooms(reserve)
    ledger.learn("v", free)
    used = 0
    for eni_id, wanted, kept in wishes:
        granted = min(wanted, ledger.left()["v"])
        ledger.grant(eni_id, "v", granted, had=3)
        assert used + granted <= max(0, free - reserve)
        ledger.learn("v", free)
        ledger.settle(eni_id, 3 + min(kept, granted))
        used += min(kept, granted)
    assert max(0, free - reserve) - used == ledger.left()["v"]
