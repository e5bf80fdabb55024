"""How fast a backfill goes, and how long the rest will take."""

from __future__ import annotations

from typing import Any

import pytest

from console.calls import Granted
from console.progress import Progress
from console.session import Session
from console.views import Pace, View


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ((0,), 1200),  # the first window: as fast as is allowed
        ((0, 40), 1200),  # it is over, and was used up
        ((0, 10), 300),
        ((0, 10, 40), 900),  # the first one had begun before the work did
        ((0, 10, 40, 60), 750),
        ((0, 0), 1200),  # nothing is finished yet
    ],
)
def test_the_pace_is_that_of_the_windows_that_are_over(
    before: tuple[int, ...], expected: float
) -> None:
    """ENIs a minute, in windows of 2 s with 40 writes allowed in each."""
    pace = Pace(before[-1] + 5, None, before, minute=2.0, allowed=40)
    assert (expected, 1200, None) == (pace.rate, pace.allowed_rate, pace.left)


@pytest.mark.parametrize(
    ("done", "before", "expected"),
    [
        (0, (0,), 120.0),  # as fast as is allowed
        (200, (0, 200), 60.0),
        (200, (0, 100, 200), 120.0),  # half as fast as that
        (400, (0, 100, 200), 0.0),
        (500, (0, 100, 200), 0.0),  # more than was planned
    ],
)
def test_time_left_is_what_the_pace_gives(
    done: int, before: tuple[int, ...], expected: float
) -> None:
    """Seconds, of 400 ENIs in windows of a minute."""
    assert expected == Pace(done, 400, before, minute=60.0, allowed=200).left


def test_the_bar_counts_what_is_done() -> None:
    """ENIs that got something: by granted calls, or by records once reads confirm them."""
    progress = Progress()
    session = Session({"TARGET_SECONDARY_IPS": "1", "MINUTE_SECONDS": "60"}, progress.hear)
    view = View("backfill", progress, session, total=3)
    paces = [view.pace(600.0)]
    row: dict[str, Any] = {"network_interface_id": "eni-a", "instance_id": None}
    row |= {"record_type": "eni_result", "vswitch_id": "vsw-a", "reason": "", "addresses": []}
    row |= {"target": 1, "before": 0, "after": 0, "requested": 1}
    for outcome, attempts in (("assigned", 1), ("satisfied", 0), ("deferred", 1), ("short", 2)):
        progress.hear(
            row | {"outcome": outcome, "reason": "", "addresses": [], "attempts": attempts}
        )
    paces += [view.pace(601.0), view.pace(780.0)]
    view.granted = Granted("AssignPrivateIpAddresses", 3)
    paces.append(view.pace(780.0))

    expected = [(0, (0,)), (2, (0,)), (2, (0, 2, 2, 2)), (3, (0, 2, 2, 2))]
    assert expected == [(it.done, it.before) for it in paces]
