"""`report`: what lines become, what is summed, and how large the page may get."""

from __future__ import annotations

import codecs
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.report.columns import below, resource
from console.report.page import ADVICE, MOST, render, summed
from console.report.reading import Fleet, read
from tests.unit.test_docs import GUIDE, table

ROOT = Path(__file__).parents[2]
RECORD = {
    "timestamp": "2026-11-23T12:00:00.000001Z",
    "record_type": "eni_result",
    "region": "cn-hangzhou",
    "network_interface_id": "eni-a",
    "instance_id": "i-a",
    "vswitch_id": "vsw-a",
    "scaling_group_id": "asg-a",
    "instance_type": "ecs.g7.xlarge",
    "outcome": "short",
    "reason": "vswitch",
    "target": 8,
    "target_source": "default",
    "before": 1,
    "after": 5,
    "requested": 4,
    "addresses": ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"],
    "code": None,
    "advice": None,
}


# What is said of a line that is cut, or something else.
LEFT_OUT = b"left out 1 line of the input: not records, or records that are cut short\n"
PLAN = json.dumps({"record_type": "run_summary", "action": "plan", "vswitches": []})


def line(**fields: Any) -> str:
    """One record."""
    return json.dumps(RECORD | fields)


def fleet_of(*lines: str) -> Fleet:
    """What lines tell."""
    return read(lines)


def test_latest_record_of_an_eni_counts() -> None:
    """Whatever the order of lines, the later record tells how the ENI is."""
    old = line(outcome="failed", reason="refused", timestamp="2026-11-23T11:00:00Z")
    for lines in ([old, line()], [line(), old]):
        (row,) = fleet_of(*lines).rows.values()
        assert "short" == row["outcome"]


@pytest.mark.parametrize(
    "text",
    [
        line(),
        json.dumps({"__time__": 1, "__topic__": "FCLogs:f", "message": line()}),
        json.dumps({"message": RECORD}),
        json.dumps({"action": "assign", "region": "cn-hangzhou", "enis": [RECORD]}),
    ],
    ids=["stdout", "an SLS row", "an SLS row, JSON kept", "a result"],
)
def test_every_kind_of_line_is_read(text: str) -> None:
    """Records from stdout, from an export of SLS, and in a result are the same."""
    fleet = fleet_of(text)
    assert (["eni-a"], {"cn-hangzhou"}, 0) == (list(fleet.rows), fleet.regions, fleet.others)


@pytest.mark.parametrize(
    "text",
    [
        "FC Invoke Start RequestId: 1",
        "[1]",
        '{"a": 1}',
        "{",
        pytest.param("[" * 100_000, id="deeply nested"),
    ],
)
def test_other_lines_are_counted(text: str) -> None:
    """What is no record is said to be there, and harms nothing."""
    fleet = fleet_of(text, line())
    assert (1, 1) == (fleet.others, len(fleet.rows))


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": "exploded"},
        {"outcome": None},
        {"target": "8", "before": None, "after": True, "requested": [], "addresses": "x"},
        {"network_interface_id": None, "instance_id": 7},
        {"outcome": ["short"]},
        {"record_type": "run_summary", "vswitches": ["x", {"room": "1"}, None]},
        {"vswitch_id": "half of a pair: \ud83d"},
        {"target": 10**400, "before": 1, "after": 1, "requested": 10**4_000},
        {"target": 1, "before": 10**400, "after": 10**400},
        {"target": 1e999, "before": -1e999, "after": float("nan"), "requested": 1e999},
        {"target": -(10**400), "after": -8},
        {"record_type": "run_summary", "vswitches": [{"room": 10**400, "reserve": 1e999}]},
    ],
)
def test_damaged_records_do_not_stop_the_page(fields: dict[str, Any]) -> None:
    """A field of the wrong type is as good as absent; an unknown outcome is no result."""
    page = render(fleet_of(line(**fields), line(network_interface_id="eni-b")), "x", 9)
    assert "<h1>" in page.encode().decode()


TEXT = st.text(st.characters(), max_size=9)  # with halves of surrogate pairs, which JSON allows
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
NAMES = st.sampled_from([*RECORD, "action", "vswitches", "message", "enis"])


@given(st.dictionaries(NAMES, JSON | st.sampled_from(list(RECORD.values()))))
def test_no_line_stops_the_page(fields: dict[str, Any]) -> None:
    """Whatever a field holds, there is a page, and a file takes it."""
    fleet = fleet_of(line(**fields), json.dumps(fields), line(network_interface_id="eni-b"))
    assert "<h1>" in render(fleet, "x", 9).encode().decode()


