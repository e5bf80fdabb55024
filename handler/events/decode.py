"""Texts to JSON values, within bounds.

Events nest JSON in base64 in JSON, and whoever may publish one may try to exhaust the function:
every text counts against one allowance, and what JSON leaves open is refused.
"""

from __future__ import annotations

import base64
import io
import json
import math
import re

from handler.events.fields import SHOWN, FieldError, printable, show

# Of all texts decoded for one event; a text inside another counts once more.
MAX_BYTES = 6 * 1024 * 1024
MAX_ENCODINGS = 12  # of one text: base64 of a JSON string of base64 ...
MAX_NESTING = 64  # of arrays and objects in one JSON text
MAX_CONTAINERS = 200_000  # arrays and objects in one text; each takes some 300 bytes of memory
MAX_DIGITS = 100  # of one number; Python itself stops at 4 300

_JSON = "JSON, or base64 of JSON"
_BASE64 = re.compile(r"[A-Za-z0-9+/]+")
_FROM_URL_SAFE = str.maketrans("-_", "+/")
_OPAQUE = re.compile(r"\S{24}")  # an access key secret or a token has no gaps; prose has


class _UnusableError(ValueError):
    """JSON that one cannot be sure to understand; the text says what was found."""


class Decoder:
    """Decodes the texts of one event within their common allowance."""

    def __init__(self) -> None:
        self._left = MAX_BYTES

    def value(self, text: str, name: str) -> object:
        """The JSON value that is not itself a text, however often it was encoded.

        JSON is tried before base64: `TEST` is good base64 and means nothing.

        Raises:
            FieldError: not JSON, ambiguous, or over a bound.
        """
        layer = text
        for _ in range(MAX_ENCODINGS):
            self._spend(layer, name)
            try:
                value = _parsed(layer, name)
            except json.JSONDecodeError:
                value = _from_base64(layer)
                if value is None:
                    raise FieldError(name, _described(text), _JSON) from None
            if not isinstance(value, str):
                return value
            layer = value
        raise FieldError(name, "text encoded again and again", f"at most {MAX_ENCODINGS} encodings")

    def _spend(self, text: str, name: str) -> None:
        self._left -= len(text.encode("utf-8", "surrogatepass"))
        if self._left < 0:
            raise _too_much(name)


def text_of(event: object) -> str:
    """The text of an event; of one that was decoded before, the JSON it stands for.

    Raises:
        FieldError: bytes that are not UTF-8, over the bound, or nothing that JSON can say.
    """
    if isinstance(event, str):
        return event
    if isinstance(event, bytes):
        return _from_bytes(event)
    if isinstance(event, (dict, list)):
        return _from_json_value(event)
    raise FieldError("event", f"a value of type {type(event).__name__}", _JSON)


def _from_bytes(event: bytes) -> str:
    if len(event) > MAX_BYTES:
        raise _too_much("event")
    try:
        return event.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FieldError("event", "bytes that are not UTF-8", _JSON) from None


def _from_json_value(event: object) -> str:
    """Piece by piece, so that a list that holds another a million times stops at the bound."""
    text = io.StringIO()
    try:
        for piece in json.JSONEncoder(allow_nan=False).iterencode(event):
            text.write(piece)
            if text.tell() > MAX_BYTES:
                raise _too_much("event")
    except (TypeError, ValueError, RecursionError):
        raise FieldError("event", "values that JSON cannot say", _JSON) from None
    return text.getvalue()


def _too_much(name: str) -> FieldError:
    return FieldError(name, "too much text", f"at most {MAX_BYTES} bytes decoded in all")


def _from_base64(text: str) -> str | None:
    """What a base64 text encodes, in either alphabet, padded or not; None when it is not one."""
    packed = "".join(text.split()).rstrip("=").translate(_FROM_URL_SAFE)
    if not _BASE64.fullmatch(packed):
        return None
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4)).decode("utf-8-sig")
    except ValueError:
        return None


def _parsed(text: str, name: str) -> object:
    if text.count("{") + text.count("[") > MAX_CONTAINERS:
        allowed = f"at most {MAX_CONTAINERS} in one text"
        raise FieldError(name, "too many arrays and objects", allowed)
    too_deep = FieldError(name, "JSON nested too deep", f"at most {MAX_NESTING} levels")
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_real,
            parse_constant=_constant,
        )
    except _UnusableError as error:
        raise FieldError(name, str(error), "JSON that has one meaning") from None
    except RecursionError:
        raise too_deep from None
    if _deeper_than(MAX_NESTING, value):
        raise too_deep
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in pairs:
        if key in values:
            raise _UnusableError(f'the key "{printable(key)}" twice in one object')
        values[key] = value
    return values


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _UnusableError(f"a number of {len(digits)} digits")
    return int(digits)


def _real(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _UnusableError("a number too large to hold")
    return number


def _constant(word: str) -> float:
    raise _UnusableError(f"{word}, which JSON does not have")


def _deeper_than(levels: int, value: object) -> bool:
    level = [value]
    for _ in range(levels):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return False
    return any(isinstance(item, (list, dict)) for item in level)


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _described(text: str) -> str:
    """A text that is not JSON; one that could be or hold a secret by its length only."""
    if len(text) > SHOWN or _OPAQUE.search(text):
        return f"a text of length {len(text)} that is not JSON"
    return show(text.strip())
