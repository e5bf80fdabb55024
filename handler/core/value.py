"""Frozen values: what is decided, read and recorded never changes after it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct
from msgspec.structs import asdict

__all__ = ["Value", "fields_of", "replace"]

if TYPE_CHECKING:
    from dataclasses import replace  # noqa: TID251  (what type checkers see)

    from typing_extensions import dataclass_transform

    # A struct inherits being frozen; type checkers have to be told.
    @dataclass_transform(frozen_default=True)
    class Value:
        """What is defined by its annotated fields."""

        __struct_fields__: ClassVar[tuple[str, ...]]

else:
    from msgspec.structs import replace

    class Value(Struct, frozen=True):
        """What is defined by its annotated fields: equal when they are equal, hashable as they are.

        A class that holds a secret has a `__repr__` of its own, without it.
        """


def fields_of(value: Value) -> dict[str, Any]:
    """Its fields by name, in their order."""
    return asdict(value)  # type: ignore[arg-type]
