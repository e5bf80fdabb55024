"""What Function Compute answers about the deployed function, whatever that is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.chain import Hop, Reply, Task
from console.remote import reply_of, task_of

RESULT = {"action": "assign", "counts": {"assigned": 1}}
ODD = ["hello", "", "[1, 2]", "7", '"hello"', "null", "NaN", '{"a": 1e999}', "9" * 5_000]
LONG = "9" * 40


def test_a_result_is_read() -> None:
    """Of a synchronous call, and of a task whose payload is told."""
    text = json.dumps(RESULT)

    assert Reply(RESULT) == reply_of(text.encode(), None) == reply_of(text, None)
    assert RESULT == task_of({"status": "Succeeded", "returnPayload": text}).result


@pytest.mark.parametrize("text", ODD, ids=lambda it: it[:20])
def test_what_is_no_object_is_kept_as_it_is(text: str) -> None:
    """To be shown; it is neither the function's error nor untold."""
    reply = reply_of(text.encode(), None)
    hop = Hop(0, "a", Task("Succeeded", error=reply.error, result=reply.result))

    shown = json.dumps("***" if LONG in text else text)
    assert f"a answered what is not a result of the function: {shown}" == hop.trouble


@pytest.mark.parametrize("text", ODD, ids=lambda it: it[:20])
def test_what_a_task_returned_is_kept_as_it_is(text: str) -> None:
    """But for nothing: then Function Compute does not tell it."""
    found = task_of({"status": "Succeeded", "returnPayload": text}).result
    assert (text or None) == found


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_endless_answers_are_text(opening: str) -> None:
    """No depth of nesting stops the command."""
    text = opening * 100_000
    assert text == reply_of(text.encode(), None).result


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"errorType": "ValueError", "errorMessage": "no"}', "ValueError: no"),
        ('{"errorType": ["a"], "errorMessage": {"b": 1}}', "['a']: {'b': 1}"),
        ("[1]", "UnhandledInvocationError: [1]"),
        ("null", "UnhandledInvocationError: null"),
        ("not JSON", "UnhandledInvocationError: not JSON"),
        ("", "UnhandledInvocationError: "),
        ('{"errorMessage": "' + "x" * 50 + '"}', "UnhandledInvocationError: ***"),
    ],
)
def test_errors_are_told(text: str, said: str) -> None:
    """By their type and text, whatever shape they have; what may be a secret is left out."""
    assert Reply(None, said) == reply_of(text.encode(), "UnhandledInvocationError")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"status": "Running"}, Task("Running")),
        (
            {"status": "Failed", "durationMs": 1500, "alreadyRetriedTimes": 2},
            Task("Failed", 2, 1.5),
        ),
        ({"status": "Failed", "alreadyRetriedTimes": "x", "durationMs": "x"}, Task("Failed")),
        ({"status": "Failed", "alreadyRetriedTimes": [1], "durationMs": True}, Task("Failed")),
        ({"status": "Failed", "alreadyRetriedTimes": 1e999}, Task("Failed")),
        ({"status": "Failed", "durationMs": 10**400}, Task("Failed")),
        ({"status": "Failed", "durationMs": float("inf")}, Task("Failed")),
        ({"status": "Failed", "taskErrorMessage": ["x"]}, Task("Failed", error="['x']")),
    ],
)
def test_a_task_is_read(body: Any, expected: Task) -> None:
    """A field of another type is as good as absent."""
    assert expected == task_of(body)


@pytest.mark.parametrize(
    "body", [{}, [], None, "text", {"status": None}, {"status": 7}, {"status": ""}]
)
def test_an_answer_without_a_status_is_none(body: Any) -> None:
    """It would be looked at for ever: it never says that the task has ended."""
    with pytest.raises(ValueError, match="no status"):
        task_of(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
FIELDS = ["status", "durationMs", "alreadyRetriedTimes", "taskErrorMessage", "returnPayload"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_no_answer_about_a_task_stops_the_command(body: Any) -> None:
    """Whatever it is, it becomes a line of JSON."""
    row = Hop(0, "a", task_of(body | {"status": "Running"})).row()
    assert json.loads(json.dumps(row, allow_nan=False)) == row
