"""deploy/sls holds what the SLS API takes, and the checks of its queries are strict."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pytest
from alibabacloud_sls20201230 import models

from handler.shell.log import MAX_BYTES
from tests.logs.documents import CHARTS, INDEX, PREFIX, SAVED, document
from tests.logs.engine import Logged, LogStore, Refused
from tests.logs.fields import INDEX_TOKENS, leaves

LINE = '{"record_type": "run_summary", "source": "ess.lifecycle_hook", "counts": {"enis": 3}}'
BODIES = [
    (models.Index, INDEX),
    (models.Dashboard, document("dashboard")),
    *((models.CreateSavedSearchRequest, each) for each in document("savedsearches")),
    *((models.CreateAlertRequest, each) for each in document("alerts")),
]


@pytest.mark.parametrize(("model", "body"), BODIES)
def test_sdk_takes_every_field(model: Any, body: dict[str, Any]) -> None:
    """The official SDK's model of the body loses nothing of it."""
    assert body == model().from_map(body).to_map()


def test_index_has_every_leaf_field_with_its_type() -> None:
    """The index is that of docs/interfaces.md, delimiters included."""
    message = INDEX["keys"]["message"]
    types = {name: key["type"] for name, key in message["json_keys"].items()}
    assert leaves() == types
    assert INDEX_TOKENS == message["token"]


def test_index_keeps_whole_records() -> None:
    """SQL sees as much of a value as a record can be long; the service's default is 2 048 bytes."""
    assert MAX_BYTES <= INDEX["max_text_len"] <= 16_384


def test_rules_look_at_closed_windows_without_gaps() -> None:
    """A window is as long as the interval, and ends before now: rows that are late are in it."""
    minutes = re.compile(r"-?(\d+)m")
    for rule in document("alerts"):
        (query,) = rule["configuration"]["queryList"]
        interval, start, end = (
            int(minutes.fullmatch(text)[1])  # type: ignore[index]
            for text in (rule["schedule"]["interval"], query["start"], query["end"])
        )
        assert ("Custom", interval) == (query["timeSpanType"], start - end), rule["name"]
        assert end >= 2, rule["name"]


def test_names_begin_alike() -> None:
    """What setup makes can be told by its name."""
    names = [each["savedsearchName"] for each in document("savedsearches")]
    names += [each["name"] for each in document("alerts")]
    names += [each["title"] for each in document("dashboard")["charts"]]
    assert [name for name in names if not name.startswith(PREFIX)] == []
    assert set(CHARTS) <= set(SAVED)


# --- the engine -------------------------------------------------------------------------------


COUNT = " | SELECT count(*) AS n FROM log"


def ask(query: str) -> list[tuple[object, ...]]:
    """The answer over one record."""
    return [tuple(row.values()) for row in LogStore(INDEX, [Logged(0, LINE)]).query(query)]


@pytest.mark.parametrize(
    ("search", "rows"),
    [
        ("*", 1),
        ("message.record_type: run_summary", 1),
        ("message.record_type: RUN_SUMMARY", 1),
        ("message.record_type: run", 0),
        ("not message.source: manual", 1),
        ("message.record_type: run_summary and message.source: manual", 0),
        ("message.record_type: run_summary or message.source: manual", 1),
        ("message.outcome: short", 0),
        ("not message.outcome: short", 1),
    ],
)
def test_search_selects_rows(search: str, rows: int) -> None:
    """A value matches a whole word in any case; a field that is absent matches nothing."""
    assert [(rows,)] == ask(search + COUNT)


def test_field_has_its_type() -> None:
    """A leaf below an object is a column of its own, and a number."""
    assert [(4,)] == ask('* | SELECT "message.counts.enis" + 1 AS n FROM log')


@pytest.mark.parametrize(
    "query",
    [
        "message.nothing: x" + COUNT,
        "message.counts.enis: 3" + COUNT,
        "message.source: ess/hook" + COUNT,
        "message.record_type: a and message.source: b or message.level: c" + COUNT,
        "run_summary" + COUNT,
        "* | SELECT strlen(message) AS n FROM log",
        "* | DELETE FROM log",
        "* | SELECT 1; SELECT 2",
    ],
)
def test_unknown_is_refused(query: str) -> None:
    """What is not known to work in SLS does not work here."""
    with pytest.raises(Refused):
        ask(query)


def test_field_without_index_is_refused() -> None:
    """A column that the index lacks does not exist."""
    with pytest.raises(duckdb.BinderException):
        ask('* | SELECT "message.adresses" AS n FROM log')
