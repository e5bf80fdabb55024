"""The deliberate defects do not rot: each can still be planted, and the documentation lists all."""

from __future__ import annotations

import ast
import re

import pytest

from tests.chaos.defects import DEFECTS, Defect
from tests.chaos.mutate import NotPlanted, planted, source_of
from tests.chaos.report import ROOT, read_table


def test_there_are_enough_of_them() -> None:
    """At least sixty, each once; each says what it is and who catches it."""
    names = [each.name for each in DEFECTS]
    assert len(names) >= 60
    assert len(set(names)) == len(names)
    assert [] == [each.name for each in DEFECTS if not each.what or not each.caught_by]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda each: each.name)
def test_defect_can_still_be_planted(defect: Defect) -> None:
    """The code has what is to be replaced, and the test that is named exists."""
    source = source_of(defect, ROOT).read_text(encoding="utf-8")
    assert planted(defect, source) != ast.unparse(ast.parse(source)) + "\n"
    file, _, test = defect.caught_by.partition("::")
    caught_by = (ROOT / file).read_text(encoding="utf-8")
    assert not test or re.search(rf"def {test}\b", caught_by)


SOURCE = """
def one(a):
    if a and not b:
        return f(a,
                 1)

class Some:
    def one(self):
        return f(a, 1)
"""


@pytest.mark.parametrize(
    ("where", "edit", "line"),
    [
        ("m:one", ("f(a, 1)", "f(a, 2)"), "        return f(a, 2)"),
        ("m:Some.one", ("return f(a, 1)", "b()\nreturn a"), "        b()"),
        ("m:one", ("a and not b", "True"), "    if True:"),
    ],
)
def test_planted_by_what_it_reads_like(where: str, edit: tuple[str, str], line: str) -> None:
    """However it is laid out, and in the named function only."""
    found = planted(Defect("d", "w", "t", where, (edit,)), SOURCE)
    assert 1 == found.splitlines().count(line)


@pytest.mark.parametrize(
    ("where", "edit"), [("m:two", ("a", "b")), ("m:one", ("f(a, 3)", "f(a, 2)"))]
)
def test_what_is_not_there_is_not_planted(where: str, edit: tuple[str, str]) -> None:
    """A defect that changes nothing would be caught by nothing."""
    with pytest.raises(NotPlanted):
        planted(Defect("d", "w", "t", where, (edit,)), SOURCE)


def test_documentation_lists_every_defect() -> None:
    """Name, defect and test, as the list has them."""
    listed = re.findall(r"^\| `(.+?)` \| (.+?) \| `(.+?)` \|$", read_table("mutations"), re.M)
    assert [(each.name, each.what, each.caught_by) for each in DEFECTS] == listed
