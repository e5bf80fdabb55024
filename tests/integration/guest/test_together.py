"""A guest that is silent, then has the program and answers: the function hears it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.guest import playing
from tests.integration.guest.together import FEW, MANY, why_not

pytestmark = pytest.mark.slow

Told = dict[str, Any]


@pytest.fixture(scope="module")
def played() -> dict[str, Told]:
    """What came of it: before the program runs, with it, and again after a loss."""
    found: dict[str, Told] = playing.play(
        "together", why_not=why_not(), required="NAMESPACES_REQUIRED"
    )
    for name, told in found.items():
        _show(name, told)
    return found


def _show(name: str, told: Told) -> None:
    said = f"{told['guest']}, {told['silent']} silent, the hook gets {told['hook']}"
    lines = [f"{name}: {said}", *(f"{at:7.2f} s  {what}" for what, at in told["times"].items())]
    print("\n" + "\n".join(lines))  # noqa: T201  (make guest shows it)


def test_without_the_program_the_addresses_are_silent(played: dict[str, Told]) -> None:
    """They are assigned, and the guest is up, and does not answer on them."""
    told = played["before"]
    assert ("silent", FEW, FEW, None) == _end(told)
    assert "the guest's interface holds them" not in told["times"]


def test_with_the_program_they_answer_before_the_hook_is_completed(played: dict[str, Told]) -> None:
    """Assigned, shown by the metadata service, brought up, heard, and only then completed."""
    told = played["after"]
    assert ("answers", 0, MANY - FEW, "CONTINUE") == _end(told)
    assert "the guest's interface holds them" in told["times"]
    assert [
        "ECS has assigned",
        "the guest is asked first",
        "the guest has answered on all",
        "the hook is completed",
    ] == [each for each in told["times"] if each != "the guest's interface holds them"]


def test_what_is_lost_comes_back(played: dict[str, Told]) -> None:
    """The program adds again what a reload takes away, and a backfill that asks hears it."""
    assert (MANY, ("answers", 0, 0, None)) == (played["again"]["lost"], _end(played["again"]))


def _end(told: Told) -> tuple[str, int, int, str | None]:
    return told["guest"], told["silent"], told["added"], told["hook"]
