"""Lines to a fleet: records as they stand on stdout or in SLS, or the result of an invocation.

An ENI counts once, as its latest record tells it. Lines that are not records (Function Compute
writes some of its own) are counted, not shown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from console.progress import is_whole
from console.screen import printable
from handler.core.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Row = dict[str, Any]

PLANNED = Outcome.PLANNED.value
OUTCOMES = {outcome.value for outcome in Outcome}
# What the page needs of a row: 100 000 of them are held at once.
_TEXTS = (
    *("network_interface_id", "instance_id", "vswitch_id", "scaling_group_id", "instance_type"),
    *("outcome", "reason", "code", "advice", "target_source", "region"),
)
_NUMBERS = ("target", "before", "after", "requested")


@dataclass
class Fleet:
    """What the records say together.

    Attributes:
        rows: the latest record of each ENI, or of each instance that showed none.
        rooms: free addresses above the reserve, and the reserve, per vSwitch.
        others: lines that are not records, or records that are cut short.
        settings: those that were in force, where the lines tell; `settings_from` says of what.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    rooms: dict[str, tuple[int, int]] = field(default_factory=dict)
    regions: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)
    first: str = ""
    last: str = ""
    others: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    settings_from: str = ""

    @property
    def is_plan(self) -> bool:
        """Whether nothing of it was written."""
        return self.actions == {"plan"}

    def add(self, record: Row) -> None:
        """Take in one record; the latest wins."""
        kind = record.get("record_type")
        if kind == "eni_result" and _text(record.get("outcome")) in OUTCOMES:
            self._eni(record)
        elif kind == "run_summary":
            self._summary(record)
        elif kind == "settings":
            self._settings(record)
        at, region = _text(record.get("timestamp")), _text(record.get("region"))
        self.first = min(self.first or at, at) if at else self.first
        self.last = max(self.last, at)
        self.regions |= {region} - {""}

    def _eni(self, record: Row) -> None:
        name = _text(record.get("network_interface_id")) or _text(record.get("instance_id"))
        at = _text(record.get("timestamp"))
        row: Row = {key: _text(record.get(key)) or None for key in _TEXTS}
        row |= {key: _number(record.get(key)) for key in _NUMBERS}
        addresses = record.get("addresses")
        row["addresses"] = addresses if isinstance(addresses, list) else []
        row["requested"] = row["requested"] or 0
        silent = record.get("silent") if _text(record.get("guest")) else None
        row["silent"] = len(silent) if isinstance(silent, list) else None
        row["timestamp"] = at
        before = self.rows.get(name)
        self.rows[name] = row if before is None else _merged(*sorted((before, row), key=_time))

    def _settings(self, record: Row) -> None:
        found = record.get("settings")
        self.settings_from = _text(record.get("source"))
        for name, value in found.items() if isinstance(found, dict) else ():
            self.settings[_text(name)] = _text(value)

    def _summary(self, record: Row) -> None:
        self.actions.add(_text(record.get("action")))
        vswitches = record.get("vswitches")
        for seen in filter(_is_object, vswitches if isinstance(vswitches, list) else []):
            room, reserve = _number(seen.get("room")), _number(seen.get("reserve"))
            if room is not None and reserve is not None:
                self.rooms[_text(seen.get("vswitch_id"))] = (room, reserve)


def _time(row: Row) -> str:
    at: str = row["timestamp"]
    return at


def _merged(older: Row, newer: Row) -> Row:
    """The later record, with what the ENI had before the earlier one and all that it got.

    A plan says nothing of what was done before it or after it.
    """
    if PLANNED in {older["outcome"], newer["outcome"]}:
        return newer
    had = newer["before"] if older["before"] is None else older["before"]
    addresses = [*older["addresses"], *newer["addresses"]]
    distinct = list({repr(each): each for each in addresses}.values())
    return newer | {"before": had, "addresses": distinct}


def read(lines: Iterable[str]) -> Fleet:
    """The fleet that lines of text tell of; see docs/interfaces.md for records."""
    fleet = Fleet()
    for line in lines:
        found = list(_records(line))
        fleet.others += not found and bool(line.strip())
        for record in found:
            fleet.add(record)
    return fleet


def _records(line: str) -> Iterator[Row]:
    """The records in a line: itself, the `message` of an SLS row, or the ENIs of a result."""
    value = _parsed(line)
    if _is_object(value) and "record_type" not in value and "message" in value:
        value = _parsed(value["message"])
    if not _is_object(value):
        return
    if "record_type" in value:
        yield value
    elif isinstance(value.get("enis"), list):
        common = {"region": value.get("region")}
        yield {**common, "record_type": "run_summary", "action": value.get("action")}
        for row in filter(_is_object, value["enis"]):
            yield {**row, **common, "record_type": "eni_result"}


def _parsed(value: Any) -> Any:  # noqa: ANN401  (any JSON)
    """What a text holds, None when that is no JSON; a message may be parsed already."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _text(value: object) -> str:
    """A text as it can be written: to a file in UTF-8, or to a terminal."""
    return printable(value) if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    return value if is_whole(value) else None
