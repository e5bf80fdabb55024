"""What is read out of a message of the failure queue."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from console.redeliver.records import FailedEvent, Message, read
from handler.cloud.ports import Place
from tests.unit.events_table import EVENTS

RECORD: dict[str, Any] = json.loads(
    (EVENTS / "failure-destination-lifecycle-hook.json").read_text(encoding="utf-8")
)
NAME = "eni-secondary-ips"
HOOK = RECORD["requestPayload"]


def found(body: object, place: Place | None = None) -> FailedEvent:
    """The event in a message of this body."""
    text = body if isinstance(body, str) else json.dumps(body)
    return read(Message("M-1", text, "h", 1772443511000), "cn-hangzhou", place or Place("", NAME))


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(RECORD),
        base64.b64encode(json.dumps(RECORD).encode()).decode(),
        base64.b64encode(json.dumps(RECORD).encode()).decode().rstrip("="),
    ],
    ids=["plain", "base64", "without padding"],
)
def test_record_is_read_in_every_encoding(body: str) -> None:
    """When, which event, why; and the event as the function got it."""
    assert FailedEvent(
        "M-1",
        "2026-03-02 09:25:11",
        "ess.lifecycle_hook i-bp1web00000000000001, i-bp1web00000000000002",
        "Retryable: 2 instances are not visible yet",
        HOOK.encode(),
    ) == found(body)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"timestamp": 1772443511000}, "2026-03-02 09:25:11"),
        ({"timestamp": "2026-03-02T17:25:11+08:00"}, "2026-03-02 09:25:11"),
        ({"timestamp": "yesterday\x1b[2J"}, "yesterday?[2J"),
        ({"timestamp": None}, "2026-03-02 09:25:11"),
        ({"timestamp": 10**30}, str(10**30)),
    ],
)
def test_time_is_shown_in_one_way(change: dict[str, Any], expected: str) -> None:
    """What cannot be read is shown as it is; where there is none, when it was put there."""
    assert expected == found(RECORD | change).when


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"responsePayload": ""}, "UnhandledInvocationError"),
        ({"responsePayload": "", "responseContext": {}}, "RetriesExhausted"),
        ({"responsePayload": "", "responseContext": None, "requestContext": {}}, "-"),
        ({"responsePayload": '{"errorMessage": "token ' + "a" * 50 + '"}'}, "token ***"),
        ({"responsePayload": {"errorType": "\x1b[31mRed"}}, "?[31mRed"),
    ],
)
def test_reason_is_told_as_far_as_it_is_known(change: dict[str, Any], expected: str) -> None:
    """The error of the last try, else what Function Compute calls it; without secrets."""
    assert expected == found(RECORD | change).why


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ('{"backfill": {"all": true}}', "manual all ENIs"),
        ('{"backfill": {"scaling_group_id": "asg-a"}}', "manual asg-a"),
        ('{"backfill": {"tags": {"a": "b"}}}', "manual instances by tag"),
        (
            '{"plan": {"network_interface_ids": ["eni-a", "eni-b", "eni-c"]}}',
            "manual eni-a, eni-b and 1 more",
        ),
        (f"[{HOOK}, {HOOK}]", "2 events in one"),
        ('{"some": "thing"}', "unknown (no known shape; keys: some)"),
    ],
)
def test_event_is_described(payload: str, expected: str) -> None:
    """By what it came from, and what it is about; none of these is hopeless."""
    event = found(RECORD | {"requestPayload": payload})
    assert (expected, None, payload.encode()) == (event.event, event.hopeless, event.payload)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("a text", 'no record of a failure: record: found "a text"; allowed: JSON, or base64'),
        ("", "no record of a failure: record: found an empty text"),
        ('{"an": "object"}', "no record of a failure of a function"),
        ("[1]", "no record of a failure of a function"),
        (RECORD | {"requestPayload": HOOK[:200]}, "the function would reject it: event: found a t"),
        (RECORD | {"requestPayload": ""}, "the function would reject it: event: found an empty"),
        (
            RECORD | {"requestPayload": HOOK.replace("hangzhou", "beijing")},
            'Message.regionId: found "cn-beijing"; allowed: cn-hangzhou',
        ),
    ],
    ids=["a text", "nothing", "an object", "an array", "cut", "no payload", "another region"],
)
def test_what_cannot_help_is_hopeless(body: object, said: str) -> None:
    """With the reason, in the function's own words."""
    assert said in str(found(body).hopeless)


ARN = "acs:fc:cn-hangzhou:1690700000000030:"
OF_SERVICE = Place("", NAME, "network")


@pytest.mark.parametrize(
    ("arn", "place", "named"),
    [
        (f"{ARN}functions/{NAME}", None, None),
        (f"{ARN}functions/{NAME}/live", None, None),
        (f"{ARN}functions/payments", None, "--function payments"),
        (f"{ARN}services/network.LATEST/functions/{NAME}", OF_SERVICE, None),
        (
            f"{ARN}services/other.live/functions/{NAME}",
            OF_SERVICE,
            f"--function {NAME} --service other",
        ),
        ("what nobody knows", None, None),
        (None, None, None),
    ],
)
def test_event_of_another_function_is_left(
    arn: str | None, place: Place | None, named: str | None
) -> None:
    """A queue may serve several; the command line that means the other one is named."""
    event = found(RECORD | {"requestContext": {"functionArn": arn}}, place)
    assert (named and f"of another function: {named}") == event.hopeless
