"""What the command makes of records: sums, the worst rows, and an exit status."""

from __future__ import annotations

from typing import Any

import pytest

from console.exits import Exit
from console.progress import Progress, got, had, has, missing
from console.session import Ended
from console.tables import why
from handler.core.errors import Retryable

ASSIGNED: dict[str, Any] = {"action": "assign"}


def result(eni_id: str = "eni-a", outcome: str = "assigned", **more: Any) -> dict[str, Any]:
    """The record of an ENI that held nothing."""
    return {
        "record_type": "eni_result",
        "network_interface_id": eni_id,
        "instance_id": "i-a",
        "instance_type": "ecs.g7.xlarge",
        "vswitch_id": "vsw-a",
        "outcome": outcome,
        "reason": "reached",
        "target": 4,
        "target_source": "rule",
        "before": 0,
        "requested": 0,
        "addresses": [],
        "code": None,
        "attempts": 0,
    } | more


def given(count: int) -> dict[str, Any]:
    """What an ENI gets in a real run, in one call."""
    return {"addresses": [f"10.0.0.{number}" for number in range(count)], "attempts": 1}


def heard(*records: dict[str, Any], keep: int = 10) -> Progress:
    """The sums over these records."""
    progress = Progress(keep)
    for record in records:
        progress.hear(record)
    return progress


def test_sums() -> None:
    """Of ENIs, addresses and calls; what a plan would do counts as what a run does."""
    found = heard(
        result(**given(4)),
        result("eni-b", "planned", requested=3, target=3),
        result("eni-c", "short", target=9, **given(2)),
        result("eni-d", "deferred", reason="limit"),
        result("eni-e", "deferred", reason="out_of_time"),
    )
    assert (5, 9, 3, 1, 1) == (
        found.enis,
        found.addresses,
        found.writes,
        found.short,
        found.undecided,
    )


def test_a_planned_eni_may_end_short() -> None:
    """What it would get does not reach its target."""
    assert 1 == heard(result(outcome="planned", requested=3)).short


def test_throttled_calls_are_counted() -> None:
    """By their code; other errors are not."""
    codes = ("Throttling", "Throttling.User", "InternalError")
    assert 2 == heard(*({"record_type": "api_error", "code": code} for code in codes)).throttled


def test_room_before_is_what_is_left_and_what_was_given() -> None:
    """Per vSwitch, above the reserve."""
    left = {"vswitch_id": "vsw-a", "room": 5, "reserve": 8}
    found = heard(result(**given(2)), {"record_type": "run_summary", "vswitches": [left]})

    assert [("vsw-a", 7, 2, 5, 8)] == found.vswitches()


def test_the_worst_rows_are_kept_in_order() -> None:
    """Failed, undecided, short by how much, then by how much they get; few of any number."""
    rows = [
        result("eni-fine", "satisfied", before=4),
        result("eni-small", "planned", requested=1, target=1),
        result("eni-large", "planned", requested=4),
        result("eni-short", "planned", requested=1),
        result("eni-shorter", "short", reason="vswitch"),
        result("eni-late", "deferred", reason="out_of_time"),
        result("eni-failed", "failed", reason="refused"),
    ]
    worst = ["eni-failed", "eni-late", "eni-shorter", "eni-short", "eni-large"]
    for order in (rows, rows[::-1]):
        found = heard(*order, keep=5).worst()
        assert worst == [row["network_interface_id"] for row in found]


@pytest.mark.parametrize(
    ("records", "ended", "expected"),
    [
        ([result(**given(4))], Ended(ASSIGNED), Exit.AT_TARGET),
        ([result(outcome="deferred", reason="limit")], Ended(ASSIGNED), Exit.SHORT),
        ([result(outcome="short")], Ended(ASSIGNED), Exit.SHORT),
        ([result(outcome="short"), result(outcome="failed")], Ended(ASSIGNED), Exit.FAILED),
        ([result(outcome="deferred", reason="transient")], Ended(ASSIGNED), Exit.FAILED),
        ([], Ended(failure=Retryable("refused")), Exit.FAILED),
        ([result(outcome="short")], Ended(ASSIGNED, rest=b"{}"), Exit.STOPPED),
        ([], Ended({"action": "rejected", "reason": "no"}), Exit.BAD_REQUEST),
    ],
)
def test_exit_statuses(records: list[dict[str, Any]], ended: Ended, expected: Exit) -> None:
    """The worst of what happened decides."""
    assert expected == heard(*records).exit(ended)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (result(**given(4)), "reached"),
        (result(outcome="short", reason="vswitch", **given(1)), "vswitch"),
        (result(outcome="failed", reason="refused", code="Forbidden"), "refused, Forbidden"),
        (result(outcome="planned", reason="would_assign", requested=4), "would_assign"),
        (result(guest="silent", silent=["10.0.0.1"]), "reached, silent"),
        (result(guest="answers", silent=[]), "reached"),
        (result(guest=None, silent=[]), "reached"),
    ],
)
def test_why(row: dict[str, Any], expected: str) -> None:
    """Reason and error code, and a guest that does not answer."""
    assert expected == why(row)


def test_guests_are_summed_where_they_were_asked() -> None:
    """ENIs by what their guests do, and the addresses without an answer."""
    found = heard(
        result(guest="answers", silent=[]),
        result("eni-b", guest="silent", silent=["10.0.0.1"]),
        result("eni-c", guest="unreachable", silent=["10.0.0.2", "10.0.0.3"]),
        result("eni-d", guest=None, silent=[]),
    )
    assert ({"answers": 1, "silent": 1, "unreachable": 1}, 3) == (found.guests, found.silent)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (result(before=1, after=3, target=4, **given(2)), (1, 2, 3, 1)),
        (result(outcome="planned", before=1, after=1, requested=3), (1, 3, 4, 0)),
        (result(outcome="satisfied", before=4, after=4), (4, 0, 4, 0)),
        (result(before=0, after=4, **given(2)), (0, 2, 4, 0)),  # others write too
        (result(outcome="skipped", before=1, after=1), (1, 0, 1, 0)),
        (result(outcome="gone", before=None, target=None), (None, 0, 0, 0)),
    ],
)
def test_one_vocabulary(row: dict[str, Any], expected: tuple[int | None, ...]) -> None:
    """had, got, has, missing: of a run, and of a plan as it would be."""
    assert expected == (had(row), got(row), has(row), missing(row))
