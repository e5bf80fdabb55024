"""Asynchronous tasks: how far an asynchronous invocation has come ("Asynchronous task mode").

FC 3.0 tells it with GetAsyncTask, FC 2.0 with GetStatefulAsyncInvocation. What the function
returned is shown only where the account was given that preview ("AsyncTask": returnPayload).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localcloud.actions import Json
    from localcloud.functions.invocation import Invocation
    from localcloud.functions.outcomes import Outcome

ENQUEUED, RUNNING, RETRYING = "Enqueued", "Running", "Retrying"
SUCCEEDED, FAILED = "Succeeded", "Failed"
"""The states that occur here ("AsyncTask": status); nothing is stopped and nothing expires."""

LARGEST_RETURN = 1024 * 1024
"""Bytes of a returned payload ("AsyncTask": returnPayload)."""


@dataclass
class Task:
    """One asynchronous invocation; times are the cloud's, in seconds."""

    invocation: Invocation
    events: list[tuple[str, float]] = field(default_factory=list)
    runs: int = 0
    error: str = ""
    returned: str | None = None

    @property
    def id(self) -> str:
        """The id that was given, or else the one that the invocation got."""
        return self.invocation.task_id or self.invocation.request_id

    @property
    def status(self) -> str:
        """The latest state."""
        return self.events[-1][0]

    def enter(self, status: str, now: float) -> None:
        """Note a new state."""
        self.events.append((status, now))
        self.runs += status == RUNNING

    def end(self, outcome: Outcome, now: float) -> None:
        """Note how the last run ended."""
        self.error = outcome.error_type
        self.enter(SUCCEEDED if outcome.good else FAILED, now)
        if self.invocation.spec.return_payload and len(outcome.body.encode()) <= LARGEST_RETURN:
            self.returned = outcome.body

    def row(self, region: str, account: str) -> Json:
        """Return the AsyncTask of FC 3.0, or the StatefulAsyncInvocation of FC 2.0."""
        spec = self.invocation.spec
        if spec.service:
            own: Json = {
                "functionName": spec.name,
                "serviceName": spec.service,
                "invocationId": self.id,
                "invocationPayload": self._payload,
                "invocationErrorMessage": self.error,
            }
        else:
            own = {
                "functionArn": f"acs:fc:{region}:{account}:functions/{spec.name}",
                "taskId": self.id,
                "taskPayload": self._payload,
                "taskErrorMessage": self.error,
            }
        return own | self._common()

    @property
    def _payload(self) -> str:
        return self.invocation.payload.decode("utf-8", "replace")

    def _common(self) -> Json:
        began = [at for status, at in self.events if status == RUNNING]
        ended = [at for status, at in self.events if status in {SUCCEEDED, FAILED}]
        found: Json = {
            "qualifier": self.invocation.qualifier,
            "requestId": self.invocation.request_id,
            "status": self.status,
            "alreadyRetriedTimes": max(0, self.runs - 1),
            "events": [
                {"eventId": number, "status": status, "timestamp": _milliseconds(at)}
                for number, (status, at) in enumerate(self.events, 1)
            ],
        }
        found |= {"startedTime": _milliseconds(began[0])} if began else {}
        if ended:
            duration = _milliseconds(ended[-1] - began[0])
            found |= {"endTime": _milliseconds(ended[-1]), "durationMs": duration}
        return found | ({} if self.returned is None else {"returnPayload": self.returned})


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
