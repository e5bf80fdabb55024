"""Worlds by the thousand: `python -m tests.chaos.worlds [--worlds N] [--seed N] [--world N]`.

World n of a seed is the same in every run. A world that breaks a promise is made as short as it can
be, and told; `--world` repeats one.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from tests.chaos.report import today, write_table
from tests.chaos.worlds.play import played
from tests.chaos.worlds.pool import play_worlds
from tests.chaos.worlds.shrink import shortest, telling
from tests.chaos.worlds.story import story

if TYPE_CHECKING:
    from collections import Counter


def main(arguments: list[str]) -> int:
    """Play them, and write the table; or tell of the first that breaks a promise."""
    asked = _parser().parse_args(arguments)
    if asked.world is not None:
        found = played(story(asked.world))
        _say(telling(story(asked.world), asked.world, found))
        return 1 if found.breaches else 0
    began = time.monotonic()
    counts, broken = play_worlds(asked.seed, asked.worlds, asked.workers)
    if broken:
        number, breach = broken[0]
        _say(f"World {number} breaks {breach}. The shortest story that does:\n")
        _say(telling(*shortest(story(number), breach)))
        _say(f"\nRepeat: python -m tests.chaos.worlds --world {number}")
        return 1
    took = time.monotonic() - began
    _say(f"{counts['worlds']} worlds, {counts['deliveries']} deliveries, {took:.0f} s: none broken")
    if asked.write:
        write_table("worlds", table(counts, asked.seed, took))
    return 0


def table(counts: Counter[str], seed: int, took: float) -> str:
    """What was done, as it stands in the documentation."""
    rows = [f"| {name} | {counts[name]:,} |".replace(",", " ") for name in sorted(counts)]
    head = ["| what | how often |", "|---|---|"]
    last = ["| **violations** | **0** |", ""]
    run = f"`python -m tests.chaos.worlds --seed {seed} --worlds {counts['worlds']}`"
    return "\n".join([*head, *rows, *last, f"{run}, {took:.0f} s, {today()}."])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.worlds")
    parser.add_argument("--worlds", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--world", type=int)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write the table into the docs")
    return parser


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (a command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
