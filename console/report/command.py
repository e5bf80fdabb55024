"""`report`: records in, one HTML file out."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

from console import numbers, screen
from console.exits import Exit
from console.manual import BadRequest, standard_input
from console.report.reading import Fleet, read
from console.settings import say

ROWS = 500
_ALLOWED = "records as JSON lines (plan --json, a function's stdout, rows of SLS), or a result"

Source = Annotated[
    str, typer.Argument(metavar="FILE", help="Records as JSON lines; - is standard input.")
]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="The page; - is standard output.")
]
Rows = Annotated[
    int,
    typer.Option(
        "--rows",
        metavar="N",
        parser=numbers.whole(0),
        help="How many ENIs to list, the worst first.",
    ),
]


def report(source: Source = "-", output: Output = Path("report.html"), rows: Rows = ROWS) -> None:
    """Draw the fleet from records or a plan: one HTML file that needs nothing else."""
    from console.report.page import render  # noqa: PLC0415  (Jinja, when it is needed)

    fleet = _read(source)
    if fleet.settings_from:
        say(fleet.settings_from, fleet.settings)
    page = render(fleet, "standard input" if source == "-" else Path(source).name, rows)
    raise typer.Exit(_written(page, output))


def _read(source: str) -> Fleet:
    """What the lines tell; refused when that is nothing."""
    try:
        with _opened(source) as lines:
            fleet = read(lines)
    except OSError as error:
        raise BadRequest(f"FILE: found {source}, {error.strerror}; allowed: {_ALLOWED}") from None
    if not fleet.rows:
        found = f"no eni_result among {screen.counted(fleet.others, 'line')}"
        raise BadRequest(f"FILE: found {found}; allowed: {_ALLOWED}")
    if fleet.others:
        left = screen.counted(fleet.others, "line")
        screen.note(f"left out {left} of the input: not records, or records that are cut short")
    return fleet


def _opened(source: str) -> TextIO:
    """Lines of UTF-8, whatever the terminal speaks or the file begins with; no byte is refused."""
    if source == "-":
        return io.TextIOWrapper(standard_input(), encoding="utf-8-sig", errors="replace")
    return Path(source).open(encoding="utf-8-sig", errors="replace")


def _written(page: str, output: Path) -> Exit:
    if str(output) == "-":
        sys.stdout.buffer.write(page.encode())  # it says itself that it is UTF-8
        sys.stdout.buffer.flush()
        return Exit.AT_TARGET
    try:
        output.write_text(page, encoding="utf-8")
    except OSError as error:
        screen.error(f"{output}: {error.strerror}")
        return Exit.FAILED
    screen.note(f"wrote {output}")
    return Exit.AT_TARGET
