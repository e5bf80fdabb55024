"""`invoke`: send a request to the deployed function, and follow what becomes of it."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from console import options
from console.fleet import FUNCTION
from console.local import environment
from console.manual import BACKFILL, BadRequest, Options, default_region, manual_request
from console.sending import PATIENCE_SECONDS, Sending
from handler.cloud.ports import Place
from handler.core.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.remote import Remote

PANEL = "Which function, and how"
# What CreateFunction allows and more, but nothing that leads to another path.
_NAME = re.compile(r"[A-Za-z0-9_$-]{1,128}")
# Seconds for which Function Compute shows a task: nothing is waited for any longer.
TASK_IS_KEPT = 7 * 86_400
_ACCOUNT_VARIABLES = ("FC_ACCOUNT_ID", "ALIBABA_CLOUD_ACCOUNT_ID")
FunctionName = Annotated[
    Optional[str],  # noqa: UP045  (typer reads it, on Python 3.10 too)
    typer.Option("--function", metavar="NAME", help="Name of the function.", rich_help_panel=PANEL),
]
Service = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--service",
        metavar="NAME",
        help="Service of a function on FC 2.0. Else: FC 3.0.",
        rich_help_panel=PANEL,
    ),
]
Qualifier = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--qualifier", metavar="Q", help="Version or alias of the function.", rich_help_panel=PANEL
    ),
]
Account = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--account",
        metavar="ID",
        help="Account id. Else: ALIBABA_CLOUD_ACCOUNT_ID.",
        rich_help_panel=PANEL,
    ),
]
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
        min=0.05,
        max=TASK_IS_KEPT,
        help="Seconds between two looks at a chain.",
        rich_help_panel=PANEL,
    ),
]

Patience = Annotated[
    float,
    typer.Option(
        "--patience",
        metavar="SECONDS",
        min=0,
        max=TASK_IS_KEPT,
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
    function: FunctionName = None,
    service: Service = None,
    qualifier: Qualifier = None,
    account: Account = None,
    sync: Sync = False,
    following: Follow = False,
    chain: ChainId = None,
    poll: Poll = 2.0,
    patience: Patience = PATIENCE_SECONDS,
    as_json: options.AsJson = False,
    local: options.Local = False,
    local_enis: options.LocalEnis = options.LOCAL_ENIS,
) -> None:
    """Send a request to the deployed function, and follow the chain of its invocations."""
    wanted = Options(
        instance_id, eni_id, scaling_group, vswitch, tag, everything, target, limit, dry_run
    )
    name = function or (FUNCTION if local else "")
    named = Place(account or "", name, service or "", qualifier or "")
    with environment(local, local_enis, region) as environ:
        home = region or default_region(environ)
        request = None if chain else manual_request(BACKFILL, file, wanted, region, home)
        remote = _remote(request.request.region if request else home, named, environ)
        chain_id = chain or f"op-{uuid.uuid4().hex[:16]}"
        sending = Sending(remote, chain_id, poll, as_json, patience, local=local)
        status = sending.deliver(request, sync=sync, following=following or bool(chain))
    raise typer.Exit(status)


def placed(named: Place, environ: Mapping[str, str]) -> Place:
    """Where the function lives.

    Raises:
        BadRequest: it is not said, or in a way that is no name.
    """
    if not named.function:
        raise BadRequest("--function: found nothing; allowed: the function's name")
    for option, name in (("--function", named.function), ("--service", named.service)):
        if name and not _NAME.fullmatch(name):
            raise BadRequest(f"{option}: found {name!r}; allowed: letters, digits, _, - and $")
    known = (environ.get(name) for name in _ACCOUNT_VARIABLES)
    account = named.account_id or next(filter(None, known), "")
    if not account and not environ.get("FUNCTIONS_ENDPOINT"):
        raise BadRequest("--account: found nothing; allowed: the Alibaba Cloud account's id")
    return Place(account, named.function, named.service, named.qualifier)


def _remote(region: str | None, named: Place, environ: Mapping[str, str]) -> Remote:
    if region is None:
        raise BadRequest("--region: found nothing; allowed: a region such as cn-hangzhou")
    return remote_of(region, placed(named, environ), environ)


def remote_of(region: str, place: Place, environ: Mapping[str, str]) -> Remote:
    """The deployed function of a place, for whoever it was checked for."""
    from console.remote import Remote  # noqa: PLC0415  (the SDKs, when needed)

    return Remote(region, place, read_settings(environ).endpoints, environ)
