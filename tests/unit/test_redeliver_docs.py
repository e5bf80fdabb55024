"""docs/command.md and docs/interfaces.md say what `redeliver` takes and writes."""

from __future__ import annotations

from typer.core import TyperGroup
from typer.main import get_command

from console.main import app
from console.redeliver.command import line_of
from console.redeliver.delivery import End, Row
from console.redeliver.records import FailedEvent
from tests.unit.test_docs import ROOT, table

GUIDE = (ROOT / "docs/command.md").read_text(encoding="utf-8")
INTERFACES = (ROOT / "docs/interfaces.md").read_text(encoding="utf-8")


def test_options_are_documented() -> None:
    """One row per option, with its help."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    found = group.commands["redeliver"].params
    expected = {(each.opts[0], str(getattr(each, "help", ""))) for each in found}
    assert expected == set(table(GUIDE, "option of `redeliver`", "meaning"))


def test_ends_are_documented() -> None:
    """Each end, and whether the record is still there."""
    rows = {row[0]: row[1] for row in table(GUIDE, "what became of it", "in the queue", "why")}
    assert {each.value for each in End} == set(rows)
    assert {End.SETTLED.value} == {name for name, where in rows.items() if where == "deleted"}


def test_fields_of_a_line_are_documented() -> None:
    """In their order."""
    fields = [row[0] for row in table(INTERFACES, "field", "type", "meaning of the event")]
    assert list(line_of(Row(FailedEvent("M", ""), End.SETTLED))) == fields
