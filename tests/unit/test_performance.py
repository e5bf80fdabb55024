"""docs/performance.md has the figures of every benchmark; `make bench` writes them."""

from __future__ import annotations

import importlib
import json
import platform
import re
from datetime import date
from typing import TYPE_CHECKING

import pytest

from tests.bench.__main__ import DOCUMENT, PREFIX, parts
from tests.bench.document import BEGIN, END, HEADER, put, row
from tests.bench.measure import Measure, measure, write

if TYPE_CHECKING:
    from pathlib import Path

PAGE = DOCUMENT.read_text(encoding="utf-8")
FAST = measure("a start", [0.3, 0.1, 0.2], "x", "the rest", 0.25)
SLOW = measure("an event", [7.0], "ms", limit=5)


def sections(page: str) -> dict[str, list[str]]:
    """The names of the measures under each heading between the marks."""
    written = page.partition(BEGIN)[2].partition(END)[0]
    _, *found = re.split(r"^### (\w+)$", written, flags=re.MULTILINE)
    rows = [re.findall(r"^\| ((?!measure ).+?) \| ", body, re.MULTILINE) for body in found[1::2]]
    return dict(zip(found[::2], rows, strict=True))


def test_page_has_every_part() -> None:
    """Each module of benchmarks has a table with figures, and its line in the explanation."""
    written = sections(PAGE)
    assert parts() == sorted(written)
    assert [] == [name for name, rows in written.items() if not rows]
    assert parts() == sorted(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))


@pytest.mark.parametrize("part", ["cpu", "guests", "launch", "start"])
def test_page_has_every_measure(part: str) -> None:
    """The measures that a module names are those of its table, in its order."""
    names = importlib.import_module(f"tests.bench.{PREFIX}{part}").NAMES
    assert list(names) == sections(PAGE)[part]


def test_figures_replace_those_between_the_marks(tmp_path: Path) -> None:
    """What people wrote around them stays; the date and the machine are told."""
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\nend\n", encoding="utf-8")
    put(page, {"first": [FAST], "second": [SLOW]}, date(2030, 1, 2))
    text = page.read_text(encoding="utf-8")
    assert {"first": ["a start"], "second": ["an event"]} == sections(text)
    assert (True, False) == ("Measured on 2030-01-02: " in text, "old" in text)
    assert ("# Title", "end") == (text.splitlines()[0], text.splitlines()[-1])
    assert 2 == text.count(HEADER)


def test_figures_are_written_for_programs(tmp_path: Path) -> None:
    """Every field of each measure, whether it is beyond its limit, and where it was measured."""
    file = tmp_path / "new/bench.json"
    write(file, [FAST, SLOW])
    found = json.loads(file.read_text(encoding="utf-8"))
    assert platform.python_version() == found["python"]
    assert ["a start", "an event"] == [each["name"] for each in found["measures"]]
    assert [False, True] == [each["missed"] for each in found["measures"]]
    first = found["measures"][0]
    assert (0.2, 0.1, 0.3, 3) == tuple(first[name] for name in ("value", "low", "high", "runs"))


def test_page_without_marks_is_refused(tmp_path: Path) -> None:
    """Nothing is overwritten in a page that is not prepared for it."""
    page = tmp_path / "page.md"
    page.write_text("# Title\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"page\.md: the marks"):
        put(page, {}, date(2030, 1, 2))


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (FAST, "| a start | 0.200 x | 0.100 .. 0.300 | 3 | 0.25 | the rest |"),
        (SLOW, "| an event | **7.00 ms** |  | 1 | 5 |  |"),
    ],
)
def test_row_shows_spread_and_limit(found: Measure, line: str) -> None:
    """A value beyond its limit stands out; one run has no spread."""
    assert line == row(found)