@pytest.mark.parametrize(
    "number", [10**400, -(10**400), 10**4_299, 1e999], ids=["+", "-", "4", "f"]
)
def test_numbers_beyond_all_bounds_are_absent(number: float) -> None:
    """They can neither be summed nor drawn."""
    fields = dict.fromkeys(("target", "before", "after", "requested"), number)
    (row,) = fleet_of(line(**fields)).rows.values()
    assert [None, None, None, 0] == [row[name] for name in fields]


@pytest.mark.parametrize("number", [-1, -7, True, 1.5, "8"])
def test_what_counts_nothing_is_absent(number: object) -> None:
    """Neither a target nor what an ENI holds is below zero, or between two numbers."""
    fields = dict.fromkeys(("target", "before", "after", "requested"), number)
    (row,) = fleet_of(line(**fields)).rows.values()
    assert [None, None, None, 0] == [row[name] for name in fields]


def command(
    *arguments: str | bytes, folder: Path, lines: bytes = b"", **environ: str
) -> subprocess.CompletedProcess[bytes]:
    """`python -m console report ...` in a folder."""
    return subprocess.run(  # noqa: S603  (this interpreter, and arguments of the tests)
        [sys.executable, "-m", "console", "report", *arguments],
        check=False,
        input=lines,
        capture_output=True,
        cwd=folder,
        env=dict(os.environ) | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"} | environ,
        timeout=60,
    )


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    """One that is not UTF-8 too: of the records, and of the page."""
    records, page = b"a\xff[b]\x1b.jsonl", b"p\xff[b]\x1b.html"
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + records)).write_text(line())
    done = command(records, "-o", page, folder=tmp_path)

    assert (0, b"wrote p?[b]?.html\n") == (done.returncode, done.stderr)
    written = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + page))
    assert "from a?[b]?.jsonl" in written.read_text(encoding="utf-8")


def test_the_command_begins_with_the_settings_that_the_lines_tell(tmp_path: Path) -> None:
    """On standard error, as `plan` does."""
    settings = {"record_type": "settings", "source": "function f", "settings": {"ENI_SCOPE": "all"}}
    done = command(folder=tmp_path, lines=f"{json.dumps(settings)}\n{line()}".encode())
    assert b"settings from function f: ENI_SCOPE=all\nwrote report.html\n" == done.stderr


def test_a_file_that_is_not_there_may_have_any_name(tmp_path: Path) -> None:
    """It is named as far as it can be."""
    done = command(b"a\xff", folder=tmp_path)
    assert (2, True) == (done.returncode, b"found a?, No such file" in done.stderr), done.stderr


@pytest.mark.parametrize("from_file", [True, False])
def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path, *, from_file: bool) -> None:
    """Some editors and downloads begin a file with one."""
    lines = codecs.BOM_UTF8 + line().encode()
    (tmp_path / "records").write_bytes(lines)
    done = command("records" if from_file else "-", folder=tmp_path, lines=lines)
    assert (0, b"wrote report.html\n") == (done.returncode, done.stderr)


def test_standard_input_may_be_closed(tmp_path: Path) -> None:
    """That is said in a line."""
    begun = [*("sh", "-c", 'exec "$0" -m console "$@" <&-'), sys.executable]
    for arguments in (["report", "-"], ["plan", "-", "--region", "cn-hangzhou"]):
        done = subprocess.run(  # noqa: S603  (this interpreter, and arguments of the test)
            [*begun, *arguments],
            check=False,
            capture_output=True,
            cwd=tmp_path,
            env=dict(os.environ) | {"PYTHONPATH": str(ROOT)},
            timeout=60,
        )
        said = b"error: FILE: found a standard input that is closed; allowed: a FILE\n"
        assert (2, said) == (done.returncode, done.stderr)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "latin-1", "utf-16"])
def test_the_page_is_the_same_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    """It says itself that it is UTF-8, whatever the terminal is."""
    text = line(network_interface_id="eni-\u4e2d")
    done = command("-o", "-", folder=tmp_path, lines=text.encode(), PYTHONIOENCODING=encoding)

    assert (0, b"") == (done.returncode, done.stderr)
    assert "eni-\u4e2d" in done.stdout.decode()


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "utf-8:strict"])
def test_lines_in_any_encoding_are_read(tmp_path: Path, encoding: str) -> None:
    """From standard input as from a file; what is no UTF-8 is another line, or shown as it can."""
    raw = json.dumps(RECORD | {"reason": "\u4e2d"}, ensure_ascii=False).encode()
    lines = b"\n".join([b"\xff\xfe\x00", raw, raw.replace(b"eni-a", b"eni-\xff")])
    (tmp_path / "records").write_bytes(lines)
    pages = [
        command(source, "-o", "-", folder=tmp_path, lines=lines, PYTHONIOENCODING=encoding)
        for source in ("-", "records")
    ]

    for page in pages:
        assert (0, LEFT_OUT) == (page.returncode, page.stderr)
        assert "short: \u4e2d" in page.stdout.decode()
        assert "1 lines were no records" in page.stdout.decode()
    assert pages[0].stdout == pages[1].stdout.replace(b"from records", b"from standard input")


