"""Numbers on the command line: what is refused names what was found and what is allowed."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

_WHOLE, _DECIMAL = re.compile(r"-?[0-9]{1,18}"), re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")


def whole(least: int, most: int | None = None) -> Callable[[object], int]:
    """A parser of whole numbers from `least` to `most`."""

    def parse(given: object) -> int:
        text = str(given)
        if _WHOLE.fullmatch(text) and least <= int(text) <= (math.inf if most is None else most):
            return int(text)
        raise _refused(text, "a whole number", least, most)

    return parse


def seconds(least: float, most: float) -> Callable[[object], float]:
    """A parser of seconds from `least` to `most`, with or without decimals."""

    def parse(given: object) -> float:
        text = str(given)
        if _DECIMAL.fullmatch(text) and least <= float(text) <= most:
            return float(text)
        raise _refused(text, "seconds", least, most)

    return parse


def _refused(text: str, kind: str, least: float, most: float | None) -> typer.BadParameter:
    allowed = f"{kind}, {least} or more" if most is None else f"{kind}, {least} to {most}"
    return typer.BadParameter(f"found {text!r}; allowed: {allowed}")
