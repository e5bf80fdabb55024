"""The command line: its subcommands, and what their ends mean to a shell."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from console import screen
from console.attend import AtOnce
from console.backfill import backfill
from console.doctor.command import doctor
from console.exits import Exit
from console.invoke import invoke
from console.manual import BadRequest
from console.plan import plan
from console.redeliver.command import redeliver
from console.report.command import report
from console.setup.command import setup
from handler.core.errors import BadSettings


class _Commands(TyperGroup):
    """The subcommands; Ctrl-C ends each with the same status, at a question too."""

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401  (the private copy of click in typer)
        """Run the one that was asked for."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, typer.Abort):
            screen.note("stopped")
            raise typer.Exit(Exit.STOPPED) from None


_EXITS = "\n".join(f"{status:>3}  {status.meaning}" for status in Exit)

app = typer.Typer(
    name="secondary-ips",
    cls=_Commands,
    help="Secondary private IPs on ENIs: plan, backfill, and invoke the deployed function.",
    epilog=f"\b\nExit status:\n{_EXITS}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _command() -> None:
    """Secondary private IPs on ENIs: plan, backfill, and invoke the deployed function."""


app.command()(plan)
app.command()(backfill)
app.command()(invoke)
app.command()(redeliver)
app.command()(setup)
app.command()(doctor)
app.command()(report)


def run() -> int:
    """Run one subcommand; returns the exit status."""
    try:
        app()
    except BadRequest as error:
        screen.error(str(error))
    except BadSettings as error:
        for problem in error.problems:
            screen.error(problem)
    except AtOnce:
        # Threads may be waiting for minutes; nobody else is.
        sys.stdout.flush()
        os._exit(Exit.STOPPED)
    return Exit.BAD_REQUEST
