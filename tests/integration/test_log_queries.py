"""Saved queries, charts and alert rules of deploy/sls, over records that were really written."""

from __future__ import annotations

import json
import operator
import re
from typing import Any

import pytest

from tests.logs.documents import ALERTS, CHARTS, INDEX, SAVED
from tests.logs.engine import Logged, LogStore, Row
from tests.logs.story import told
from tests.worlds import GROUP, HOOK_ID, TYPE, VSWITCH

ASSIGN = "ecs:AssignPrivateIpAddresses"
ALLOW = f"Allow {ASSIGN} to the function's role."
# What the local cloud says of an instance whose world names no image.
IMAGE = "aliyun_3_x64_20G_localcloud.vhd"
VARYING = {"logged", "latest", "request"}
NOT_OURS = "left alone: LIFECYCLE_HOOKS matches neither the hook's name nor its id"
NO_TOKEN = (
    "content.lifecycleActionToken: found no value; allowed: 1 to 256 printable ASCII characters"
)

EXPECTED: dict[str, list[tuple[object, ...]]] = {
    # at target: 4 of the demo, busy, one, theirs, and three that were asked
    # below: full, default, refused, denied, told, slow, two
    "fleet": [(10, 7, 1)],
    # 26 of the demo once though written twice, 9 and 9 up to the reserve, 8, 8 and 8
    "assigned": [("12:00", 68, 9)],
    "short": [
        (VSWITCH, "vswitch", 1, 8),
        ("vsw-default", "vswitch", 1, 5),
        ("vsw-full", "vswitch", 1, 5),
    ],
    "short-enis": [
        ("eni-told", "i-told", TYPE, GROUP, VSWITCH, 8, 0, "vswitch"),
        ("eni-default", "i-default", TYPE, GROUP, "vsw-default", 14, 9, "vswitch"),
        ("eni-full", "i-full", TYPE, GROUP, "vsw-full", 14, 9, "vswitch"),
    ],
    "failures": [
        ("Forbidden.RAM", "not_permitted", 1, ALLOW),
        (
            "InvalidOperation.Unsupported",
            "refused",
            1,
            "The ENI or its instance does not support this.",
        ),
    ],
    "throttles": [("12:04", ASSIGN, 2)],
    "room": [
        ("vsw-default", 0, 2),
        ("vsw-full", 0, 2),
        # 4 of 1024 are the cloud's own, 64 a reservation for prefixes; 21 and the reserve are used
        ("vsw-bp1pod0000000000001", 933, 2),
        # in the world of the last scene: 4, the primary address, 8 assigned, the reserve
        (VSWITCH, 1009, 2),
    ],
    "hooks": [
        ("CONTINUE", "true", "completed", 3),
        ("CONTINUE", "false", "already completed, timed out, or the hook is gone", 2),
        ("left alone", "false", NOT_OURS, 2),
        ("ABANDON", "true", "completed", 1),
        ("DEFAULT", "true", "completed", 1),
    ],
    "hooks-left-alone": [(HOOK_ID, NOT_OURS, 2)],
    "undecided": [("limit", "-", 1), ("not_ready", "InvalidOperation.InvalidEniState", 1)],
    "raised": [
        ("NotPermitted", 1, f"NotPermitted: Forbidden.RAM: {ALLOW}"),
        ("Retryable", 1, "Retryable: 1 undecided: eni-slow (not_ready)"),
    ],
    "permissions": [(ALLOW, 1), (f"NotPermitted: Forbidden.RAM: {ALLOW}", 1)],
    "scaling-rejected": [("ess.lifecycle_hook", NO_TOKEN, 1)],
    # heard and dark are of one type: two of four addresses answer; mute answers on none of two
    "silent": [(GROUP, "ecs.g7.large", 2, 1, 0, 1), (GROUP, TYPE, 2, 0, 1, 2)],
    "silent-images": [
        (IMAGE, GROUP, 2, 0, 1, 1),
        ("m-old", GROUP, 2, 1, 0, 1),
        ("m-new", GROUP, 0, 0, 0, 1),
    ],
}
FIRED = {
    "failed": [{"failed": 2, "code": "InvalidOperation.Unsupported"}],
    "vswitch-nearly-empty": [
        {"vswitch": "vsw-default", "room": 0, "reserve": 2},
        {"vswitch": "vsw-full", "room": 0, "reserve": 2},
    ],
    "permission-lost": [{"denied": 2, "missing": f"NotPermitted: Forbidden.RAM: {ALLOW}"}],
    "hook-abandoned": [{"abandoned": 2, "hook": HOOK_ID}],
    "scaling-rejected": [{"rejected": 1, "source": "ess.lifecycle_hook", "reason": NO_TOKEN}],
    "silent": [{"silent": 2, "eni": "eni-mute"}],
}


@pytest.fixture(scope="module")
def rows() -> list[Logged]:
    """Everything that the function wrote that day."""
    return told()


@pytest.fixture(scope="module", params=[None, "null"], ids=["null is nothing", "null is a text"])
def store(rows: list[Logged], request: pytest.FixtureRequest) -> LogStore:
    """The Logstore, under both readings of a JSON null in a text field."""
    return LogStore(INDEX, rows, request.param)


@pytest.fixture(scope="module")
def plain(rows: list[Logged]) -> LogStore:
    """The Logstore, where a JSON null is nothing."""
    return LogStore(INDEX, rows)


