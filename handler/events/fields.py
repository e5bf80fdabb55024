"""Values of an event, with their names: whatever is refused must be named as its sender knows it.

Everything in an event is hostile until a reader of this module has returned it. A reader that
refuses raises `FieldError`, which `handler.events` turns into a `Rejected` at one place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handler.core.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_IDS = 4_000
MAX_REGION = 63  # a label of a host name, where regions end up
ABSENT = "no value"
SHOWN = 40  # characters of somebody else's text that we repeat

REGION = r"[a-z]{2}(?:-[a-z0-9]+)+"
_ID = re.compile(r"(i|eni|asg|ash|asa|vsw|vpc)-[A-Za-z0-9-]{1,64}")
_SECRET = re.compile(r"token|secret|credential|password|signature|authorization", re.IGNORECASE)
# The token of a lifecycle hook, wherever a template has put it.
_TOKEN = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", re.IGNORECASE)


class FieldError(Exception):
    """A value that cannot be acted on; the parts are those of `handler.core.model.Rejected`."""

    def __init__(self, name: str, found: str, allowed: str) -> None:
        super().__init__(f"{name}: found {found}; allowed: {allowed}")
        self.name = name
        self.found = found
        self.allowed = allowed


class Field(Value):
    """A value and where it stands in the event ("data.content.instanceIds")."""

    name: str
    value: object

    @property
    def shown(self) -> str:
        """The value for people, unless its name or its text says that it is a secret."""
        if self.value is None or not _SECRET.search(self.name):
            return show(self.value)
        return _measured(self.value) if isinstance(self.value, str) else "something else than text"

    def elements(self) -> Iterator[Field]:
        """The elements of a value that is a list; of any other there are none."""
        values = self.value if isinstance(self.value, list) else []
        return (Field(f"{self.name}[{index}]", value) for index, value in enumerate(values))

    def refused(self, allowed: str) -> FieldError:
        """The error that says what would have been accepted."""
        return FieldError(self.name, self.shown, allowed)


class Layer(Value):
    """One JSON object of the event and where it stands; the event itself stands at ""."""

    path: str
    values: Mapping[str, object]

    def name(self, key: str) -> str:
        """What a field of this object is called."""
        return child(self.path, key)

    def field(self, key: str) -> Field | None:
        """A field of this object, null included; None when it is absent."""
        return Field(self.name(key), self.values[key]) if key in self.values else None

    def like(self, key: str) -> Field | None:
        """The field of this name in any case ("InstanceIds"); the very name comes first."""
        if key in self.values:
            return self.field(key)
        folded = folded_name(key)
        found = next((each for each in self.values if folded_name(each) == folded), None)
        return None if found is None else self.field(found)


class View(Value):
    """Objects that lie in one another, innermost first, read as if they were one."""

    layers: tuple[Layer, ...]

    def fields(self, *keys: str) -> Iterator[Field]:
        """Every field of these keys that is not null; the first key first, and inside first."""
        for key in keys:
            for layer in self.layers:
                found = layer.like(key)
                if found is not None and found.value is not None:
                    yield found

    def find(self, *keys: str) -> Field | None:
        """The first of `fields`."""
        return next(self.fields(*keys), None)

    def required(self, key: str, allowed: str) -> Field:
        """The field of this key.

        Raises:
            FieldError: there is none.
        """
        found = self.find(key)
        if found is None:
            raise FieldError(self.layers[0].name(key), ABSENT, allowed)
        return found

    def text(self, *keys: str) -> str | None:
        """The first of `fields` that is a text."""
        texts = (found.value for found in self.fields(*keys))
        return next((text for text in texts if isinstance(text, str)), None)


def folded_name(name: str) -> str:
    """A name without case and without what joins its words: ScaleOut and SCALE_OUT are one."""
    return name.replace("_", "").replace("-", "").lower()


def child(path: str, key: str) -> str:
    """The name of what stands under a key; the event itself has no name there."""
    return f"{path}.{key}" if path else key


def show(value: object) -> str:
    """A JSON value as a person would write it, shortened and printable."""
    if isinstance(value, str):
        if not value:
            return "an empty text"
        secret = _SECRET.search(value) or _TOKEN.fullmatch(value)
        return _measured(value) if secret else f'"{printable(value)}"'
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, dict):
        return f"an object of {len(value)}" if value else "an empty object"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else printable(repr(value))


def printable(text: str, limit: int = SHOWN) -> str:
    """The beginning of a text, without what a terminal or a log could trip over."""
    clean = "".join(letter if letter.isprintable() else "?" for letter in text[:limit])
    return clean + "..." if len(text) > limit else clean


def _measured(text: str) -> str:
    return f"a text of length {len(text)}"


def checked_id(field: Field, prefix: str) -> str:
    """An id of one kind of resource.

    Raises:
        FieldError: it is anything else; a masked id ("i-bp1****") is.
    """
    match = _ID.fullmatch(field.value) if isinstance(field.value, str) else None
    if match is None or match[1] != prefix:
        raise field.refused(f"{prefix}- and 1 to 64 letters, digits or hyphens")
    return match[0]


def checked_ids(field: Field, prefix: str) -> tuple[str, ...]:
    """A list of ids of one kind, each once, in the order given.

    Raises:
        FieldError: not a list, empty, more than `MAX_IDS` different ones, or one that is not an id.
    """
    allowed = f"a list of 1 to {MAX_IDS} ids of the form {prefix}-..."
    ids: dict[str, None] = {}
    for element in field.elements():
        ids[checked_id(element, prefix)] = None
        if len(ids) > MAX_IDS:
            raise FieldError(field.name, f"more than {MAX_IDS} ids", allowed)
    if not ids:
        raise field.refused(allowed)
    return tuple(ids)


def checked_region(field: Field) -> str:
    """A region as Alibaba Cloud names it ("cn-hangzhou").

    Raises:
        FieldError: it is anything else.
    """
    region = field.value
    if isinstance(region, str) and len(region) <= MAX_REGION and re.fullmatch(REGION, region):
        return region
    raise field.refused("a region such as cn-hangzhou")
