"""What one invocation has to say: records as they come, sums, and a bounded list."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.core.model import EniResult, Ignored, Outcome, Reason, Rejected
from handler.shell.records import (
    COUNTS,
    MAX_ENIS,
    MAX_REMEMBERED,
    NAMED,
    Tally,
    level_of,
    not_acted_on,
    row,
)


@dataclass
class Pages:
    """A log that keeps what is written."""

    lines: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def hidden(self, text: str) -> str:
        """There are no secrets."""
        return text

    def write(self, record_type: str, level: str = "info", **fields: object) -> None:
        """Keep one record."""
        self.lines.append((record_type, level, fields))


def result(
    outcome: Outcome = Outcome.ASSIGNED,
    reason: Reason = Reason.REACHED,
    eni_id: str | None = "eni-a",
    instance_id: str | None = "i-a",
    addresses: tuple[str, ...] = (),
) -> EniResult:
    """How an ENI ended."""
    return EniResult(eni_id, instance_id, "vsw-a", outcome, reason, addresses=addresses)


def tally(*results: EniResult) -> Tally:
    """A tally of these results, added at second 1, 2, ..."""
    found = Tally(Pages())
    for second, each in enumerate(results, start=1):
        found.add(each, float(second))
    return found


def test_each_eni_has_one_record_at_once() -> None:
    """The record is written when the ENI is finished, not at the end."""
    pages = Pages()
    found = Tally(pages)
    found.add(result(eni_id="eni-a"), 1.0)
    assert [("eni_result", "info", row(result(eni_id="eni-a")))] == pages.lines
    found.add(result(eni_id="eni-b"), 2.0)
    assert ["eni-a", "eni-b"] == [fields["network_interface_id"] for _, _, fields in pages.lines]


def test_a_row_is_plain_data() -> None:
    """Enumerations become words and tuples lists, under the documented names."""
    found = row(EniResult("eni-a", "i-a", "vsw-a", Outcome.SHORT, Reason.QUOTA, 9, "default", 1, 5))
    assert {
        "network_interface_id": "eni-a",
        "instance_id": "i-a",
        "vswitch_id": "vsw-a",
        "outcome": "short",
        "reason": "quota",
        "target": 9,
        "target_source": "default",
        "before": 1,
        "after": 5,
        "requested": 0,
        "addresses": [],
        "prefixes": [],
        "guest": None,
        "silent": [],
        "code": None,
        "api_request_id": None,
        "attempts": 0,
        "client_token": None,
        "advice": None,
        "instance_type": None,
        "scaling_group_id": None,
        "image_id": "",
    } == found
    assert [str, str, list] == [type(found[key]) for key in ("outcome", "reason", "addresses")]


def test_sums() -> None:
    """Instances count once, results without an ENI are no ENIs, addresses are summed up."""
    found = tally(
        result(addresses=("10.0.0.1", "10.0.0.2")),
        result(eni_id="eni-b", addresses=("10.0.0.3",)),
        result(Outcome.SKIPPED, Reason.NO_TARGET, "eni-c", instance_id=None),
        result(Outcome.DEFERRED, Reason.NOT_VISIBLE, None, "i-b"),
    ).sums()
    expected = {"instances": 2, "enis": 3, "assigned": 2, "skipped": 1, "deferred": 1}
    assert dict.fromkeys(COUNTS, 0) | expected | {"addresses_assigned": 3} == found


def test_counts_are_the_documented_ones() -> None:
    """In the documented order."""
    assert [
        "instances",
        "enis",
        "satisfied",
        "assigned",
        "short",
        "skipped",
        "gone",
        "failed",
        "planned",
        "deferred",
        "addresses_assigned",
    ] == list(tally().sums())


@pytest.mark.parametrize(
    ("outcome", "reason", "level"),
    [
        (Outcome.SATISFIED, Reason.AT_TARGET, "info"),
        (Outcome.ASSIGNED, Reason.REACHED, "info"),
        (Outcome.GONE, Reason.NOT_FOUND, "info"),
        (Outcome.PLANNED, Reason.WOULD_ASSIGN, "info"),
        (Outcome.SKIPPED, Reason.NO_TARGET, "info"),
        (Outcome.SKIPPED, Reason.INVALID_TARGET, "warning"),
        (Outcome.SHORT, Reason.VSWITCH, "warning"),
        (Outcome.DEFERRED, Reason.OUT_OF_TIME, "warning"),
        (Outcome.FAILED, Reason.REFUSED, "error"),
    ],
)
def test_levels(outcome: Outcome, reason: Reason, level: str) -> None:
    """What needs a person is an error, what may need one a warning."""
    assert level == level_of(result(outcome, reason))


# How an ENI ends, and whether it leaves something undecided, and a hook short.
CONSEQUENCES = [
    (Outcome.SATISFIED, Reason.AT_TARGET, False, False),
    (Outcome.SHORT, Reason.QUOTA, False, True),
    (Outcome.SHORT, Reason.VSWITCH, False, True),
    (Outcome.FAILED, Reason.REFUSED, False, True),
    (Outcome.SKIPPED, Reason.NO_TARGET, False, False),
    (Outcome.SKIPPED, Reason.INVALID_TARGET, False, True),
    (Outcome.GONE, Reason.NOT_FOUND, False, False),
    (Outcome.DEFERRED, Reason.TRANSIENT, True, False),
    (Outcome.DEFERRED, Reason.NOT_READY, True, False),
    (Outcome.DEFERRED, Reason.LIMIT, False, False),
]


@pytest.mark.parametrize(("outcome", "reason", "undecided", "short"), CONSEQUENCES)
def test_consequences(outcome: Outcome, reason: Reason, undecided: bool, short: bool) -> None:
    """What was put off is undecided unless the limit put it off; a bad tag is short for a hook."""
    found = tally(result(outcome, reason))
    assert (undecided, short) == (bool(found.undecided), bool(found.hook_short))


def test_denied_and_foreign() -> None:
    """Refusals of who we are, and scaling groups that are not allowed, are kept apart."""
    denied = result(Outcome.FAILED, Reason.NOT_PERMITTED)
    found = tally(denied, result(Outcome.SKIPPED, Reason.SCALING_GROUP))
    assert ({None: denied}, 1) == (found.denied, found.hook_foreign)


def test_what_is_kept_does_not_grow_with_the_fleet() -> None:
    """Of any number that ended alike, all are counted and a few are kept."""
    found, many = tally(), MAX_REMEMBERED + 3
    for number in range(many):
        eni_id, instance_id = f"eni-{number}", f"i-{number}"
        for outcome, reason in (
            (Outcome.DEFERRED, Reason.NOT_VISIBLE),
            (Outcome.FAILED, Reason.NOT_PERMITTED),
        ):
            ended = result(outcome, reason, eni_id=eni_id, instance_id=instance_id)
            found.add(ended, 0.0)
    hidden = found.undecided[Reason.NOT_VISIBLE]
    assert (many, many) == (found.sums()["instances"], hidden.count)
    assert [f"eni-{n}" for n in range(NAMED)] == [e.network_interface_id for e in hidden.named]
    assert ["eni-0"] == [each.network_interface_id for each in found.denied.values()]


def test_instance_counts_once_although_its_enis_come_far_apart() -> None:
    """Up to as many instances as are remembered lie between them."""
    between = (result(instance_id=f"i-{n}") for n in range(MAX_REMEMBERED - 1))
    found = tally(result(instance_id="i-first"), *between, result(instance_id="i-first"))
    assert MAX_REMEMBERED == found.sums()["instances"]


def test_when_addresses_were_last_assigned() -> None:
    """The time of the last result that brought any; None when none did."""
    brought = result(addresses=("10.0.0.1",))
    assert tally(result(), result()).assigned_at is None
    assert 2.0 == tally(result(), brought, result()).assigned_at


OUTCOMES = st.lists(st.sampled_from([Outcome.SATISFIED, Outcome.SHORT]), max_size=20)


@given(OUTCOMES)
def test_every_result_is_in_the_reply_while_there_is_room(outcomes: list[Outcome]) -> None:
    """Few results are all listed."""
    found = tally(*(result(each, eni_id=f"eni-{n}") for n, each in enumerate(outcomes)))
    listed = Counter(each["outcome"] for each in found.rows())
    assert Counter(each.value for each in outcomes) == listed
    assert 0 == found.left_out()


@pytest.mark.parametrize(
    ("satisfied", "short", "listed"),
    [
        (MAX_ENIS + 100, 0, {"satisfied": MAX_ENIS}),
        (MAX_ENIS + 100, 10, {"short": 10, "satisfied": MAX_ENIS - 10}),
        (50, MAX_ENIS, {"short": MAX_ENIS}),
        (0, MAX_ENIS + 7, {"short": MAX_ENIS}),
    ],
)
def test_a_long_reply_leaves_out_satisfied_enis_first(
    satisfied: int, short: int, listed: dict[str, int]
) -> None:
    """At most 500 are listed, and the reply says how many are not."""
    done, missing = result(Outcome.SATISFIED), result(Outcome.SHORT)
    found = tally(*[done] * satisfied, *[missing] * short)
    assert listed == Counter(each["outcome"] for each in found.rows())
    assert satisfied + short - MAX_ENIS == found.left_out()
    assert satisfied + short == found.sums()["enis"]


@pytest.mark.parametrize(
    ("decided", "action", "reason"),
    [
        (Ignored("a test event", "ess.hook", "cn-a"), "ignored", "a test event"),
        (
            Rejected("region", "'x'", "a region", "ess.hook", "cn-a"),
            "rejected",
            "region: found 'x'; allowed: a region",
        ),
    ],
)
def test_nothing_was_done(decided: Ignored | Rejected, action: str, reason: str) -> None:
    """The result of an event that leads to no work has every field of one that does."""
    assert {
        "request_id": "req-1",
        "source": "ess.hook",
        "action": action,
        "region": "cn-a",
        "reason": reason,
        "counts": dict.fromkeys(COUNTS, 0),
        "enis": [],
        "lifecycle": None,
        "continuation": None,
    } == not_acted_on("req-1", decided)
