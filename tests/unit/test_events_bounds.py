"""Hostile input: whatever an event is made of, it is answered, quickly, with the bound it broke."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from handler.core.model import Ignored, Rejected, Request
from handler.events import Batch, parse
from handler.events.decode import MAX_BYTES, MAX_CONTAINERS, MAX_ENCODINGS, MAX_NESTING
from handler.events.unwrap import MAX_ELEMENTS, MAX_LAYERS, MAX_WRAPPERS
from tests.unit.events_table import EVENTS, EXPECTED, HOME, JSON, MANUAL, WEB_1

if TYPE_CHECKING:
    from collections.abc import Callable

BACKFILL = '{"backfill": {"all": true}}'
ONE_MEANING = "JSON that has one meaning"


def _nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def _endless_list() -> list[Any]:
    endless: list[Any] = []
    endless.append(endless)
    return endless


def _many_times_itself() -> list[Any]:
    value: list[Any] = ["i-1"]
    for _ in range(9):
        value = [value] * 10
    return value


@pytest.mark.parametrize(
    ("event", "found", "allowed"),
    [
        (b"", "an empty text", JSON),
        (b"\xff\xfe{}", "bytes that are not UTF-8", JSON),
        (b"\x00", '"?"', JSON),
        (b"TEST", '"TEST"', JSON),
        (b"{", '"{"', JSON),
        (b'{"a": 1} {"b": 2}', '"{"a": 1} {"b": 2}"', JSON),
        (b'"TEST"', '""TEST""', JSON),
        (b"\xe4\xbd\xa0\xe5\xa5\xbd", '"你好"', JSON),
        ("\ud800", '"?"', JSON),
        (b"the token is abc", "a text of length 16", JSON),
        (b"the " + b"9C2E9DA7-F794-449A-ACF6-CEE2", "a text of length 32 that is not JSON", JSON),
        (b"a " * 21, "a text of length 42 that is not JSON", JSON),
        (b"7", "7", "a JSON object or array"),
        (b"null", "null", "a JSON object or array"),
        (b"MTIz", "123", "a JSON object or array"),
        (b'{"a": NaN}', "NaN, which JSON does not have", ONE_MEANING),
        (b'{"a": -Infinity}', "-Infinity, which JSON does not have", ONE_MEANING),
        (b'{"a": 1e999}', "a number too large to hold", ONE_MEANING),
        (b'{"a": 1' + b"0" * 5000 + b"}", "a number of 5001 digits", ONE_MEANING),
        (b'{"a": [{"b": 1, "b": 1}]}', 'the key "b" twice in one object', ONE_MEANING),
        (b'{"\\u0000": 1, "\\u0000": 2}', 'the key "?" twice in one object', ONE_MEANING),
        (None, "a value of type NoneType", JSON),
        (5, "a value of type int", JSON),
        (bytearray(b"{}"), "a value of type bytearray", JSON),
        ({"a": {1, 2}}, "values that JSON cannot say", JSON),
        ({"a": float("nan")}, "values that JSON cannot say", JSON),
        ({"a": 10**5000}, "values that JSON cannot say", JSON),
        ({(1, 2): 3}, "values that JSON cannot say", JSON),
        (_endless_list(), "values that JSON cannot say", JSON),
    ],
)
def test_what_is_not_json_is_rejected(event: object, found: str, allowed: str) -> None:
    """Text, bytes and values that mean nothing, or more than one thing, are refused as they are."""
    assert parse(event, home_region=None) == Rejected("event", found, allowed)


LONG: dict[str, bytes | str] = {
    "bytes": b"x" * (MAX_BYTES + 1),
    "text": "x" * (MAX_BYTES + 1),
    "JSON string": json.dumps("x" * (MAX_BYTES - 2)),
    "base64": base64.b64encode(b"[" + b" " * (MAX_BYTES * 3 // 5) + b"]"),
}


@pytest.mark.parametrize("kind", LONG)
def test_text_is_bounded_in_all(kind: str) -> None:
    """A text in a text counts again, so that no nesting gets around the bound."""
    parsed = parse(LONG[kind], home_region=HOME)
    assert isinstance(parsed, Rejected)
    assert parsed.allowed == f"at most {MAX_BYTES} bytes decoded in all"


def test_decoded_event_that_unfolds_without_end_is_bounded() -> None:
    """A small object in memory can be a huge one in JSON."""
    parsed = parse(_many_times_itself(), home_region=HOME)
    assert isinstance(parsed, Rejected)
    assert parsed.found == "too much text"


@pytest.mark.parametrize("text", ["[" * 3_000_000, "[[]]," * 1_000_000, '{"a":' * 400_000])
def test_arrays_and_objects_are_bounded(text: str) -> None:
    """Each takes a hundred times the memory of its text."""
    assert parse(text, home_region=HOME) == Rejected(
        "event",
        "too many arrays and objects",
        f"at most {MAX_CONTAINERS} in one text",
        region=HOME,
    )


@pytest.mark.parametrize("levels", [MAX_NESTING + 1, 5_000, 90_000])
def test_nesting_is_bounded(levels: int) -> None:
    """Neither Python's recursion limit nor its version decides how deep JSON may be."""
    for text in (_nested(levels), '{"a":' * levels):
        parsed = parse(text, home_region=None)
        assert isinstance(parsed, Rejected)
    assert parse('{"a": ' + _nested(levels) + "}", home_region=None) == Rejected(
        "event", "JSON nested too deep", f"at most {MAX_NESTING} levels"
    )


