"""Where the command writes: results to standard output, what goes wrong to standard error."""

from __future__ import annotations

import json
import os
import sys

from rich.console import Console
from rich.text import Text

from handler.events import fields

# What is piped into a file or a pager has no width of its own.
PIPED_WIDTH = 160
_consoles: dict[bool, tuple[object, Console]] = {}


def console(*, stderr: bool = False) -> Console:
    """A console for people: without colours and movement unless it is a terminal.

    There is one for each stream, so that what is said while something moves stands above it. Rich
    heeds NO_COLOR, TERM and COLUMNS; what the encoding cannot show becomes a `?`.
    """
    stream = sys.stderr if stderr else sys.stdout
    stream = getattr(stream, "rich_proxied_file", stream)  # what Rich puts there meanwhile
    known, found = _consoles.get(stderr, (None, None))
    if found is None or known is not stream:
        found = _console(stream, stderr=stderr)
        _consoles[stderr] = (stream, found)
    return found


def _console(stream: object, *, stderr: bool) -> Console:
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    found = Console(stderr=stderr, highlight=False, emoji=False, soft_wrap=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = PIPED_WIDTH
    return found


def counted(number: int, noun: str) -> str:
    """A number of things, such as "1 ENI" or "3 addresses"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}{'es' if noun.endswith('s') else 's'}"


def watched(yes: bool) -> bool:
    """Whether a plan comes before the work: somebody must agree, or is there to see how long."""
    return not yes or sys.stderr.isatty()


def printable(text: str) -> str:
    """A text without what a terminal obeys: whatever is not a visible character becomes a `?`."""
    # Nearly all texts are as they should be: those are looked through once, not letter by letter.
    return text if text.isprintable() else fields.printable(text, limit=len(text))


def foreign(text: str, style: str = "") -> Text:
    """What others wrote, as it is: it is not markup, and nothing in it is obeyed."""
    return Text(printable(text), style)


def error(text: str) -> None:
    """Say what went wrong, on standard error."""
    said = Text.assemble(("error:", "bold red"), " ", foreign(text))
    console(stderr=True).print(said, soft_wrap=True)


def note(text: str, *, whole: bool = False) -> None:
    """Say something beside the result, on standard error; `whole`: never broken into lines."""
    console(stderr=True).print(foreign(text, "dim"), soft_wrap=whole)


def command_line(text: str) -> None:
    """A command to copy, on standard error: never broken into lines."""
    console(stderr=True).print(foreign(f"  {text}", "bold"), soft_wrap=True)


def json_line(**fields: object) -> None:
    """One JSON object on standard output."""
    sys.stdout.write(json.dumps(fields, default=str) + "\n")
    sys.stdout.flush()
