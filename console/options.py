"""The options that several subcommands have, with their help."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Optional

import typer
from typer.core import TyperOption
from typer.main import get_command

from console import numbers
from console.calls import show_calls
from console.profiles import use_profile

_WHICH, _WHERE = "Which ENIs (exactly one)", "Where"
_WHAT, _HOW = "How many addresses", "How it is shown"
_LOCAL = "Without an account"

ROWS, LOCAL_ENIS = 20, 200

File = Annotated[
    Optional[str],  # noqa: UP045  (typer reads it, on Python 3.10 too)
    typer.Argument(
        metavar="FILE", help="A manual request as JSON (see events/); - is standard input."
    ),
]
InstanceIds = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--instance-id",
        metavar="ID",
        help="ENIs of this instance; repeatable.",
        rich_help_panel=_WHICH,
    ),
]
EniIds = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--eni-id", metavar="ID", help="This ENI; repeatable.", rich_help_panel=_WHICH),
]
ScalingGroup = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--scaling-group",
        metavar="ID",
        help="ENIs of this group's instances.",
        rich_help_panel=_WHICH,
    ),
]
VSwitch = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--vswitch", metavar="ID", help="Attached ENIs in this vSwitch.", rich_help_panel=_WHICH
    ),
]
Tags = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--tag",
        metavar="K=V",
        help="ENIs of instances with this tag; repeated: with all of them.",
        rich_help_panel=_WHICH,
    ),
]
Everything = Annotated[
    bool, typer.Option("--all", help="Every attached ENI of the region.", rich_help_panel=_WHICH)
]
TargetText = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--target",
        metavar="T",
        help="Addresses per ENI: N, max, max-N, P% or min(N, P%). Else: tags, rules, default.",
        rich_help_panel=_WHAT,
    ),
]
Limit = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--limit",
        metavar="N",
        parser=numbers.whole(1),
        help="Change at most so many ENIs.",
        rich_help_panel=_WHAT,
    ),
]
Region = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--region",
        metavar="R",
        help="Region. Else: ALIBABA_CLOUD_REGION_ID.",
        rich_help_panel=_WHERE,
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Decide and record, write nothing.", rich_help_panel=_WHAT)
]
AskGuests = Annotated[
    bool,
    typer.Option(
        "--ask-guests",
        help="Ask each guest once whether its addresses answer; needs GUEST_PORT.",
        rich_help_panel=_WHAT,
    ),
]
Rows = Annotated[
    int,
    typer.Option(
        "--rows",
        metavar="N",
        parser=numbers.whole(0),
        help="How many ENIs to show, the worst first.",
        rich_help_panel=_HOW,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="JSON lines instead of tables.", rich_help_panel=_HOW)
]


class Format(str, Enum):
    """How a plan is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Output = Annotated[
    Format,
    typer.Option(
        "--output", help="Tables, JSON lines, or CSV with every ENI.", rich_help_panel=_HOW
    ),
]


def _use_profile(name: str | None) -> None:
    if name:
        use_profile(name)


def _show_calls(asked: bool) -> None:
    if asked:
        show_calls()


Profile = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Profile of the aliyun CLI. Else: variables, then its default.",
        callback=_use_profile,
        expose_value=False,
        rich_help_panel=_WHERE,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Show every API call with its request id.",
        callback=_show_calls,
        expose_value=False,
        rich_help_panel=_HOW,
    ),
]


def common() -> list[TyperOption]:
    """What every subcommand has; none of them needs to know."""
    app = typer.Typer(add_completion=False)

    @app.command()
    def _nothing(profile: Profile = None, verbose: Verbose = False) -> None:
        """Only its options are of use."""

    return [each for each in get_command(app).params if isinstance(each, TyperOption)]


Local = Annotated[
    bool,
    typer.Option(
        "--local", help="Start a local cloud with a made-up fleet.", rich_help_panel=_LOCAL
    ),
]
LocalEnis = Annotated[
    int,
    typer.Option(
        "--local-enis",
        metavar="N",
        parser=numbers.whole(1, 5000),
        help="How many ENIs the made-up fleet has.",
        rich_help_panel=_LOCAL,
    ),
]
