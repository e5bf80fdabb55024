"""What `setup` would change: only what is missing or ours, and shown as it would be sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.setup.changes import Verb, change, laid_over
from console.setup.desired import Kind, Names, Resource, desired

LONG = "message.record_type: eni_result | SELECT count(1) AS enis FROM log GROUP BY vswitch"


@pytest.mark.parametrize(
    ("wanted", "actual", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {}, ["a: nothing -> 1"]),
        ({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, ["a.b: 2 -> 1"]),
        ({"a": [1, 2]}, {"a": [3, 1]}, ["a: + 2"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ['a: + {"b": 1}']),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}, {"b": 1, "c": 3}]}, []),
        ({"a": [{"b": [1, 2]}]}, {"a": [{"b": [1]}]}, ["a[0].b: + 2"]),
        ({"a": ["x"]}, {"a": "x"}, []),
        ({"a": "x"}, {"a": ["y", "x"]}, []),
        (
            {"charts": [{"title": "t", "type": "line"}]},
            {"charts": [{"title": "s"}, {"title": "t", "type": "pie", "x": 1}]},
            ['charts[1].type: "pie" -> "line"'],
        ),
        (
            {"queryList": [{"store": "enis"}]},
            {"queryList": [{"store": "old"}, {"store": "other"}]},
            ['queryList[0].store: "old" -> "enis"'],
        ),
        (
            {"query": LONG + " LIMIT 20"},
            {"query": LONG + " LIMIT 50"},
            ['query: ...UP BY vswitch LIMIT 50" -> ...UP BY vswitch LIMIT 20"'],
        ),
    ],
)
def test_differences_are_what_would_be_sent(
    wanted: dict[str, Any], actual: dict[str, Any], expected: list[str]
) -> None:
    """Each says where, what is, and what becomes of it; values are shown where they differ."""
    found = change(Resource(Kind.ALERT, "a", wanted), actual)
    assert tuple(expected) == found.differences
    assert (Verb.UPDATE if expected else Verb.KEEP) == found.verb


def test_alert_keeps_who_hears_of_it_unless_that_is_given() -> None:
    """Made with SLS's own policy or the one that is named; changed only when one is named."""
    names = Names("cn-hangzhou", "fleet-logs")
    (rule, *_) = [each for each in desired(names) if each.kind is Kind.ALERT]
    made = change(rule, None).body
    told = made["configuration"]["policyConfiguration"]
    assert "sls.builtin" == told["actionPolicyId"]
    told["actionPolicyId"] = "on-call"
    assert Verb.KEEP == change(rule, made).verb
    (rule, *_) = [
        each
        for each in desired(Names("cn-hangzhou", "fleet-logs", action_policy="day"))
        if each.kind is Kind.ALERT
    ]
    path = "configuration.policyConfiguration.actionPolicyId"
    assert (f'{path}: "on-call" -> "day"',) == change(rule, made).differences


def texts(letters: str) -> st.SearchStrategy[str | list[str]]:
    """One text, or some."""
    one = st.sampled_from(letters)
    return one | st.lists(one, min_size=1, max_size=3, unique=True)


STATEMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "Effect": st.sampled_from(["Allow", "Deny"]),
            "Action": texts("abc"),
            "Resource": texts("xyz"),
        },
        optional={"Condition": st.just({"Bool": {"acs:SecureTransport": "true"}})},
    ),
    max_size=4,
)
OURS = STATEMENTS.map(lambda found: [each for each in found if "Condition" not in each])
Grant = tuple[str, str, str, bool]


def grants(document: dict[str, Any]) -> set[Grant]:
    """Effect, action and resource of all that a policy says, and whether under a condition."""
    return {
        (each["Effect"], action, resource, "Condition" in each)
        for each in document["Statement"]
        for action in each["Action"]
        for resource in each["Resource"]
    }


@given(OURS, STATEMENTS)
def test_policies_lose_nothing_and_gain_only_what_is_wanted(
    ours: list[dict[str, Any]], theirs: list[dict[str, Any]]
) -> None:
    """No grant or denial goes, none but ours comes, and a second run finds nothing to do."""
    wanted, actual = {"Statement": ours}, {"Statement": theirs}
    before = json.loads(json.dumps(actual))
    after = laid_over(wanted, actual)
    assert before == actual
    assert grants(actual) <= grants(after) <= grants(actual) | grants(wanted)
    assert {grant[:3] for grant in grants(wanted)} <= {grant[:3] for grant in grants(after)}
    assert Verb.KEEP == change(Resource(Kind.POLICY, "p", wanted), after).verb
