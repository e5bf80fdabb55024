"""Records as lines: one JSON object each, bounded, and without secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handler.shell.log import MAX_BYTES, RecordLog, shortened

Capture = pytest.CaptureFixture[str]
BASE: dict[str, Any] = {"request_id": "req-1", "region": "cn-hangzhou"}
SECRET = "hush-5ecret/+=="


def read(capsys: Capture) -> list[dict[str, Any]]:
    """The records written so far; whatever is no line of JSON fails."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_object_a_line(capsys: Capture) -> None:
    """Each record is a line on stdout, with the fields of every record first."""
    log = RecordLog(BASE)
    log.write("eni_result", "warning", outcome="short", note="two\nlines, ümlaut-secret")
    log.write("run_summary")
    first, second = read(capsys)
    assert ["timestamp", "level", "record_type", "request_id", "region"] == list(first)[:5]
    first.pop("timestamp")
    assert {
        **BASE,
        "level": "warning",
        "record_type": "eni_result",
        "outcome": "short",
        "note": "two\nlines, ümlaut-secret",
    } == first
    assert ("info", "run_summary") == (second["level"], second["record_type"])


def test_the_timestamp_is_utc(capsys: Capture) -> None:
    """SLS takes it without being told a time zone."""
    RecordLog(BASE).write("run_summary")
    assert read(capsys)[0]["timestamp"].endswith("Z")


@pytest.mark.parametrize("least", ["DEBUG", "INFO", "WARNING", "ERROR"])
@pytest.mark.parametrize("record_type", ["eni_result", "run_summary", "lifecycle", "continuation"])
def test_results_are_written_at_any_level(capsys: Capture, least: str, record_type: str) -> None:
    """An ENI whose record is missing is an ENI lost."""
    RecordLog(BASE, least).write(record_type, "info")
    assert [record_type] == [each["record_type"] for each in read(capsys)]


@pytest.mark.parametrize(
    ("least", "level", "written"),
    [
        ("DEBUG", "info", True),
        ("INFO", "info", True),
        ("WARNING", "info", False),
        ("WARNING", "warning", True),
        ("ERROR", "warning", False),
        ("ERROR", "error", True),
    ],
)
@pytest.mark.parametrize("record_type", ["api_error", "event_ignored"])
def test_explanations_go_by_the_level(
    capsys: Capture, record_type: str, least: str, level: str, written: bool
) -> None:
    """LOG_LEVEL holds back what only explains."""
    RecordLog(BASE, least).write(record_type, level)
    assert written == bool(read(capsys))


@pytest.mark.parametrize(
    "secret", [SECRET, 'quo"ted-secret', "back\\slash", "ümlaut-secret", "tab\tbed-secret"]
)
def test_secrets_are_replaced(capsys: Capture, secret: str) -> None:
    """Wherever a secret stands, deep in a value or in the middle of a text."""
    log = RecordLog({**BASE, "base": secret}, secrets=lambda: [secret])
    log.write("api_error", "error", message=f"<{secret}>", deep=[{"a": [secret]}], **{secret: 1})
    (record,) = read(capsys)
    record.pop("timestamp")
    assert {
        **BASE,
        "level": "error",
        "record_type": "api_error",
        "base": "***",
        "message": "<***>",
        "deep": [{"a": ["***"]}],
        "***": 1,
    } == record


def test_secrets_are_asked_for_at_each_line(capsys: Capture) -> None:
    """Credentials are renewed while an invocation lasts; an empty one hides nothing."""
    known = [""]
    log = RecordLog(BASE, secrets=lambda: known)
    log.write("run_summary", note="old new-secret")
    known.append("new-secret")
    log.write("run_summary", note="old new-secret")
    assert ["old new-secret", "old ***"] == [each["note"] for each in read(capsys)]


def test_a_secret_is_not_cut_in_two(capsys: Capture) -> None:
    """A record that is shortened does not keep the half of a secret that it cuts."""
    half = MAX_BYTES // 2
    text = "x" * (half - len(SECRET) // 2) + SECRET
    text += "x" * (2 * half - len(text))
    RecordLog(BASE, secrets=lambda: [SECRET]).write("api_error", "error", message=text)
    assert SECRET[:4] not in capsys.readouterr().out


def test_a_long_record_is_shortened_and_says_so(capsys: Capture) -> None:
    """A line stays under 16 KB; its bulkiest value gives way, and is named."""
    RecordLog(BASE).write("run_summary", enis=[{"id": n} for n in range(5000)], note="kept")
    line = capsys.readouterr().out
    record = json.loads(line)
    assert len(line.encode()) < 16_384
    assert (["enis"], "kept") == (record["truncated"], record["note"])
    assert record["enis"] == [{"id": n} for n in range(len(record["enis"]))]


JSON_TEXT = st.text(max_size=20)
VALUES = st.one_of(
    JSON_TEXT,
    st.integers(),
    st.lists(JSON_TEXT, max_size=5),
    st.dictionaries(JSON_TEXT, JSON_TEXT, max_size=5),
    st.builds(lambda text, times: text * times, JSON_TEXT, st.integers(1, 5000)),
)
FIELDS = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), VALUES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(FIELDS)
def test_whatever_is_written_is_a_short_line(capsys: Capture, fields: dict[str, Any]) -> None:
    """Any value makes one line of JSON under the limit."""
    capsys.readouterr()
    RecordLog(BASE).write("run_summary", **fields)
    out = capsys.readouterr().out
    assert len(out.encode()) <= MAX_BYTES + 1
    assert 1 == out.count("\n")
    assert isinstance(json.loads(out), dict)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"a": "abcd", "b": 1}, {"a": "ab", "b": 1, "truncated": ["a"]}),
        ({"a": [1, 2, 3], "b": "x"}, {"a": [1], "b": "x", "truncated": ["a"]}),
        (
            {"a": "abcd", "b": "abcdef", "truncated": ["a"]},
            {"a": "abcd", "b": "abc", "truncated": ["a", "b"]},
        ),
    ],
)
def test_shortening(record: dict[str, Any], expected: dict[str, Any]) -> None:
    """The longest value is cut by half; the names of all that were cut are kept."""
    assert expected == shortened(record)


def test_values_that_json_does_not_know(capsys: Capture) -> None:
    """Anything has a text."""
    RecordLog(BASE).write("run_summary", note={1}, error=ValueError("bad"))
    (record,) = read(capsys)
    assert ("{1}", "bad") == (record["note"], record["error"])
