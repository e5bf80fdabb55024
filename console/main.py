"""The command line: its subcommands, and what their ends mean to a shell."""

from __future__ import annotations

import os
import signal
import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from console import screen
from console.attend import AtOnce
from console.backfill import backfill
from console.doctor.command import doctor
from console.ending import go_on
from console.examples import shown
from console.exits import Exit, GivenUp
from console.invoke import invoke
from console.manual import BadRequest
from console.options import common
from console.plan import plan
from console.redeliver.command import redeliver
from console.report.command import report
from console.setup.command import setup
from handler.core.errors import BadSettings

# Makes no calls, so that it needs neither credentials nor a way to show calls.
_OFFLINE = frozenset({"report"})


class _FlagsWithoutType:
    """A command whose help shows no type beside a flag, as none is written there."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401  (the private copy of click in typer)
        """The parameters, the help option among them."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for each in params:
            if getattr(each, "is_flag", False) and each.metavar is None:
                each.metavar = ""
        return params


class _Command(_FlagsWithoutType, TyperCommand):
    """A subcommand."""


class _Commands(_FlagsWithoutType, TyperGroup):
    """The subcommands: what all of them have, and Ctrl-C, which ends each with the same status."""

    def __init__(self, *args: Any, **more: Any) -> None:  # noqa: ANN401  (the group's own)
        super().__init__(*args, **more)
        for name, command in self.commands.items():
            command.params += [] if name in _OFFLINE else common()
            command.epilog = command.epilog or shown(name)

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401  (the private copy of click in typer)
        """Run the one that was asked for."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, typer.Abort):
            screen.note("stopped")
            raise typer.Exit(Exit.STOPPED) from None


def _say_version(asked: bool) -> None:
    if asked:
        screen.console().print(f"secondary-ips {version('eni-secondary-ips')}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version."),
]
_EXITS = "\n".join(f"{status:>3}  {status.meaning}" for status in Exit)

app = typer.Typer(
    name="secondary-ips",
    cls=_Commands,
    help="Secondary private IPs on ENIs: plan, backfill, and invoke the deployed function.",
    epilog=f"\b\nExit status:\n{_EXITS}",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


@app.callback()
def _command(_version: Version = False) -> None:
    """Secondary private IPs on ENIs: plan, backfill, and invoke the deployed function."""


for _subcommand in (plan, backfill, invoke, redeliver, setup, doctor, report):
    app.command(cls=_Command)(_subcommand)


def run() -> int:
    """Run one subcommand; returns the exit status."""
    try:
        app()
    except BadRequest as error:
        for problem in error.problems:
            screen.error(problem)
    except GivenUp as error:
        screen.error(str(error))
        return error.status
    except BadSettings as error:
        for problem in error.problems:
            screen.error(problem)
    except AtOnce as ending:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is said now is said whole
        screen.note(ending.said)
        if ending.resume is not None:
            go_on(ending.resume)
        # Threads may be waiting for minutes; nobody else is.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(Exit.STOPPED)
    return Exit.BAD_REQUEST
