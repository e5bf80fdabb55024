"""Every fault by itself: found, at its level, with the mend; and nothing else is called amiss."""

from __future__ import annotations

import pytest

from console.doctor.finding import Level, Row
from console.doctor.local import healthy
from tests.integration.doctor.faults import FAULTS, Fault, delivered_by_alias
from tests.integration.doctor.looking import VERSION, looked


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.name)
def test_fault_is_found_with_its_mend(fault: Fault) -> None:
    """One row of its kind says it, and names the command or click."""
    document = healthy(VERSION)
    fault.plant(document)
    found = looked(document)
    said = [
        (each.level, f"{each.subject}: {each.found}", each.advice)
        for each in found
        if each.row is fault.row and fault.says in f"{each.subject}: {each.found}"
    ]
    assert 1 == len(said), [each for each in found if each.level is not Level.OK]
    level, _, advice = said[0]
    assert fault.level is level
    assert fault.mends in advice
    amiss = {each.row for each in found if each.level is not Level.OK}
    assert {fault.row, *fault.besides} == amiss


def test_what_triggers_invoke_is_looked_at() -> None:
    """The alias, and not LATEST, of which nothing runs: its rows are all well."""
    document = healthy(VERSION)
    delivered_by_alias(document)
    found = looked(document)
    assert [] == [each for each in found if each.level is not Level.OK]
    (row,) = [each for each in found if each.row is Row.FUNCTION]
    assert "secondary-ips, alias live" == row.subject
