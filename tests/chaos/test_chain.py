"""What the audit counts of one request and its hand-overs, asked from both sides."""

from __future__ import annotations

import pytest

from tests.chaos.worlds.chain import Chain

LEFT = {
    "network_interface_id": "eni-c",
    "instance_id": "i-c",
    "outcome": "deferred",
    "reason": "limit",
}
LATE = LEFT | {"network_interface_id": "eni-b", "reason": "out_of_time"}
PLANNED = LEFT | {"network_interface_id": "eni-a", "outcome": "planned", "reason": "would_assign"}


def chain(
    limit: int | None, *rows: dict[str, str], asked: str = "eni-a", doubtful: str = ""
) -> Chain:
    """A chain that has asked for these, has changed eni-a, and has recorded these rows."""
    found = Chain(limit, 0.0, {"eni-a"}, set(asked.split()), set(doubtful.split()))
    for row in rows:
        found.records(row, written=row["network_interface_id"] in found.asked)
    return found


def only_a(eni_id: str) -> bool:
    """Only eni-a holds something else than before."""
    return eni_id == "eni-a"


@pytest.mark.parametrize(
    ("limit", "told"), [(None, ""), (1, ""), (0, "1 ENIs are changed, limit 0")]
)
def test_a_limit_is_never_passed(limit: int | None, told: str) -> None:
    """One ENI is changed."""
    assert told == chain(limit).over_limit()


UNUSED = "eni-c left by a limit of 2, 1 free"


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        pytest.param(chain(1, LEFT), "", id="used up"),
        pytest.param(chain(None, LEFT), "", id="none"),
        pytest.param(chain(2), "", id="nobody is left"),
        pytest.param(chain(2, LEFT), UNUSED, id="one place is free"),
        pytest.param(chain(2, LEFT, asked="eni-a eni-b"), UNUSED, id="a call did nothing"),
        pytest.param(chain(2, LEFT, doubtful="eni-b"), "", id="a call may have done something"),
        pytest.param(chain(2, LEFT, LATE, asked="eni-a eni-b"), "", id="left in doubt"),
        pytest.param(chain(2, LEFT, LATE), UNUSED, id="left before it was written to"),
        pytest.param(chain(1, LEFT, PLANNED, asked=""), "", id="a plan that is full"),
        pytest.param(chain(2, LEFT, PLANNED, asked=""), UNUSED, id="a plan that could have more"),
    ],
)
def test_nobody_is_left_by_a_limit_with_places_free(seen: Chain, told: str) -> None:
    """Places count that were taken, or may have been."""
    assert told == seen.limit_unused(only_a)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        pytest.param(chain(None, LEFT), "", id="recorded"),
        pytest.param(chain(None), "eni-c has no eni_result", id="not recorded"),
        pytest.param(chain(1), "", id="behind the last one that a limit allows"),
        pytest.param(chain(2), "eni-c has no eni_result", id="although a place was free"),
    ],
)
def test_a_finished_request_has_recorded_all_that_it_means(seen: Chain, told: str) -> None:
    """Unless its limit is used up."""
    assert told == seen.unrecorded(["eni-c"], only_a)
