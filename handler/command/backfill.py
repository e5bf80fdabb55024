"""`backfill`: bring a fleet to its target from here, with the operator's own credentials."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from handler.command import options, screen
from handler.command.asked import BACKFILL, Options, asked, default_region
from handler.command.ending import conclude, show
from handler.command.exits import Exit
from handler.command.local import environment
from handler.command.work import Worked, backfilled, planned

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed in scripts.")]


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
    yes: Yes = False,
    rows: options.Rows = options.ROWS,
    as_json: options.AsJson = False,
    local: options.Local = False,
    local_enis: options.LocalEnis = options.LOCAL_ENIS,
) -> None:
    """Bring ENIs to their target from here; Ctrl-C stops and prints how to resume."""
    wanted = Options(
        instance_id, eni_id, scaling_group, vswitch, tag, everything, target, limit, dry_run
    )
    with environment(local, local_enis) as environ:
        request = asked(BACKFILL, file, wanted, region, default_region(environ))
        plan = None
        if not request.request.dry_run and screen.watched(yes):
            plan = planned(request.as_plan(), environ, rows)
            _go_on(plan)
            if not yes:
                _confirm(plan, file)
        run = backfilled(request, environ, rows, plan, written=as_json)
    raise typer.Exit(conclude(run, as_json=as_json, kept=not local))


def _go_on(plan: Worked) -> None:
    """Not after a Ctrl-C, though the plan may be complete; the same command begins anew."""
    if plan.stopped:
        screen.note("stopped; nothing was assigned")
        raise typer.Exit(Exit.STOPPED)


def _confirm(plan: Worked, file: str | None) -> None:
    """Show the plan and ask; go on only if the answer is yes."""
    if plan.ended.failure or plan.ended.refused or plan.ended.rest or not plan.progress.writes:
        raise typer.Exit(conclude(plan))
    show(plan)
    if file == "-" or not sys.stdin.isatty():
        screen.error("--yes: found neither it nor a terminal to ask on; nothing was assigned")
        raise typer.Exit(Exit.BAD_REQUEST)
    enis, addresses = plan.progress.writes, plan.progress.addresses
    if not typer.confirm(f"Assign {addresses} addresses to {enis} ENIs?"):
        screen.note("nothing was assigned")
        raise typer.Exit(Exit.DECLINED)