def lasting(row: Row, *but: str) -> tuple[object, ...]:
    """A row's values, without moments and ids of invocations."""
    return tuple(value for name, value in row.items() if name not in VARYING | set(but))


@pytest.mark.parametrize("name", EXPECTED)
def test_saved_query_gives_the_numbers_of_the_day(store: LogStore, name: str) -> None:
    """Each saved query tells what happened, once for what was written twice."""
    but = ["code"] if name == "short-enis" else []
    assert EXPECTED[name] == [lasting(row, *but) for row in store.query(SAVED[name])]


def test_rejected_input_is_shown_with_its_field(store: LogStore) -> None:
    """The misspelt field is named, and so is what Auto Scaling did not say."""
    rows = {row["source"]: row for row in store.query(SAVED["rejected"])}
    assert {"manual": 1, "ess.lifecycle_hook": 1} == {
        source: row["events"] for source, row in rows.items()
    }
    assert "backfill.scaling_group: found an unknown field" in rows["manual"]["reason"]
    assert NO_TOKEN == rows["ess.lifecycle_hook"]["reason"]


def test_latency_is_that_of_launches(store: LogStore, rows: list[Logged]) -> None:
    """Percentiles are of what launches wrote in `seconds_to_assigned`; backfills are left out."""
    records = [json.loads(row.line) for row in rows]
    launches = [
        each["seconds_to_assigned"]
        for each in records
        if each["record_type"] == "run_summary" and each["source"] != "manual"
    ]
    measured = sorted(each for each in launches if each is not None)
    (row,) = store.query(SAVED["latency"])
    expected = (
        "12:00",
        measured[(len(measured) - 1) // 2],
        measured[-1],
        measured[-1],
        len(measured),
    )
    assert expected == tuple(row.values())
    assert measured[-1] > 60


def test_every_saved_query_is_expected_here() -> None:
    """No query goes without its numbers."""
    assert {*EXPECTED, "rejected", "latency"} == set(SAVED)


@pytest.mark.parametrize("name", CHARTS)
def test_chart_shows_columns_of_its_saved_query(store: LogStore, name: str) -> None:
    """A chart draws a saved query, and its axes are columns of the answer."""
    chart = CHARTS[name]
    answer = store.query(chart["search"]["query"])
    axes = chart["display"]["xAxis"] + chart["display"]["yAxis"]
    assert SAVED[name] == chart["search"]["query"]
    assert set(axes) - set(answer[0]) == set()
    assert (chart["type"] != "table") == bool(axes)


def test_dashboard_charts_do_not_overlap() -> None:
    """Every cell of the grid belongs to one chart."""
    cells = [
        (x, y)
        for place in (chart["display"] for chart in CHARTS.values())
        for x in range(place["xPos"], place["xPos"] + place["width"])
        for y in range(place["yPos"], place["yPos"] + place["height"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 20


# --- alerts -----------------------------------------------------------------------------------


def fired(name: str, store: LogStore) -> list[Row]:
    """The rows of an alert's query that meet its condition."""
    rule = ALERTS[name]
    (query,), (severity,) = rule["queryList"], rule["severityConfigurations"]
    condition = re.fullmatch(r"(\w+) ([<>]) (\d+)", severity["evalCondition"]["condition"])
    assert condition is not None
    compare: Any = {"<": operator.lt, ">": operator.gt}[condition[2]]
    return [
        row for row in store.query(query["query"]) if compare(row[condition[1]], int(condition[3]))
    ]


def test_every_alert_has_its_expected_rows() -> None:
    """No rule goes unchecked."""
    assert set(FIRED) == set(ALERTS)


@pytest.mark.parametrize("name", FIRED)
def test_alert_fires_on_a_bad_day(store: LogStore, name: str) -> None:
    """Each rule fires, with what its message names."""
    rule = ALERTS[name]
    found = fired(name, store)
    named = re.findall(r"\$\{(\w+)\}", rule["annotations"][1]["value"])
    assert FIRED[name] == found
    assert set(named) | set(rule["groupConfiguration"]["fields"]) <= set(found[0])


@pytest.mark.parametrize("name", FIRED)
def test_alert_stays_silent_on_a_good_day(rows: list[Logged], name: str) -> None:
    """A launch that reaches its targets, delivered twice, fires nothing."""
    good = LogStore(INDEX, [row for row in rows if row.time == rows[0].time])
    assert [] == fired(name, good)


# --- a renamed field --------------------------------------------------------------------------


def fields_of(query: str) -> set[str]:
    """The last part of every field that a query names, arrays included."""
    dotted = re.findall(r"message\.([\w.]+)", query) + re.findall(r"'\$\.(\w+)'", query)
    return {name.split(".")[-1] for name in dotted}


CASES = [(name, field) for name, query in SAVED.items() for field in sorted(fields_of(query))]


@pytest.mark.parametrize(("name", "field"), CASES)
def test_renamed_field_changes_the_answer(
    rows: list[Logged], plain: LogStore, name: str, field: str
) -> None:
    """If the code wrote a field under another name, the query that needs it would tell."""
    renamed = [Logged(row.time, row.line.replace(f'"{field}":', f'"new_{field}":')) for row in rows]
    assert plain.query(SAVED[name]) != LogStore(INDEX, renamed).query(SAVED[name])
