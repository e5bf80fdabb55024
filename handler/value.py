"""Frozen values that cost as little to define as to make.

`dataclasses` writes up to six methods for each class and compiles them at every start: half a
millisecond and more a class, and there are some fifty. Here all classes share the same methods,
which work on the instance's dictionary. To a type checker they are frozen dataclasses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

V = TypeVar("V")

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import replace

    from typing_extensions import dataclass_transform
else:

    def replace(value: V, /, **changes: object) -> V:
        """The same value with other contents in some fields, as `dataclasses.replace`.

        Raises:
            TypeError: it has no such field.
        """
        changed = object.__new__(type(value))
        changed.__dict__.update(value.__dict__)
        changed.__dict__.update(changes)
        if len(changed.__dict__) != len(value.__dict__):
            raise TypeError(f"{type(value).__name__} has no field {', '.join(changes)}")
        return changed

    def dataclass_transform(**_options: object) -> Callable[[V], V]:
        """Nothing: it speaks to type checkers alone. `typing` has it from Python 3.11 on."""
        return lambda decorated: decorated


__all__ = ["Value", "fields_of", "replace"]


@dataclass_transform(frozen_default=True)
class Value:
    """What is defined by its fields: those annotated, in their order.

    Equal to values of the same class with equal fields, and hashable if all fields are. What stands
    behind `=` is the default, shared by all: it must not change. `unshown` names fields that `repr`
    leaves out, because they are secret.
    """

    __match_args__: ClassVar[tuple[str, ...]] = ()
    _names: ClassVar[frozenset[str]] = frozenset()
    _defaults: ClassVar[dict[str, object]] = {}
    _unshown: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, *, unshown: tuple[str, ...] = ()) -> None:
        super().__init_subclass__()
        own = cls.__annotations__
        cls.__match_args__ = (*cls.__match_args__, *own)  # type: ignore[misc]  # (mypy has its own)
        cls._names = frozenset(cls.__match_args__)
        cls._defaults = cls._defaults | {name: vars(cls)[name] for name in own if name in vars(cls)}
        cls._unshown = cls._unshown | {*unshown}

    def __init__(self, *args: object, **given: object) -> None:
        names, fields = self.__match_args__, self.__dict__
        fields.update(self._defaults)
        fields.update(zip(names, args))  # noqa: B905  (the lengths are looked at below)
        fields.update(given)
        twice = args and given and not given.keys().isdisjoint(names[: len(args)])
        if twice or len(args) > len(names) or fields.keys() != self._names:
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(names)}, each once")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__[name] for name in self.__match_args__))

    def __repr__(self) -> str:
        shown = (name for name in self.__match_args__ if name not in self._unshown)
        fields = ", ".join(f"{name}={self.__dict__[name]!r}" for name in shown)
        return f"{type(self).__qualname__}({fields})"

    def __setattr__(self, name: str, _value: object) -> NoReturn:
        raise AttributeError(f"{name}: a {type(self).__name__} does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name}: a {type(self).__name__} does not change")


def fields_of(value: Value) -> dict[str, Any]:
    """Its fields by name, in their order."""
    return {name: value.__dict__[name] for name in value.__match_args__}
