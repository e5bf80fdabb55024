"""`doctor`: read the account, and say row by row what is wrong and how to fix it."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from console import account_names, numbers, options, screen
from console.credentials import no_credentials
from console.doctor.finding import PREFIX
from console.doctor.findings import findings, status_of
from console.doctor.local import PLANTED, served
from console.doctor.local import REGION as LOCAL_REGION
from console.doctor.table import sum_of, table_of
from console.exits import Exit, GivenUp
from console.local import check
from console.manual import BadRequest, default_region, problem_in
from console.setup.desired import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.doctor.finding import Finding

_PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
_MISSING = (
    "doctor needs the SDKs of Function Compute, SLS, MNS and RAM: "
    "python -m pip install --require-hashes -r requirements.txt -r requirements-operator.txt "
    "-r requirements-setup.txt"
)
_TRY_LOCAL = "or add --local to see a made-up account"


FunctionName = Annotated[
    str, account_names.named("--function", "FUNCTION_NAME", "Name of the function.")
]
Local = Annotated[
    bool,
    typer.Option(
        "--local",
        help="Look at a made-up account with three things wrong.",
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
        parser=numbers.whole(1, 86_400),
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
    """Read the account, and say what is wrong with the deployment; changes nothing."""
    version = version_of(_PYPROJECT)

    def make(where: str, role: str) -> Names:
        rest = (logstore, topic, queue, role, policy)
        return Names(where, project or f"{PREFIX}account", *rest, function=function)

    home = region or (LOCAL_REGION if local else default_region(os.environ))
    names, _ = account_names.checked(
        home,
        role,
        make,
        problem_in(lambda: check(region)) if local else None,
        _of_trials(eni_id, verify=verify),
    )
    with _place(local, version, region):
        if verify:
            status = _verified(names.region, eni_id or [], patience, yes=yes, lines=as_json)
            raise typer.Exit(status)
        found = _looked(names, version, own_project=project is None)
    _show(found, lines=as_json)
    raise typer.Exit(status_of(found))


def _of_trials(eni_id: list[str] | None, *, verify: bool) -> BadRequest | None:
    """ENIs are named where they are tried, and only there."""
    if verify and not eni_id:
        return BadRequest("--eni-id: not given; allowed with --verify: ENIs of your own")
    if eni_id and not verify:
        return BadRequest(f"--eni-id: found {', '.join(eni_id)}; allowed only with --verify")
    return None


@contextlib.contextmanager
def _place(local: bool, version: str, region: str | None) -> Iterator[None]:
    """The operator's own account, or a made-up one."""
    if not local:
        yield
        return
    with served(version, region):
        screen.note(f"a made-up account with three things wrong: {'; '.join(PLANTED)}")
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
    except NoCredentials:
        raise BadRequest(no_credentials(_TRY_LOCAL)) from None
    except Refused as refused:
        said = f"the account's id could not be read: {refused}"
        raise GivenUp(Exit.FAILED, said) from None
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
