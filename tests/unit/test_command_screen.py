"""What others wrote is shown as it is: neither markup nor the terminal's own language."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from console import screen
from console.chain import Chain, Hop, Reply, Task
from console.progress import Progress
from console.report.reading import read
from console.sending import Sending
from console.session import Session
from console.setup.changes import Change, Done, Verb
from console.setup.command import table_of
from console.setup.desired import Kind, Resource
from console.tables import chain_table, eni_table, room_table
from console.views import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    Capture = pytest.CaptureFixture[str]

# Markup that means something, markup that means nothing, and what a terminal obeys: a colour, a
# title, the end of a line, a tabulator, the eight-bit form of ESC [, and letters turned around.
EVIL = "[red]a[/] [/] \\[b] \x1b[31m\x1b]0;t\x07\r\n\t\x9b1m\u202e\ud800"
SHOWN = "[red]a[/] [/] \\[b] ?[31m?]0;t?????1m??"
ROW: dict[str, Any] = {
    "record_type": "eni_result",
    "network_interface_id": EVIL,
    "instance_id": EVIL,
    "instance_type": EVIL,
    "vswitch_id": EVIL,
    "outcome": "failed",
    "reason": EVIL,
    "target": 4,
    "target_source": EVIL,
    "before": 0,
    "requested": 0,
    "addresses": [],
    "code": EVIL,
    "attempts": 1,
}
ROOM = {"vswitch_id": EVIL, "room": 1, "reserve": 8}


def drawn(what: RenderableType) -> str:
    """What stands on a wide terminal, without the colours that rich itself sends."""
    console = Console(
        file=io.StringIO(), width=900, force_terminal=True, no_color=True, color_system=None
    )
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def rooms() -> Progress:
    """A vSwitch with a name of somebody else's."""
    progress = Progress(9)
    progress.hear({"record_type": "run_summary", "vswitches": [ROOM]})
    return progress


def moving() -> View:
    """A run in a region with a name of somebody else's."""
    session = Session({"TARGET_SECONDARY_IPS": "1"}, lambda _record: None)
    return View(f"plan in {EVIL}", Progress(), session)


def made(error: str | None) -> RenderableType:
    """What `setup` shows of one resource."""
    change = Change(Resource(Kind.ROLE, EVIL, {}), Verb.UPDATE, {}, (EVIL, "second"))
    return table_of([Done(change, error)], dry_run=True)


@pytest.mark.parametrize(
    ("draw", "times"),
    [
        (lambda: screen.foreign(EVIL), 1),
        (lambda: eni_table([ROW], 900), 6),
        (lambda: eni_table([ROW], 80), 6),
        (lambda: room_table(rooms()), 1),
        (lambda: chain_table(Chain([Hop(0, EVIL, Task(EVIL))])), 1),
        (moving, 1),
        (lambda: made(None), 2),
        (lambda: made(EVIL), 2),
    ],
    ids=["text", "ENIs", "narrow", "vSwitches", "hops", "moving", "changes", "failures"],
)
def test_tables_show_what_others_wrote(draw: Callable[[], RenderableType], times: int) -> None:
    """Brackets stay brackets, and what cannot be printed is a question mark."""
    found = drawn(draw())
    assert times == found.count(SHOWN), found
    assert all(letter.isprintable() or letter == "\n" for letter in found), repr(found)


def test_differences_stand_below_each_other() -> None:
    """Each on a line of its own, whatever is in it."""
    lines = drawn(made(None)).splitlines()
    assert [SHOWN in line for line in lines if "second" in line] == [False]


@pytest.mark.parametrize("say", [screen.error, screen.note, screen.command_line])
def test_messages_show_what_others_wrote(say: Callable[[str], None], capsys: Capture) -> None:
    """In one line each."""
    say(EVIL)
    assert SHOWN in capsys.readouterr().err


class Answering:
    """A deployed function whose error somebody else wrote."""

    def invoke_later(self, payload: bytes, task_id: str) -> None:
        """Take it."""

    def invoke(self, payload: bytes) -> Reply:  # noqa: ARG002  (the function's)
        """Fail."""
        return Reply(None, EVIL)

    def task(self, task_id: str) -> Task | None:  # noqa: ARG002  (the function's)
        """Fail."""
        return Task("Failed", error=EVIL)


def test_a_chain_shows_what_others_wrote(capsys: Capture) -> None:
    """Its id, and the errors of its hops."""
    Sending(Answering(), EVIL, 1.0, as_json=False).deliver(None, sync=False, following=True)
    said = capsys.readouterr()

    assert f"chain {SHOWN}" in " ".join(said.out.splitlines())
    assert SHOWN in said.err
    assert "\x1b" not in said.out + said.err


def test_a_page_shows_what_others_wrote() -> None:
    """It may be written to a terminal."""
    fleet = read([json.dumps(ROW)])
    ((name, row),) = fleet.rows.items()

    assert {SHOWN} == {name, row["instance_type"], row["reason"]}
