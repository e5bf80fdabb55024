"""What the command line asks for becomes a manual request, or is refused by name."""

from __future__ import annotations

import base64
import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from console.main import app
from console.manual import BACKFILL, PLAN, BadRequest, ManualRequest, Options, manual_request
from console.naming import OPTIONS
from handler.core.model import Selector

if TYPE_CHECKING:
    from pathlib import Path

REGION, OTHER = "cn-hangzhou", "cn-beijing"
ALL = Options(all=True)


def form(found: ManualRequest) -> Any:
    """The request as it is sent."""
    return json.loads(found.payload)


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Writes a request into a file and returns its name."""

    def written(content: object) -> str:
        path = tmp_path / "request.json"
        text = content if isinstance(content, (str, bytes)) else json.dumps(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return written


def test_options_become_the_fields_of_a_request() -> None:
    """Under the names that events have, with the region in it."""
    tags = ("a=1", "b=")
    wanted = Options(tags=tags, target="max-1", limit=3, dry_run=True, ask_guests=True)
    found = manual_request(BACKFILL, None, wanted, REGION, None)
    fields = {"tags": {"a": "1", "b": ""}, "target": "max-1", "limit": 3}
    flags = {"dry_run": True, "ask_guests": True}

    assert {"backfill": {"region": REGION, **fields, **flags}} == form(found)
    assert Selector(tags=(("a", "1"), ("b", ""))) == found.request.selector


@pytest.mark.parametrize(
    ("region", "default", "there", "expected"),
    [
        (REGION, OTHER, None, REGION),
        (None, OTHER, None, OTHER),
        (None, OTHER, REGION, REGION),
        (REGION, None, REGION, REGION),
    ],
)
def test_the_region(
    write: Any, region: str | None, default: str | None, there: str | None, expected: str
) -> None:
    """The one that is said, else the file's, else the default."""
    fields = {"all": True} | ({"region": there} if there else {})
    found = manual_request(BACKFILL, write({"backfill": fields}), Options(), region, default)

    assert (expected, expected) == (found.request.region, form(found)["backfill"]["region"])


@pytest.mark.parametrize(
    ("verb", "in_file", "expected"),
    [
        (PLAN, BACKFILL, PLAN),
        (PLAN, PLAN, PLAN),
        (BACKFILL, BACKFILL, BACKFILL),
        (BACKFILL, PLAN, PLAN),
    ],
)
def test_a_plan_stays_a_plan(write: Any, verb: str, in_file: str, expected: str) -> None:
    """`plan` plans whatever is in the file, and `backfill` does not write for a plan."""
    found = manual_request(verb, write({in_file: {"all": True}}), Options(), REGION, None)

    assert ([expected], expected == PLAN) == (list(form(found)), found.request.dry_run)


WRAPPED = {
    "triggerName": "t",
    "triggerTime": "2026-11-27T00:00:00Z",
    "payload": json.dumps({"backfill": {"all": True, "region": REGION}}),
}


def test_a_backfill_inside_of_something_else_is_no_plan(write: Any) -> None:
    """It would write: nothing of it is sent as a plan, neither by `plan` nor before a backfill."""
    file = write(WRAPPED)
    with pytest.raises(BadRequest, match="a backfill inside of something else; allowed: one man"):
        manual_request(PLAN, file, Options(), REGION, None)
    with pytest.raises(BadRequest, match="a backfill inside of something else; allowed: one man"):
        manual_request(BACKFILL, file, Options(), REGION, None).as_plan()


def test_the_plan_of_a_backfill() -> None:
    """The same request without writes."""
    found = manual_request(BACKFILL, None, ALL, REGION, None).as_plan()

    assert ({"plan": {"region": REGION, "all": True}}, True) == (form(found), found.request.dry_run)


@pytest.mark.parametrize("asking", [True, False])
def test_the_plan_before_a_backfill_leaves_the_asking_to_it(*, asking: bool) -> None:
    """Guests are asked once, not by the plan and by the work."""
    wanted = Options(all=True, ask_guests=True)
    plan = manual_request(BACKFILL, None, wanted, REGION, None).as_plan(asking=asking)
    assert (asking, True) == (plan.request.ask_guests, plan.request.dry_run)


