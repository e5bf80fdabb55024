"""All benchmarks: ``python -m tests.bench [--json FILE] [part ...]``.

Prints each figure as soon as it is known, then a table of all, and writes them as JSON. A run of
all parts also writes them into docs/performance.md. The exit status is 1 when a figure is beyond
its limit.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

import tests.bench
from tests.bench.document import put
from tests.bench.measure import Measure, figure, table, write

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "bench_"
DOCUMENT = Path(__file__).parents[2] / "docs/performance.md"


def parts() -> list[str]:
    """The names of the modules of benchmarks, without their prefix."""
    names = (each.name for each in pkgutil.iter_modules(tests.bench.__path__))
    return sorted(name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX))


def run(name: str, progress: Console) -> Iterator[Measure]:
    """Measure one part, and tell each figure at once."""
    progress.print(f"[bold]{name}[/bold]")
    for found in importlib.import_module(f"tests.bench.{PREFIX}{name}").measures():
        progress.print(f"  {found.name}: {figure(found.value)} {found.unit}")
        yield found


def main() -> int:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*", help=f"of {', '.join(parts())}; all unless named")
    parser.add_argument("--json", type=Path, default=Path("dist/bench.json"), metavar="FILE")
    given = parser.parse_args()
    if unknown := sorted(set(given.part) - set(parts())):
        parser.error(f"part: found {', '.join(unknown)}; allowed: {', '.join(parts())}")
    progress = Console(stderr=True)
    by_part = {name: list(run(name, progress)) for name in given.part or parts()}
    found = [each for measures in by_part.values() for each in measures]
    Console().print(table(found))
    write(given.json, found)
    if not given.part:
        put(DOCUMENT, by_part, datetime.now(tz=timezone.utc).date())
    return int(any(each.missed for each in found))


if __name__ == "__main__":
    sys.exit(main())
