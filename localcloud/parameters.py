"""Reading the parameters of a call: typed, and nothing may be left over.

The cloud ignores parameters it does not know. Here they are refused, so that a misspelt or
unserved parameter is found by the first call that carries it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from localcloud.errors import ApiError, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_TAGS = 20
"""Tags a query can name (DescribeNetworkInterfaces, Tag.N)."""

LONGEST_TOKEN = 64
"""Characters of a ClientToken (AssignPrivateIpAddresses, ClientToken)."""


class Given:
    """The parameters of one call, each of which must be asked for."""

    def __init__(self, parameters: Mapping[str, str], region: str) -> None:
        self._parameters = parameters
        self._region = region
        self._left = set(parameters)

    def text(self, name: str) -> str:
        """Return a string; empty when it was not given."""
        self._left.discard(name)
        return self._parameters.get(name, "")

    def required(self, name: str) -> str:
        """Return a string that must be given."""
        value = self.text(name)
        if not value:
            raise missing(name)
        return value

    def region(self, *, required: bool = True) -> None:
        """Check that the call is about the region served here."""
        region = self.required("RegionId") if required else self.text("RegionId")
        if region and region != self._region:
            raise refusal("Forbidden.RegionId", f'"{region}" is not the region served here.')

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """Return one of the allowed strings; empty when it was not given."""
        value = self.text(name)
        if value and value not in allowed:
            raise invalid(name, f"must be one of {', '.join(allowed)}")
        return value

    def whole(self, name: str, low: int, high: int | None = None) -> int | None:
        """Return an integer between the bounds; None when it was not given."""
        text = self.text(name)
        if not text:
            return None
        number = _integer(text)
        if number is None or number < low or (high is not None and number > high):
            limits = f"from {low} to {high}" if high is not None else f"of at least {low}"
            raise invalid(name, f"must be an integer {limits}")
        return number

    def clamped(self, name: str, low: int, high: int) -> int | None:
        """Return an integer, or the bound that it exceeds, as some actions document."""
        number = self.whole(name, 0)
        return None if number is None else max(low, min(high, number))

    def flag(self, name: str) -> bool | None:
        """Return a boolean; None when it was not given."""
        text = self.choice(name, ("true", "false", "True", "False"))
        return text.lower() == "true" if text else None

    def many(self, name: str, most: int | None = None) -> tuple[str, ...]:
        """Return the values of ``name.1``, ``name.2`` and so on."""
        numbered = self._numbered(re.compile(rf"{re.escape(name)}\.(\d+)"), name, most)
        return tuple(self.text(f"{name}.{number}") for number in numbered)

    def tags(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs ``Tag.N.Key`` and ``Tag.N.Value``; an empty value matches any."""
        numbered = self._numbered(re.compile(r"Tag\.(\d+)\.(?:Key|Value)"), "Tag", MOST_TAGS)
        return tuple(
            (self.required(f"Tag.{number}.Key"), self.text(f"Tag.{number}.Value"))
            for number in numbered
        )

    def json_list(self, name: str, most: int) -> tuple[str, ...]:
        """Return the strings of a JSON array; empty when it was not given."""
        text = self.text(name)
        if not text:
            return ()
        try:
            values = json.loads(text)
        except ValueError:
            values = None
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise invalid(name, "must be a JSON array of strings")
        if not 1 <= len(values) <= most:
            raise invalid(name, f"must hold 1 to {most} values")
        return tuple(values)

    def client_token(self) -> str:
        """Return the ClientToken; empty when it was not given."""
        token = self.text("ClientToken")
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise invalid("ClientToken", f"must be at most {LONGEST_TOKEN} ASCII characters")
        return token

    def nothing_left(self) -> None:
        """Raise if anything was given that nobody asked for."""
        for name in sorted(self._left):
            raise refusal(
                "UnsupportedParameter", f'The parameter "{name}" is not served by the local cloud.'
            )

    def _numbered(self, pattern: re.Pattern[str], name: str, most: int | None) -> list[int]:
        matches = (pattern.fullmatch(given) for given in self._parameters)
        numbers = sorted({int(match[1]) for match in matches if match})
        if numbers != list(range(1, len(numbers) + 1)):
            raise invalid(name, "must be numbered 1, 2, 3 and so on")
        if most is not None and len(numbers) > most:
            raise invalid(name, f"must be given at most {most} times")
        return numbers


def missing(name: str) -> ApiError:
    """Return the error for a parameter that must be given."""
    return refusal(
        "MissingParameter",
        f'The input parameter "{name}" that is mandatory for processing this request is not '
        "supplied.",
        status=400,
    )


def invalid(name: str, why: str) -> ApiError:
    """Return the error for a value that cannot be."""
    return refusal("InvalidParameter", f'The specified parameter "{name}" is not valid: {why}.')


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None
