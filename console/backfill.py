"""`backfill`: bring a fleet to its target from here, with the operator's own credentials."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, NoReturn

import typer

from console import options, screen
from console.attend import AtOnce
from console.calls import Granted
from console.deployed import (
    Account,
    FunctionName,
    Qualifier,
    Service,
    asked_for,
    can_ask,
    in_force,
    named,
)
from console.ending import conclude, last_line, show, stopped_at_once
from console.exits import Exit
from console.local import environment
from console.manual import BACKFILL, NOBODY_TO_ASK, ManualRequest, Options
from console.settings import InForce
from console.work import RunResult, backfilled, planned
from handler.core.settings import read_settings

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Assign without asking; needed in scripts.")]


def backfill(
    file: options.File = None,
    instance_id: options.InstanceIds = None,
    eni_id: options.EniIds = None,
    scaling_group: options.ScalingGroup = None,
    vswitch: options.VSwitch = None,
    tag: options.Tags = None,
    everything: options.Everything = False,
    region: options.Region = None,
    target: options.TargetText = None,
    limit: options.Limit = None,
    dry_run: options.DryRun = False,
    ask_guests: options.AskGuests = False,
    yes: Yes = False,
    function: FunctionName = None,
    service: Service = None,
    qualifier: Qualifier = None,
    account: Account = None,
    rows: options.Rows = options.ROWS,
    as_json: options.AsJson = False,
    local: options.Local = False,
    local_enis: options.LocalEnis = options.LOCAL_ENIS,
) -> None:
    """Bring ENIs to their target from here; Ctrl-C stops and prints how to resume."""
    selected = (instance_id, eni_id, scaling_group, vswitch, tag, everything)
    wanted = Options(*selected, target, limit, dry_run, ask_guests)
    place = named(function, service, qualifier, account)
    request = asked_for(BACKFILL, file, wanted, region, place, local)
    with environment(local, local_enis, region) as environ:
        force = in_force(request.request.region, place, environ, local=local)
        force.show(as_json=as_json)
        can_ask(request, force)
        run = _run(_without_writes(request, force), force, Manner(file, yes, rows, as_json, local))
    raise typer.Exit(conclude(run, as_json=as_json, kept=not local))


@dataclass(frozen=True)
class Manner:
    """How a backfill is asked about and shown; see the options."""

    file: str | None
    yes: bool
    rows: int
    as_json: bool
    local: bool


def _run(request: ManualRequest, force: InForce, how: Manner) -> RunResult:
    """The plan, where somebody is there to see it, and then the work."""
    plan, granted = None, Granted("AssignPrivateIpAddresses")
    granted.listen()
    if not request.request.dry_run and screen.watched(how.yes):
        plan = planned(request.as_plan(asking=False), force.environ, how.rows)
        _go_on(plan, how.as_json)
        if not how.yes:
            _confirm(plan, how.file, how.as_json)
    try:
        return backfilled(
            request, force.environ, how.rows, plan, written=how.as_json, granted=granted
        )
    except AtOnce as ending:
        raise stopped_at_once(ending, request, kept=not how.local) from None


def _without_writes(request: ManualRequest, force: InForce) -> ManualRequest:
    """The request as a plan where DRY_RUN is in force, so that nobody is asked for nothing."""
    if request.request.dry_run or not read_settings(force.environ).dry_run:
        return request
    screen.note(f"DRY_RUN is set in {force.source}: nothing will be assigned")
    return request.as_plan()


def _go_on(plan: RunResult, as_json: bool) -> None:
    """Not after a Ctrl-C, though the plan may be complete; the same command begins again."""
    if plan.stopped:
        screen.note("stopped; nothing was assigned")
        _leave(plan, Exit.STOPPED, as_json)


def _confirm(plan: RunResult, file: str | None, as_json: bool) -> None:
    """Show the plan and ask; go on only if the answer is yes."""
    if plan.ended.failure or plan.ended.refused or plan.ended.rest or not plan.progress.writes:
        raise typer.Exit(conclude(plan, as_json=as_json))
    show(plan, stderr=as_json)
    if file == "-" or not sys.stdin.isatty():
        screen.error(NOBODY_TO_ASK)
        _leave(plan, Exit.BAD_REQUEST, as_json)
    refusal = _refusal(plan, as_json)
    if refusal is not None:
        screen.note(f"{'stopped; ' if refusal is Exit.STOPPED else ''}nothing was assigned")
        _leave(plan, refusal, as_json)


def _refusal(plan: RunResult, as_json: bool) -> Exit | None:
    """Ask a person, beside what is for scripts; None when the answer is yes."""
    addresses = screen.counted(plan.progress.addresses, "address")
    enis = screen.counted(plan.progress.writes, "ENI")
    try:
        agreed = typer.confirm(f"Assign {addresses} to {enis}?", err=as_json)
    except (KeyboardInterrupt, typer.Abort):
        return Exit.STOPPED
    return None if agreed else Exit.DECLINED


def _leave(plan: RunResult, status: Exit, as_json: bool) -> NoReturn:
    """End before anything was assigned."""
    if as_json:
        last_line(plan, status)
    raise typer.Exit(status)
