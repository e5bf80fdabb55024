"""Many worlds in several processes, until one breaks a promise.

It is a module of its own, because processes that are spawned cannot find what stands in a
package's `__main__`.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter

from tests.chaos.worlds.play import played
from tests.chaos.worlds.story import story

# Worlds that a process plays before it reports.
CHUNK = 500
# Worlds of one seed; the next seed's are others.
APART = 10_000_000


def play_chunk(asked: tuple[int, int]) -> tuple[Counter[str], list[tuple[int, str]]]:
    """Play so many worlds from a number on: what was counted, and what each broke first."""
    first, count = asked
    counts: Counter[str] = Counter()
    broken = []
    for number in range(first, first + count):
        found = played(story(number))
        counts += found.counts
        broken += [(number, found.breaches[0])] if found.breaches else []
    return counts, broken


def play_worlds(seed: int, worlds: int, workers: int) -> tuple[Counter[str], list[tuple[int, str]]]:
    """Play the worlds of a seed in so many processes, until one breaks a promise."""
    first = seed * APART
    chunks = [(first + start, min(CHUNK, worlds - start)) for start in range(0, worlds, CHUNK)]
    counts: Counter[str] = Counter()
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for found, broken in pool.imap(play_chunk, chunks):
            counts += found
            if broken:
                return counts, broken
    return counts, []
