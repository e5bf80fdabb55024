"""Every payload in `events/`, delivered as the runtime delivers it."""

from __future__ import annotations

import json
import re
import sys

import pytest

from handler.core.model import Request
from handler.events import parse
from handler.events.shapes import SOURCES
from tests.fresh import printed
from tests.unit.events_table import EVENTS, EXPECTED, HOME, TOKEN, decision

PAYLOADS = sorted(path.name for path in EVENTS.iterdir() if path.name != "README.md")
SOURCE_ROW = re.compile(r"^\| `((?:[a-z]+\.[a-z_]+)|manual)` \| [^|]+ \| [^|]+ \|$", re.MULTILINE)
README_ROW = re.compile(r"^\| `(?P<file>[^`]+)` \| [^|]+ \| (?P<decision>.+) \|$", re.MULTILINE)


def test_every_payload_has_an_expected_decision() -> None:
    """The table and the folder name the same files."""
    assert sorted(EXPECTED) == PAYLOADS, "edit tests/unit/events_table.py"


def test_every_source_has_a_payload_and_a_row() -> None:
    """What the function reads can be looked up, and is tried with a payload that it acts on."""
    acted_on = {each.source for each in EXPECTED.values() if isinstance(each, Request)}
    rows = SOURCE_ROW.findall((EVENTS.parent / "docs/events.md").read_text(encoding="utf-8"))
    assert sorted(rows) == sorted([*SOURCES, "manual"]), "edit docs/events.md"
    missing = [source for source in SOURCES if source not in acted_on]
    assert missing == [], "add a payload to events/ and edit tests/unit/events_table.py"


@pytest.mark.parametrize("name", PAYLOADS)
def test_payload_is_decided_as_expected(name: str) -> None:
    """Each payload, as bytes, gives exactly the value that the table has for it."""
    assert parse((EVENTS / name).read_bytes(), home_region=HOME) == EXPECTED[name]


@pytest.mark.parametrize("name", [name for name in PAYLOADS if name.endswith(".json")])
def test_decoded_payload_is_decided_like_its_bytes(name: str) -> None:
    """An object or array that was decoded before is taken as the JSON it came from."""
    decoded = json.loads((EVENTS / name).read_bytes())
    assert parse(decoded, home_region=HOME) == EXPECTED[name]


@pytest.mark.parametrize("name", PAYLOADS)
def test_decision_does_not_show_the_hook_token(name: str) -> None:
    """What can reach a log line of any payload does not contain the token."""
    assert TOKEN not in repr(parse((EVENTS / name).read_bytes(), home_region=HOME))


def test_importing_the_parser_loads_no_client() -> None:
    """Events are read before any client is needed: of packages, only that of values is loaded."""
    script = "import sys; before = set(sys.modules); import handler.events\n"
    script += "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    loaded = set(printed(script).split()) - sys.stdlib_module_names
    assert loaded == {"handler", "msgspec", "typing_extensions"}


def test_readme_lists_every_payload_with_its_decision() -> None:
    """The README of the payloads has one row per file, with the decision it really gets."""
    rows = README_ROW.findall((EVENTS / "README.md").read_text(encoding="utf-8"))
    expected = [(name, decision(EXPECTED[name])) for name in PAYLOADS]
    assert rows == expected, "edit events/README.md"
