"""A world with the sample function in both generations, and waiting for what happens later."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.testing import LocalCloud

T = TypeVar("T")

CODE = Path(__file__).parent / "sample"
NEW, OLD, SERVICE = "new", "old", "service"
"""The function of FC 3.0, the one of FC 2.0, and the latter's service."""

PATIENCE = 90.0
"""Seconds after which what is waited for will not happen, on a machine that may stall."""

SHORT_MINUTE = 1.2
"""Makes a wait of half a second one of ten milliseconds."""


def function(name: str = NEW, **changes: object) -> dict[str, Any]:
    """Return a sample function of FC 3.0 on python3.12."""
    return {
        "name": name,
        "code": str(CODE),
        "handler": "index.handler",
        "runtime": "python3.12",
        "timeout": 10,
        **changes,
    }


def world(*functions: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Return a world with these functions, or with one of each generation."""
    both = (function(), function(OLD, service=SERVICE, runtime="python3.10"))
    return {"region": "cn-hangzhou", "functions": list(functions or both), **changes}


def event(do: str = "tell", **more: object) -> bytes:
    """Return an event that makes the sample function do something."""
    return json.dumps({"do": do, **more}).encode()


def until(question: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Ask until the answer is true, and return it."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        if time.monotonic() > end:
            raise TimeoutError("it did not happen")
        time.sleep(0.01)
    return answer


def outcomes(cloud: LocalCloud) -> list[str | None]:
    """Return how the runs so far have ended."""
    return [row["outcome"] for row in cloud.invocations()]
