"""The options that name what stands around the function: for setup and for the doctor."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

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
