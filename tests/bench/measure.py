"""What a benchmark hands back: figures with their spread and limits; as a table and as JSON.

Every module of benchmarks has a function ``measures() -> Iterator[Measure]``, which yields a figure
as soon as it is known. ``python -m tests.bench`` runs them all.
"""

from __future__ import annotations

import json
import platform
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Measure:
    """One figure.

    Attributes:
        name: what is measured, for example "backfill of 600 ENIs".
        value: the median of the runs, in `unit`.
        unit: "s", "MB", "calls/s", "%", or "x" for a ratio.
        against: what a ratio is relative to, or what else a reader must know; may be empty.
        limit: the most that the value should be; None for figures without one.
        low, high: the least and the greatest of the runs.
        runs: how many there were.
    """

    name: str
    value: float
    unit: str
    against: str = ""
    limit: float | None = None
    low: float = 0.0
    high: float = 0.0
    runs: int = 1

    @property
    def missed(self) -> bool:
        """Whether the value is beyond its limit."""
        return self.limit is not None and self.value > self.limit


def measure(
    name: str, values: Sequence[float], unit: str, against: str = "", limit: float | None = None
) -> Measure:
    """The median of several runs, and how far they are apart."""
    value, low, high = statistics.median(values), min(values), max(values)
    return Measure(name, value, unit, against, limit, low, high, len(values))


def table(measures: Iterable[Measure]) -> Table:
    """The figures for people."""
    found = Table(box=None, header_style="bold")
    found.add_column("measure")
    for heading in ("value", "spread", "runs", "limit"):
        found.add_column(heading, justify="right", no_wrap=True)
    found.add_column("against", style="dim")
    for each in measures:
        limit = "" if each.limit is None else f"{each.limit:g} {each.unit}"
        spread = "" if each.runs == 1 else f"{figure(each.low)} .. {figure(each.high)}"
        style = "red" if each.missed else None
        value = f"{figure(each.value)} {each.unit}"
        found.add_row(each.name, value, spread, str(each.runs), limit, each.against, style=style)
    return found


def figure(value: float) -> str:
    """Three significant digits; whole numbers from 100 on."""
    return f"{value:.0f}" if abs(value) >= 100 or value == 0 else f"{value:#.3g}"


def write(path: Path, measures: Iterable[Measure]) -> None:
    """The figures for programs, with what they were measured on."""
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    rows = [asdict(each) | {"missed": each.missed} for each in measures]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**machine, "measures": rows}, indent=2) + "\n", encoding="utf-8")
