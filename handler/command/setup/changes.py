"""From what shall be and what is to what must change: pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handler.command.setup.desired import Body, Resource

SHOWN = 60  # characters of a value in a difference


class Verb(str, Enum):
    """What becomes of a resource."""

    KEEP = "exists"
    CREATE = "create"
    UPDATE = "update"

    def __str__(self) -> str:
        """The bare word, on every Python version."""
        return self.value


@dataclass(frozen=True)
class Change:
    """What to do about one resource, and why; doing nothing is a change too.

    Attributes:
        body: what is sent; for an update, what is there with what shall be laid over it.
        differences: one line per field that differs.
    """

    resource: Resource
    verb: Verb
    body: Body = field(default_factory=dict, hash=False)
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """What became of one resource; `error` says why its change was not carried out."""

    change: Change
    error: str | None = None


def change(resource: Resource, actual: Body | None) -> Change:
    """What to do about a resource; `actual` is None when it is not there."""
    if actual is None:
        return Change(resource, Verb.CREATE, resource.first | resource.body)
    found = tuple(differences(resource.body, actual))
    verb = Verb.UPDATE if found else Verb.KEEP
    return Change(resource, verb, laid_over(resource.body, actual), found)


def differences(wanted: object, actual: object, path: str = "") -> Iterator[str]:
    """Where `actual` is not what is wanted; what is not wanted in so many words is ignored."""
    if isinstance(wanted, dict) and isinstance(actual, dict):
        for key, value in wanted.items():
            yield from differences(value, actual.get(key), f"{path}.{key}" if path else key)
    elif _rows(wanted) and _rows(actual) and len(wanted) == len(actual):  # type: ignore[arg-type]
        pairs = zip(wanted, actual, strict=True)  # type: ignore[call-overload]
        for number, (one, other) in enumerate(pairs):
            yield from differences(one, other, f"{path}[{number}]")
    elif wanted != actual:
        yield f"{path}: {_short(actual)} -> {_short(wanted)}"


def laid_over(wanted: Mapping[str, Any], actual: Mapping[str, Any]) -> Body:
    """What is there with what is wanted on top: the fields of others stay."""
    merged = dict(actual)
    for key, value in wanted.items():
        below = actual.get(key)
        merged[key] = value
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = laid_over(value, below)
    return merged


def _rows(value: object) -> bool:
    """Whether it is a list of objects, which are compared one by one."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _short(value: object) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
