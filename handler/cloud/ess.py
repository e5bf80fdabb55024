"""Auto Scaling 2022-02-22: lifecycle actions and the instances of a scaling group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handler.cloud import ports
from handler.cloud.openapi import OpenApi, bad_answer, text_of
from handler.cloud.ports import HookSettings, LifecycleAction, Page

if TYPE_CHECKING:
    from handler.cloud.openapi import Connection
    from handler.core.model import Hook

# The most that one page may hold (DescribeLifecycleActions, DescribeScalingInstances references).
ACTION_PAGE, INSTANCE_PAGE = 50, 100


class EssOpenApi:
    """Auto Scaling of one region; see `ports.Ess`."""

    def __init__(self, connection: Connection) -> None:
        self._region = connection.region
        self._api = OpenApi("ess", "2022-02-22", connection)

    def complete(self, hook: Hook, result: str | None, client_token: str) -> None:
        """See `ports.Ess.complete`."""
        self._api.call(
            "CompleteLifecycleAction",
            {
                "RegionId": self._region,
                "LifecycleHookId": hook.hook_id,
                "LifecycleActionToken": hook.token,
                "LifecycleActionResult": result,
                "ClientToken": client_token,
            },
        )

    def heartbeat(self, hook: Hook, seconds: int) -> None:
        """See `ports.Ess.heartbeat`. This operation spells its parameters in lower camel case."""
        self._api.call(
            "RecordLifecycleActionHeartbeat",
            {
                "RegionId": self._region,
                "lifecycleHookId": hook.hook_id,
                "lifecycleActionToken": hook.token,
                "heartbeatTimeout": seconds,
            },
        )

    def lifecycle_hook(self, hook_id: str) -> HookSettings | None:
        """See `ports.Ess.lifecycle_hook`."""
        query: dict[str, object] = {"RegionId": self._region, "LifecycleHookIds.1": hook_id}
        body = self._api.call("DescribeLifecycleHooks", query)
        for row in _rows(body, "LifecycleHooks", "LifecycleHook", ports.DESCRIBE_HOOKS):
            if row.get("LifecycleHookId") == hook_id:
                timeout = row.get("HeartbeatTimeout")
                seconds = timeout if isinstance(timeout, int) and timeout > 0 else None
                return HookSettings(_text(row, "LifecycleHookName", ports.DESCRIBE_HOOKS), seconds)
        return None

    def lifecycle_actions(
        self, scaling_activity_id: str, token: str | None = None
    ) -> Page[LifecycleAction]:
        """See `ports.Ess.lifecycle_actions`."""
        body = self._api.call(
            "DescribeLifecycleActions",
            {
                "RegionId": self._region,
                "ScalingActivityId": scaling_activity_id,
                "MaxResults": ACTION_PAGE,
                "NextToken": token,
            },
        )
        rows = _rows(body, "LifecycleActions", "LifecycleAction", ports.DESCRIBE_ACTIONS)
        return Page(tuple(map(_action, rows)), _text(body, "NextToken", ports.DESCRIBE_ACTIONS))

    def scaling_instances(
        self, scaling_group_id: str | None, scaling_activity_id: str | None = None, page: int = 1
    ) -> Page[str]:
        """See `ports.Ess.scaling_instances`."""
        body = self._api.call(
            "DescribeScalingInstances",
            {
                "RegionId": self._region,
                "ScalingGroupId": scaling_group_id,
                "ScalingActivityId": scaling_activity_id,
                "PageNumber": page,
                "PageSize": INSTANCE_PAGE,
            },
        )
        operation = ports.DESCRIBE_SCALING_INSTANCES
        rows = _rows(body, "ScalingInstances", "ScalingInstance", operation)
        ids = tuple(found for row in rows if (found := _text(row, "InstanceId", operation)))
        told = body.get("TotalCount")
        total = told if isinstance(told, int) else 0
        # A full page is not the last one, whatever the total says, or if there is none.
        more = bool(rows) and (page * INSTANCE_PAGE < total or len(rows) >= INSTANCE_PAGE)
        return Page(ids, str(page + 1) if more else None, total)


def _rows(body: dict[str, Any], name: str, nested: str, operation: str) -> list[dict[str, Any]]:
    """A list of objects: flat as version 2022-02-22 answers, or nested as 2014-08-28 did."""
    found = body.get(name)
    if isinstance(found, dict):
        found = found.get(nested)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise bad_answer(operation, f"{name} is not a list")
    return found


def _action(row: dict[str, Any]) -> LifecycleAction:
    """A lifecycle action; whoever waits for its instances must not be told of fewer."""
    found = row.get("InstanceIds")
    if isinstance(found, dict):
        found = found.get("InstanceId")
    listed = found if isinstance(found, list) else []
    ids = [text_of(each, ports.DESCRIBE_ACTIONS, "InstanceIds") for each in listed]
    token = _text(row, "LifecycleActionToken", ports.DESCRIBE_ACTIONS)
    return LifecycleAction(token or "", tuple(filter(None, ids)))


def _text(row: dict[str, Any], field: str, operation: str) -> str | None:
    return text_of(row.get(field), operation, field)
