"""The error codes of Alibaba Cloud as data, so that status and message never stand in the code.

``data/assign-errors.json`` is the table of the AssignPrivateIpAddresses page; the codes that every
action can answer with are in ``data/common-errors.json``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class ErrorRow:
    """One row of a documented error table; each ``%s`` in the message is filled by the server."""

    status: int
    code: str
    message: str

    @property
    def blanks(self) -> int:
        """How many texts the server has to fill in."""
        return self.message.count("%s")


class ApiError(Exception):
    """A refusal as the caller sees it: HTTP status, error code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@cache
def error_rows() -> tuple[ErrorRow, ...]:
    """Return every known row, those of the AssignPrivateIpAddresses page first and in its order."""
    tables = [
        json.loads((_DATA / name).read_text(encoding="utf-8"))["errors"]
        for name in ("assign-errors.json", "common-errors.json")
    ]
    return tuple(ErrorRow(*row) for table in tables for row in table)


def find_row(code: str, *, status: int | None = None, blanks: int | None = None) -> ErrorRow | None:
    """Return the row of ``code``; two codes stand twice and differ in status or in blanks."""
    rows = (row for row in error_rows() if row.code == code)
    fitting = (
        row
        for row in rows
        if (status is None or row.status == status) and (blanks is None or row.blanks == blanks)
    )
    return next(fitting, None)


def refusal(code: str, *texts: object, status: int | None = None) -> ApiError:
    """Return the documented error ``code``, its blanks filled with ``texts``."""
    row = find_row(code, status=status, blanks=len(texts))
    if row is None:
        raise LookupError(f"no row for {code} with status {status} and {len(texts)} blanks")
    return ApiError(row.status, row.code, row.message % texts)
