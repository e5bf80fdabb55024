"""`invoke`: send a request to the deployed function, and follow what becomes of it."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from console import numbers, options
from console.deployed import (
    PANEL,
    Account,
    FunctionName,
    Qualifier,
    Service,
    named,
    placed,
    remote_of,
)
from console.fleet import FUNCTION
from console.local import check, environment, home_region
from console.manual import (
    BACKFILL,
    NO_REGION,
    BadRequest,
    ManualRequest,
    Options,
    manual_request,
    problem_in,
    together,
)
from console.sending import PATIENCE_SECONDS, Sending

if TYPE_CHECKING:
    from handler.cloud.ports import Place

# Seconds for which Function Compute shows a task: nothing is waited for any longer.
TASK_IS_KEPT = 7 * 86_400
Sync = Annotated[
    bool,
    typer.Option(
        "--sync/--async",
        help="Wait for the function's answer, or only hand over.",
        rich_help_panel=PANEL,
    ),
]
Follow = Annotated[
    bool,
    typer.Option(
        "--follow", help="Follow the chain of invocations to its end.", rich_help_panel=PANEL
    ),
]
ChainId = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--chain",
        metavar="ID",
        help="Send nothing; follow the chain of this id.",
        rich_help_panel=PANEL,
    ),
]
Poll = Annotated[
    float,
    typer.Option(
        "--poll",
        metavar="SECONDS",
        parser=numbers.seconds(0.05, TASK_IS_KEPT),
        help="Seconds between two looks at a chain.",
        rich_help_panel=PANEL,
    ),
]

Patience = Annotated[
    float,
    typer.Option(
        "--patience",
        metavar="SECONDS",
        parser=numbers.seconds(0, TASK_IS_KEPT),
        help="Seconds until an invocation that is not shown is given up.",
        rich_help_panel=PANEL,
    ),
]


def invoke(
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
    function: FunctionName = None,
    service: Service = None,
    qualifier: Qualifier = None,
    account: Account = None,
    sync: Sync = False,
    following: Follow = False,
    chain: ChainId = None,
    poll: Poll = 2.0,
    patience: Patience = PATIENCE_SECONDS,
    rows: options.Rows = options.ROWS,
    as_json: options.AsJson = False,
    local: options.Local = False,
    local_enis: options.LocalEnis = options.LOCAL_ENIS,
) -> None:
    """Send a request to the deployed function, and follow the chain of its invocations."""
    selected = (instance_id, eni_id, scaling_group, vswitch, tag, everything)
    wanted = Options(*selected, target, limit, dry_run, ask_guests)
    place = named(function or (FUNCTION if local else None), service, qualifier, account)
    home = region or home_region(local)
    request = _asked(chain, file, wanted, region, place, local)
    with environment(local, local_enis, region) as environ:
        remote = remote_of(request.request.region if request else home, place, environ)
        chain_id = chain or f"op-{uuid.uuid4().hex[:16]}"
        sending = Sending(remote, chain_id, poll, as_json, patience, local=local, rows=rows)
        status = sending.deliver(request, sync=sync, following=following or bool(chain))
    raise typer.Exit(status)


def _asked(
    chain: str | None,
    file: str | None,
    wanted: Options,
    region: str | None,
    place: Place,
    local: bool,
) -> ManualRequest | None:
    """The request, None where a chain is only followed; all that is wrong is said at once."""
    found: list[ManualRequest] = []
    home = region or home_region(local)

    def read() -> None:
        if chain is None:
            found.append(manual_request(BACKFILL, file, wanted, region, home))
        elif home is None:
            raise BadRequest(NO_REGION)

    together(
        problem_in(read),
        problem_in(lambda: placed(place, os.environ, local=local)),
        problem_in(lambda: check(region)) if local else None,
    )
    return found[0] if found else None
