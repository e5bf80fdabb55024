"""Chaos in chunks: each follows from a seed and a number, so that any of them can be repeated."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.chaos.machine import COUNTS, Chaos
from tests.stage import forget_proxies

CHUNK = 100
STEPS = 20

# The seed of the run, the number of the chunk, and how many examples it has.
Chunk = tuple[int, int, int]


def run_chunk(chunk: Chunk) -> tuple[int, Counter[str], str]:
    """One chunk, in a process of the pool: what was done, and what failed."""
    base, number, examples = chunk
    forget_proxies()
    COUNTS.clear()
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(seed(base * 1_000_003 + number)(Chaos), settings=chosen)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is printed)
        notes = "\n".join(getattr(error, "__notes__", []))
        return number, Counter(COUNTS), f"{type(error).__name__}: {error}\n{notes}"
    return number, Counter(COUNTS), ""
