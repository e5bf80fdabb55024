"""The leaf fields of every record, read from docs/interfaces.md, with the index type of each.

An array cannot be indexed by leaf (https://www.alibabacloud.com/help/en/sls/user-guide/json-type);
queries take it out of `message` with `json_extract`.
"""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/interfaces.md"

TYPES = {"text": "text", "boolean": "text", "integer": "long", "number": "double"}
# Objects inside records, and the heading whose table has their fields.
OBJECTS = {"counts": "Counts", "lifecycle": "Lifecycle hook"}
# What only a person reads, in records that are rare: it is not worth an index.
NOT_INDEXED = {"cursor"}
# The delimiters that the console sets for a new index.
INDEX_TOKENS = list(", '\";=()[]{}?@&<>/:\n\t\r")


def leaves() -> dict[str, str]:
    """Index type by dotted field name, of all record types together."""
    page = PAGE.read_text(encoding="utf-8")
    records = page.partition("\n## Records\n")[2].partition("\n## ")[0]
    found = dict(_typed(_rows(records.partition("\n### ")[0]), page))
    for part in records.split("\n### ")[1:]:
        for name, kind in _typed(_rows(part), page).items():
            if found.setdefault(name, kind) != kind:
                raise ValueError(f"{name} is {found[name]} in one record and {kind} in another")
    return found


def _typed(rows: list[list[str]], page: str, prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, kind, *_ in rows:
        word = kind.removesuffix(" or null")
        if word.startswith("list") or name in NOT_INDEXED:
            continue
        if word == "object":
            inner = _rows(_section(page, OBJECTS[name]))
            found |= _typed(inner, page, f"{name}.")
        else:
            found[prefix + name] = TYPES[word]
    return found


def _section(page: str, heading: str) -> str:
    return page.partition(f"\n### {heading}\n")[2].partition("\n## ")[0].partition("\n### ")[0]


def _rows(text: str) -> list[list[str]]:
    """The cells of a section's table; a table of counts says no type: they are integers."""
    found = []
    for line in re.findall(r"^\| `.*\|$", text, re.MULTILINE):
        name, *cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        found.append([name.strip("`"), *(cells if len(cells) > 1 else ["integer", *cells])])
    return found