@pytest.mark.parametrize(
    ("wanted", "region", "said"),
    [
        (Options(), REGION, "options: found no selector; allowed: exactly one of --instance-id, "),
        (Options(vswitch_id="v", all=True), REGION, "options: found --vswitch and --all; allowed"),
        (Options(target="8x", all=True), REGION, '--target: found "8x"'),
        (Options(limit=0, all=True), REGION, "--limit: found 0"),
        (Options(tags=("web",)), REGION, "--tag: found 'web'; allowed: key=value"),
        (Options(tags=("a=1", "a=2")), REGION, "--tag: found the key 'a' twice; allowed: "),
        (
            Options(tags=("a=" + "b" * 129,)),
            REGION,
            "allowed: 1 to 20 tags key=value",
        ),
        (Options(instance_ids=("i-1", "x-1")), REGION, '--instance-id: found "x-1"; allowed: i- '),
        (Options(vswitch_id="moon"), REGION, '--vswitch: found "moon"'),
        (ALL, None, "--region: not given"),
        (ALL, "moon", '--region: found "moon"'),
    ],
)
def test_bad_options_are_refused_by_name(wanted: Options, region: str | None, said: str) -> None:
    """With what was found and what is allowed."""
    with pytest.raises(BadRequest) as caught:
        manual_request(PLAN, None, wanted, region, None)
    assert said in str(caught.value)
    assert "; allowed: " in str(caught.value)


def test_every_field_of_the_options_has_its_option() -> None:
    """Of those that the commands have, so that no error names a field that nobody wrote."""
    assert {field.name for field in fields(Options)} | {"region"} == set(OPTIONS)
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    known = {name for option in group.commands["backfill"].params for name in option.opts}
    assert set(OPTIONS.values()) <= known


@pytest.mark.parametrize(
    ("content", "wanted", "said"),
    [
        ({"plan": {"all": True}}, ALL, " and --all; allowed: a FILE or options"),
        ({"plan": {"all": True, "colour": 1}}, Options(), "plan.colour: found an unknown field"),
        ({"plan": {"all": True, "region": OTHER}}, Options(), "plan.region"),
        ([{"plan": {"all": True}}], Options(), "FILE: found an array of events"),
        ({"hello": 1}, Options(), "FILE: found unknown"),
        ("{", Options(), "JSON"),
    ],
)
def test_bad_files_are_refused_by_name(
    write: Any, content: object, wanted: Options, said: str
) -> None:
    """By the parser that the function has; a file is not mixed with options."""
    with pytest.raises(BadRequest) as caught:
        manual_request(PLAN, write(content), wanted, REGION, None)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"plan": {"all": true, "limit": 1, "limit": 2}}', 'the key "limit" twice in one object'),
        ('{"plan": {"all": true}, "plan": {}}', 'the key "plan" twice in one object'),
        ('{"plan": {"all": true, "cursor": {"hop": NaN}}}', "NaN, which JSON does not have"),
        ('{"plan": {"all": true, "cursor": {"hop": 1e999}}}', "a number too large to hold"),
        (f'{{"plan": {{"all": true, "limit": {"9" * 101}}}}}', "a number of 101 digits"),
        pytest.param(f'{{"plan": {"[" * 99}{"]" * 99}}}', "JSON nested too deep", id="deep"),
        pytest.param("[" * 100_000, "JSON nested too deep", id="endless"),
        pytest.param(b'{"plan": {"all": true}}\xff', "bytes that are not UTF-8", id="bytes"),
        ("", "an empty text"),
        ("{", '"{"'),
    ],
)
def test_files_are_read_as_strictly_as_events(write: Any, content: str | bytes, said: str) -> None:
    """What the function would refuse is refused here, and the file is named."""
    file = write(content)
    with pytest.raises(BadRequest) as caught:
        manual_request(PLAN, file, Options(), REGION, None)
    assert f"FILE: {file}: found {said}; allowed: " in str(caught.value)


@pytest.mark.parametrize("encode", [base64.b64encode, lambda raw: json.dumps(raw.decode())])
def test_files_may_be_encoded_as_events_may(write: Any, encode: Any) -> None:
    """A region is put into what is found, and a plan of it stays a plan."""
    found = manual_request(
        PLAN, write(encode(b'{"backfill": {"all": true}}')), Options(), None, REGION
    )

    assert {"plan": {"region": REGION, "all": True}} == form(found)
    assert found.request.dry_run
