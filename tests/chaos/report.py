"""What the suite has seen, written into docs/promises.md between markers."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/promises.md"


def write_table(name: str, table: str) -> None:
    """Replace what stands between the markers of this name."""
    text = DOCUMENT.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    between = f"{begin}\n{table}\n{end}"
    found, places = re.subn(rf"{begin}.*?{end}", lambda _: between, text, flags=re.DOTALL)
    if places != 1:
        raise ValueError(f"{DOCUMENT.name} has {places} places between {begin} and {end}")
    DOCUMENT.write_text(found, encoding="utf-8")


def read_table(name: str) -> str:
    """What stands between the markers of this name."""
    text = DOCUMENT.read_text(encoding="utf-8")
    (found,) = re.findall(rf"<!-- {name} -->\n(.*?)<!-- end of {name} -->", text, re.DOTALL)
    return str(found)


def today() -> str:
    """The date, for tables."""
    return datetime.now(timezone.utc).date().isoformat()
