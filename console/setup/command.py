"""`setup`: read what is there, show what would change, and change it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from console import account_names, numbers, options, screen
from console.credentials import NONE_FOUND, no_credentials
from console.exits import Exit, GivenUp
from console.manual import BadRequest, default_region
from console.setup.changes import Done, Verb, change
from console.setup.desired import Kind, Names, desired
from console.setup.hooks import Via

if TYPE_CHECKING:
    from console.setup.access import Access

# The project's name must be its own in the region, over all accounts.
PREFIX, UNKNOWN = "secondary-ips-", "account-id"
_HOW = "How it is done"
_HOOKS = "Lifecycle hooks"
_WITHOUT = "or add --dry-run to see what would be made"
_MISSING = (
    "setup needs the SDKs of SLS, MNS and RAM: "
    "python -m pip install --require-hashes -r requirements.txt -r requirements-operator.txt "
    "-r requirements-setup.txt"
)


ActionPolicy = Annotated[
    str, account_names.named("--action-policy", None, "SLS action policy: who hears of alerts.")
]
FunctionName = Annotated[
    str,
    account_names.named(
        "--function", "FUNCTION_NAME", "The function: its role may hand over to it."
    ),
]
Vpc = Annotated[
    str, account_names.named("--vpc", "VPC_ID", "VPC of the function: its role may make ENIs.")
]
ScalingGroups = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--scaling-group",
        metavar="ID",
        help="Make or correct the lifecycle hook of this group; repeatable.",
        rich_help_panel=_HOOKS,
    ),
]
HeardVia = Annotated[
    Optional[Via],  # noqa: UP045
    typer.Option(
        "--via",
        help="Whom the hook notifies: the topic or the bus. Else: as it is; a new one the topic.",
        rich_help_panel=_HOOKS,
    ),
]
RetentionDays = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        metavar="DAYS",
        parser=numbers.whole(1, 3650),
        help="Days to keep records. Else: 30, in a new logstore.",
        rich_help_panel=_HOW,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show what would change; change nothing.", rich_help_panel=_HOW),
]
Offline = Annotated[
    bool, typer.Option("--offline", help="A dry run that does not even read.", rich_help_panel=_HOW)
]


def setup(
    region: account_names.Region = None,
    project: account_names.Project = None,
    logstore: account_names.Logstore = Names.logstore,
    topic: account_names.Topic = Names.topic,
    queue: account_names.Queue = Names.queue,
    role: account_names.Role = Names.role,
    policy: account_names.Policy = Names.policy,
    action_policy: ActionPolicy = Names.action_policy,
    function: FunctionName = Names.function,
    vpc: Vpc = Names.vpc,
    retention_days: RetentionDays = None,
    scaling_group: ScalingGroups = None,
    via: HeardVia = None,
    dry_run: DryRun = False,
    offline: Offline = False,
    as_json: options.AsJson = False,
) -> None:
    """Create or update the logs, queue, topic, role and hooks around the function."""
    groups = tuple(scaling_group or ())

    def make(where: str, role: str) -> Names:
        rest = (logstore, topic, queue, role, policy, action_policy, retention_days, function, vpc)
        return Names(where, project or f"{PREFIX}{UNKNOWN}", *rest, scaling_groups=groups, via=via)

    names, owner = account_names.checked(region or default_region(os.environ), role, make)
    access = None if offline else _access(names.region, dry_run=dry_run)
    if access is None:
        screen.note("nothing was read, so everything is shown as missing")
        found = [Done(change(each, None)) for each in desired(names)]
        raise typer.Exit(_shown(found, dry_run=True, lines=as_json))
    if project is None:
        account = _account(access, "--project: not given")
        names = replace(names, project=f"{PREFIX}{account}")
    if groups:
        names = replace(names, account=_account(access, "--scaling-group: given"))
        _check_groups(names, access)
    if owner is not None:
        _check_owner(owner, _account(access, "--role: found an ARN"))
    found = _performed(names, access, dry_run=dry_run)
    raise typer.Exit(_shown(found, dry_run=dry_run, lines=as_json))


def _access(region: str, *, dry_run: bool) -> Access | None:
    """Somebody to sign as; None when there is nobody, and nothing is to be changed."""
    try:
        from console.setup.access import Access, NoCredentials  # noqa: PLC0415  (an optional install)
    except ModuleNotFoundError as error:
        raise BadRequest(f"{error.name} is not installed. {_MISSING}") from None
    try:
        return Access(region, os.environ)
    except NoCredentials:
        if not dry_run:
            raise BadRequest(no_credentials(_WITHOUT)) from None
        screen.note(NONE_FOUND)
        return None


def _account(access: Access, why: str) -> str:
    """The account that the credentials belong to; `why` it is asked for."""
    from console.setup.access import Refused  # noqa: PLC0415  (an optional install)

    try:
        return access.account()
    except Refused as refused:
        said = f"{why}, and the account's id could not be read: {refused}"
        raise GivenUp(Exit.FAILED, said) from None


def _check_owner(owner: str, account: str) -> None:
    """A role of another account could be neither made nor taken by the function."""
    if owner != account:
        allowed = f"a role of account {account}, to which the credentials belong"
        raise BadRequest(f"--role: found a role of account {owner}; allowed: {allowed}")


def _check_groups(names: Names, access: Access) -> None:
    """The hook of a group of other instances would be completed by nobody."""
    from console.setup.access import Refused  # noqa: PLC0415  (an optional install)
    from console.setup.scaling import ECS, Scaling  # noqa: PLC0415

    try:
        found = Scaling(names.region, access).types(tuple(dict.fromkeys(names.scaling_groups)))
    except Refused as refused:
        what = "--scaling-group: whether they are groups of ECS instances could not be read"
        screen.note(f"{what}: {refused}")
        return
    allowed = "a group of ECS instances, which are all that the function serves"
    others = [
        f"--scaling-group: found {group}, a group of {kind} instances; allowed: {allowed}"
        for group, kind in found.items()
        if kind != ECS
    ]
    if others:
        raise BadRequest(*others)


def _performed(names: Names, access: Access, *, dry_run: bool) -> list[Done]:
    from console.setup.applying import applied, compared  # noqa: PLC0415  (an optional install)
    from console.setup.services import Services  # noqa: PLC0415

    services = Services(names, access)
    planned = [compared(each, services) for each in desired(names)]
    return planned if dry_run else list(applied(planned, services, time.sleep))


def _shown(found: list[Done], *, dry_run: bool, lines: bool) -> Exit:
    failures = sum(each.error is not None for each in found)
    if lines:
        for each in found:
            screen.json_line(**_line(each, dry_run=dry_run))
    else:
        screen.console().print(table_of(found, dry_run=dry_run))
        screen.console().print(_sum(found, failures, dry_run=dry_run))
    return Exit.FAILED if failures else Exit.AT_TARGET


def _line(each: Done, *, dry_run: bool) -> dict[str, object]:
    return {
        "kind": each.change.resource.kind.value,
        "name": each.change.resource.name,
        "change": each.change.verb.value,
        "dry_run": dry_run,
        "differences": list(each.change.differences),
        "error": each.error,
    }


def table_of(found: list[Done], *, dry_run: bool) -> Table:
    """One row per resource: what becomes of it, and below its name why, if there is more to say."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("what", "name, and why", "change"):
        table.add_column(title, overflow="fold")
    for each in found:
        resource = each.change.resource
        name = screen.foreign(resource.name)
        table.add_row(str(resource.kind), name, _word(each, dry_run))
        if (why := _why(each)).plain:
            table.add_row("", why, "")
    return table


def _word(each: Done, dry_run: bool) -> Text:
    if each.error is not None:
        return Text("failed", "bold red")
    if each.change.verb is Verb.KEEP:
        return Text("exists", "dim")
    if dry_run:
        return Text(f"would {each.change.verb}", "yellow")
    done = {Verb.CREATE: "created", Verb.UPDATE: "updated"}[each.change.verb]
    return Text(done, "green")


def _why(each: Done) -> Text:
    if each.error is not None:
        return screen.foreign(each.error)
    if each.change.resource.kind is Kind.HOOK and each.change.verb is Verb.CREATE:
        return Text(f"notifies {each.change.resource.body['NotificationArn']}")
    return Text("\n").join(map(screen.foreign, each.change.differences))


def _sum(found: list[Done], failures: int, *, dry_run: bool) -> str:
    right = [each for each in found if each.error is None]
    created = sum(each.change.verb is Verb.CREATE for each in right)
    updated = sum(each.change.verb is Verb.UPDATE for each in right)
    said = "to create, {} to update, nothing was changed" if dry_run else "created, {} updated"
    failed = f"; {failures} failed: run it again when that is mended" if failures else ""
    return f"{created} {said.format(updated)}{failed}"
