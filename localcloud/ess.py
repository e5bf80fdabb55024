"""ESS: lifecycle hooks, and which instances a scaling group holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from localcloud.ecs_rows import BEGINNING
from localcloud.errors import refusal
from localcloud.model import (
    LIFECYCLE_RESULTS,
    LIFECYCLE_STATUSES,
    Instance,
    LifecycleAction,
)
from localcloud.paging import PageWish, by_number, by_token
from localcloud.parameters import Given, invalid
from localcloud.products import ESS

if TYPE_CHECKING:
    from localcloud.actions import Json
    from localcloud.state import Cloud, View

HEARTBEAT = (30, 21_600)
DEFAULT_HEARTBEAT = 600
MOST_HEARTBEATS = 20
LONGEST_WAIT = 6 * 3600
"""Seconds and counts (RecordLifecycleActionHeartbeat)."""

ACTION_PAGE = (1, 50)
INSTANCE_PAGE = 100
"""MaxResults (DescribeLifecycleActions) and PageSize (DescribeScalingInstances)."""

HOOK_PAGE, MOST_HOOKS = 50, 50
"""PageSize and LifecycleHookIds.N (DescribeLifecycleHooks)."""

MOST_INSTANCES = 20
"""InstanceIds.N (DescribeScalingInstances)."""

INSTANCE_STATES = (
    "InService",
    "Pending",
    "Pending:Wait",
    "Protected",
    "Standby",
    "Stopped",
    "Removing",
    "Removing:Wait",
)


@dataclass(frozen=True)
class CompleteAsk:
    """What a CompleteLifecycleAction call wants; no result stands for the default one."""

    hook_id: str
    token: str
    result: str


def _read_complete(given: Given) -> CompleteAsk:
    given.region(required=False)
    return CompleteAsk(
        given.required("LifecycleHookId"),
        given.required("LifecycleActionToken"),
        given.choice("LifecycleActionResult", LIFECYCLE_RESULTS),
    )


@ESS.writes("CompleteLifecycleAction", _read_complete, idempotent=True)
def complete_lifecycle_action(cloud: Cloud, ask: CompleteAsk) -> Json:
    """End the wait of a lifecycle hook ahead of time."""
    action = _in_process(cloud, ask.hook_id, ask.token)
    cloud.put_lifecycle_action(replace(action, result=ask.result or action.default_result))
    return {}


@dataclass(frozen=True)
class HeartbeatAsk:
    """What a RecordLifecycleActionHeartbeat call wants."""

    hook_id: str
    token: str
    seconds: int


def _read_heartbeat(given: Given) -> HeartbeatAsk:
    given.region(required=False)
    return HeartbeatAsk(
        given.required("lifecycleHookId"),
        given.required("lifecycleActionToken"),
        given.whole("heartbeatTimeout", *HEARTBEAT) or DEFAULT_HEARTBEAT,
    )


@ESS.writes("RecordLifecycleActionHeartbeat", _read_heartbeat)
def record_lifecycle_action_heartbeat(cloud: Cloud, ask: HeartbeatAsk) -> Json:
    """Let a lifecycle hook wait longer."""
    action = _in_process(cloud, ask.hook_id, ask.token)
    deadline = cloud.clock.now() + ask.seconds
    if action.heartbeats >= MOST_HEARTBEATS:
        raise refusal("LifecycleAction.RecordTimesExceeded")
    if deadline > action.started + LONGEST_WAIT:
        raise refusal("LifecycleAction.TimeExceeded")
    cloud.put_lifecycle_action(replace(action, deadline=deadline, heartbeats=action.heartbeats + 1))
    return {}


def _in_process(cloud: Cloud, hook_id: str, token: str) -> LifecycleAction:
    for action in cloud.lifecycle_actions.all():
        named = action.hook_id == hook_id and action.token == token
        if named and action.status_at(cloud.clock.now()) == "Pending":
            return action
    raise refusal("LifecycleHookIdAndLifecycleActionToken.Invalid")


@dataclass(frozen=True)
class ActionQuery:
    """A question for lifecycle actions."""

    page: PageWish
    activity: str
    status: str


def _read_actions(given: Given) -> ActionQuery:
    given.region(required=False)
    return ActionQuery(
        by_token(given, *ACTION_PAGE),
        given.required("ScalingActivityId"),
        given.choice("LifecycleActionStatus", LIFECYCLE_STATUSES),
    )


@ESS.reads("DescribeLifecycleActions", _read_actions)
def describe_lifecycle_actions(view: View, query: ActionQuery) -> Json:
    """List the lifecycle actions of a scaling activity."""
    found = [
        action
        for action in view.lifecycle_actions()
        if action.scaling_activity == query.activity
        and query.status in ("", action.status_at(view.moment))
    ]
    page = query.page.cut(found)
    return {
        "TotalCount": page.total,
        "NextToken": page.next_token,
        "MaxResults": page.size,
        "LifecycleActions": [_action_row(view, action) for action in page.items],
    }


def _action_row(view: View, action: LifecycleAction) -> Json:
    return {
        "LifecycleActionStatus": action.status_at(view.moment),
        "LifecycleActionResult": action.effective_result,
        "InstanceIds": list(action.instance_ids),
        "LifecycleActionToken": action.token,
        "LifecycleHookId": action.hook_id,
    }


@dataclass(frozen=True)
class HookQuery:
    """A question for lifecycle hooks."""

    page: PageWish
    group: str
    name: str
    ids: tuple[str, ...]


def _read_hooks(given: Given) -> HookQuery:
    given.region()
    return HookQuery(
        by_number(given, HOOK_PAGE),
        given.text("ScalingGroupId"),
        given.text("LifecycleHookName"),
        given.many("LifecycleHookIds", MOST_HOOKS),
    )


@ESS.reads("DescribeLifecycleHooks", _read_hooks)
def describe_lifecycle_hooks(view: View, query: HookQuery) -> Json:
    """List the lifecycle hooks: those that the world's lifecycle actions come from."""
    hooks = {action.hook_id: action for action in view.lifecycle_actions()}
    found = [
        hook
        for hook in hooks.values()
        if query.group in ("", hook.scaling_group)
        and query.name in ("", hook.hook_name)
        and (not query.ids or hook.hook_id in query.ids)
    ]
    page = query.page.cut(found)
    return {
        "TotalCount": page.total,
        "PageNumber": page.number,
        "PageSize": page.size,
        "LifecycleHooks": [_hook_row(hook) for hook in page.items],
    }


