"""docs/operating.md says what deploy/sls and `setup` do, and its queries run."""

from __future__ import annotations

import json
import re
from collections import defaultdict

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from console.doctor.finding import ROWS, Row
from console.main import app
from console.setup.desired import Names
from tests.logs.documents import ALERTS, INDEX, PREFIX, SAVED, document
from tests.logs.engine import Logged, LogStore
from tests.logs.story import told
from tests.unit.test_docs import ROOT, blocks, table

OPERATING = (ROOT / "docs/operating.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows() -> list[Logged]:
    """What the function wrote on a bad day."""
    return told()


def test_saved_queries_are_listed_as_they_are_named() -> None:
    """One row per saved query, with its display name."""
    expected = [(it["savedsearchName"], it["displayName"]) for it in document("savedsearches")]
    assert expected == table(OPERATING, "saved query", "shows")


def test_rows_of_the_doctor_are_those_of_the_code() -> None:
    """One row each, in its order, with what is looked at and the permissions."""
    expected = [
        (row.value, about, ", ".join(f"`{it}`" for it in actions))
        for row, (about, actions) in ROWS.items()
    ]
    rows = table(OPERATING, "row", "what is looked at", "permission")
    plain = [(row, about.strip("`"), allowed.strip("`")) for row, about, allowed in rows]
    assert [(row, about.strip("`"), it.strip("`")) for row, about, it in expected] == plain
    assert list(Row) == list(ROWS)


def test_alerts_are_listed_with_their_condition() -> None:
    """One row per rule, with the condition that it has and a section that exists."""
    rows = table(OPERATING, "alert rule", "fires when", "then")
    expected = [
        (PREFIX + name, rule["severityConfigurations"][0]["evalCondition"]["condition"])
        for name, rule in ALERTS.items()
    ]
    assert expected == [row[:2] for row in rows]
    headings = {heading.lower() for heading in re.findall(r"^### (.+)$", OPERATING, re.MULTILINE)}
    for rule, row in zip(document("alerts"), rows, strict=True):
        said = rule["configuration"]["annotations"][1]["value"]
        told_in = re.search(r"Runbook: docs/operating.md, (.+)\.$", said)
        assert told_in is not None
        assert told_in[1].lower() in headings
        assert f"[{told_in[1]}]".lower() in row[2].lower()


def test_runbook_names_queries_that_exist() -> None:
    """Every section of the runbook says which query to run."""
    runbook = OPERATING.partition("## Runbook")[2].partition("\n## ")[0]
    for section in runbook.split("\n### ")[1:]:
        assert re.search(r"Run `secondary-ips-", section), section[:40]
    known = {PREFIX + name for name in SAVED} | {PREFIX.rstrip("-")}
    known |= {Names("cn-hangzhou", "abc").topic, Names("cn-hangzhou", "abc").queue}
    known |= {PREFIX + name for name in ALERTS}
    assert set(re.findall(r"`(secondary-ips[\w-]*)`", OPERATING)) <= known


def test_queries_of_the_page_run(rows: list[Logged]) -> None:
    """Every query on the page gives rows."""
    store = LogStore(INDEX, rows)
    queries = blocks(OPERATING, "sls")
    assert 2 == len(queries)
    assert [] == [query for query in queries if not store.query(query.strip())]


def test_names_are_those_of_setup() -> None:
    """The table of what is made has the defaults of the command and of s.yaml's variables."""
    names = Names("cn-hangzhou", "secondary-ips-0")
    rows = table(OPERATING, "made", "default name", "option, variable")
    options = {row[2].replace("`", "").partition(",")[0].removeprefix("--"): row[1] for row in rows}
    said = {name: default.replace("<account id>", "0") for name, default in options.items()}
    assert {name: getattr(names, name) for name in options} == said


def test_commands_of_the_page_exist() -> None:
    """Every `secondary-ips ...` names a subcommand, and options that it has."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    for used in re.findall(r"secondary-ips ([^`\n]+)", OPERATING):
        name, *words = used.split()
        known = {option for each in group.commands[name].params for option in each.opts}
        assert {word for word in words if word.startswith("-")} <= known, used


def test_sizes_are_those_of_records(rows: list[Logged]) -> None:
    """What a record is said to weigh is right within a quarter."""
    weights = defaultdict(list)
    for row in rows:
        weights[json.loads(row.line)["record_type"]].append(len(row.line))
    for name, said in table(OPERATING, "record", "bytes, about"):
        mean = sum(weights[name]) / len(weights[name])
        assert 0.75 * mean <= int(said) <= 1.25 * mean, name
