"""Auto Scaling through its SDK, as far as the lifecycle hook of a scaling group goes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from alibabacloud_ess20220222 import models
from alibabacloud_ess20220222.client import Client

from console.setup.access import Access, Refused, told
from console.setup.desired import Body
from console.setup.hooks import NAME

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# Kinds of scaling groups, and ids in a call (Auto Scaling, DescribeScalingGroups).
ECS, MOST_GROUPS = "ECS", 20
MOST = 50  # hooks on a page; a group may have 10, unless that quota was raised
_OURS = ("DefaultResult", "HeartbeatTimeout", "LifecycleTransition", "NotificationArn")
_SENT = (*_OURS, "LifecycleHookId", "LifecycleHookStatus", "NotificationMetadata")


class Scaling:
    """The scaling groups of a region."""

    def __init__(self, region: str, access: Access) -> None:
        self._region = region
        self._client = Client(access.config("ESS", None))

    def types(self, groups: tuple[str, ...]) -> dict[str, str]:
        """What kind of instances each has; groups that are not there are left out."""
        found: dict[str, str] = {}
        for start in range(0, len(groups), MOST_GROUPS):
            request = models.DescribeScalingGroupsRequest(
                region_id=self._region,
                scaling_group_ids=list(groups[start : start + MOST_GROUPS]),
                page_size=MOST,
            )
            answer = _asked(partial(self._client.describe_scaling_groups, request))
            rows = answer.body.scaling_groups or []
            found |= {each.scaling_group_id: each.group_type or ECS for each in rows}
        return found

    def read(self, group: str) -> Body:
        """The hook of our name; raises `Refused`, `missing` if the group has none."""
        request = models.DescribeLifecycleHooksRequest(
            region_id=self._region, scaling_group_id=group, page_size=MOST
        )
        found = _asked(lambda: self._client.describe_lifecycle_hooks(request))
        for hook in found.body.lifecycle_hooks or []:
            if hook.lifecycle_hook_name == NAME:
                shown: Body = hook.to_map()
                return shown
        raise Refused("NotExist", f"no hook {NAME} in {group}")

    def create(self, group: str, body: Body) -> None:
        """Make it; it is active from the beginning."""
        sent = {name: body[name] for name in (*_OURS, "LifecycleHookName")}
        request = models.CreateLifecycleHookRequest().from_map(sent | {"ScalingGroupId": group})
        _asked(lambda: self._client.create_lifecycle_hook(request))

    def update(self, _group: str, body: Body) -> None:
        """Change it; what others wrote into its notifications stays."""
        sent = {name: body[name] for name in _SENT if name in body}
        request = models.ModifyLifecycleHookRequest().from_map(sent | {"RegionId": self._region})
        _asked(lambda: self._client.modify_lifecycle_hook(request))


def _asked(call: Callable[[], T]) -> T:
    """One call. A scaling group that is not there is nothing that could be made, or waited for."""
    try:
        return told(call)
    except Refused as refused:
        refused.missing = False
        raise
