"""An invocation as it was asked for, and each run that was made of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localcloud.actions import Json
    from localcloud.functions.specs import FunctionSpec

SYNC, ASYNC = TYPES = ("Sync", "Async")


@dataclass(frozen=True)
class Invocation:
    """What is to be run; the type is one of ``TYPES``."""

    spec: FunctionSpec
    request_id: str
    payload: bytes
    qualifier: str
    type: str = SYNC
    task_id: str = ""


@dataclass
class Attempt:
    """One run of an invocation; times are the cloud's, and ``end`` is None while it goes on."""

    function: str
    request_id: str
    type: str
    task_id: str
    qualifier: str
    attempt: int
    start: float
    end: float | None = None
    outcome: str | None = None
    pid: int | None = None

    @classmethod
    def of(cls, invocation: Invocation, attempt: int, start: float) -> Attempt:
        """Return an attempt that is about to begin."""
        return cls(
            function=invocation.spec.name,
            request_id=invocation.request_id,
            type=invocation.type,
            task_id=invocation.task_id,
            qualifier=invocation.qualifier,
            attempt=attempt,
            start=start,
        )

    def row(self) -> Json:
        """Return it as JSON."""
        return asdict(self)
