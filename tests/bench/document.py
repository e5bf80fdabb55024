"""The figures in docs/performance.md: `python -m tests.bench` writes them between two marks."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from tests.bench.measure import Measure

BEGIN, END = "<!-- written by make bench: begin -->", "<!-- written by make bench: end -->"
HEADER = "| measure | value | spread | runs | at most | against |"


def put(path: Path, parts: Mapping[str, Iterable[Measure]], today: date) -> None:
    """Replace what stands between the marks."""
    text = path.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    _, ends, after = rest.partition(END)
    if not found or not ends:
        raise ValueError(f"{path}: the marks {BEGIN} and {END} are not there")
    path.write_text(f"{before}{BEGIN}\n{content(parts, today)}\n{END}{after}", encoding="utf-8")


def content(parts: Mapping[str, Iterable[Measure]], today: date) -> str:
    """The machine, and a table for each part."""
    where = f"{processor()}, {os.cpu_count()} CPUs, {platform.system()}"
    lines = [f"Measured on {today.isoformat()}: {where}, Python {platform.python_version()}."]
    for name, measures in parts.items():
        lines += ["", f"### {name}", "", HEADER, "|---|---|---|---|---|---|"]
        lines += [row(each) for each in measures]
    return "\n".join(lines)


def row(each: Measure) -> str:
    """A measure as a line of a table; one beyond its limit is in bold."""
    value = f"{figure(each.value)} {each.unit}"
    spread = "" if each.runs == 1 else f"{figure(each.low)} .. {figure(each.high)}"
    limit = "" if each.limit is None else f"{each.limit:g}"
    cells = (each.name, f"**{value}**" if each.missed else value, spread, each.runs, limit)
    return f"| {' | '.join(map(str, cells))} | {each.against} |"


def processor() -> str:
    """The model of the CPU, as far as the system tells."""
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        info = ""
    model = re.search(r"^model name\s*: (.+)$", info, re.MULTILINE)
    return model[1] if model else platform.processor() or platform.machine()
