"""What an action is: a name, how its parameters are read, and a function that performs it.

Adding one takes a function that reads the parameters and a function that answers, registered with
``@PRODUCT.reads`` or ``@PRODUCT.writes``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from localcloud.state import Cloud, View

if TYPE_CHECKING:
    from localcloud.parameters import Given

Json = dict[str, Any]
Ask = TypeVar("Ask")
Read = Callable[[View, Ask], Json]
Write = Callable[[Cloud, Ask], Json]


class Operation(Protocol):
    """What a fault rule needs to know of whatever it applies to."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        ...


@dataclass(frozen=True)
class Action:
    """One operation of a product."""

    name: str
    read: Callable[[Given], Any]
    perform: Callable[[Any, Any], Json]
    writes: bool
    idempotent: bool = False
    """Whether it takes a ClientToken."""
    locks: str = ""
    """The parameter naming the thing that only one call at a time may change."""


class Product:
    """An API with its version, and the actions served here."""

    def __init__(self, name: str, version: str) -> None:
        self.name = name
        self.version = version
        self.actions: dict[str, Action] = {}

    def reads(self, name: str, read: Callable[[Given], Ask]) -> Callable[[Read[Ask]], Read[Ask]]:
        """Register a function that answers from a view of the cloud."""

        def register(function: Read[Ask]) -> Read[Ask]:
            self.actions[name] = Action(name, read, function, writes=False)
            return function

        return register

    def writes(
        self, name: str, read: Callable[[Given], Ask], *, idempotent: bool = False, locks: str = ""
    ) -> Callable[[Write[Ask]], Write[Ask]]:
        """Register a function that changes the cloud."""

        def register(function: Write[Ask]) -> Write[Ask]:
            self.actions[name] = Action(
                name, read, function, writes=True, idempotent=idempotent, locks=locks
            )
            return function

        return register
