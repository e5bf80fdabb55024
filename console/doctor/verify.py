"""`doctor --verify`: settles what no page settles, on ENIs that the operator names and owns.

What it will do is shown and must be agreed to; what it assigned is taken back, also when it is
stopped in the middle.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from console import screen
from console.credentials import explained, status_of
from console.doctor.facts import of_limit, of_refusal, of_tokens
from console.doctor.trial_ecs import TrialEcs
from console.doctor.trials import MOST, CannotTry, Place, limit, refusal, tokens
from console.exits import Exit, GivenUp
from console.manual import NOBODY_TO_ASK, BadRequest
from handler.cloud.ports import InstanceQuery
from handler.cloud.vpc import VpcOpenApi
from handler.core.errors import CloudFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.doctor.facts import Fact
    from handler.cloud.openapi import Connection
    from handler.core.model import Eni

# Free addresses that the trials leave in a vSwitch, whatever happens.
LEAVE = 8


@dataclass(frozen=True)
class Planned:
    """An ENI with what the trials will do to it.

    Attributes:
        capacity: secondary addresses that it holds at most; None when it is attached to nothing.
    """

    eni: Eni
    capacity: int | None

    @property
    def most(self) -> int:
        """Addresses that are assigned at a time, at most."""
        whole = MOST if self.capacity is None else self.capacity
        return max(0, whole - len(self.eni.secondary))

    @property
    def text(self) -> str:
        """The plan in words."""
        where = (
            f"attached to {self.eni.instance_id}" if self.eni.instance_id else "attached to none"
        )
        held = f"holds {len(self.eni.secondary)}"
        return (
            f"{self.eni.id}, {where}, {held}: assigns up to {self.most} addresses, takes them back"
        )


def verified(
    connection: Connection, eni_ids: list[str], *, patience: float, yes: bool, lines: bool
) -> Exit:
    """Plan, ask, try, take back, and say what was learnt.

    Raises:
        BadRequest: an ENI that cannot be tried; nothing was done.
        GivenUp: a read was refused, or not answered.
    """
    ecs = TrialEcs(connection)
    try:
        plans = [_planned(each, ecs) for each in dict.fromkeys(eni_ids)]
        for plan in plans:
            _check_room(plan, connection)
    except CloudFault as fault:
        raise GivenUp(status_of(fault), explained(fault)) from None
    for plan in plans:
        screen.note(plan.text)
    if not yes and not _agreed():
        screen.note("nothing was assigned")
        return Exit.DECLINED
    return _tried(plans, ecs, patience, lines=lines)


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise BadRequest(NOBODY_TO_ASK)
    return typer.confirm("Nothing else must change these ENIs. Begin?", err=True)


def _planned(eni_id: str, ecs: TrialEcs) -> Planned:
    eni = ecs.eni(eni_id)
    if eni is None or not eni.complete:
        raise BadRequest(f"--eni-id: found {eni_id!r}, which ECS does not show")
    if not eni.ours or eni.status not in {"InUse", "Available"}:
        raise BadRequest(f"--eni-id: found {eni_id!r}, which is of a service, or {eni.status}")
    if eni.instance_id is None:
        return Planned(eni, None)
    capacity = ecs.capacity_of(InstanceQuery(ids=(eni.instance_id,)))
    if capacity is None or capacity <= len(eni.secondary):
        raise BadRequest(f"--eni-id: found {eni_id!r}, which has no room for an address")
    return Planned(eni, capacity)


def _check_room(plan: Planned, connection: Connection) -> None:
    vswitch = plan.eni.vswitch_id
    free = VpcOpenApi(connection).available_addresses(vswitch) or 0
    if free - plan.most < LEAVE:
        found = f"{vswitch} has {free} free addresses, the trials on {plan.eni.id} take {plan.most}"
        raise BadRequest(f"--eni-id: {found}; allowed: a vSwitch that keeps {LEAVE}")


def _tried(plans: list[Planned], ecs: TrialEcs, patience: float, *, lines: bool) -> Exit:
    status = Exit.AT_TARGET
    found: list[tuple[str, Fact]] = []
    for plan in plans:
        place = Place(plan.eni.id, ecs, time.monotonic, time.sleep, patience)
        try:
            found += [(plan.eni.id, fact) for fact in _facts(plan, place)]
        except (CannotTry, CloudFault) as error:
            screen.error(f"{plan.eni.id}: {error}")
            status = Exit.FAILED
        finally:
            status = _left(plan, place) or status
    _show(found, lines=lines)
    return status


def _facts(plan: Planned, place: Place) -> Iterator[Fact]:
    """What the trials on one ENI show, one after the other."""
    if plan.capacity is None:
        yield of_limit(*limit(place))
        return
    screen.note(f"{plan.eni.id}: tokens and reads; this takes some minutes")
    yield from of_tokens(tokens(place), place.patience)
    yield of_refusal(refusal(place, plan.capacity))


def _left(plan: Planned, place: Place) -> Exit | None:
    """Take back what is still there; says so if something stays."""
    place.take_back()
    before = plan.eni.secondary
    if place.until(lambda held: held <= before) is not None:
        return None
    left = ", ".join(sorted(place.ecs.held(place.eni) - before))
    screen.error(f"{plan.eni.id} holds {left}, which it did not: take away what you do not know")
    return Exit.FAILED


def _show(found: list[tuple[str, Fact]], *, lines: bool) -> None:
    if lines:
        for eni, fact in found:
            setting = fact.setting or None
            screen.json_line(eni=eni, question=fact.question, answer=fact.answer, setting=setting)
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)
    for title in ("question", "what ECS does", "setting that should follow"):
        table.add_column(title, overflow="fold")
    for _, fact in found:
        table.add_row(fact.question, screen.foreign(fact.answer), fact.setting)
    screen.console().print(table)
    sys.stdout.flush()
