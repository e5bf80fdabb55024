"""The options that name what is around the function: for setup and for the doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from console.manual import ANY_REGION, NO_REGION, BadRequest, problem_in, together
from console.setup.desired import Names, role_of

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = "What things are called"


def named(option: str, variable: str | None, text: str) -> typer.models.OptionInfo:
    """An option that takes a name, perhaps from a variable of the deployment."""
    found: typer.models.OptionInfo = typer.Option(
        option, envvar=variable, metavar="NAME", help=text, rich_help_panel=NAMES
    )
    return found


Region = Annotated[
    Optional[str],  # noqa: UP045  (typer reads it, on Python 3.10 too)
    named("--region", None, "Region. Else: ALIBABA_CLOUD_REGION_ID."),
]
Project = Annotated[
    Optional[str],  # noqa: UP045
    named("--project", "LOG_PROJECT", "SLS project. Else: secondary-ips-<account id>."),
]
Logstore = Annotated[str, named("--logstore", "LOG_STORE", "SLS logstore.")]
Topic = Annotated[str, named("--topic", "HOOK_TOPIC", "MNS topic of lifecycle hooks.")]
Queue = Annotated[str, named("--queue", "FAILURE_QUEUE", "MNS queue of failed events.")]
Role = Annotated[str, named("--role", "ROLE", "RAM role of the function: name or ARN.")]
Policy = Annotated[str, named("--policy", None, "RAM policy of the function's role.")]


def checked(
    region: str | None, role: str, make: Callable[[str, str], Names], *also: BadRequest | None
) -> tuple[Names, str | None]:
    """The names that options give, and the account in the ARN of a role.

    Args:
        region: None: none is given.
        role: a name or an ARN.
        make: from the region and the name of the role.
        also: what else was found wrong.

    Raises:
        BadRequest: naming everything that is missing or wrong.
    """
    wrong = problem_in(lambda: role_of(role))
    name, owner = (Names.role, None) if wrong else role_of(role)
    rest = problem_in(lambda: make(region or ANY_REGION, name))
    together(None if region else BadRequest(NO_REGION), wrong, rest, *also)
    return make(region or ANY_REGION, name), owner
