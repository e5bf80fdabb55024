"""Tables for people: what each ENI gets and why, and what vSwitches have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from console.progress import gets, missing
from console.screen import counted, foreign
from handler.core.model import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from console.chain import Chain
    from console.progress import Progress, Row

# From here on, an ENI, its instance and the type stand side by side.
WIDE = 110
# Of the counts of a hop, those that say how far it came.
_HOP_COUNTS = ("assigned", "short", "failed")
_OUTCOMES = tuple(each.value for each in Outcome)
STYLES = {
    Outcome.FAILED.value: "red",
    Outcome.DEFERRED.value: "yellow",
    Outcome.SHORT.value: "yellow",
    Outcome.SKIPPED.value: "dim",
    Outcome.GONE.value: "dim",
}


def eni_table(rows: Iterable[Row], width: int, *, stopped: bool = False) -> Table:
    """One row per ENI; on a narrow screen the instance stands below its ENI.

    Args:
        rows: records of ENIs.
        width: of the screen.
        stopped: whether the operator stopped the run before its end.
    """
    wide = width >= WIDE
    table = _table()
    for name in ("ENI", "instance", "type") if wide else ("ENI, instance, type",):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for name in ("has", "target", "gets"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=1)
    for row in rows:
        who = _who(row) if wide else [_stacked(row)]
        numbers = [_number(row["before"]), _number(row["target"]), _number(gets(row) or None)]
        table.add_row(
            *who,
            *numbers,
            foreign(why(row, stopped=stopped)),
            style=STYLES.get(row["outcome"], ""),
        )
    return table


def why(row: Row, *, stopped: bool = False) -> str:
    """Why an ENI ends as it does: reason, error code, what it lacks, who set the target.

    To the function a stop is the end of its time; nobody who pressed Ctrl-C would call it that.
    """
    lacking = missing(row) if row["outcome"] != Outcome.FAILED.value else 0
    reason = "stopped" if stopped and row["reason"] == Reason.OUT_OF_TIME.value else row["reason"]
    parts = [reason, row["code"], f"{lacking} short" if lacking else None]
    source = f" ({row['target_source']})" if row["target_source"] else ""
    return ", ".join(filter(None, parts)) + source


def room_table(progress: Progress) -> Table:
    """Per vSwitch: free addresses above the reserve, before and after."""
    table = _table()
    table.add_column("vSwitch", no_wrap=True, overflow="ellipsis")
    for name in ("room before", "gets", "room after", "reserve"):
        table.add_column(name, justify="right")
    for vswitch_id, before, given, after, reserve in progress.vswitches():
        style = "yellow" if after == 0 else ""
        table.add_row(foreign(vswitch_id), *map(str, (before, given, after, reserve)), style=style)
    return table


def chain_table(chain: Chain) -> Table:
    """One row per invocation of a chain."""
    table = _table()
    table.add_column("hop", justify="right")
    table.add_column("status", no_wrap=True)
    for name in ("seconds", "retries", "ENIs", *_HOP_COUNTS):
        table.add_column(name, justify="right")
    for hop in [*chain.hops, *([chain.current] if chain.current else [])]:
        counts = [_number(hop.counts.get(name)) for name in ("enis", *_HOP_COUNTS)]
        seconds = "-" if hop.task.seconds is None else f"{hop.task.seconds:.1f}"
        style = STYLES[Outcome.FAILED.value] if hop.task.status == "Failed" else ""
        status = foreign(hop.task.status)
        row = (seconds, str(hop.task.retries), *counts)
        table.add_row(str(hop.number), status, *row, style=style)
    return table


def totals(progress: Progress) -> Text:
    """ENIs by outcome."""
    return outcomes(progress.counts, progress.enis)


def outcomes(counts: Mapping[str, int], enis: int) -> Text:
    """How many ENIs there are, and how they ended."""
    parts = [f"{counts[each]} {each}" for each in _OUTCOMES if counts.get(each)]
    return Text(f"{counted(enis, 'ENI')}: " + ", ".join(parts or ["none selected"]))


def _table() -> Table:
    return Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)


def _who(row: Row) -> list[Text]:
    names = ("network_interface_id", "instance_id", "instance_type")
    return [foreign(row[name] or "-") for name in names]


def _stacked(row: Row) -> Text:
    eni, instance, kind = _who(row)
    below = Text.assemble("  ", instance, " ", kind, style="dim")
    return Text.assemble(eni, "\n", below)


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)