def test_groups_are_summed() -> None:
    """Has, target and missing per group, the one that lacks most first."""
    fleet = fleet_of(
        line(),
        line(network_interface_id="eni-b", outcome="satisfied", before=8, after=8, addresses=[]),
        line(network_interface_id="eni-c", scaling_group_id="asg-b", target=20),
    )
    sums = summed(fleet.rows.values(), lambda row: row["scaling_group_id"])
    found = [(it.name, it.enis, it.below, it.has, it.target, it.missing) for it in sums]
    assert [("asg-b", 1, 1, 5, 20, 15), ("asg-a", 2, 1, 13, 16, 3)] == found


def test_silent_addresses_are_summed_where_guests_were_asked() -> None:
    """Per group and ENI; a guest that was not asked is not one that answers."""
    fine = {"outcome": "satisfied", "reason": "at_target", "after": 8}
    fleet = fleet_of(
        line(**fine, network_interface_id="eni-b", guest="answers", silent=[]),
        line(**fine, network_interface_id="eni-c", guest="silent", silent=["10.0.0.2", "10.0.0.3"]),
        line(**fine, network_interface_id="eni-d", scaling_group_id="asg-b", guest=None, silent=[]),
        line(**fine, network_interface_id="eni-e", scaling_group_id="asg-b", guest=7, silent="x"),
    )
    sums = summed(fleet.rows.values(), lambda row: row["scaling_group_id"])
    assert {"asg-a": 2, "asg-b": None} == {it.name: it.silent for it in sums}
    page = render(fleet, "x", 1)
    assert "<strong>2</strong>do not answer" in page
    assert ("eni-c" in page, "eni-b" in page) == (True, False)


def test_report_without_answers_speaks_of_none() -> None:
    """Records of a function that does not ask have a dash, and no sum."""
    page = render(fleet_of(line()), "x", 1)
    assert "do not answer" not in page
    assert '<td data-label="silent" class="number folded" data-value="">-</td>' in page


@pytest.mark.parametrize(
    ("outcome", "requested", "expected"),
    [
        ("satisfied", 0, False),
        ("assigned", 0, False),
        ("skipped", 0, False),
        ("gone", 0, False),
        ("short", 0, True),
        ("failed", 0, True),
        ("deferred", 0, True),
        ("planned", 7, False),
        ("planned", 6, True),
    ],
)
def test_below_target(outcome: str, requested: int, *, expected: bool) -> None:
    """Whoever lacks something in the end is below; a plan counts what it would assign."""
    fleet = fleet_of(line(outcome=outcome, requested=requested, after=1, addresses=[]))
    assert expected == below(fleet.rows["eni-a"])


def test_before_and_after_are_told_apart() -> None:
    """An ENI has what it had before its first record and all that it got since."""
    fleet = fleet_of(
        line(before=1, after=3, addresses=["a", "b"], timestamp="2026-11-23T11:00:00Z"),
        line(before=3, after=5, addresses=["c", "d"], timestamp="2026-11-23T12:00:00Z"),
    )
    (total,) = summed(fleet.rows.values(), lambda _: "")
    assert (1, 4, 5, 8, 3) == (total.had, total.got, total.has, total.target, total.missing)
    assert (12.5, 50.0) == total.shares


def test_a_share_is_sorted_by_what_is_there_in_the_end() -> None:
    """A group that had nothing and got everything is better off than one that kept a little."""
    got = [f"10.0.1.{last}" for last in range(8)]
    page = render(
        fleet_of(
            line(before=0, after=8, addresses=got, outcome="assigned"),
            line(before=1, after=1, addresses=[], network_interface_id="e", scaling_group_id="b"),
        ),
        "x",
        9,
    )
    assert ["12.5", "100"] == re.findall(r'data-label="share" data-value="([^"]*)"', page)


