"""Records as SLS takes them: one JSON object a line on stdout, one write a line, no secrets.

Results are written whatever LOG_LEVEL is, because an ENI whose record is missing is an ENI lost;
the level holds back what only explains them.
"""

from __future__ import annotations

import json
import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping

# Function Compute cuts one write at 32 KiB (older) or 128 KiB; half of the smaller leaves room.
MAX_BYTES = 16_000
# What is shorter is not a secret, and replacing it would spoil the line.
SECRET_LENGTH = 8
HELD_BACK = ("api_error", "event_ignored")
FIRST = ("timestamp", "level", "record_type", "request_id", "region")
_RANK = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_ENCODED = re.compile("%[0-9A-F]{2}")
# Ids, addresses, times, tokens of ours, and words as this code has them: nothing that an event says
# can blank them out.
_OURS = re.compile(
    r"[a-z][a-z0-9_.]*|[A-Z]+|[a-z]{1,6}-[A-Za-z0-9-]{1,64}|[a-z]{2}(-[a-z0-9]+)+"
    r"|[0-9.]+(/[0-9]+)?|[0-9a-f]{64}|[0-9T:.Z+-]+"
)

Record = dict[str, Any]
T = TypeVar("T")


class HookToken(str):
    """The token of a lifecycle hook: a secret, but whoever wrote the event may have chosen it.

    It is hidden in free text, and nowhere else: a token such as "eni_result" hides no record.
    """

    __slots__ = ()


class RecordLog:
    """A `records.Log` for one invocation.

    Args:
        base: fields of every record (request_id, region).
        level: LOG_LEVEL.
        secrets: gives the values that must not appear, as they are at the time of writing.
    """

    def __init__(
        self, base: Record, level: str = "INFO", secrets: Callable[[], Iterable[str]] = tuple
    ) -> None:
        self._least = _RANK[level.lower()]
        self._secrets = secrets
        self._logger = structlog.wrap_logger(
            structlog.WriteLogger(sys.stdout),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.EventRenamer("record_type"),
                self._render,
                _bounded,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(0),
        ).bind(**base)

    def write(self, record_type: str, level: str = "info", **fields: object) -> None:
        """Write one record; see `records.Log`."""
        if record_type not in HELD_BACK or _RANK[level] >= self._least:
            getattr(self._logger, level)(record_type, **fields)

    def hidden(self, text: str) -> str:
        """The text without the secrets in use; done before any of it is cut away."""
        return without(text, self._secrets())

    def _render(self, _logger: object, _method: str, record: MutableMapping[str, Any]) -> str:
        """One line. Secrets are taken out of values, so that the line stays one JSON object."""
        ordered = {key: record[key] for key in FIRST if key in record} | dict(record)
        line = json.dumps(ordered, default=str)
        return line if self.hidden(line) == line else json.dumps(withheld(ordered, self.hidden))


def without(text: str, secrets: Iterable[str]) -> str:
    """A text without these values: as they are, in JSON, and encoded for a URL, also twice.

    A URL may keep slashes, and may spell what is encoded in small letters.
    """
    ours = _OURS.fullmatch(text) is not None
    for secret in secrets:
        if len(secret) >= SECRET_LENGTH and not (ours and isinstance(secret, HookToken)):
            for form in _forms(secret):
                text = text.replace(form, "***")
    return text


@lru_cache(maxsize=8)  # every record is searched for the same few
def _forms(secret: str) -> frozenset[str]:
    once = {quote(secret, safe=safe) for safe in ("", "/")}
    encoded = once | {quote(each, safe=safe) for each in once for safe in ("", "/")}
    small = {_ENCODED.sub(lambda found: found[0].lower(), each) for each in encoded}
    return frozenset({secret, json.dumps(secret)[1:-1]} | encoded | small)


def withheld(value: T, hidden: Callable[[str], str]) -> T:
    """A JSON value without the secrets in its texts.

    Args:
        value: what is to be written.
        hidden: gives a text without them.
    """
    text = json.dumps(value, default=str)
    return value if hidden(text) == text else _withheld(value, hidden)


def _withheld(value: Any, hidden: Callable[[str], str]) -> Any:  # noqa: ANN401  (any JSON)
    if isinstance(value, dict):
        return {hidden(str(key)): _withheld(each, hidden) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_withheld(each, hidden) for each in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return hidden(str(value))


def _bounded(_logger: object, _method: str, line: Any) -> str:  # noqa: ANN401
    text = str(line)
    while len(text) > MAX_BYTES:
        text = json.dumps(shortened(json.loads(text)))
    return text


def shortened(record: Record) -> Record:
    """The same record with its bulkiest list or text cut by half, which `truncated` says."""

    def bulk(key: str) -> int:
        value = record[key]
        return len(json.dumps(value, default=str)) if isinstance(value, (list, str, dict)) else 0

    longest = max((key for key in record if key != "truncated"), key=bulk)
    value = record[longest]
    half = value[: len(value) // 2] if isinstance(value, (list, str)) else str(value)[:1000]
    told = sorted({*record.get("truncated", []), longest})
    return {**record, longest: half, "truncated": told}
