"""How an invocation ended, as the caller sees it and as the journal names it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNHANDLED = "UnhandledInvocationError"
"""What errors of Python functions are called, timeouts and exits too ("Error handling")."""


@dataclass(frozen=True)
class Outcome:
    """What is answered, and whether it is an error of the function."""

    name: str
    body: str
    error_type: str = ""

    @property
    def good(self) -> bool:
        """Whether the function returned."""
        return not self.error_type


def returned(text: str) -> Outcome:
    """The function returned."""
    return Outcome("returned", text)


def raised(error: Mapping[str, object]) -> Outcome:
    """The function raised an exception."""
    return _failure("raised", error)


def timed_out(seconds: int) -> Outcome:
    """The function took too long, and its instance was killed."""
    return _failure("timed_out", {"errorMessage": f"Function timed out after {seconds} seconds"})


def exited() -> Outcome:
    """The process ended by itself, or was killed."""
    message = "Process exited unexpectedly before completing request"
    return _failure("exited", {"errorMessage": message})


def _failure(name: str, body: Mapping[str, object]) -> Outcome:
    return Outcome(name, json.dumps(body), UNHANDLED)
