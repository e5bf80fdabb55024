"""The findings as a table: good to read in a terminal of 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from console.doctor.finding import Level
from console.screen import foreign

if TYPE_CHECKING:
    from console.doctor.finding import Finding

STYLES = {
    Level.OK: "green",
    Level.UNREAD: "magenta",
    Level.WARNING: "yellow",
    Level.FAILURE: "bold red",
}


def table_of(found: list[Finding]) -> Table:
    """One row per finding; what mends it stands below what was found."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("found, and what mends it", overflow="fold", ratio=1)
    for each in found:
        level = Text(each.level.value, STYLES[each.level])
        table.add_row(level, Text(each.row.value), _said(each))
    return table


def _said(each: Finding) -> Text:
    subject = foreign(f"{each.subject}: " if each.subject else "", "dim")
    found = Text.assemble(subject, foreign(each.found))
    return Text("\n").join([found, foreign(f"-> {each.advice}")]) if each.advice else found


def sum_of(found: list[Finding]) -> str:
    """How many rows stand how, the worst first."""
    counts = {level: sum(each.level is level for each in found) for level in reversed(list(Level))}
    words = {
        Level.OK: "{} ok",
        Level.UNREAD: "{} could not be read",
        Level.WARNING: "{} to look at",
        Level.FAILURE: "{} to mend",
    }
    return ", ".join(words[level].format(count) for level, count in counts.items() if count)
