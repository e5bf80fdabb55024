"""How fast a backfill goes, and how long the rest will take."""

from __future__ import annotations

import pytest

from console.views import Pace


def test_rates_are_per_minute_whatever_a_window_lasts() -> None:
    """60 writes in 3 windows of 2 s, of 40 allowed in each."""
    pace = Pace(done=60, total=None, windows=3, minute=2.0, allowed=40)
    assert (600, 1200, None) == (pace.rate, pace.allowed_rate, pace.left)


@pytest.mark.parametrize(
    ("done", "windows", "expected"),
    [
        (0, 1, 120.0),  # as fast as is allowed
        (200, 2, 60.0),
        (200, 4, 240.0),  # half as fast as that, for 4 minutes
        (400, 4, 0.0),
        (500, 4, 0.0),  # some ENIs needed a second call
    ],
)
def test_time_left(done: int, windows: int, expected: float) -> None:
    """At the allowed rate in the beginning, later at the one that was reached."""
    pace = Pace(done, total=400, windows=windows, minute=60.0, allowed=200)
    assert expected == pace.left
