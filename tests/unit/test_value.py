"""Values behave as frozen dataclasses do."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from handler.cloud.credentials import Keys
from handler.core.model import Eni, Hook
from handler.core.value import Value, fields_of, replace


class Point(Value):
    """Two fields and a default."""

    x: int
    y: int = 0


class Named(Point):
    """One field more."""

    name: str = ""


class Other(Value):
    """As many fields, of another class."""

    x: int
    y: int = 0


def test_fields_are_given_in_order_by_name_or_by_default() -> None:
    """All ways to give the same fields make the same value."""
    assert [Point(1, 0)] * 3 == [Point(1), Point(x=1), Point(y=0, x=1)]
    assert {"x": 1, "y": 2, "name": "a"} == fields_of(Named(name="a", y=2, x=1))
    assert ["x", "y", "name"] == list(fields_of(Named(name="a", y=2, x=1)))


@pytest.mark.parametrize(
    ("args", "given"),
    [((), {}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((), {"y": 1})],
    ids=["missing", "too many", "twice", "unknown", "only the default"],
)
def test_other_fields_are_a_type_error(args: tuple[int, ...], given: dict[str, int]) -> None:
    """Every field is given once, and no other."""
    make: Any = Point
    with pytest.raises(TypeError):
        make(*args, **given)


def test_values_are_equal_by_class_and_fields() -> None:
    """As tuples of another class they are not; equal ones hash alike, however they were made."""
    assert Point(1, 2) != Point(1, 3)
    other: object = Other(1, 2)
    assert (Point(1, 2) == other) is False
    assert (Named(1, 2) == Point(1, 2)) is False
    assert {Point(1, 2)} == {Point(1, 2), Point(y=2, x=1), copy.copy(Point(1, 2))}


def test_value_with_a_mapping_has_no_hash() -> None:
    """A value is as hashable as its fields are."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(Eni("eni-1", "Primary", "InUse", "vsw-1", tags={"a": "b"}))


def test_value_does_not_change() -> None:
    """Neither a field nor anything else can be set or deleted."""
    point: Any = Point(1)
    with pytest.raises(AttributeError):
        point.x = 2
    with pytest.raises(AttributeError):
        point.z = 2
    with pytest.raises(AttributeError):
        del point.x
    assert Point(1) == point


def test_replace_makes_another_value() -> None:
    """The first one stays; a field that there is not is refused."""
    first = Named(1, 2, "a")
    change: Any = {"z": 1}
    assert [Named(1, 3, "a"), Named(1, 2, "a")] == [replace(first, y=3), first]
    with pytest.raises(TypeError):
        replace(first, **change)


def test_secrets_are_not_shown() -> None:
    """`repr` names the fields, but for those that are secret."""
    assert "Named(x=1, y=0, name='a')" == repr(Named(1, name="a"))
    assert "Hook(hook_id='ash-1')" == repr(Hook("ash-1", "hush"))
    assert "Keys(key_id='LTAI', provider='function')" == repr(Keys("LTAI", "hush", "hush"))
