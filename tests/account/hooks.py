"""Auto Scaling: the lifecycle hooks of scaling groups.

Actions, parameters and codes: alibabacloud_ess20220222 1.13.3, and the pages of these actions in
https://api.aliyun.com, version 2022-02-22.
"""

from __future__ import annotations

import re
from typing import Any

from localcloud.errors import ApiError

Body = dict[str, Any]

SCALING = "2022-02-22"
MOST = 20  # of one group: ten, and an account may have asked for more
GROUP = "asg-bp1webfleet00000001"
_MAY = {"DefaultResult", "HeartbeatTimeout", "NotificationArn", "NotificationMetadata"}
_IDS = {f"ScalingGroupIds.{number}" for number in range(1, 21)}
ACTIONS: dict[tuple[str, str], tuple[set[str], set[str]]] = {
    (SCALING, "DescribeScalingGroups"): ({"RegionId"}, {"PageSize", *_IDS}),
    (SCALING, "DescribeLifecycleHooks"): ({"RegionId", "ScalingGroupId"}, {"PageSize"}),
    (SCALING, "CreateLifecycleHook"): (
        {"ScalingGroupId", "LifecycleTransition"},
        {"LifecycleHookName", *_MAY},
    ),
    (SCALING, "ModifyLifecycleHook"): (
        {"RegionId", "LifecycleHookId"},
        {"LifecycleTransition", "LifecycleHookStatus", *_MAY},
    ),
    (SCALING, "DeleteLifecycleHook"): ({"RegionId", "LifecycleHookId"}, set()),
}
_ARN = re.compile(
    r"acs:(mns:[^:]+:\d+:(queue|topic)/[A-Za-z0-9-]+|eventbridge:[^:]+:\d+:eventbus/default"
    r"|oos:[^:]+:\d+:template/\S+)"
)


class Hooks:
    """The hooks of the scaling groups that there are, by their ids."""

    def __init__(self) -> None:
        self.groups = {GROUP}
        self.group_types: dict[str, str] = {}  # of those that are not of ECS
        self.hooks: dict[str, Body] = {}

    def _DescribeScalingGroups(self, given: Body) -> Body:  # noqa: N802  (an action's name)
        asked = {given[name] for name in _IDS & set(given)} or self.groups
        rows = [
            {"ScalingGroupId": each, "GroupType": self.group_types.get(each, "ECS")}
            for each in sorted(asked & self.groups)
        ]
        size = int(given.get("PageSize", "10"))
        return {"ScalingGroups": rows[:size], "TotalCount": len(rows), "PageNumber": 1}

    def _DescribeLifecycleHooks(self, given: Body) -> Body:  # noqa: N802
        group = self._group(given)
        found = [hook for hook in self.hooks.values() if hook["ScalingGroupId"] == group]
        size = int(given.get("PageSize", "10"))
        return {"LifecycleHooks": found[:size], "TotalCount": len(found), "PageNumber": 1}

    def _CreateLifecycleHook(self, given: Body) -> Body:  # noqa: N802
        group = self._group(given)
        own = [hook for hook in self.hooks.values() if hook["ScalingGroupId"] == group]
        if given.get("LifecycleHookName") in {hook["LifecycleHookName"] for hook in own}:
            raise ApiError(400, "InvalidLifecycleHookName.Duplicate", "the name is taken")
        if len(own) >= MOST:
            raise ApiError(400, "QuotaExceeded.LifecycleHook", f"{MOST} hooks")
        hook_id = f"ash-bp1hook{len(self.hooks):010d}"
        nobody = "acs:ess:cn-hangzhou:1690700000000030:null/null"
        defaults = {"DefaultResult": "CONTINUE", "HeartbeatTimeout": 600, "NotificationArn": nobody}
        self.hooks[hook_id] = {
            **defaults,
            "LifecycleHookId": hook_id,
            "LifecycleHookName": hook_id,
            "LifecycleHookStatus": "Active",
            **_checked(given),
        }
        return {"LifecycleHookId": hook_id}

    def _ModifyLifecycleHook(self, given: Body) -> Body:  # noqa: N802
        hook = self.hooks.get(given["LifecycleHookId"])
        if hook is None:
            raise ApiError(400, "InvalidLifecycleHookId.NotExist", given["LifecycleHookId"])
        # The page does not say what becomes of metadata that is left out: here it is lost.
        hook.pop("NotificationMetadata", None)
        hook.update({key: it for key, it in _checked(given).items() if key != "RegionId"})
        return {}

    def _DeleteLifecycleHook(self, given: Body) -> Body:  # noqa: N802
        if self.hooks.pop(given["LifecycleHookId"], None) is None:
            raise ApiError(400, "InvalidLifecycleHookId.NotExist", given["LifecycleHookId"])
        return {}

    def _group(self, given: Body) -> str:
        group = str(given["ScalingGroupId"])
        if group not in self.groups:
            raise ApiError(404, "InvalidScalingGroupId.NotFound", f"{group} does not exist")
        return group


def _checked(given: Body) -> Body:
    """The fields, in their types; refused where a value is none that Auto Scaling knows."""
    arn = given.get("NotificationArn")
    if arn is not None and not _ARN.fullmatch(arn):
        raise ApiError(400, "InvalidNotificationArn", arn)
    if given.get("LifecycleTransition", "SCALE_OUT") not in {"SCALE_OUT", "SCALE_IN"}:
        raise ApiError(400, "InvalidParameter", given["LifecycleTransition"])
    if "HeartbeatTimeout" not in given:
        return given
    seconds = int(given["HeartbeatTimeout"])
    if not 30 <= seconds <= 21_600:
        raise ApiError(400, "InvalidParameter", "HeartbeatTimeout")
    return given | {"HeartbeatTimeout": seconds}
