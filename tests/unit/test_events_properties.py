"""What holds for every event, not only for those that somebody thought of."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from handler.core.model import Ignored, Rejected, Request
from handler.core.value import replace
from handler.events import Batch, parse
from tests.unit.events_table import EVENTS, EXPECTED, HOME, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.events import Item, Parsed

    Wrap: TypeAlias = Callable[[object], object]

SAMPLES = [path.read_bytes() for path in sorted(EVENTS.glob("*.json"))]
UNWRAPPED = [
    "ess-lifecycle-hook-scale-out.json",
    "ess-lifecycle-hook-scale-in.json",
    "ess-notification-scale-out-success.json",
    "cloudmonitor-instance-running.json",
    "cloudmonitor-eni-attached.json",
    "backfill-scaling-group.json",
    "backfill-addresses.json",
    "plan-vswitch.json",
]

thorough = settings(max_examples=300, deadline=None)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["i-1"])
)
keys = (
    st.text(max_size=8)
    | st.sampled_from(
        ["type", "source", "specversion", "data", "TopicName", "Message", "body", "attrs", "alert"]
    )
    | st.sampled_from(["content", "instanceIds", "lifecycleTransition", "regionId", "backfill"])
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=30,
)
regions = st.sampled_from([HOME, "cn-beijing", None])


def _check_form(parsed: Parsed) -> None:
    """One of the four types, whose texts are there and can be written as UTF-8."""
    for item in parsed.items if isinstance(parsed, Batch) else (parsed,):
        assert isinstance(item, (Request, Ignored, Rejected))
        reason = "" if isinstance(item, Request) else item.reason
        assert (reason or "request").isprintable()
        (reason + (item.event_id or "") + (item.region or "")).encode()


@thorough
@given(st.binary() | st.text(), regions)
def test_any_bytes_or_text_are_answered(event: bytes | str, region: str | None) -> None:
    """Parsing never raises, whatever arrives."""
    _check_form(parse(event, home_region=region))


@thorough
@given(json_values, regions)
def test_any_json_is_answered(event: object, region: str | None) -> None:
    """Nor for any JSON value, decoded or not, in base64 or not."""
    text = json.dumps(event)
    for form in (event, text, base64.b64encode(text.encode())):
        _check_form(parse(form, home_region=region))


def _paths(value: object) -> list[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    if isinstance(value, dict):
        children = list(value.items())
    else:
        children = list(enumerate(value)) if isinstance(value, list) else []
    return [(), *((key, *path) for key, child in children for path in _paths(child))]


def _replaced(value: Any, path: tuple[Any, ...], new: object) -> object:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy


def test_every_value_of_every_payload_may_be_of_any_type() -> None:
    """No reader takes the type of a value for granted: each is tried with each."""
    others: list[object] = [None, True, 5, 1.5, "", "x", "[]", "{}", [], ["x"], {}, {"x": 1}]
    for sample in map(json.loads, SAMPLES):
        for path in _paths(sample):
            for other in others:
                _check_form(parse(_replaced(sample, path, other), home_region=HOME))


@st.composite
def mutants(draw: st.DrawFn) -> object:
    """A payload of ours with a value replaced, or with bytes changed or cut off."""
    sample = draw(st.sampled_from(SAMPLES))
    if draw(st.booleans()):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(sample))] * 2)))
        return sample[:start] + draw(st.binary(max_size=8)) + sample[end:]
    value = json.loads(sample)
    for _ in range(draw(st.integers(1, 3))):
        value = _replaced(value, draw(st.sampled_from(_paths(value))), draw(json_values))
    return value


@thorough
@given(mutants(), regions)
def test_damaged_payload_is_answered_and_keeps_the_token(event: object, region: str | None) -> None:
    """A payload that is almost right neither raises nor shows its token, not even a piece."""
    parsed = parse(event, home_region=region)
    _check_form(parsed)
    assert TOKEN[:13] not in repr(parsed)


# --- wrappers ---------------------------------------------------------------------------------


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _base64(value: object) -> str:
    return base64.b64encode(_text(value).encode()).decode()


def _cloud_event(source: str, kind: str, data: object) -> dict[str, object]:
    region = {"aliyunregionid": "cn-chengdu", "subject": "acs:mns:cn-shenzhen:1:queues/q"}
    envelope = {"specversion": "1.0", "id": "ce", "time": "2021-04-08T06:28:17.093Z"}
    return {**envelope, **region, "source": source, "type": kind, "data": data}


WRAPS: dict[str, Wrap] = {
    "json string": lambda value: json.dumps(_text(value)),
    "base64": _base64,
    "base64 without padding": lambda value: _base64(value).rstrip("="),
    "base64 for URLs": lambda value: _base64(value).translate(str.maketrans("+/", "-_")),
    "mns topic": lambda value: {
        "TopicName": "t",
        "MessageId": "m",
        "PublishTime": 1658235558094,
        "Message": _text(value),
        "an attribute": "of the message",
    },
    "mns topic stream": lambda value: {"body": _text(value), "attrs": {"Extend": "{}"}},
    "mns queue": lambda value: _cloud_event(
        "MNS-q", "mns:Queue:SendMessage", {"messageId": "q", "messageBody": value}
    ),
    "mns queue of the service": lambda value: _cloud_event(
        "acs.mns", "mns:Queue:SendMessage", _text({"messageBody": _text(value)})
    ),
    "custom bus": lambda value: _cloud_event("our.app", "app:Order:Placed", value),
    "failure destination": lambda value: {
        "timestamp": "t",
        "requestContext": {"condition": "RetriesExhausted"},
        "requestPayload": _text(value),
        "responsePayload": "{}",
    },
    "timer": lambda value: {
        "triggerTime": "2022-07-29T10:02:58Z",
        "triggerName": "t",
        "payload": _text(value),
    },
    "array": lambda value: [value],
}


def _without_delivery(item: Item) -> Item:
    if isinstance(item, Request):
        return replace(item, event_id=None, event_time=None)
    return replace(item, event_id=None)


@thorough
@given(
    st.sampled_from(UNWRAPPED),
    st.lists(st.sampled_from(sorted(WRAPS)), max_size=6),
    st.sampled_from([lambda text: text, str.encode]),
)
def test_wrappers_do_not_change_the_decision(
    name: str, wraps: list[str], deliver: Callable[[str], str | bytes]
) -> None:
    """However a message travelled, it asks for the same; an array on the way makes it a batch."""
    event: object = json.loads((EVENTS / name).read_bytes())
    for wrap in wraps:
        event = WRAPS[wrap](event)
    parsed = parse(deliver(_text(event)), home_region=HOME)
    assert isinstance(parsed, Batch) == ("array" in wraps)
    (item,) = parsed.items if isinstance(parsed, Batch) else (parsed,)
    expected = EXPECTED[name]
    assert not isinstance(expected, Batch)
    assert _without_delivery(item) == _without_delivery(expected)


@thorough
@given(
    st.uuids().map(lambda uuid: str(uuid).upper()),
    st.lists(st.sampled_from(sorted(WRAPS)), max_size=4),
    st.sampled_from(["lifecycleHookId", "instanceIds", "lifecycleTransition", "scalingGroupId"]),
    scalars,
    st.integers(0, 40),
)
def test_no_token_is_shown_whatever_is_wrong(
    token: str, wraps: list[str], key: str, value: object, cut: int
) -> None:
    """With any field wrong and any end missing, no record could contain the token."""
    message = json.loads((EVENTS / "ess-lifecycle-hook-scale-out.json").read_bytes())
    message["content"] |= {"lifecycleActionToken": token, key: value}
    event: object = message
    for wrap in wraps:
        event = WRAPS[wrap](event)
    text = json.dumps(event)
    for form in (text, text[: len(text) - cut]):
        assert token[:9] not in repr(parse(form, home_region=HOME))
