"""All benchmarks: ``python -m tests.bench [--json FILE] [part ...]``.

Prints each figure as soon as it is known, then a table of all, and writes them as JSON. The exit
status is 1 when a figure is beyond its limit.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

import tests.bench
from tests.bench.measure import Measure, figure, table, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PREFIX = "bench_"


def parts() -> list[str]:
    """The names of the modules of benchmarks, without their prefix."""
    names = (each.name for each in pkgutil.iter_modules(tests.bench.__path__))
    return sorted(name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX))


def run(names: Iterable[str], progress: Console) -> Iterator[Measure]:
    """Measure, and tell each figure at once."""
    for name in names:
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
    found = list(run(given.part or parts(), Console(stderr=True)))
    Console().print(table(found))
    write(given.json, found)
    return int(any(each.missed for each in found))


if __name__ == "__main__":
    sys.exit(main())
