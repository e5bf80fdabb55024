"""The options that several subcommands have, with their help."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

_WHICH, _WHERE = "Which ENIs (exactly one)", "Where"
_WHAT, _HOW = "What they shall hold", "How it is shown"
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
        help="Addresses per ENI: N, max, max-N or P%. Else: tags, rules, default.",
        rich_help_panel=_WHAT,
    ),
]
Limit = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--limit", metavar="N", help="Change at most so many ENIs.", rich_help_panel=_WHAT
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
Rows = Annotated[
    int,
    typer.Option(
        "--rows",
        metavar="N",
        min=0,
        help="How many ENIs to show, the worst first.",
        rich_help_panel=_HOW,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="JSON lines instead of tables.", rich_help_panel=_HOW)
]
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
        min=1,
        max=5000,
        help="How many ENIs the made-up fleet has.",
        rich_help_panel=_LOCAL,
    ),
]
