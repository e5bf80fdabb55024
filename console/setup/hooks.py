"""What a lifecycle hook of Auto Scaling must be, so that the function hears of it: pure.

A hook notifies whom its `NotificationArn` names, and nobody without one; Auto Scaling shows that as
`acs:ess:...:null/null`. Only the hook of our name is touched.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

NAME = "secondary-ips"
# Room for waiting until an instance is visible, one throttled minute and a retry.
TIMEOUT_SECONDS = 600


class Via(str, Enum):
    """How the function hears of a hook."""

    TOPIC = "topic"
    EVENTBRIDGE = "eventbridge"

    def __str__(self) -> str:
        """The bare word, on every Python version."""
        return self.value


def arn(region: str, account: str, via: Via, topic: str) -> str:
    """Whom a hook notifies (Auto Scaling, CreateLifecycleHook: NotificationArn)."""
    if via is Via.EVENTBRIDGE:
        return f"acs:eventbridge:{region}:{account}:eventbus/default"
    return f"acs:mns:{region}:{account}:topic/{topic}"


def wanted(notified: str) -> dict[str, Any]:
    """The hook of a scaling group; a longer timeout than this one is left as it is."""
    return {
        "LifecycleHookName": NAME,
        "LifecycleTransition": "SCALE_OUT",
        "DefaultResult": "ABANDON",
        "HeartbeatTimeout": TIMEOUT_SECONDS,
        "NotificationArn": notified,
        "LifecycleHookStatus": "Active",
    }
