"""The grammar of a target, and what a target means on an ENI."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.core.target import GRAMMAR, SKIP, Target, parse_target
from tests.unit.builders import TARGETS

ROOT = Path(__file__).parents[2]


def quoted(file: str, pattern: str) -> list[str]:
    """What a file has between back quotes where a pattern says."""
    return re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


ACCEPTED: list[tuple[object, Target]] = [
    ("0", Target(count=0)),
    ("5", Target(count=5)),
    ("007", Target(count=7)),
    ("9999", Target(count=9999)),
    (0, Target(count=0)),
    (9999, Target(count=9999)),
    ("max", Target(below_max=0)),
    ("MAX", Target(below_max=0)),
    ("max-0", Target(below_max=0)),
    ("Max-3", Target(below_max=3)),
    ("max-9999", Target(below_max=9999)),
    ("0%", Target(percent=0)),
    ("50%", Target(percent=50)),
    ("100%", Target(percent=100)),
    ("min(8, 50%)", Target(percent=50, at_most=8)),
    ("MIN(0,100%)", Target(percent=100, at_most=0)),
    ("min( 9999 , 0% )", Target(percent=0, at_most=9999)),
    ("skip", SKIP),
    ("Skip", SKIP),
    ("  8 ", Target(count=8)),
    ("\tmax-1\n", Target(below_max=1)),
]

REFUSED: list[object] = [
    None,
    True,
    False,
    5.0,
    -1,
    10_000,
    b"5",
    ["5"],
    {"count": 5},
    "",
    " ",
    "-1",
    "+5",
    "5.0",
    "1e3",
    "0x10",
    "10000",
    "1 000",
    "1_000",
    "five",
    "٣",
    "５",  # noqa: RUF001  (fullwidth five)
    "²",
    "101%",
    "-5%",
    "5 %",
    "50.5%",
    "%",
    "max - 1",
    "max-",
    "max--1",
    "max+1",
    "max-10000",
    "maximum",
    "min(8, 101%)",
    "min(10000, 50%)",
    "min(8, 50)",
    "min(50%, 8)",
    "min(8)",
    "min(8, max)",
    "min (8, 50%)",
    "min(-1, 50%)",
    "min(8, 50%",
    "skipped",
    "5\n6",
    "null",
]

# The kinds as `GRAMMAR` writes them, and what each may look like.
FORMS = re.split(r", (?![^(]*\))| or ", re.sub(r" \([0-9.]+\)", "", GRAMMAR))
PLACES: list[tuple[str, list[str]]] = [
    ("ACCEPTED of tests/unit/test_target.py", [str(text).strip().lower() for text, _ in ACCEPTED]),
    ("TARGETS of tests/unit/builders.py", list(TARGETS)),
    (
        "the worked example of docs/targets.md",
        quoted("docs/targets.md", r"^\| `([^`]+)` \| [0-9]+"),
    ),
    (
        "the row of Target in docs/architecture.md",
        quoted("docs/architecture.md", r"[:,] `([^`]+)`"),
    ),
    ("the docstring of handler/core/target.py", quoted("handler/core/target.py", r"`([^`]+)`")),
]

MEANINGS = [
    ("5", 9, 5),
    ("20", 9, 20),
    ("0", 9, 0),
    ("max", 9, 9),
    ("max-4", 9, 5),
    ("max-9", 9, 0),
    ("max-10", 9, 0),
    ("max", 0, 0),
    ("0%", 9, 0),
    ("50%", 9, 4),
    ("99%", 9, 8),
    ("100%", 9, 9),
    ("33%", 29, 9),
    ("10%", 9, 0),
    ("50%", 0, 0),
    ("min(3, 50%)", 9, 3),
    ("min(8, 50%)", 9, 4),
    ("min(4, 50%)", 9, 4),
    ("min(8, 50%)", 0, 0),
]


@pytest.mark.parametrize("form", [form for form in FORMS if form != "skip"])
def test_every_kind_is_tried_and_shown(form: str) -> None:
    """Each has a sample in the tests, and one in the pages that explain targets."""
    like = re.compile(re.sub(r"N|P", "([0-9]+|[NP])", re.escape(form)))
    lacking = [place for place, samples in PLACES if not any(map(like.fullmatch, samples))]
    assert lacking == [], f"edit {lacking}"


@pytest.mark.parametrize(("text", "target"), ACCEPTED)
def test_a_target_is_read(text: object, target: Target) -> None:
    """Numbers, max, max-N, shares and skip are read, whatever their case and surrounding space."""
    assert target == parse_target(text)


@pytest.mark.parametrize("text", REFUSED, ids=ascii)
def test_anything_else_is_no_target(text: object) -> None:
    """Other values and spellings are refused, look-alike digits and booleans among them."""
    assert parse_target(text) is None


@pytest.mark.parametrize(("text", "capacity", "expected"), MEANINGS)
def test_what_a_target_means(text: str, capacity: int, expected: int) -> None:
    """Shares are rounded down, max-N is at least 0, a number is itself."""
    target = parse_target(text)
    assert target is not None
    assert expected == target.of(capacity)


@given(st.integers(0, 9999), st.integers(0, 100), st.integers(0, 500))
def test_relative_targets_stay_within_capacity(below: int, percent: int, capacity: int) -> None:
    """What depends on the capacity is never negative and never above it."""
    for target in (Target(below_max=below), Target(percent=percent)):
        assert target.relative
        assert 0 <= target.of(capacity) <= capacity


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none()))
def test_reading_never_raises(text: object) -> None:
    """Whatever a tag or a request holds, it is a target or it is none."""
    target = parse_target(text)
    assert target is None or isinstance(target, Target)