def test_what_a_plan_would_do_is_not_added_to_what_was_done() -> None:
    """The latest record counts alone where one of the two is a plan."""
    done = line(before=1, after=3, addresses=["a", "b"], timestamp="2026-11-23T11:00:00Z")
    plan = line(outcome="planned", before=3, after=3, requested=5, timestamp="2026-11-23T12:00:00Z")
    (row,) = fleet_of(done, plan.replace('"addresses": ["10', '"others": ["10')).rows.values()
    assert ("planned", 3, []) == (row["outcome"], row["before"], row["addresses"])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([line()], "1 of 1 ENIs in cn-hangzhou is below target"),
        ([line(outcome="satisfied", after=8)], "No ENI in cn-hangzhou is below its target"),
        (
            [line(outcome="planned", requested=3), PLAN],
            "This plan leaves 1 of 1 ENIs in cn-hangzhou below target",
        ),
        (
            [line(outcome="planned", requested=7), PLAN],
            "This plan brings every ENI in cn-hangzhou to its target",
        ),
    ],
)
def test_the_heading_says_how_it_is(lines: list[str], expected: str) -> None:
    """In a sentence, of a plan as of a run."""
    assert f"<h1>{expected}</h1>" in render(fleet_of(*lines), "x", 9)


@pytest.mark.parametrize(
    ("name", "region", "url"),
    [
        (
            "i-a",
            "cn-beijing",
            "https://ecs.console.aliyun.com/server/i-a/detail?regionId=cn-beijing",
        ),
        ("vsw-a", "cn-beijing", "https://vpc.console.aliyun.com/vpc/cn-beijing/switches/vsw-a"),
        ("asg-a", "cn-beijing", None),
        ("i-a", None, None),
        ("i-a", "cn-beijing/../x", None),
        ("javascript:alert(1)", "cn-beijing", None),
        ("i-a?x=1", "cn-beijing", None),
        (None, "cn-beijing", None),
    ],
)
def test_ids_lead_to_the_console(name: str | None, region: str | None, url: str | None) -> None:
    """Only where id and region look like what they should be."""
    assert url == resource(name, region).url


@pytest.mark.parametrize(("rest", "expected"), [(20, False), (21, False), (60, True)])
def test_only_ids_longer_than_those_of_the_cloud_are_broken(rest: int, *, expected: bool) -> None:
    """A line holds an ENI's 24 letters and a vSwitch's 25; what is made up may be longer."""
    assert expected == resource("eni-" + "a" * rest, "cn-beijing").long


def test_the_page_begins_with_the_settings_in_force() -> None:
    """Where the lines tell them, as `plan --json` does; else it says that they do not."""
    settings = {"record_type": "settings", "source": "function f", "settings": {"ENI_SCOPE": "all"}}
    told = render(fleet_of(json.dumps(settings), line()), "x", 9)
    assert "Settings from function f: ENI_SCOPE=all" in told
    assert "do not tell the settings" in render(fleet_of(line()), "x", 9)


def test_text_is_escaped() -> None:
    """No field of a record becomes markup."""
    evil = '<img src=x onerror="alert(1)">{{ 7 * 7 }}</script><script>alert(2)</script>'
    fields = dict.fromkeys(
        ("network_interface_id", "instance_id", "vswitch_id", "scaling_group_id", "code", "advice"),
        evil,
    )
    page = render(fleet_of(line(**fields, instance_type=evil, region=evil)), evil, 9)
    assert (0, 1) == (page.count("<img"), page.count("<script>"))
    assert "49" not in page
    assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;{{ 7 * 7 }}" in page


def test_page_of_a_large_fleet_is_bounded() -> None:
    """100 000 ENIs in 1 000 groups: sums are right, and what is left out is said to be."""
    lines = (
        line(
            network_interface_id=f"eni-{number}",
            scaling_group_id=f"asg-{number % 1000}",
            vswitch_id=f"vsw-{number % 1000}",
        )
        for number in range(100_000)
    )
    page = render(read(lines), "x", 500)
    assert len(page.encode()) < 600_000
    assert "<strong>100,000</strong>ENIs" in page
    assert "<strong>300,000</strong>missing in the end" in page
    assert "500 of 100,000 are listed" in page
    left = 1000 - MOST
    assert f"{left} more groups with {left * 100:,} ENIs are left out" in page
    assert f"{left} more vSwitches with {left * 100:,} ENIs are left out" in page


def test_advice_is_that_of_the_readme() -> None:
    """Where no error code explains an outcome, the page says what the documentation says."""
    rows = table(GUIDE, "reason", "outcome", "meaning", "what to do")
    documented = {row[0]: row[3].replace("`", "") for row in rows}
    assert {name: documented[name] for name in ADVICE} == ADVICE
