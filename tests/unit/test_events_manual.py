"""Requests by hand: every field, its type, and what it goes together with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handler.core.model import Ask, AskKind, Rejected, Request, Selector
from handler.core.target import Target, parse_target
from handler.events import parse
from tests.unit.events_table import ENI_1, ENI_2, HOME

Json = dict[str, Any]
ENIS = {"network_interface_ids": [ENI_1, ENI_2]}


def _request(**fields: object) -> Request:
    parsed = parse({"backfill": fields}, home_region=HOME)
    assert isinstance(parsed, Request), parsed
    return parsed


def _rejected(event: object) -> Rejected:
    parsed = parse(event, home_region=HOME)
    assert isinstance(parsed, Rejected), parsed
    assert parsed.source == "manual"
    return parsed


@pytest.mark.parametrize(
    ("field", "value", "selector"),
    [
        ("instance_ids", ["i-2", "i-1", "i-2"], Selector(instance_ids=("i-2", "i-1"))),
        ("network_interface_ids", ["eni-1"], Selector(network_interface_ids=("eni-1",))),
        ("scaling_group_id", "asg-1", Selector(scaling_group_id="asg-1")),
        ("vswitch_id", "vsw-1", Selector(vswitch_id="vsw-1")),
        ("tags", {"b": "", "a": "值"}, Selector(tags=(("a", "值"), ("b", "")))),
        ("all", True, Selector(everything=True)),
    ],
)
def test_selector_says_which_enis(field: str, value: object, selector: Selector) -> None:
    """Each selector alone is a request; ids count once, in the order given."""
    group = selector.scaling_group_id
    expected = Request("manual", HOME, selector, scaling_group_id=group, manual=True)
    assert _request(**{field: value}) == expected


@pytest.mark.parametrize(
    ("field", "value", "attribute", "meant"),
    [
        ("region", HOME, "region", HOME),
        ("target", 5, "target", Target(count=5)),
        ("target", "max-2", "target", parse_target("max-2")),
        ("limit", 1, "limit", 1),
        ("limit", 10**9, "limit", 10**9),
        ("dry_run", True, "dry_run", True),
        ("dry_run", False, "dry_run", False),
        ("ask_guests", True, "ask_guests", True),
        ("ask_guests", False, "ask_guests", False),
        ("cursor", {"version": 1, "after": "eni-1"}, "cursor", {"version": 1, "after": "eni-1"}),
        ("cursor", {}, "cursor", {}),
    ],
)
def test_option_is_passed_on(field: str, value: object, attribute: str, meant: object) -> None:
    """What goes beside the selector arrives as it was meant."""
    assert getattr(_request(all=True, **{field: value}), attribute) == meant


@pytest.mark.parametrize(
    ("fields", "field", "found"),
    [
        ({}, "", "no selector"),
        ({"target": 5}, "", "no selector"),
        ({"all": True, "tags": {"a": "b"}}, "", "tags and all"),
        ({"instance_ids": []}, ".instance_ids", "an empty list"),
        ({"instance_ids": "i-1"}, ".instance_ids", '"i-1"'),
        ({"instance_ids": ["eni-1"]}, ".instance_ids[0]", '"eni-1"'),
        ({"network_interface_ids": ["eni-1", "i-1"]}, ".network_interface_ids[1]", '"i-1"'),
        ({"scaling_group_id": ["asg-1"]}, ".scaling_group_id", "a list of 1"),
        ({"vswitch_id": "vsw-*"}, ".vswitch_id", '"vsw-*"'),
        ({"all": False}, ".all", "false"),
        ({"all": 1}, ".all", "1"),
        ({"all": "true"}, ".all", '"true"'),
        ({"tags": {}}, ".tags", "an empty object"),
        ({"tags": []}, ".tags", "an empty list"),
        ({"tags": {str(n): "" for n in range(21)}}, ".tags", "an object of 21"),
        ({"tags": {"": "x"}}, ".tags.", '"x"'),
        ({"tags": {"a": 1}}, ".tags.a", "1"),
        ({"tags": {"a": "x" * 129}}, ".tags.a", f'"{"x" * 40}..."'),
        ({"tags": {"a": "\ud800"}}, ".tags.a", '"?"'),
        ({"tags": {"api-token": "hunter2"}, "limit": 0}, ".limit", "0"),
        ({"tags": {"api-token": ["x"]}}, ".tags.api-token", "something else than text"),
        ({"region": "Hangzhou"}, ".region", '"Hangzhou"'),
        ({"region": "cn-beijing"}, ".region", '"cn-beijing"'),
        ({"region": None}, ".region", "null"),
        ({"target": "lots"}, ".target", '"lots"'),
        ({"target": True}, ".target", "true"),
        ({"target": 1.5}, ".target", "1.5"),
        ({"target": -1}, ".target", "-1"),
        ({"target": 10**99}, ".target", "1" + "0" * 39 + "..."),
        ({"target": None}, ".target", "null"),
        ({"limit": 0}, ".limit", "0"),
        ({"limit": True}, ".limit", "true"),
        ({"limit": 2.0}, ".limit", "2.0"),
        ({"limit": "2"}, ".limit", '"2"'),
        ({"dry_run": 1}, ".dry_run", "1"),
        ({"dry_run": "false"}, ".dry_run", '"false"'),
        ({"ask_guests": 1}, ".ask_guests", "1"),
        ({"cursor": "x"}, ".cursor", '"x"'),
        ({"cursor": {"x": "y" * 64 * 1024}}, ".cursor", "65545 bytes"),
        ({"cursor": {"page": "a\r\nb"}}, ".cursor.page", '"a??b"'),
        ({"cursor": {"chain": "Käfer"}}, ".cursor.chain", '"Käfer"'),
        ({"cursor": {"after": "\ud800"}}, ".cursor.after", '"?"'),
        ({"targets": 5}, ".targets", "an unknown field (did you mean target?)"),
        ({"Instance_IDs": 5}, ".Instance_IDs", "an unknown field (did you mean instance_ids?)"),
        ({"zzz\n": 5}, ".zzz?", "an unknown field"),
        ({"x" * 99: 5}, f".{'x' * 40}...", "an unknown field"),
    ],
)
@pytest.mark.parametrize("verb", ["backfill", "plan"])
def test_bad_field_is_rejected_by_name(verb: str, fields: Json, field: str, found: str) -> None:
    """Nothing is guessed: wrong types, unknown names and clashes are refused where they stand."""
    chosen = {"instance_ids", "network_interface_ids", "scaling_group_id", "vswitch_id", "tags"}
    if field and not chosen & fields.keys():
        fields = {"all": True, **fields}
    rejected = _rejected({verb: fields})
    assert (rejected.field, rejected.found) == (f"{verb}{field}", found)


@pytest.mark.parametrize(
    ("event", "field", "found"),
    [
        ({"backfill": None}, "backfill", "null"),
        ({"backfill": "all"}, "backfill", '"all"'),
        ({"backfill": [{"all": True}]}, "backfill", "a list of 1"),
        ({"backfill": {}, "plan": {}}, "plan", "backfill and plan together"),
        ({"backfill": {"all": True}, "target": 5}, "target", "an unknown field"),
        ({"plan": {"all": True}, "content": "x"}, "content", "an unknown field"),
        (
            {"triggerName": "t", "triggerTime": "", "payload": '{"plan": {"al": true}}'},
            "payload.plan.al",
            "an unknown field (did you mean all?)",
        ),
    ],
)
def test_bad_form_is_rejected_where_it_stands(event: object, field: str, found: str) -> None:
    """A request stands alone in its object, and its path counts what was wrapped around it."""
    rejected = _rejected(event)
    assert (rejected.field, rejected.found) == (field, found)


def test_plan_is_a_request_that_writes_nothing() -> None:
    """`plan` is `backfill` with `dry_run`, even if the latter says otherwise."""
    for fields in ({"all": True}, {"all": True, "dry_run": False}):
        planned = parse({"plan": fields}, home_region=HOME)
        assert planned == _request(all=True, dry_run=True)


def test_region_is_needed_when_the_functions_own_is_unknown() -> None:
    """Without either there is nowhere to go."""
    parsed = parse({"backfill": {"all": True, "region": "cn-beijing"}}, home_region=None)
    assert isinstance(parsed, Request)
    assert parsed.region == "cn-beijing"
    parsed = parse({"backfill": {"all": True}}, home_region=None)
    assert isinstance(parsed, Rejected)
    assert (parsed.field, parsed.found) == ("backfill.region", "no value")


@pytest.mark.parametrize(
    ("field", "value", "ask"),
    [
        ("private_ip_addresses", ["10.0.0.9"], Ask(AskKind.ADDRESSES, 1, ("10.0.0.9",))),
        (
            "private_ip_addresses",
            ["10.0.0.10", "10.0.0.9", "10.0.0.10"],
            Ask(AskKind.ADDRESSES, 2, ("10.0.0.9", "10.0.0.10")),
        ),
        (
            "ipv4_prefixes",
            ["10.0.0.112/28", "10.0.0.16/28"],
            Ask(AskKind.PREFIXES, 2, ("10.0.0.16/28", "10.0.0.112/28")),
        ),
        ("ipv4_prefix_count", 10, Ask(AskKind.PREFIX_COUNT, 10)),
    ],
)
def test_eni_may_be_told_what_to_hold(field: str, value: object, ask: Ask) -> None:
    """Explicit values come in the order of their numbers, each once."""
    assert _request(**ENIS, **{field: {ENI_1: value}}).wants == {ENI_1: ask}


def test_fifty_addresses_fit_and_one_more_does_not() -> None:
    """The bound is that of an ENI that is attached to nothing."""
    addresses = [f"10.0.0.{number}" for number in range(51)]
    wants = _request(**ENIS, private_ip_addresses={ENI_1: addresses[:50]}).wants
    assert wants[ENI_1].count == 50
    rejected = _rejected({"backfill": {**ENIS, "private_ip_addresses": {ENI_1: addresses}}})
    assert rejected.found == "a list of 51"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"private_ip_addresses": []}, "private_ip_addresses"),
        ({"private_ip_addresses": {}}, "private_ip_addresses"),
        ({"private_ip_addresses": {"eni-other": ["10.0.0.1"]}}, "private_ip_addresses.eni-other"),
        ({"private_ip_addresses": {ENI_1: []}}, f"private_ip_addresses.{ENI_1}"),
        ({"private_ip_addresses": {ENI_1: "10.0.0.1"}}, f"private_ip_addresses.{ENI_1}"),
        *(
            ({"private_ip_addresses": {ENI_1: [bad]}}, f"private_ip_addresses.{ENI_1}[0]")
            for bad in ("10.0.0", "10.0.0.01", "10.0.0.1 ", "::1", "１0.0.0.1", 167772161, None)  # noqa: RUF001
        ),
        *(
            ({"ipv4_prefixes": {ENI_1: [bad]}}, f"ipv4_prefixes.{ENI_1}[0]")
            for bad in ("10.0.0.17/28", "10.0.0.0/24", "10.0.0.16", "/28", "x/28", 28)
        ),
        (
            {"ipv4_prefixes": {ENI_1: [f"10.0.{n}.0/28" for n in range(11)]}},
            f"ipv4_prefixes.{ENI_1}",
        ),
        *(
            ({"ipv4_prefix_count": {ENI_1: bad}}, f"ipv4_prefix_count.{ENI_1}")
            for bad in (0, 11, True, "1", 1.0, None)
        ),
        (
            {"private_ip_addresses": {ENI_1: ["10.0.0.1"]}, "ipv4_prefix_count": {ENI_1: 1}},
            f"ipv4_prefix_count.{ENI_1}",
        ),
        ({"ipv4_prefix_count": {ENI_1: 1}, "target": 5}, "ipv4_prefix_count"),
    ],
)
def test_bad_ask_is_rejected_by_name(fields: Json, field: str) -> None:
    """Explicit wishes are checked to the element before anything is called."""
    assert _rejected({"backfill": {**ENIS, **fields}}).field == f"backfill.{field}"


def test_asks_need_the_enis_to_be_named() -> None:
    """With any other selector nobody can know which ENIs are meant."""
    rejected = _rejected({"backfill": {"all": True, "ipv4_prefix_count": {ENI_1: 1}}})
    assert rejected.found == "ipv4_prefix_count without network_interface_ids"


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("hop", True, "true"),
        ("hop", -1, "-1"),
        ("hop", 10**9, "1000000000"),
        ("hop", "1", '"1"'),
        ("remaining", -1, "-1"),
        ("remaining", 5.0, "5.0"),
        ("remaining", "5", '"5"'),
        ("chain", 7, "7"),
        ("page", 7, "7"),
        ("after", [], "an empty list"),
    ],
)
def test_cursor_that_we_did_not_write_is_refused(field: str, value: object, found: str) -> None:
    """It would begin anew, or change more than its limit."""
    cursor = {"version": 1, "chain": "x", "hop": 1, field: value}
    parsed = parse({"backfill": {"all": True, "cursor": cursor}}, home_region=HOME)
    assert isinstance(parsed, Rejected)
    assert (f"backfill.cursor.{field}", found) == (parsed.field, parsed.found)


def test_cursor_is_passed_on_as_it_was_written() -> None:
    """The cursor is the business of the invocation that wrote it."""
    cursor = {"version": 99, "nested": [{"deep": [1, 2.5, None, True, "\ud800"]}]}
    text = json.dumps({"backfill": {"all": True, "cursor": cursor}}).encode()
    parsed = parse(text, home_region=HOME)
    assert isinstance(parsed, Request)
    assert parsed.cursor == cursor
