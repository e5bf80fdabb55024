"""The documents of deploy/sls, as they stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "deploy/sls"
PREFIX = "secondary-ips-"


def document(name: str) -> Any:
    """One file of deploy/sls."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


INDEX: dict[str, Any] = document("index")
SAVED: dict[str, str] = {
    each["savedsearchName"].removeprefix(PREFIX): each["searchQuery"]
    for each in document("savedsearches")
}
CHARTS: dict[str, dict[str, Any]] = {
    each["title"].removeprefix(PREFIX): each for each in document("dashboard")["charts"]
}
ALERTS: dict[str, dict[str, Any]] = {
    each["name"].removeprefix(PREFIX): each["configuration"] for each in document("alerts")
}
