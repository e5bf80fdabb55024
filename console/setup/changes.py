"""From what is wanted and what is there to what must change: pure.

What is missing is added, what is ours is mended, and what others added stays: nothing is taken out
of a list. The differences are those between what is there and what would be sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.setup.desired import Body, Resource

# Characters of two long values that differ: so many in front of the difference, and behind.
BEFORE, BEHIND = 20, 60
# By what an element of a list is known again when it was changed. The queries of an alert are
# known by their place, as their joins refer to them. A changed statement of a policy is another
# one: who changed it may have meant it.
BY_PLACE = ""
KNOWN_BY = {
    "charts": "title",
    "annotations": "key",
    "labels": "key",
    "severityConfigurations": "severity",
    "queryList": BY_PLACE,
}


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
        body: what is sent; for an update, what is there with what is wanted laid over it.
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
        return Change(resource, Verb.CREATE, laid_over(resource.body, resource.first))
    kept = {name for name in resource.least if actual.get(name, 0) > resource.body[name]}
    kept |= {name for name, values in resource.either.items() if actual.get(name) in values}
    wanted = {name: value for name, value in resource.body.items() if name not in kept}
    body = laid_over(wanted, actual)
    found = tuple(differences(actual, body))
    return Change(resource, Verb.UPDATE if found else Verb.KEEP, body, found)


def laid_over(wanted: Any, actual: Any, name: str = "") -> Any:  # noqa: ANN401  (any JSON)
    """What is there, with what is wanted in it; what others added stays.

    Args:
        wanted: what is to be there; fields that it does not have may be anything.
        actual: what is there.
        name: the field whose values they are.
    """
    if holds(actual, wanted):
        return actual
    if isinstance(wanted, dict) and isinstance(actual, dict):
        mended = {
            key: laid_over(value, actual[key], key) if key in actual else value
            for key, value in wanted.items()
        }
        return {**actual, **mended}
    if isinstance(wanted, list) and isinstance(actual, list):
        return _joined(wanted, actual, name)
    return wanted


def holds(actual: object, wanted: object) -> bool:
    """Whether what is wanted is there, with whatever others added to it.

    A list holds another's elements in any order, and RAM writes a list of one without brackets.
    """
    if isinstance(wanted, list) or isinstance(actual, list):
        return all(any(holds(have, each) for have in _listed(actual)) for each in _listed(wanted))
    if isinstance(wanted, dict) and isinstance(actual, dict):
        return all(key in actual and holds(actual[key], value) for key, value in wanted.items())
    return wanted == actual


def differences(before: object, after: object, path: str = "") -> Iterator[str]:
    """One line per value that differs: where it is, what it was, and what it becomes."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in after.items():
            yield from differences(before.get(key), value, f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list):
        for number, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from differences(one, other, f"{path}[{number}]")
        yield from (f"{path}: + {json.dumps(each)}" for each in after[len(before) :])
    elif before is None and after is not None:
        yield f"{path}: nothing -> {json.dumps(after)}"
    elif before != after:
        yield f"{path}: {' -> '.join(_apart(json.dumps(before), json.dumps(after)))}"


def _joined(wanted: list[Any], actual: list[Any], name: str) -> list[Any]:
    found = list(actual)
    for place, each in enumerate(wanted):
        if holds(found, each):
            continue
        known = _known(each, place, found, name)
        if known is None:
            found.append(each)
        else:
            found[known] = laid_over(each, found[known])
    return found


def _known(wanted: Any, place: int, found: list[Any], name: str) -> int | None:  # noqa: ANN401  (any JSON)
    """Where the element is that is to become the wanted one; None when nothing is known as it."""
    known_by = KNOWN_BY.get(name)
    if known_by == BY_PLACE:
        return place if place < len(found) else None
    for number, each in enumerate(found):
        if known_by and isinstance(each, dict) and each.get(known_by) == wanted[known_by]:
            return number
        if not known_by and holds(wanted, each):
            return number  # a part of what is wanted, as an earlier version may have made it
    return None


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _apart(one: str, other: str) -> tuple[str, ...]:
    """Two values; long ones are cut to where they begin to differ."""
    pairs = enumerate(zip(one, other, strict=False))
    differs = next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
    long = max(len(one), len(other)) > BEFORE + BEHIND
    start = max(0, differs - BEFORE) if long else 0
    end = start + BEFORE + BEHIND
    return tuple(
        ("..." if start else "") + each[start:end] + ("..." if len(each) > end else "")
        for each in (one, other)
    )
