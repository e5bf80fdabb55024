"""Reading JSON that people write by hand: every complaint names the place it is about."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from pathlib import Path


class InvalidInput(ValueError):
    """A world or faults file cannot be used; the text starts with the path of the bad field."""


class Node:
    """A JSON value together with the path that leads to it."""

    def __init__(self, value: Any, path: str) -> None:
        self.value = value
        self.path = path

    def refuse(self, why: str) -> NoReturn:
        """Raise :class:`InvalidInput` about this value."""
        raise InvalidInput(f"{self.path or 'the file'}: {why}")

    def object(self, *, required: frozenset[str], optional: frozenset[str]) -> Node:
        """Return this node if it is an object with exactly these fields."""
        if not isinstance(self.value, Mapping):
            self.refuse("must be an object")
        for key in self.value:
            if key not in required and key not in optional:
                self.at(key).refuse("unknown field")
        for key in sorted(required - self.value.keys()):
            self.at(key).refuse("is required")
        return self

    def at(self, key: str) -> Node:
        """Return the node of a field; its value is None when the field is absent."""
        value = self.value.get(key) if isinstance(self.value, Mapping) else None
        return Node(value, f"{self.path}.{key}" if self.path else key)

    def items(self) -> Iterator[Node]:
        """Yield the nodes of a list; an absent list is empty."""
        if self.value is None:
            return
        if not isinstance(self.value, list | tuple):
            self.refuse("must be a list")
        for index, value in enumerate(self.value):
            yield Node(value, f"{self.path}[{index}]")

    def fields(self) -> Iterator[tuple[str, Node]]:
        """Yield name and node of each field of a free-form object; an absent one is empty."""
        if self.value is None:
            return
        if not isinstance(self.value, Mapping):
            self.refuse("must be an object")
        for key in self.value:
            yield str(key), self.at(str(key))

    def text(self, default: str | None = None) -> str:
        """Return a string that is not empty."""
        if self.value is None and default is not None:
            return default
        if not isinstance(self.value, str) or not self.value:
            self.refuse("must be a string that is not empty")
        return self.value

    def choice(self, allowed: tuple[str, ...], default: str | None = None) -> str:
        """Return one of the allowed strings."""
        text = self.text(default)
        if text not in allowed:
            self.refuse(f"must be one of {', '.join(allowed)}")
        return text

    def whole(self, low: int, high: int, default: int | None = None) -> int:
        """Return an integer between the bounds."""
        if self.value is None and default is not None:
            return default
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.refuse("must be an integer")
        if not low <= self.value <= high:
            self.refuse(f"must be between {low} and {high}")
        return self.value

    def number(self, low: float, high: float, default: float | None = None) -> float:
        """Return a number between the bounds."""
        if self.value is None and default is not None:
            return default
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            self.refuse("must be a number")
        if not low <= self.value <= high:
            self.refuse(f"must be between {low} and {high}")
        return float(self.value)

    def flag(self, *, default: bool) -> bool:
        """Return a boolean."""
        if self.value is None:
            return default
        if not isinstance(self.value, bool):
            self.refuse("must be true or false")
        return self.value

    def texts(self) -> tuple[str, ...]:
        """Return a list of strings; an absent list is empty."""
        return tuple(item.text() for item in self.items())


def read_json(path: Path) -> Any:
    """Return what a JSON file holds, or raise :class:`InvalidInput` saying why it cannot."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"{path}: not JSON: {error}") from error
