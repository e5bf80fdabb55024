"""`make chaos`: ten thousand worlds, in chunks that can each be repeated from a printed seed.

    python -m tests.chaos [--examples 10000] [--seed N] [--chunk K] [--workers 2]

Before them come the tests that start processes and kill them. Chunk K of seed N is the same in
every run; a failure is shrunk, printed, and ends the run.
"""

from __future__ import annotations

import argparse
import multiprocessing
import secrets
import sys
import time
from collections import Counter

import pytest

from tests.chaos.audit import VIOLATIONS
from tests.chaos.chunks import CHUNK, run_chunk
from tests.chaos.processes import ENDS
from tests.chaos.report import ROOT, today, write_table

# The tests whose deliveries have processes of their own.
IN_PROCESSES = ("test_concurrency.py", "test_crashes.py", "test_crash_dumps.py")


def main(arguments: list[str]) -> int:
    """Run the chunks and write the table."""
    asked = _parser().parse_args(arguments)
    sizes = [CHUNK] * (asked.examples // CHUNK) + [asked.examples % CHUNK]
    chunks = [(asked.seed, number, size) for number, size in enumerate(sizes) if size]
    if asked.chunk is not None:
        chunks = [chunks[asked.chunk]]
    _say(f"SEED={asked.seed}: {asked.examples} examples in {len(chunks)} chunks")
    if asked.chunk is None and (status := deliver_in_processes()):
        return status
    counts, began = Counter(ENDS), time.monotonic()
    with multiprocessing.get_context("spawn").Pool(asked.workers) as pool:
        for done, (number, found, failure) in enumerate(pool.imap_unordered(run_chunk, chunks), 1):
            counts += found
            if failure or counts[VIOLATIONS]:
                _say(f"{failure}\nVIOLATED. Repeat: make chaos SEED={asked.seed} CHUNK={number}")
                return 1
            seconds = time.monotonic() - began
            _say(f"{done}/{len(chunks)} chunks, {counts['deliveries']} deliveries, {seconds:.0f} s")
    if asked.chunk is None:
        write_table("chaos", table(counts, asked.seed, asked.examples))
    return 0


def deliver_in_processes() -> int:
    """Run the tests that count in `ENDS` how processes end; pytest's exit status."""
    files = [str(ROOT / "tests/chaos" / name) for name in IN_PROCESSES]
    # Hypothesis is imported already: its own assertions are not to be rewritten.
    calm = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main(["-q", f"--rootdir={ROOT}", *calm, *files]))


def table(counts: Counter[str], base: int, examples: int) -> str:
    """What was done, as it stands in the documentation."""
    names = sorted(counts.keys() - {VIOLATIONS})
    rows = [f"| {name} | {counts[name]:,} |".replace(",", " ") for name in names]
    head = ["| what | how often |", "|---|---|"]
    last = [
        f"| **{VIOLATIONS}** | **{counts[VIOLATIONS]}** |",
        "",
        f"`make chaos SEED={base} EXAMPLES={examples}`, {today()}.",
    ]
    return "\n".join([*head, *rows, *last])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    parser.add_argument("--chunk", type=int)
    parser.add_argument("--workers", type=int, default=2)
    return parser


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (a command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
