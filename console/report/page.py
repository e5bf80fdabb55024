"""The page: sums per scaling group, vSwitch and reason, the worst ENIs, and the template.

Its size is bounded whatever the fleet's: everything is summed, `MOST` lines of each sum are shown,
and the page says what it leaves out. Text and style are escaped by Jinja; a content security policy
with the hashes of the page's own style and script lets nothing else run.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from console.progress import got, gravity, had, has, missing
from console.report.columns import (
    ENIS,
    GROUPS,
    REASONS,
    VSWITCHES,
    Resource,
    below,
    rank,
    reason,
    resource,
)
from console.screen import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from console.report.reading import Fleet, Row

MOST = 50  # lines of each sum
# What to do where no error code has advice of its own: the README's table of reasons.
ADVICE = {
    "quota": "lower the target, or take a larger type",
    "vswitch": "free addresses, use another vSwitch, or lower VSWITCH_RESERVE",
    "unknown_instance_type": "check the type and the region",
    "address_taken": "name another",
    "limit": "ask again",
    "out_of_time": "nothing if it is retried; else a longer timeout",
    "not_ready": "check its state if it persists",
    "moved": "nothing if it is retried; else ask again",
    "not_visible": "nothing, unless it persists: then check ecs:DescribeInstances",
    "unconfirmed": "nothing, unless it persists: then open a ticket with api_request_id",
    "transient": "nothing, unless it persists: then see code",
}


@dataclass
class Sum:
    """ENIs that have something in common; addresses are secondary ones.

    Attributes:
        had, target, got, has, missing: of all its ENIs, as in the tables of the command; `missing`
            is summed ENI by ENI.
        silent: addresses on which their guests do not answer; None where none was asked.
        room: free addresses above the reserve that its vSwitch has left.
    """

    name: str
    enis: int = 0
    below: int = 0
    had: int = 0
    target: int = 0
    got: int = 0
    has: int = 0
    missing: int = 0
    silent: int | None = None
    advice: str = ""
    region: str = ""
    room: int | None = None
    reserve: int | None = None

    def add(self, row: Row) -> None:
        """Take in one ENI."""
        self.enis += 1
        self.below += below(row)
        self.missing += missing(row)
        if row["silent"] is not None:
            self.silent = (self.silent or 0) + row["silent"]
        self.advice = self.advice or row["advice"] or ADVICE.get(row["reason"], "")
        self.region = self.region or row["region"] or ""
        if row["target"] is not None:
            self.had += had(row) or 0
            self.got += got(row)
            self.has += has(row)
            self.target += row["target"]

    @property
    def shares(self) -> tuple[float, float]:
        """Per cent of the target that was there before, and that came; 100 at most together."""
        return _shares(self.has - self.got, self.got, self.target)

    @property
    def room_before(self) -> int | None:
        """Free addresses above the reserve before the run."""
        return None if self.room is None else self.room + self.got

    @property
    def room_shares(self) -> tuple[float, float]:
        """Per cent of the room before that was given away, and that is left."""
        return _shares(self.got, self.room or 0, self.room_before or 0)

    @property
    def resource(self) -> Resource:
        """The vSwitch that it is the sum of."""
        return resource(self.name, self.region)


def _shares(first: int, second: int, whole: int) -> tuple[float, float]:
    if not whole:
        return 100.0, 0.0
    held = min(100.0, max(0.0, 100 * first / whole))
    return round(held, 1), round(min(100 - held, 100 * second / whole), 1)


def render(fleet: Fleet, source: str, rows: int) -> str:
    """The page.

    Args:
        fleet: what to show.
        source: where it came from, as a person would name it.
        rows: so many ENIs are listed, the worst first.
    """
    everything = fleet.rows.values()
    groups = summed(everything, lambda row: row["scaling_group_id"] or "no scaling group")
    vswitches = summed(everything, lambda row: row["vswitch_id"] or "unknown vSwitch")
    for each in vswitches:
        each.room, each.reserve = fleet.rooms.get(each.name, (None, None))
    total = summed(everything, lambda _: "")[0]
    reasons = summed((row for row in everything if below(row)), reason)
    text = _template().render(
        source=printable(source),
        fleet=fleet,
        headline=headline(fleet, total),
        total=total,
        outcomes=Counter(row["outcome"] for row in everything),
        groups=groups[:MOST],
        vswitches=sorted(vswitches[:MOST], key=_room),
        reasons=reasons[:MOST],
        left_out={"group": groups[MOST:], "vSwitch": vswitches[MOST:], "reason": reasons[MOST:]},
        rows=heapq.nsmallest(rows, everything, key=_worst),
        columns={"groups": GROUPS, "vswitches": VSWITCHES, "reasons": REASONS, "enis": ENIS},
        below=below,
        rank=rank,
    )
    return text.replace("CONTENT-SECURITY-POLICY", policy(text), 1)


def headline(fleet: Fleet, total: Sum) -> str:
    """What there is to say in a sentence."""
    where = ", ".join(sorted(fleet.regions)) or "an unknown region"
    enis = f"{total.below:,} of {total.enis:,} ENIs in {where}"
    if fleet.is_plan:
        every = f"This plan brings every ENI in {where} to its target"
        return f"This plan leaves {enis} below target" if total.below else every
    every = f"No ENI in {where} is below its target"
    return f"{enis} {'is' if total.below == 1 else 'are'} below target" if total.below else every


def summed(rows: Iterable[Row], key: Callable[[Row], str]) -> list[Sum]:
    """One sum per key, the one that lacks most first."""
    found: dict[str, Sum] = {}
    for row in rows:
        name = key(row)
        found.setdefault(name, Sum(name)).add(row)
    return sorted(found.values(), key=lambda it: (-it.missing, -it.below, -it.enis, it.name))


def policy(text: str) -> str:
    """Lets only the page's own style and script in, by their hashes; nothing is fetched."""
    style, script = (_hash(re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)) for tag in _OWN)
    return f"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'"


_OWN = ("style", "script")


def _hash(found: re.Match[str] | None) -> str:
    digest = hashlib.sha256((found[1] if found else "").encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _worst(row: Row) -> tuple[tuple[int, ...], int, str]:
    """The order of rows; among those that lack as much, whoever does not answer comes first."""
    *lacks, name = gravity(row)
    return tuple(map(int, lacks)), -(row["silent"] or 0), str(name)


def _room(it: Sum) -> tuple[float, str]:
    return (float("inf") if it.room is None else it.room), it.name


@cache
def _template() -> Template:
    folder = Path(__file__).parent
    jinja = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return jinja.get_template("page.html")