def test_nesting_within_the_bound_is_read() -> None:
    """The bound itself is allowed."""
    parsed = parse('{"a": ' + _nested(MAX_NESTING - 1) + "}", home_region=HOME)
    assert isinstance(parsed, Ignored)


def _json_string(text: str) -> str:
    return json.dumps(text)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("encode", [_json_string, _base64])
def test_encodings_of_one_text_are_bounded(encode: Callable[[str], str]) -> None:
    """Twelve times is more than any queue does; thirteen is an attempt."""
    text = BACKFILL
    for _ in range(MAX_ENCODINGS - 1):
        text = encode(text)
    assert parse(text, home_region=HOME) == MANUAL
    parsed = parse(encode(text), home_region=HOME)
    assert isinstance(parsed, Rejected)
    assert parsed.allowed == f"at most {MAX_ENCODINGS} encodings"


def test_wrappers_are_bounded() -> None:
    """An event in an event in an event ends somewhere."""
    event: object = BACKFILL
    for _ in range(MAX_WRAPPERS):
        event = {"body": event, "attrs": {}}
    assert parse(event, home_region=HOME) == MANUAL
    parsed = parse({"body": event, "attrs": {}}, home_region=HOME)
    assert isinstance(parsed, Rejected)
    assert parsed.field == ".".join(["body"] * (MAX_WRAPPERS + 1))
    assert parsed.found == "more wrappers"


def test_content_in_content_is_bounded() -> None:
    """Content is opened level by level, and each level may be a text: that ends somewhere too."""
    event: dict[str, object] = {"instanceIds": [WEB_1]}
    for _ in range(MAX_LAYERS):
        event = {"content": _base64(json.dumps(event))}
    launch = {"event": "AUTOSCALING:SCALE_OUT_SUCCESS"}
    assert isinstance(parse({**launch, **event}, home_region=HOME), Request)
    parsed = parse({**launch, "content": event}, home_region=HOME)
    assert isinstance(parsed, Rejected)
    assert parsed.found == "more content inside"


def test_content_that_is_not_json_is_rejected_by_name() -> None:
    """A message whose content was cut off is not silently taken for something unknown."""
    parsed = parse({"regionId": HOME, "content": '{"lifecycle'}, home_region=HOME)
    assert parsed == Rejected("content", '"{"lifecycle"', JSON, region=HOME)
    parsed = parse({"regionId": HOME, "content": "[]"}, home_region=HOME)
    assert parsed == Rejected("content", "an empty list", "a JSON object", region=HOME)


def test_arrays_are_flattened_in_order() -> None:
    """Arrays in arrays, and arrays in wrappers, give one batch; each element stands for itself."""
    event = [[BACKFILL, []], {"body": f"[{BACKFILL}]", "attrs": {}}, 7]
    refused = Rejected("event[2]", "7", "a JSON object or array", region=HOME)
    assert parse(event, home_region=HOME) == Batch((MANUAL, MANUAL, refused))


def test_array_of_one_is_a_batch_and_of_none_is_rejected() -> None:
    """Who sends an array is answered with one."""
    assert parse(f"[{BACKFILL}]", home_region=HOME) == Batch((MANUAL,))
    assert isinstance(parse(b"[]", home_region=HOME), Rejected)


def test_elements_are_bounded_in_all() -> None:
    """Too many in one array reject it; earlier arrays of the same event keep what they ask."""
    assert parse([{}] * (MAX_ELEMENTS + 1), home_region=HOME) == Rejected(
        "event",
        f"a list of {MAX_ELEMENTS + 1}",
        f"at most {MAX_ELEMENTS} elements in all arrays of an event",
        region=HOME,
    )
    batch = parse([[BACKFILL], [{}] * (MAX_ELEMENTS - 2)], home_region=HOME)
    assert isinstance(batch, Batch)
    assert batch.items[0] == MANUAL
    assert [item.field for item in batch.items if isinstance(item, Rejected)] == ["event[1]"]


def test_a_million_ids_are_refused() -> None:
    """The bound on ids is met long before the end of the list."""
    text = json.dumps({"backfill": {"instance_ids": [f"i-{n}" for n in range(500_000)]}})
    parsed = parse(text, home_region=HOME)
    assert isinstance(parsed, Rejected)
    assert parsed.found == "more than 4000 ids"


@pytest.mark.parametrize(
    "encode",
    [
        lambda raw: b"\xef\xbb\xbf" + raw,
        base64.b64encode,
        base64.encodebytes,
        lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"="),
        lambda raw: base64.b64encode(b"\xef\xbb\xbf" + raw).rstrip(b"="),
        lambda raw: json.dumps(raw.decode()).encode(),
        lambda raw: json.dumps(base64.b64encode(raw).decode()).encode(),
    ],
)
def test_whole_event_may_be_encoded(encode: Callable[[bytes], bytes]) -> None:
    """Base64 with or without padding, line breaks or the other alphabet; a BOM; a JSON string."""
    name = "ess-lifecycle-hook-scale-out.json"
    assert parse(encode((EVENTS / name).read_bytes()), home_region=HOME) == EXPECTED[name]
