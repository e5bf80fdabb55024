"""Tables for people: what each ENI gets and why, and what vSwitches have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from console.progress import got, had, has, is_planned, missing
from console.screen import counted, foreign
from handler.core.model import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from console.chain import Chain
    from console.progress import Progress, Row

# From here on, an ENI, its instance and the type stand side by side; or at least the last two.
WIDE, MIDDLE = 130, 100
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
    """One row per ENI; on a narrow screen, parts of it stand below each other.

    Args:
        rows: records of ENIs.
        width: of the screen.
        stopped: whether the operator stopped the run before its end.
    """
    wide, table = width >= WIDE, _table()
    for name in ("ENI", "instance", "type") if wide else ("ENI, instance, type",):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    table.add_column("had", justify="right", no_wrap=True)
    for name in ("target", "set by") if wide else ("target, set by",):
        table.add_column(name, justify="left" if name == "set by" else "right", no_wrap=not wide)
    for name in ("got", "has", "missing"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=1)
    for row in rows:
        who = _who(row) if wide else [_stacked(row, one_line=width >= MIDDLE)]
        reason = foreign(why(row, stopped=stopped))
        table.add_row(*who, *_numbers(row, wide=wide), reason, style=_style(row))
    return table


def why(row: Row, *, stopped: bool = False) -> str:
    """Why an ENI ends as it does: reason and error code, and a guest that does not answer.

    To the function a stop is the end of its time; nobody who pressed Ctrl-C would call it that.
    """
    reason = "stopped" if stopped and row["reason"] == Reason.OUT_OF_TIME.value else row["reason"]
    guest = row["guest"] if row.get("silent") else None
    return ", ".join(filter(None, (reason, row["code"], guest)))


def _style(row: Row) -> str:
    """What would end short in a plan looks like what has ended short."""
    planned_short = is_planned(row) and missing(row) > 0
    return STYLES.get(Outcome.SHORT.value if planned_short else row["outcome"], "")


def _numbers(row: Row, *, wide: bool) -> list[Text | str]:
    """had, target and who set it, got, has, missing."""
    target, source = _number(row["target"]), foreign(row["target_source"] or "-")
    wanted: list[Text | str] = (
        [target, source] if wide else [Text(f"{target}\n").append_text(source)]
    )
    unread = had(row) is None
    rest = (got(row) or None, None if unread else has(row), missing(row) or None)
    return [_number(had(row)), *wanted, *map(_number, rest)]


def room_table(progress: Progress) -> Table:
    """Per vSwitch: free addresses above the reserve, before and after."""
    table = _table()
    table.add_column("vSwitch", no_wrap=True, overflow="ellipsis")
    for name in ("room before", "got", "room after", "reserve"):
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


def _stacked(row: Row, *, one_line: bool) -> Text:
    eni, instance, kind = _who(row)
    between = " " if one_line else "\n  "
    return Text.assemble(eni, "\n", Text.assemble("  ", instance, between, kind, style="dim"))


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)