def _hook_row(hook: LifecycleAction) -> Json:
    return {
        "LifecycleHookId": hook.hook_id,
        "LifecycleHookName": hook.hook_name,
        "LifecycleHookStatus": "Active",
        "LifecycleTransition": "SCALE_OUT",
        "ScalingGroupId": hook.scaling_group,
        "HeartbeatTimeout": hook.timeout,
        "DefaultResult": hook.default_result,
        "NotificationArn": "",
        "NotificationMetadata": "",
    }


@dataclass(frozen=True)
class InstanceQuery:
    """A question for the instances of scaling groups."""

    page: PageWish
    group: str
    activity: str
    ids: tuple[str, ...]
    states: tuple[str, ...]


def _read_instances(given: Given) -> InstanceQuery:
    given.region()
    states = given.many("LifecycleStates")
    for state in states:
        if state not in INSTANCE_STATES:
            raise invalid("LifecycleStates", f"{state} is none")
    one_state = given.choice("LifecycleState", INSTANCE_STATES)
    if states and one_state:
        raise invalid("LifecycleState", "LifecycleStates is given too")
    return InstanceQuery(
        by_number(given, INSTANCE_PAGE),
        given.text("ScalingGroupId"),
        given.text("ScalingActivityId"),
        given.many("InstanceIds", MOST_INSTANCES),
        states or ((one_state,) if one_state else ()),
    )


@ESS.reads("DescribeScalingInstances", _read_instances)
def describe_scaling_instances(view: View, query: InstanceQuery) -> Json:
    """List the instances that belong to a scaling group."""
    actions = list(view.lifecycle_actions())
    rows = [
        _instance_row(view, instance, actions)
        for instance in view.instances()
        if instance.scaling_group
        and query.group in ("", instance.scaling_group)
        and (not query.ids or instance.id in query.ids)
    ]
    found = [
        row
        for row in rows
        if query.activity in ("", row["ScalingActivityId"])
        and (not query.states or row["LifecycleState"] in query.states)
    ]
    page = query.page.cut(found)
    return {
        "TotalCount": page.total,
        "PageSize": page.size,
        "PageNumber": page.number,
        "TotalSpotCount": 0,
        "ScalingInstances": page.items,
    }


def _instance_row(view: View, instance: Instance, actions: list[LifecycleAction]) -> Json:
    mine = [action for action in actions if instance.id in action.instance_ids]
    enis = list(view.enis_of(instance.id))
    return {
        **_INSTANCE_DEFAULTS,
        "InstanceId": instance.id,
        "ScalingGroupId": instance.scaling_group,
        "ScalingActivityId": mine[-1].scaling_activity if mine else "",
        "LifecycleState": _state(view, mine),
        "ZoneId": view.vswitch(enis[0].vswitch_id).zone if enis else "",
        "PrivateIpAddress": enis[0].primary if enis else "",
    }


def _state(view: View, actions: list[LifecycleAction]) -> str:
    """Say how far an instance is in joining its group, which its hooks decide."""
    if any(action.status_at(view.moment) == "Pending" for action in actions):
        return "Pending:Wait"
    # ROLLBACK of a scale-out is the same as ABANDON (CompleteLifecycleAction).
    abandoned = any(action.effective_result != "CONTINUE" for action in actions)
    return "Removing" if abandoned else "InService"


_INSTANCE_DEFAULTS: dict[str, Any] = {
    "LoadBalancerWeight": 50,
    "CreatedTime": BEGINNING,
    "WarmupState": "NoNeedWarmup",
    "ScalingInstanceId": "",
    "HealthStatus": "Healthy",
    "CreationTime": "2024-01-01T00:00Z",
    "Entrusted": True,
    "ScalingConfigurationId": "",
    "LaunchTemplateId": "",
    "LaunchTemplateVersion": "",
    "WeightedCapacity": 1,
    "SpotStrategy": "NoSpot",
    "CreationType": "AutoCreated",
}
