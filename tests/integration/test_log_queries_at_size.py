"""Saved queries and alert rules over the records of a large region, whose lists are long."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest

from tests.integration.test_log_queries import (
    ALLOW,
    ASSIGN,
    IMAGE,
    NO_TOKEN,
    NOT_OURS,
    fired,
    lasting,
)
from tests.logs.documents import ALERTS, CHARTS, INDEX, SAVED
from tests.logs.engine import DEFAULT_TEXT, Logged, LogStore
from tests.logs.story import AT_SIZE, NOON, told_at_size
from tests.worlds import GROUP, HOOK_ID

FIRST, LAST = "vsw-bp1fleet0000000000", f"vsw-bp1fleet00000000{len(AT_SIZE) - 1}"
SHORT = ("eni-bp1fleet0000000000", AT_SIZE[0], "ecs.wide", GROUP, FIRST, 100, 57, "vswitch")
UNSUPPORTED = "InvalidOperation.Unsupported"
WITHOUT_LINE = {name: value for name, value in INDEX.items() if name != "max_text_len"}

EXPECTED: dict[str, list[tuple[object, ...]]] = {
    "fleet": [(59, 2, 0)],
    # 59 ENIs got 100 addresses each, the one in the small vSwitch 57
    "assigned": [("12:00", 5957, 60)],
    "short": [(FIRST, "vswitch", 1, 43)],
    "short-enis": [SHORT] * 4,
    "failures": [
        ("Forbidden.RAM", "not_permitted", 1, ALLOW),
        (UNSUPPORTED, "refused", 1, "The ENI or its instance does not support this."),
    ],
    "throttles": [("12:00", ASSIGN, 1)],
    # a /25 has 128 addresses: 4, the primary one, 100 and the reserve; the last one was not served
    "room": [
        (FIRST, 0, 2),
        *((f"vsw-bp1fleet00000000{number:02}", 21, 2) for number in range(1, 59)),
        (LAST, 121, 2),
    ],
    "hooks": [("ABANDON", "true", "completed", 1), ("left alone", "false", NOT_OURS, 1)],
    "hooks-left-alone": [(HOOK_ID, NOT_OURS, 1)],
    "undecided": [("limit", "-", 1)],
    "raised": [("NotPermitted", 1, f"NotPermitted: Forbidden.RAM: {ALLOW}")],
    "permissions": [(ALLOW, 1), (f"NotPermitted: Forbidden.RAM: {ALLOW}", 1)],
    "rejected": [("ess.lifecycle_hook", NO_TOKEN, 1)],
    "scaling-rejected": [("ess.lifecycle_hook", NO_TOKEN, 1)],
    "silent": [(GROUP, "ecs.wide", 100, 0, 1, 1)],
    "silent-images": [(IMAGE, GROUP, 100, 0, 1, 1)],
}
FIRED: dict[str, list[dict[str, Any]]] = {
    "failed": [{"failed": 2, "code": UNSUPPORTED}],
    "vswitch-nearly-empty": [{"vswitch": FIRST, "room": 0, "reserve": 2}],
    "permission-lost": [{"denied": 2, "missing": f"NotPermitted: Forbidden.RAM: {ALLOW}"}],
    "hook-abandoned": [{"abandoned": 1, "hook": HOOK_ID}],
    "scaling-rejected": [{"rejected": 1, "source": "ess.lifecycle_hook", "reason": NO_TOKEN}],
    "silent": [{"silent": 1, "eni": "eni-quiet"}],
}
# What reads lists out of `message`: it fails where SQL sees only the beginning of a record.
READ_LISTS = {name for name, query in SAVED.items() if "json_extract(" in query}


@pytest.fixture(scope="module")
def rows() -> list[Logged]:
    """Everything that the function wrote."""
    return told_at_size()


@pytest.fixture(scope="module", params=["error", "nothing"])
def broken(request: pytest.FixtureRequest) -> str:
    """What SLS makes of a JSON text that was cut: both readings."""
    return str(request.param)


@pytest.fixture(scope="module")
def store(rows: list[Logged], broken: str) -> LogStore:
    """The Logstore under our index."""
    return LogStore(INDEX, rows, broken=broken)


@pytest.fixture(scope="module")
def cut(rows: list[Logged], broken: str) -> LogStore:
    """The same without the line `max_text_len` in the index."""
    return LogStore(WITHOUT_LINE, rows, broken=broken)


def answer(store: LogStore, name: str) -> list[tuple[object, ...]] | None:
    """What a saved query gives; None where SLS reports an error."""
    but = ["code"] if name == "short-enis" else []
    try:
        return [lasting(row, *but) for row in store.query(SAVED[name])]
    except duckdb.Error:
        return None


def test_records_are_longer_than_the_default(rows: list[Logged]) -> None:
    """The region is large enough to show the defect: a summary and results pass 2 048 bytes."""
    records = [json.loads(row.line) for row in rows if len(row.line) > DEFAULT_TEXT]
    found = {
        each["record_type"]: len(each.get("vswitches", each.get("addresses"))) for each in records
    }
    assert {"eni_result": 100, "run_summary": 60} == found


@pytest.mark.parametrize("name", EXPECTED)
def test_saved_query_gives_its_answer(store: LogStore, name: str) -> None:
    """Every vSwitch and every address of a large region is in the answer."""
    assert EXPECTED[name] == answer(store, name)


def test_latency_counts_every_launch(store: LogStore, rows: list[Logged]) -> None:
    """Three launches, and the slowest one is shown."""
    measured = [json.loads(row.line).get("seconds_to_assigned") for row in rows]
    (row,) = store.query(SAVED["latency"])
    assert ("12:00", 3) == (row["hour"], row["launches"])
    assert max(each for each in measured if each is not None) == row["p99"]


def test_every_query_and_rule_is_expected_here() -> None:
    """Nothing goes without its answer at size; charts draw the same queries."""
    assert {*EXPECTED, "latency"} == set(SAVED) >= set(CHARTS)
    assert set(FIRED) == set(ALERTS)


@pytest.mark.parametrize("name", FIRED)
def test_alert_fires(store: LogStore, name: str) -> None:
    """Each rule sees what is wrong among so much that is right."""
    assert FIRED[name] == fired(name, store)


@pytest.mark.parametrize("name", EXPECTED)
def test_without_the_line_lists_are_lost(cut: LogStore, name: str) -> None:
    """`max_text_len` is what lets queries see lists; what reads none does not need it."""
    assert (name in READ_LISTS) == (EXPECTED[name] != answer(cut, name))


def test_without_the_line_the_alert_on_room_is_silent(cut: LogStore, broken: str) -> None:
    """The rule that reads a list reports an error, or finds no vSwitch at all."""
    query = ALERTS["vswitch-nearly-empty"]["queryList"][0]["query"]
    if broken == "error":
        with pytest.raises(duckdb.Error, match="the JSON text is cut"):
            cut.query(query)
    else:
        assert [] == cut.query(query)


@pytest.mark.parametrize("name", sorted(READ_LISTS))
def test_one_odd_record_spoils_no_answer(rows: list[Logged], name: str) -> None:
    """A list that is no list, as in a record of somebody else's, is passed over; by rules, too."""
    odd = '{"record_type": "%s", "action": "assign", "vswitches": {}, "addresses": {}}'
    kinds = ("run_summary", "eni_result")
    more = [*rows, *(Logged(NOON, odd % kind) for kind in kinds)]
    spoilt = LogStore(INDEX, more)
    assert EXPECTED[name] == answer(spoilt, name)
    assert FIRED["vswitch-nearly-empty"] == fired("vswitch-nearly-empty", spoilt)
