"""Each comparison of the audit, asked from both sides."""

from __future__ import annotations

from typing import Any

import pytest

from handler.core.errors import Retryable, Unexpected
from tests.chaos import sides
from tests.chaos.turns import Killed

SHORT = {"outcome": "short", "reason": "vswitch", "network_interface_id": "eni-a"}
ROW = {"network_interface_id": "eni-a", "instance_id": "i-a"}
LINE = '{"record_type": "run_summary"}'

FINE: dict[str, tuple[Any, ...]] = {
    "told_too_soon": ([],),
    "told_falsely": ("DEFAULT", ["eni-a"], 30),
    "not_ours": ("web-secondary-ips",),
    "left_waiting": ("web-secondary-ips", False),
    "ran_out": ("web-secondary-ips", 7.0, 7.0, 9.0),
    "below_reserve": ("vsw-1", 8, 8),
    "shortened": (100.0, 100.0),
    "not_in_the_future": (0.1,),
    "read_too_often": (60, 0, 0.0),
    "over_limit": ({"eni-a", "eni-b"}, 2),
    "left_by_limit": ({"eni-c"}, {"eni-a", "eni-b"}, 2),
    "asked_in_vain": ("eni-a", 3),
    "slow_after": (7, 10),
    "unreadable": ([LINE],),
    "recorded_twice": ([ROW, ROW | {"network_interface_id": "eni-b"}],),
    "not_recorded": (["eni-a", "i-a"], [ROW]),
    "false_shortage": (SHORT, 0),
}
BROKEN: dict[str, tuple[tuple[Any, ...], str]] = {
    "told_too_soon": ((["eni-b", "eni-a"],), "CONTINUE while eni-a, eni-b is short"),
    "told_falsely": (
        ("DEFAULT", [], 30),
        "DEFAULT although no ENI of the hook was short at any moment of the last 30 s",
    ),
    "not_ours": (("register-dns",), "the hook register-dns is somebody else's"),
    "left_waiting": (
        ("web-secondary-ips", True),
        "the hook web-secondary-ips still waits although its delivery ended well",
    ),
    "ran_out": (
        ("web-secondary-ips", 6.0, 7.0, 7.0),
        "the hook web-secondary-ips has run out while it was worked on",
    ),
    "below_reserve": (("vsw-1", 7, 8), "vsw-1 has 7 free, less than 8"),
    "shortened": ((3600.0, 120.0), "a heartbeat takes 3480 s from the hook"),
    "not_in_the_future": ((0.0,), "a pause of 0 s"),
    "read_too_often": ((8013, 2, 568.0), "8013 reads of ENIs in 568 s, more than 652"),
    "over_limit": (({"eni-a", "eni-b"}, 1), "2 ENIs are changed, limit 1"),
    "left_by_limit": (
        ({"eni-d", "eni-c"}, {"eni-a"}, 2),
        "eni-c, eni-d left by a limit of 2, 1 free",
    ),
    "asked_in_vain": (
        ("eni-a", 4),
        "eni-a is not there by 4 answers, and was written to again",
    ),
    "slow_after": ((7, 11), "4 minutes after a throttled one, and only now done"),
    "unreadable": (([LINE, "{***"],), "a line of the log is no JSON: {***"),
    "recorded_twice": (([ROW, ROW],), "('eni-a', 'i-a') has more than one eni_result"),
    "not_recorded": ((["eni-a", "eni-c"], [ROW]), "eni-c has no eni_result"),
    "false_shortage": ((SHORT, 4), "eni-a is short, and 4 addresses were always free"),
}


@pytest.mark.parametrize("name", FINE)
def test_what_is_as_promised_is_no_breach(name: str) -> None:
    """At the very bound, nothing is said."""
    assert "" == getattr(sides, name)(*FINE[name])


@pytest.mark.parametrize("name", BROKEN)
def test_breach_is_told(name: str) -> None:
    """Past the bound, one sentence says what is wrong."""
    given, told = BROKEN[name]
    assert told == getattr(sides, name)(*given)


@pytest.mark.parametrize(
    ("tags", "foreign"),
    [
        ({}, False),
        ({"creator": "terraform"}, False),
        ({"creator": "terway-controller"}, True),
        ({"cilium-eni-index": "1"}, True),
        ({"ack.aliyun.com": "c1"}, True),
    ],
)
def test_marks_of_others(tags: dict[str, str], foreign: bool) -> None:
    """A key, a key's beginning, or a value says whose an ENI is."""
    assert foreign == sides.is_foreign(tags)


def test_marked_eni_is_written_to_only_where_it_is_named() -> None:
    """A mark is a breach, unless a request names the ENI."""
    told = "eni-a, which is somebody else's, is written to"
    assert told == sides.somebody_elses("eni-a", {"creator": "terway"}, by_id=False)
    assert "" == sides.somebody_elses("eni-a", {"creator": "terway"}, by_id=True)
    assert "" == sides.somebody_elses("eni-a", {}, by_id=False)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (None, ""),
        (Killed(), ""),
        (Retryable("later"), ""),
        (Unexpected("odd"), "Unexpected('odd') leaves the handler"),
        (KeyError("x"), "KeyError('x') leaves the handler"),
    ],
)
def test_errors_that_may_leave_the_handler(error: BaseException | None, told: str) -> None:
    """Those that ask for another delivery; not what nobody expected, which asks for one, too."""
    assert told == sides.unexpected(error)


@pytest.mark.parametrize(
    ("moment", "said"), [(0, [1, 2, 3]), (2, [1, 2, 3]), (3, [2, 3]), (9, [3])]
)
def test_what_the_books_have_said_since(moment: float, said: list[int]) -> None:
    """What stood there at that moment, and all that came after it."""
    assert said == sides.since(moment, [(1, 1), (3, 2), (5, 3)])


def test_what_has_gone_counts_as_it_was_at_last() -> None:
    """Whenever one asks after it went."""
    assert [2] == sides.since(9, [(1, 1), (3, 2), (5, None)])


@pytest.mark.parametrize(
    ("code", "denies"),
    [
        (None, False),
        ("InvalidVSwitchId.IpNotEnough", True),
        ("MaxEniPrivateIpsCountExceeded", True),
        ("Throttling.User", False),
    ],
)
def test_refusals_that_deny_room(code: str | None, denies: bool) -> None:
    """For want of addresses or of quota; being throttled is neither."""
    assert denies == sides.denies_room(code)
