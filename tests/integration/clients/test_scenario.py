"""The scenario itself: what it covers, what it may do to an account, and that it finds faults."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.clients.scenario import Entry, Step, differences, fill, find, load_steps

STEPS = load_steps()
SAFE = load_steps(only_safe=True)
NOBODY = "eni-bp1nosuch0000000001"


def test_every_step_has_a_name_of_its_own() -> None:
    """A difference is reported by the name of its step."""
    assert len({step.name for step in STEPS}) == len(STEPS)


def test_it_has_every_way_to_ask_and_the_ends_of_them() -> None:
    """Count, names, prefixes, replay and mismatch, quota, exhaustion, both pagings."""
    params = {name for step in STEPS for name in step.params}
    codes = {step.expect.get("code") for step in STEPS}

    assert params > {
        "SecondaryPrivateIpAddressCount",
        "PrivateIpAddress",
        "Ipv4PrefixCount",
        "Ipv4Prefix",
        "ClientToken",
        "NextToken",
        "PageNumber",
    }
    assert codes > {
        None,
        "IdempotentParameterMismatch",
        "InvalidOperation.Ipv4CountExceeded",
        "InvalidVSwitchId.IpNotEnough",
        "InvalidIp.IpUnassigned",
        "InvalidEniId.NotFound",
    }


def test_a_real_account_sees_only_safe_steps() -> None:
    """They read, or assign to the one ENI, and take away only what they were answered."""
    for step in SAFE:
        assert step.action in (
            "AssignPrivateIpAddresses",
            "UnassignPrivateIpAddresses",
            "DescribeInstanceTypes",
            "DescribeNetworkInterfaces",
        )
        assert step.params.get("NetworkInterfaceId", "${eni}") in (
            "${eni}",
            ["${eni}"],
            NOBODY,
            [NOBODY],
        )
        if step.action == "UnassignPrivateIpAddresses":
            assert step.params["PrivateIpAddress"] in ("${two}", ["${other}"])
        assert step.params.get("SecondaryPrivateIpAddressCount", 0) <= 2


def test_what_they_count_bears_a_token() -> None:
    """A lost answer can then be had again, and what it gave taken back."""
    for step in SAFE:
        if step.expect["status"] == 200 and "SecondaryPrivateIpAddressCount" in step.params:
            assert "ClientToken" in step.params


def entry(answered: dict[str, Any], **expect: Any) -> Entry:
    """Return an entry of a step that expects something of an answer."""
    step = Step("a step", "Act", {}, expect)
    return Entry(step, {}, {"status": 200, **expect}, {"A": 1}, answered)


@pytest.mark.parametrize(
    ("answered", "expect", "expected"),
    [
        ({"status": 200, "code": None, "answer": {"A": 1}}, {}, []),
        ({"status": 500, "code": None, "answer": {}}, {}, ["a step: status is 500, not 200"]),
        ({"status": 200, "code": "X", "answer": {}}, {}, ["a step: code is 'X', not None"]),
        (
            {"status": 200, "code": None, "answer": {"A": [2]}},
            {"values": {"A.0": 3}},
            ["a step: A.0 is 2, not 3"],
        ),
        (
            {"status": 200, "code": None, "answer": {}},
            {"counts": {"A": 1}},
            ["a step: length of A is 0, not 1"],
        ),
    ],
)
def test_a_departure_is_found(
    answered: dict[str, Any], expect: dict[str, Any], expected: list[str]
) -> None:
    """Status, code, values and lengths are all compared."""
    assert differences(entry(answered, **expect), local=False) == expected


def test_values_of_this_world_are_compared_here_only() -> None:
    """On a real account, other addresses are given out."""
    departing = entry({"status": 200, "code": None, "answer": {"A": 2}})

    assert differences(departing, local=False) == []
    assert differences(departing, local=True) == ["a step: A is 2, not 1"]


def test_variables_stand_for_whole_values_or_parts_of_text() -> None:
    """A list stays a list."""
    known = {"list": [1, 2], "word": "x"}

    assert fill({"a": "${list}", "b": ["${word}-1"], "c": 3}, known) == {
        "a": [1, 2],
        "b": ["x-1"],
        "c": 3,
    }


def test_paths_lead_through_objects_and_lists() -> None:
    """What is not there is None, however deep."""
    answer = json.loads('{"Set": {"Item": [{"Id": "a"}]}}')

    paths = ("Set.Item.0.Id", "Set.Item.1.Id", "Set.None.Id")
    assert [find(answer, path) for path in paths] == ["a", None, None]
