"""The command line: its subcommands, and what their ends mean to a shell."""

from __future__ import annotations

import typer

from handler.command.exits import Exit

_EXITS = "\n".join(f"{status:>3}  {status.meaning}" for status in Exit)

app = typer.Typer(
    name="python -m handler",
    help="Secondary private IPs on ENIs: plan, backfill, and invoke the deployed function.",
    epilog=f"\b\nExit status:\n{_EXITS}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _command() -> None:
    """Secondary private IPs on ENIs: plan, backfill, and invoke the deployed function."""


def run() -> int:
    """Run one subcommand; returns the exit status."""
    app()
    return Exit.AT_TARGET
