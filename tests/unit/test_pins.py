"""The pins: every pip that comes with a Python can install them, whatever is released later."""

from __future__ import annotations

import re
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement

LOCK = (Path(__file__).parents[2] / "requirements-dev.txt").read_text(encoding="utf-8")
PINS = dict(re.findall(r"^([\w.-]+)(\[[\w.,-]+\])?==", LOCK, re.MULTILINE))


def test_what_is_needed_with_extras_is_pinned_with_them() -> None:
    """Older pip (23.2) looks for name[extra] past a pin of name, and finds what has no hash."""
    needs = [Requirement(need) for found in distributions() for need in found.requires or []]
    asked = {
        need.name: need.extras
        for need in needs
        if need.extras and (need.marker is None or need.marker.evaluate({"extra": ""}))
    }
    pinned = {name: set(PINS[name].strip("[]").split(",")) for name in asked if name in PINS}
    assert "coverage" in pinned
    assert pinned == {name: asked[name] for name in pinned}
