"""`plan`: what a backfill would do, without a write."""

from __future__ import annotations

import typer

from console import options
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
from console.ending import conclude
from console.local import environment
from console.manual import PLAN, BadRequest, Options
from console.sheet import Sheet
from console.work import planned

_CLASH = "--output: found csv and --json; allowed: one of them"


def plan(
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
    ask_guests: options.AskGuests = False,
    function: FunctionName = None,
    service: Service = None,
    qualifier: Qualifier = None,
    account: Account = None,
    rows: options.Rows = options.ROWS,
    as_json: options.AsJson = False,
    output: options.Output = options.Format.TABLE,
    local: options.Local = False,
    local_enis: options.LocalEnis = options.LOCAL_ENIS,
) -> None:
    """Show what each ENI has, what it would get, and why; nothing is written."""
    selected = (instance_id, eni_id, scaling_group, vswitch, tag, everything)
    wanted = Options(*selected, target, limit, ask_guests=ask_guests)
    place = named(function, service, qualifier, account)
    as_csv = output is options.Format.CSV
    clash = BadRequest(_CLASH) if as_json and as_csv else None
    request = asked_for(PLAN, file, wanted, region, place, local, clash)
    as_json = as_json or output is options.Format.JSON
    with environment(local, local_enis, region) as environ:
        force = in_force(request.request.region, place, environ, local=local)
        force.show(as_json=as_json)
        can_ask(request, force)
        also = Sheet().hear if as_csv else None
        run = planned(request, force.environ, rows, written=as_json, also=also)
    raise typer.Exit(conclude(run, as_json=as_json, kept=not local, tables=not as_csv))
