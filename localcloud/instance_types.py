"""The built-in table of instance types: figures of the public "Instance families" page."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from localcloud.model import InstanceType


@cache
def built_in_types() -> dict[str, InstanceType]:
    """Return every known instance type by its id."""
    path = Path(__file__).parent / "data" / "instance-types.json"
    table = json.loads(path.read_text(encoding="utf-8"))["types"]
    return {name: InstanceType(name, *figures) for name, figures in table.items()}
