"""A function that does what its event says: ``{"do": name, ...}``."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

_initialized = 0


def initialize(context: Any) -> None:
    """Count, or fail if the environment says so."""
    global _initialized  # noqa: PLW0603 - what lives as long as the instance is the point
    _initialized += 1
    if "FAIL_TO_INITIALIZE" in os.environ:
        raise RuntimeError(f"no initialization for {context.function.name}")


def handler(event: bytes, context: Any) -> Any:
    """Do it."""
    ask = json.loads(event or b"{}")
    return _DEEDS[ask.get("do", "tell")](ask, context)


def pre_stop(context: Any) -> None:
    """Leave a sign."""
    if "LAST_WORDS" in os.environ:
        Path(os.environ["LAST_WORDS"]).write_text(context.function.name, encoding="utf-8")


def _tell(_: Any, context: Any) -> Any:
    """Everything that the runtime told."""
    return {
        "pid": os.getpid(),
        "initialized": _initialized,
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "context": json.loads(json.dumps(context, default=_fields)),
    }


def _fields(value: Any) -> Any:
    return "a logger" if isinstance(value, logging.Logger) else vars(value)


def _fail(ask: Any, _: Any) -> None:
    raise ValueError(ask.get("why", "no reason"))


def _end(_: Any, __: Any) -> None:
    raise SystemExit("the end")


def _sleep(ask: Any, _: Any) -> str:
    time.sleep(ask["seconds"])
    return "slept"


def _write(ask: Any, context: Any) -> None:
    sys.stdout.write(ask["text"] * ask.get("times", 1))
    sys.stderr.write("to stderr\n")
    os.write(1, b"past Python")
    context.logger.info("by the logger")


def _try(ask: Any, _: Any) -> str:
    """Go wrong once in each of the ways, remembered in a file across instances, then succeed."""
    tried = Path(ask["file"])
    left = tried.read_text(encoding="utf-8").split() if tried.exists() else ask["ways"]
    if not left:
        return "in the end"
    tried.write_text(" ".join(left[1:]), encoding="utf-8")
    return str(_DEEDS[left[0]]({"seconds": 60}, None))


def _give(ask: Any, _: Any) -> Any:
    return ask["value"]


def _unserialisable(_: Any, __: Any) -> Any:
    return object()


_DEEDS = {
    "tell": _tell,
    "fail": _fail,
    "end": _end,
    "sleep": _sleep,
    "write": _write,
    "try": _try,
    "give": _give,
    "unserialisable": _unserialisable,
}
