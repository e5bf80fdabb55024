"""Frozen values that cost as little to define as to make.

`dataclasses` writes up to six methods for each class and compiles them at every start: half a
millisecond and more a class, and there are some fifty. Here all classes share the same methods, and
a field is a slot. To a type checker they are frozen dataclasses.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from dataclasses import replace  # noqa: TID251  (what type checkers see)

    from typing_extensions import dataclass_transform
else:

    def replace(value: T, /, **changes: object) -> T:
        """The same value with other contents in some fields, as `dataclasses.replace`.

        Raises:
            TypeError: it has no such field.
        """
        made = type(value)
        changed = object.__new__(made)
        contents = made.contents(value)
        for set_field, content in zip(made.setters.values(), contents):  # noqa: B905  (see there)
            set_field(changed, content)
        if not changes.keys() <= made.setters.keys():
            raise _misuse(made)
        for name, content in changes.items():
            made.setters[name](changed, content)
        return changed

    def dataclass_transform(**_options: object) -> Callable[[T], T]:
        """Nothing: it speaks to type checkers alone. `typing` has it from Python 3.11 on."""
        return lambda decorated: decorated


__all__ = ["Value", "fields_of", "replace"]


_MISSING = object()


class _ValueType(type):
    """Makes slots of annotated fields; what stands behind `=` is kept aside.

    Attributes:
        names: of the fields, in their order.
        defaults: of every field; `_MISSING` for what must be given.
        setters: of every field, around `__setattr__`.
        contents: gives what the fields of a value hold, and then its class, twice.
        unshown: fields that `repr` leaves out.
    """

    names: tuple[str, ...]
    defaults: Mapping[str, object]
    setters: Mapping[str, Callable[[object, object], None]]
    contents: Callable[[object], tuple[object, ...]]
    unshown: tuple[str, ...]

    def __new__(
        mcs, name: str, bases: tuple[type, ...], body: dict[str, Any], unshown: tuple[str, ...] = ()
    ) -> _ValueType:
        own = tuple(body.get("__annotations__", ()))
        if taken := mcs.__annotations__.keys() & {*own, *body}:
            raise TypeError(f"{name}: every class of values has {', '.join(taken)} of its own")
        defaults = {field: body.pop(field, _MISSING) for field in own}
        body["__slots__"] = own
        made = super().__new__(mcs, name, bases, body)
        inherited = [base for base in made.__mro__[1:] if isinstance(base, _ValueType)][:1]
        made.defaults = {key: base.defaults[key] for base in inherited for key in base.defaults}
        made.defaults |= defaults
        made.names = tuple(made.defaults)
        made.setters = {field: getattr(made, field).__set__ for field in made.names}
        # With the class there are two names at least, for which attrgetter gives a tuple.
        made.contents = attrgetter(*made.names, "__class__", "__class__")
        made.unshown = sum((base.unshown for base in inherited), ()) + unshown
        return made


@dataclass_transform(frozen_default=True)
class Value(metaclass=_ValueType):
    """What is defined by its fields: those annotated, in their order.

    Equal to values of the same class with equal fields, and hashable if all fields are. What stands
    behind `=` is the default, shared by all: it must not change. `unshown=` of a class names fields
    that `repr` leaves out, because they are secret.
    """

    def __init__(self, *args: object, **given: object) -> None:
        made = type(self)
        contents: Iterable[object] = args
        if given or len(args) != len(made.names):
            contents = _completed(made, args, given)
        for set_field, content in zip(made.setters.values(), contents):  # noqa: B905  (as many)
            set_field(self, content)

    def __eq__(self, other: object) -> bool:
        contents = type(self).contents
        return contents(self) == contents(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(type(self).contents(self))

    def __repr__(self) -> str:
        made = type(self)
        shown = [name for name in made.names if name not in made.unshown]
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{made.__qualname__}({fields})"

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), tuple(fields_of(self).values())

    def __setattr__(self, name: str, _value: object) -> NoReturn:
        raise AttributeError(f"{name}: a {type(self).__name__} does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name}: a {type(self).__name__} does not change")


def _completed(
    made: _ValueType, args: tuple[object, ...], given: Mapping[str, object]
) -> Iterable[object]:
    """What all fields are to hold, in their order."""
    fields = {**made.defaults}
    fields.update(zip(made.names, args))  # noqa: B905  (the lengths are looked at below)
    fields.update(given)
    twice = args and given and not given.keys().isdisjoint(made.names[: len(args)])
    unknown = len(args) > len(made.names) or len(fields) > len(made.names)
    if twice or unknown or _MISSING in fields.values():
        raise _misuse(made)
    return fields.values()


def _misuse(made: _ValueType) -> TypeError:
    return TypeError(f"{made.__name__} has the fields {', '.join(made.names)}, each once")


def fields_of(value: Value) -> dict[str, Any]:
    """Its fields by name, in their order."""
    made = type(value)
    return dict(zip(made.names, made.contents(value)))  # noqa: B905  (the class comes last)
