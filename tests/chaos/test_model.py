"""The protocol of one ENI, every interleaving within bounds: nobody ends above the target."""

from __future__ import annotations

import pytest

from tests.chaos.model import Bounds, explored


@pytest.mark.parametrize(
    "bounds",
    [Bounds((2, 2), ticks=3), Bounds((1, 3), ticks=2), Bounds((2, 3), ticks=2, lost=2)],
)
def test_no_interleaving_ends_above_the_target(bounds: Bounds) -> None:
    """Two writers, late reads, lost calls and lost replies: all situations within the bounds."""
    found = explored(bounds)
    assert () == found.story
    assert found.situations > 1000


def test_two_denials_of_room_that_there_is_can_double_a_write() -> None:
    """The known hole: refused twice, the third call has a token of its own; one is in flight.

    docs/promises.md has the story and its condition.
    """
    story = explored(Bounds((2, 2), ticks=3, lost=0, denied=2)).story
    assert 2 == sum("no room" in line for line in story)
    assert story[-1].endswith("writer 2's call arrives: 2 more")
    assert () == explored(Bounds((2, 2), ticks=3, lost=0, denied=1)).story
