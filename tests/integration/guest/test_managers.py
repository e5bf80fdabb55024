"""Network managers take addresses away, and the program brings them back, as docs/guest.md says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.guest import playing
from tests.integration.guest.managers import MANAGERS, PRIMARY, SECONDARY, why_not

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
WORDS = {False: "stay", True: "lost"}


@pytest.fixture(scope="module", params=MANAGERS)
def played(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """What a manager was made to do, and what came of it."""
    name: str = request.param
    found = playing.play("managers", name, why_not=why_not(name), required="MANAGERS_REQUIRED")
    for way, done in found["ways"].items():
        print(f"\n{name}: {way}: {done}", end="")  # noqa: T201  (make guest shows it)
    return name, found


def documented() -> dict[str, dict[str, tuple[str, ...]]]:
    """By manager and what it does: what docs/guest.md says of addresses, prefix and primary."""
    page = (ROOT / "docs/guest.md").read_text(encoding="utf-8")
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    cell = r" ([^|]+) \|"
    for row in re.findall(rf"^\|{cell} `?([^|`]+)`? \|{cell * 3}$", page, re.M):
        if row[0] in MANAGERS:
            found.setdefault(row[0], {})[row[1]] = row[2:]
    return found


def test_every_manager_is_documented() -> None:
    """The table names what is tried, and nothing else."""
    tried = {name: list(manager.ways) for name, manager in MANAGERS.items()}
    assert tried == {name: list(ways) for name, ways in documented().items()}


def test_program_adds_beside_a_manager(played: tuple[str, dict[str, Any]]) -> None:
    """The manager's address is up first, and the secondary ones come beside it."""
    _, found = played
    assert found["booted"]
    assert [f"{PRIMARY}/24", *(f"{each}/32" for each in SECONDARY)] == found["first"]


def test_what_a_manager_takes_away_comes_back(played: tuple[str, dict[str, Any]]) -> None:
    """Whatever it is made to do: in the end all is there, and packets leave from the primary."""
    _, found = played
    ends = {
        way: (done["whole"], done["primary"], done["source"]) for way, done in found["ways"].items()
    }
    assert dict.fromkeys(found["ways"], (True, f"{PRIMARY}/24", PRIMARY)) == ends


def test_primary_is_the_managers(played: tuple[str, dict[str, Any]]) -> None:
    """The program neither adds nor removes the primary address, not even while it is missing."""
    assert [] == played[1]["primary_touched"]


def test_what_is_lost_is_what_the_page_says(played: tuple[str, dict[str, Any]]) -> None:
    """All of the secondary addresses go away, or none; the page says which."""
    name, found = played
    seen = {
        way: (
            {0: WORDS[False], len(SECONDARY): WORDS[True]}.get(done["lost"], "some are lost"),
            WORDS[done["prefix_lost"]],
            WORDS[done["primary_lost"]],
        )
        for way, done in found["ways"].items()
    }
    assert documented()[name] == seen
