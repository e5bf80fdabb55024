"""Everything that is found in an account, in the order of its rows. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from console.doctor.around import around_findings
from console.doctor.delivery import delivery_findings
from console.doctor.finding import Level, Row, published
from console.doctor.function import function_findings
from console.doctor.hooks import hook_findings
from console.doctor.room import quota_findings, room_findings
from console.doctor.seen import LATEST
from console.exits import Exit

if TYPE_CHECKING:
    from console.doctor.finding import Finding
    from console.doctor.seen import Seen

_ORDER = {row: place for place, row in enumerate(Row)}


def findings(seen: Seen) -> list[Finding]:
    """What is found, in the order of the rows."""
    parts = (
        function_findings,
        around_findings,
        delivery_findings,
        hook_findings,
        room_findings,
        quota_findings,
    )
    found = [each for part in parts for each in part(seen)]
    if (qualifier := seen.function.qualifier) != LATEST:
        found = [replace(each, advice=published(each.advice, qualifier)) for each in found]
    return sorted(found, key=lambda each: _ORDER[each.row])


def status_of(found: list[Finding]) -> Exit:
    """The exit status: what could not be read counts as a warning."""
    levels = {each.level for each in found}
    if Level.FAILURE in levels:
        return Exit.FAILED
    return Exit.SHORT if levels & {Level.WARNING, Level.UNREAD} else Exit.AT_TARGET
