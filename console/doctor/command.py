"""`doctor`: read the account, and say row by row what is amiss and what mends it."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from console import account_names, options, screen
from console.doctor.finding import PREFIX
from console.doctor.findings import findings, status_of
from console.doctor.local import PLANTED, served
from console.doctor.local import REGION as LOCAL_REGION
from console.doctor.table import sum_of, table_of
from console.manual import NO_REGION, BadRequest, default_region
from console.setup.desired import Names, role_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.doctor.finding import Finding
    from console.exits import Exit

_PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
_MISSING = (
    "doctor needs the SDKs of Function Compute, SLS, MNS and RAM: "
    "python -m pip install --require-hashes -r requirements.txt -r requirements-operator.txt "
    "-r requirements-setup.txt"
)
_TRY_LOCAL = "Without any, --local shows a made-up account."


FunctionName = Annotated[
    str, account_names.named("--function", "FUNCTION_NAME", "Name of the function.")
]
Local = Annotated[
    bool,
    typer.Option(
        "--local",
        help="Look at a made-up account with three things amiss.",
        rich_help_panel="Without an account",
    ),
]
_TRYING = "Trying ECS on ENIs of your own"
Verify = Annotated[
    bool,
    typer.Option(
        "--verify",
        help="Assign addresses to ENIs and take them back, to see how ECS behaves.",
        rich_help_panel=_TRYING,
    ),
]
OwnEnis = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--eni-id",
        metavar="ID",
        help="ENI that nothing else changes, attached or not; repeatable.",
        rich_help_panel=_TRYING,
    ),
]
Patience = Annotated[
    int,
    typer.Option(
        "--patience",
        metavar="SECONDS",
        min=1,
        max=86_400,
        help="How long to wait for a read, and to use a token again.",
        rich_help_panel=_TRYING,
    ),
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Try without asking.", rich_help_panel=_TRYING)
]


def doctor(
    region: account_names.Region = None,
    function: FunctionName = Names.function,
    project: account_names.Project = None,
    logstore: account_names.Logstore = Names.logstore,
    topic: account_names.Topic = Names.topic,
    queue: account_names.Queue = Names.queue,
    role: account_names.Role = Names.role,
    policy: account_names.Policy = Names.policy,
    as_json: options.AsJson = False,
    local: Local = False,
    verify: Verify = False,
    eni_id: OwnEnis = None,
    patience: Patience = 120,
    yes: Yes = False,
) -> None:
    """Read the account, and say what is amiss with the deployment; changes nothing."""
    version = version_of(_PYPROJECT)
    with _place(local, version, region):
        where = region or (LOCAL_REGION if local else default_region(os.environ))
        if where is None:
            raise BadRequest(NO_REGION)
        if verify:
            raise typer.Exit(_verified(where, eni_id or [], patience, yes=yes, lines=as_json))
        name, _ = role_of(role)
        names = Names(where, project or f"{PREFIX}account", logstore, topic, queue, name, policy)
        found = _looked(replace(names, function=function), version, own_project=project is None)
    _show(found, lines=as_json)
    raise typer.Exit(status_of(found))


@contextlib.contextmanager
def _place(local: bool, version: str, region: str | None) -> Iterator[None]:
    """The operator's own account, or a made-up one."""
    if not local:
        yield
        return
    with served(version, region):
        screen.note(f"a made-up account with three things amiss: {'; '.join(PLANTED)}")
        yield


def _looked(names: Names, version: str, *, own_project: bool) -> list[Finding]:
    try:
        from console.doctor.account import seen  # noqa: PLC0415  (an optional install)
        from console.setup.access import Access, NoCredentials, Refused  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BadRequest(f"{error.name} is not installed. {_MISSING}") from None
    try:
        access = Access(names.region, os.environ)
        account = access.account()
    except NoCredentials as error:
        raise BadRequest(f"{error} {_TRY_LOCAL}") from None
    except Refused as refused:
        raise BadRequest(f"the account cannot be told: {refused}") from None
    if own_project:
        names = replace(names, project=f"{PREFIX}{account}")
    return findings(seen(names, account, access, os.environ, version))


def _verified(region: str, eni_ids: list[str], patience: int, *, yes: bool, lines: bool) -> Exit:
    try:
        from console.doctor.account import connection_to  # noqa: PLC0415  (an optional install)
        from console.doctor.verify import verified  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BadRequest(f"{error.name} is not installed. {_MISSING}") from None
    connection = connection_to(region, os.environ)
    return verified(connection, eni_ids, patience=patience, yes=yes, lines=lines)


def version_of(pyproject: Path) -> str:
    """The version of this checkout."""
    found = re.search(r'^version = "([^"]+)"$', pyproject.read_text(encoding="utf-8"), re.M)
    return found[1] if found else "unknown"


def _show(found: list[Finding], *, lines: bool) -> None:
    if lines:
        for each in found:
            screen.json_line(
                row=each.row.value,
                subject=each.subject or None,
                level=each.level.value,
                found=each.found,
                advice=each.advice or None,
            )
        return
    screen.console().print(table_of(found))
    screen.console().print(sum_of(found))
