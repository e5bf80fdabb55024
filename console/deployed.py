"""The deployed function as options name it: where it lives, and what its settings are."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from console.credentials import explained, status_of
from console.exits import GivenUp
from console.local import check, home_region
from console.manual import NO_REGION, BadRequest, manual_request, problem_in, together
from console.settings import LOCAL, TERMINAL, InForce, deployed_with
from handler.cloud.ports import Place
from handler.core.errors import CloudFault
from handler.core.settings import read_settings
from handler.core.value import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.manual import ManualRequest, Options
    from console.remote import Remote

PANEL = "Which function, and how"
# What CreateFunction allows and more, but nothing that leads to another path.
_NAME = re.compile(r"[A-Za-z0-9_$-]{1,128}")
_ACCOUNT_VARIABLES = ("FC_ACCOUNT_ID", "ALIBABA_CLOUD_ACCOUNT_ID")
NO_ACCOUNT = (
    "--account: not given; allowed: the Alibaba Cloud account's id, or "
    "ALIBABA_CLOUD_ACCOUNT_ID set to it"
)
FunctionName = Annotated[
    Optional[str],  # noqa: UP045  (typer reads it, on Python 3.10 too)
    typer.Option(
        "--function",
        metavar="NAME",
        help="Name of the function; plan and backfill take its settings.",
        rich_help_panel=PANEL,
    ),
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


def named(
    function: str | None, service: str | None, qualifier: str | None, account: str | None
) -> Place:
    """The function that options name; its name is empty where they name none."""
    return Place(account or "", function or "", service or "", qualifier or "")


def placed(place: Place, environ: Mapping[str, str], *, local: bool = False) -> Place:
    """Where the function lives.

    Raises:
        BadRequest: it is not said, or in a way that is not a name.
    """
    problems = [] if place.function else ["--function: not given; allowed: the function's name"]
    problems += [
        f"{option}: found {name!r}; allowed: letters, digits, _, - and $"
        for option, name in (("--function", place.function), ("--service", place.service))
        if name and not _NAME.fullmatch(name)
    ]
    account = account_of(place, environ)
    if not account and not local and not environ.get("FUNCTIONS_ENDPOINT"):
        problems.append(NO_ACCOUNT)
    if problems:
        raise BadRequest(*problems)
    return replace(place, account_id=account)


def account_of(place: Place, environ: Mapping[str, str]) -> str:
    """The id of the account that options or variables name; empty where neither does."""
    known = (environ.get(name) for name in _ACCOUNT_VARIABLES)
    return place.account_id or next(filter(None, known), "")


def asked_for(
    verb: str,
    file: str | None,
    wanted: Options,
    region: str | None,
    place: Place,
    local: bool,
    also: BadRequest | None = None,
) -> ManualRequest:
    """The request of a `plan` or a `backfill`, which may name a function to take settings from.

    Raises:
        BadRequest: naming everything that is missing or wrong, and `also`, before anything runs.
    """
    home = region or home_region(local)
    of_place = (lambda: placed(place, os.environ, local=local)) if place.function else None
    rest = (
        also,
        problem_in(of_place) if of_place else None,
        problem_in(lambda: check(region)) if local else None,
    )
    try:
        request = manual_request(verb, file, wanted, region, home)
    except BadRequest as problem:
        together(problem, *rest)
        raise
    together(*rest)
    return request


def can_ask(asked: ManualRequest, force: InForce) -> None:
    """Whether guests can be asked, if that is asked for: nobody shall take silence for an answer.

    Raises:
        BadRequest: no port is set on which to ask them.
    """
    if asked.request.ask_guests and read_settings(force.environ).guest_port is None:
        found = f"found none in {force.source}"
        raise BadRequest(f"GUEST_PORT: {found}; allowed: a port, where guests are to be asked")


def remote_of(region: str | None, place: Place, environ: Mapping[str, str]) -> Remote:
    """The deployed function, to be called.

    Raises:
        BadRequest: it is not said where it is.
    """
    from console.remote import Remote  # noqa: PLC0415  (the SDKs, when needed)

    if region is None:
        raise BadRequest(NO_REGION)
    return Remote(region, placed(place, environ), read_settings(environ).endpoints, environ)


def in_force(region: str, place: Place, environ: Mapping[str, str], *, local: bool) -> InForce:
    """The settings to work with: those of the function that is named, else this terminal's.

    Raises:
        GivenUp: the function is not told of.
    """
    if not place.function:
        return InForce(environ, LOCAL if local else TERMINAL)
    try:
        variables = remote_of(region, place, environ).settings()
    except CloudFault as fault:
        raise GivenUp(status_of(fault), explained(fault)) from None
    return deployed_with(environ, variables, f"function {place.function} in {region}")
