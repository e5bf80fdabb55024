"""The shortest story that still breaks the same promise, found by leaving things out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.chaos.worlds.play import Played, played
from tests.chaos.worlds.story import shorter

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.worlds.story import Story

    Play = Callable[[Story, int], Played]

# Schedules that are tried for each shorter story, and plays in all.
SCHEDULES, MOST_PLAYS = 12, 4000


def kind(breach: str) -> str:
    """A breach without its names and numbers: what two stories that break one thing have alike."""
    return re.sub(r"(eni|i|vsw|ash)-\w+(, )?|\d+(\.\d+)?", "", breach)


def breaks(story: Story, wanted: str, play: Play) -> tuple[int, Played] | None:
    """A schedule under which the story breaks that promise so, if one of some does."""
    for schedule in (story.seed, *range(SCHEDULES)):
        found = play(story, schedule)
        if any(kind(each) == wanted for each in found.breaches):
            return schedule, found
    return None


def shortest(story: Story, breach: str, play: Play = played) -> tuple[Story, int, Played]:
    """The story from which nothing more can be left out, its schedule, and what came of it."""
    wanted, plays = kind(breach), 0
    schedule, best = story.seed, play(story, story.seed)
    shrunk = True
    while shrunk and plays < MOST_PLAYS:
        shrunk = False
        for candidate in shorter(story):
            plays += SCHEDULES
            if found := breaks(candidate, wanted, play):
                story, (schedule, best), shrunk = candidate, found, True
                break
    return story, schedule, best


def telling(story: Story, schedule: int, found: Played) -> str:
    """The story as a person reads it: what is there, who did what and when, what broke."""
    lines = [f"settings: {dict(each)}" for each in story.settings]
    lines += [f"vSwitch {name}: {room} free" for name, room in story.vswitches]
    for each in story.instances:
        enis = ", ".join(f"{eni.id} ({eni.held} held)" for eni in each.enis)
        lines.append(f"instance {each.id} of {each.type}: {enis}")
    lines += [f"goes wrong: call {t.nth} of {t.operation}: {t.kind}" for t in story.troubles]
    late = f"reads are up to {story.lag:g} s late" if story.lag else "reads are not late"
    broken = max(
        (n for n, line in enumerate(found.told) if "BROKEN" in line), default=len(found.told)
    )
    lines += [f"{late}; seed {story.seed}, schedule {schedule}", *found.told[: broken + 1]]
    return "\n".join(lines)
