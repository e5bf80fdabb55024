"""The columns of the page's tables: what stands in a cell, and which end of a column is the worst.

A table is a list of columns and nothing else: to show one thing more of an ENI, add a line to
`ENIS`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from console.progress import got, gravity, had, has, is_planned, missing
from handler.core.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.report.reading import Row

# Where the web console of Alibaba Cloud shows a resource, by the beginning of its id.
_PAGES = {
    "eni": "https://ecs.console.aliyun.com/networkInterfaces/region/{region}/detail/{id}",
    "i": "https://ecs.console.aliyun.com/server/{id}/detail?regionId={region}",
    "vsw": "https://vpc.console.aliyun.com/vpc/{region}/switches/{id}",
}
_ID, _REGION = re.compile(r"([a-z]+)-[A-Za-z0-9-]{1,64}"), re.compile(r"[a-z]{2}(-[a-z0-9]+)+")
_ID_LENGTH = 26  # of Alibaba Cloud's own; ours, with a little to spare
_FINE = {Outcome.SATISFIED.value, Outcome.ASSIGNED.value}
_ALONE = {Outcome.SKIPPED.value, Outcome.GONE.value}


class Kind(str, Enum):
    """How a cell is drawn."""

    TEXT = "text"
    WORD = "word"  # short, and never broken
    NUMBER = "number"
    RESOURCE = "resource"
    SHARE = "share"
    ROOM = "room"
    OUTCOME = "outcome"


class First(str, Enum):
    """The order of the first click: what is worst, or else smallest, comes to the top."""

    UP = "ascending"
    DOWN = "descending"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: its head.
        value: what stands in the cell, by the row or the sum.
        kind: how that is drawn.
        first: the order of the first click.
        folded: whether a phone hides it until the row is opened.
    """

    name: str
    value: Callable[[Any], object]
    kind: Kind = Kind.TEXT
    first: First = First.UP
    folded: bool = True


@dataclass(frozen=True)
class Resource:
    """Something that the web console shows; `more` stands below its id."""

    id: str
    url: str | None = None
    more: str = ""

    @property
    def long(self) -> bool:
        """Whether it may need more than a line; the ids of Alibaba Cloud are shorter."""
        return len(self.id) > _ID_LENGTH


def resource(name: str | None, region: str | None, more: str | None = None) -> Resource:
    """An id, with its page where both it and the region look like what they should be."""
    found = _ID.fullmatch(name or "")
    page = _PAGES.get(found[1]) if found else None
    url = None
    if page and region and _REGION.fullmatch(region):
        url = page.format(region=region, id=name)
    return Resource(name or "-", url, more or "")


def below(row: Row) -> bool:
    """Whether an ENI ends below its target, or is undecided."""
    if is_planned(row):
        return missing(row) > 0
    return row["outcome"] not in _FINE | _ALONE


def rank(row: Row) -> int:
    """How bad it is how an ENI ended, the smallest first: by this the outcomes are sorted."""
    return gravity(row)[0]


def reason(row: Row) -> str:
    """How an ENI ended, and why."""
    ended = "would be short" if is_planned(row) and below(row) else row["outcome"]
    return f"{ended}: {row['reason']}" + (f" ({row['code']})" if row["code"] else "")


def _number(name: str, value: Callable[[Any], object], first: First = First.DOWN) -> Column:
    return Column(name, value, Kind.NUMBER, first)


_MISSING = Column("missing", lambda it: it.missing, Kind.NUMBER, First.DOWN, folded=False)

GROUPS = [
    Column("scaling group", lambda it: it.name, folded=False),
    Column("share", lambda it: it.shares, Kind.SHARE, folded=False),
    _number("ENIs", lambda it: it.enis),
    _number("had", lambda it: it.had, First.UP),
    _number("target", lambda it: it.target),
    _number("got", lambda it: it.got),
    _number("has", lambda it: it.has, First.UP),
    _MISSING,
    _number("silent", lambda it: it.silent),
]
VSWITCHES = [
    Column("vSwitch", lambda it: it.resource, Kind.RESOURCE, folded=False),
    Column("room", lambda it: it.room_shares, Kind.ROOM, folded=False),
    _number("room before", lambda it: it.room_before, First.UP),
    _number("got", lambda it: it.got),
    Column("room after", lambda it: it.room, Kind.NUMBER, First.UP, folded=False),
    _number("reserve", lambda it: it.reserve),
    _number("ENIs", lambda it: it.enis),
    _number("below target", lambda it: it.below),
    _MISSING,
]
REASONS = [
    Column("why", lambda it: it.name, folded=False),
    _number("ENIs", lambda it: it.enis),
    _MISSING,
    Column("what to do", lambda it: it.advice or "-", folded=False),
]
ENIS = [
    Column(
        "ENI",
        lambda row: resource(row["network_interface_id"], row["region"]),
        Kind.RESOURCE,
        folded=False,
    ),
    Column(
        "instance",
        lambda row: resource(row["instance_id"], row["region"], row["instance_type"]),
        Kind.RESOURCE,
    ),
    Column("scaling group", lambda row: row["scaling_group_id"] or "-"),
    Column("vSwitch", lambda row: resource(row["vswitch_id"], row["region"]), Kind.RESOURCE),
    _number("had", had, First.UP),
    _number("target", lambda row: row["target"]),
    Column("set by", lambda row: (row["target_source"] or "-").replace("_", " "), Kind.WORD),
    _number("got", got),
    _number("has", has, First.UP),
    Column("missing", missing, Kind.NUMBER, First.DOWN, folded=False),
    _number("silent", lambda row: row["silent"]),
    Column("outcome", reason, Kind.OUTCOME, folded=False),
]
