"""The failed events of `--local`: every end that `redeliver` knows occurs among them."""

from __future__ import annotations

import base64
import json
from typing import Any

Body = dict[str, Any]

# An account that the documentation uses.
ACCOUNT = "1690700000000030"
# Function Compute tells of four tries.
_TRIES = 4


def failures(region: str, function: str, instances: list[str]) -> list[Any]:
    """Messages of a failure queue.

    Args:
        region: of the events.
        function: that failed.
        instances: two or more of the fleet.
    """
    launch = json.dumps(_running(region, instances[0], time="20260302T171503.412+0800"))
    hook = json.dumps(_hook(region, instances[:2]))
    unknown = json.dumps(_running(region, "i-bp1unknown000000000"))
    packed = json.dumps(
        _record(region, function, 14, hook, "NotPermitted", "ecs:DescribeInstances")
    )
    return [
        _record(region, function, 11, launch, "Retryable", "1 instance is not visible yet"),
        base64.b64encode(packed.encode()).decode(),
        _record(region, function, 17, launch[:90], "Unexpected", "KeyError at index.py:1"),
        _record(region, "payments", 20, launch, "ValueError", "no such order"),
        "a text that somebody has sent",
        _record(region, function, 25, unknown, "Retryable", "1 instance is not visible yet"),
    ]


def _record(region: str, function: str, minute: int, payload: str, kind: str, said: str) -> Body:
    """A failure record of Function Compute ("Result callback": the event of a destination)."""
    return {
        "timestamp": f"2026-03-02T09:{minute}:00.000Z",
        "requestContext": {
            "requestId": f"1-69a559f7-{minute:016d}",
            "functionArn": f"acs:fc:{region}:{ACCOUNT}:functions/{function}",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": _TRIES,
        },
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "functionError": "UnhandledInvocationError"},
        "responsePayload": json.dumps({"errorMessage": said, "errorType": kind}),
    }


def _running(region: str, instance: str, time: str | None = None) -> Body:
    """An instance runs, as CloudMonitor tells it; without a time it never grows old."""
    happened = {} if time is None else {"eventTime": time}
    content = {"resourceId": instance, "resourceType": "ALIYUN::ECS::Instance", "state": "Running"}
    return happened | {
        "product": "ECS",
        "resourceId": f"acs:ecs:{region}:{ACCOUNT}:instance/{instance}",
        "level": "INFO",
        "name": "Instance:StateChange",
        "regionId": region,
        "content": content,
    }


def _hook(region: str, instances: list[str]) -> Body:
    """A lifecycle hook for scale-out, which has timed out by now."""
    return {
        "userId": ACCOUNT,
        "regionId": region,
        "content": {
            "lifecycleHookId": "ash-bp1scaleouthook0001",
            "lifecycleActionToken": "9C2E9DA7-F794-449A-ACF6-CEE24444F7BB",
            "lifecycleHookName": "secondary-ips",
            "scalingGroupId": "asg-bp1web",
            "lifecycleTransition": "SCALE_OUT",
            "defaultResult": "ABANDON",
            "scalingActivityId": "asa-bp1scaleout00000001",
            "instanceIds": instances,
        },
    }
