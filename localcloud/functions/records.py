"""What is sent to the destination of an asynchronous invocation that failed in every try."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from localcloud.ecs_rows import ACCOUNT

if TYPE_CHECKING:
    from localcloud.actions import Json
    from localcloud.functions.invocation import Invocation
    from localcloud.functions.outcomes import Outcome


def failure_record(
    invocation: Invocation, outcome: Outcome, runs: int, region: str, now: float
) -> Json:
    """Return the record (Function Compute, "Result callback": the event of a destination)."""
    moment = datetime.fromtimestamp(now, timezone.utc)
    return {
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": _arn(invocation, region),
            "condition": "RetriesExhausted",
            "approximateInvokeCount": runs,
        },
        "requestPayload": invocation.payload.decode("utf-8", "replace"),
        "responseContext": {"statusCode": 200, "functionError": outcome.error_type},
        "responsePayload": outcome.body,
    }


def _arn(invocation: Invocation, region: str) -> str:
    spec = invocation.spec
    if not spec.service:
        return f"acs:fc:{region}:{ACCOUNT}:functions/{spec.name}"
    service = f"services/{spec.service}.{invocation.qualifier}"
    return f"acs:fc:{region}:{ACCOUNT}:{service}/functions/{spec.name}"
