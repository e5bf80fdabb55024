"""What the documentation says of the suite is what the suite has written, and can be repeated."""

from __future__ import annotations

from collections import Counter

from handler.events.decode import MAX_BYTES, MAX_ENCODINGS, MAX_NESTING
from handler.events.fields import MAX_IDS
from handler.events.unwrap import MAX_ELEMENTS, MAX_WRAPPERS
from tests.chaos.__main__ import table
from tests.chaos.chunks import run_chunk
from tests.chaos.report import ROOT, read_table


def test_chunk_is_the_same_whenever_it_is_run() -> None:
    """Seed and number decide all that is drawn: deliveries, faults, kills, and in which order."""
    first, again, other = (run_chunk((1, number, 3)) for number in (7, 7, 8))
    assert first == again
    assert first != other
    assert (7, "") == (first[0], first[2])
    assert first[1]["deliveries"] > first[1]["examples"] >= 3


def test_table_has_every_count_and_how_to_repeat_it() -> None:
    """Faults by kind, deliveries, kills; the seed and the number of violations."""
    lines = table(Counter({"deliveries": 12_345, "fault stale": 6}), 42, 100).splitlines()
    assert "| deliveries | 12 345 |" in lines
    assert "| fault stale | 6 |" in lines
    assert "| **violations** | **0** |" in lines
    assert lines[-1].startswith("`make chaos SEED=42 EXAMPLES=100`, ")


def test_documentation_holds_a_run_of_the_suite() -> None:
    """The table that was written last counts every kind of fault, deliveries and kills."""
    written = read_table("chaos")
    for name in ("error", "http", "no_reply", "reset_before", "slow", "stale"):
        assert f"| fault {name} |" in written
    for name in ("deliveries", "processes killed", "retries", "operators' changes"):
        assert f"| {name} |" in written


def test_bounds_of_input_are_those_of_the_code() -> None:
    """The page on security repeats them."""
    said = (
        f"{MAX_BYTES // 1024**2} MB of text in all, {MAX_NESTING} levels, {MAX_WRAPPERS} wrappers, "
        f"{MAX_ENCODINGS} encodings, {MAX_ELEMENTS:,} events and {MAX_IDS:,} ids"
    )
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    assert said.replace(",0", " 0") in page
