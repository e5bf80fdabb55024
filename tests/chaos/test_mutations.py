"""The deliberate defects do not rot: each can still be planted, and the documentation lists all."""

from __future__ import annotations

import re

import pytest

from tests.chaos.mutate import Mutation, mutations, plant
from tests.chaos.report import ROOT, read_table

ALL = mutations()


def test_there_are_enough_of_them() -> None:
    """At least fourteen; each says what it is and who catches it."""
    assert len(ALL) >= 14
    assert [] == [each.name for each in ALL if not each.what or not each.caught_by]


@pytest.mark.parametrize("mutation", ALL, ids=lambda each: each.name)
def test_mutation_can_still_be_planted(mutation: Mutation) -> None:
    """The patch fits the code as it is, and the test that it names exists."""
    assert "" == plant(mutation, ROOT, check=True)
    file, _, test = mutation.caught_by.partition("::")
    source = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"\b{test or '[Tt]est'}", source)


def test_documentation_lists_every_mutation() -> None:
    """Name, defect and test, as the patches have them."""
    listed = re.findall(r"^\| `(.+?)` \| (.+?) \| `(.+?)` \|$", read_table("mutations"), re.M)
    assert [(each.name, each.what, each.caught_by) for each in ALL] == listed
