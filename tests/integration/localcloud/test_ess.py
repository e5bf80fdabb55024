"""Auto Scaling: waiting hooks end once, by hand or in time, and groups list their instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from localcloud.clock import ManualClock
from localcloud.products import ESS
from localcloud.samples import eni, instance, lifecycle_action, world
from localcloud.sdk import Refused, call, refusal_of
from localcloud.testing import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Iterator

HOOK = {"LifecycleHookId": "ash-a", "LifecycleActionToken": "token-a"}
BEAT = {"lifecycleHookId": "ash-a", "lifecycleActionToken": "token-a"}
OVER = (400, "LifecycleHookIdAndLifecycleActionToken.Invalid")

WORLD = world(
    instances=[
        instance(scaling_group="asg-a"),
        instance("i-b", [eni("eni-b", "Primary")], scaling_group="asg-a"),
        instance("i-c", [eni("eni-c", "Primary")], scaling_group="asg-c"),
        instance("i-d", [eni("eni-d", "Primary")]),
    ],
    lifecycle_actions=[
        lifecycle_action(),
        lifecycle_action(
            token="token-b", hook_id="ash-b", instance_ids=["i-b"], default_result="CONTINUE"
        ),
    ],
)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at now."""
    return ManualClock()


@pytest.fixture
def cloud(clock: ManualClock) -> Iterator[LocalCloud]:
    """A local cloud with two scaling groups and two hooks waiting."""
    with LocalCloud(WORLD, clock=clock) as running:
        yield running


def ess(cloud: LocalCloud, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Call an action of Auto Scaling."""
    return call(cloud, action, parameters, product=ESS)


def ess_refusal(cloud: LocalCloud, action: str, parameters: dict[str, Any]) -> Refused:
    """Call an action of Auto Scaling that must be refused."""
    return refusal_of(cloud, action, parameters, product=ESS)


def first_action(cloud: LocalCloud) -> dict[str, Any]:
    """Return the first lifecycle action of the state."""
    found: dict[str, Any] = cloud.state()["lifecycle_actions"][0]
    return found


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ({}, "ABANDON"),
        *(({"LifecycleActionResult": name}, name) for name in ("CONTINUE", "ROLLBACK")),
    ],
)
def test_completing_ends_the_wait_once(
    cloud: LocalCloud, given: dict[str, str], result: str
) -> None:
    """The given result holds, or the default one; a second completion is too late."""
    ess(cloud, "CompleteLifecycleAction", {**HOOK, **given})

    action = first_action(cloud)
    assert (action["status"], action["result"]) == ("Completed", result)
    assert ess_refusal(cloud, "CompleteLifecycleAction", HOOK) == OVER
    assert ess_refusal(cloud, "RecordLifecycleActionHeartbeat", BEAT) == OVER


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"LifecycleHookId": "ash-other"}, OVER),
        ({"LifecycleActionToken": "other"}, OVER),
        ({"LifecycleActionToken": "token-b"}, OVER),
        ({"LifecycleHookId": None}, (400, "MissingParameter")),
        ({"LifecycleActionResult": "PERHAPS"}, (400, "InvalidParameter")),
        ({"ScalingGroupId": "asg-a"}, (400, "UnsupportedParameter")),
    ],
    ids=str,
)
def test_completing_needs_hook_and_token(
    cloud: LocalCloud, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Both must name the same action, and the result must be one."""
    assert ess_refusal(cloud, "CompleteLifecycleAction", {**HOOK, **changes}) == expected
    assert first_action(cloud)["status"] == "Pending"


def test_a_hook_times_out(cloud: LocalCloud, clock: ManualClock) -> None:
    """After its timeout a hook ends with its default result, and cannot be completed."""
    clock.advance(599)
    waiting = first_action(cloud)
    clock.advance(1)
    ended = first_action(cloud)

    assert (waiting["status"], waiting["result"]) == ("Pending", None)
    assert (ended["status"], ended["result"]) == ("Timeout", "ABANDON")
    assert ess_refusal(cloud, "CompleteLifecycleAction", HOOK) == OVER


def test_a_heartbeat_prolongs_the_wait(cloud: LocalCloud, clock: ManualClock) -> None:
    """The time starts again from the heartbeat, with 600 seconds unless it says otherwise."""
    clock.advance(500)
    ess(cloud, "RecordLifecycleActionHeartbeat", {**BEAT, "heartbeatTimeout": 300})
    clock.advance(299)
    ess(cloud, "RecordLifecycleActionHeartbeat", BEAT)
    assert first_action(cloud)["heartbeats"] == 2
    ess(cloud, "CompleteLifecycleAction", HOOK)


def test_heartbeats_are_limited_in_number(cloud: LocalCloud) -> None:
    """Twenty, and no more."""
    for _ in range(20):
        ess(cloud, "RecordLifecycleActionHeartbeat", {**BEAT, "heartbeatTimeout": 30})

    refused = ess_refusal(cloud, "RecordLifecycleActionHeartbeat", BEAT)
    assert refused == (400, "LifecycleAction.RecordTimesExceeded")


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (29, "InvalidParameter"),
        (21601, "InvalidParameter"),
        (21600, "LifecycleAction.TimeExceeded"),
    ],
)
def test_heartbeats_are_limited_in_time(
    cloud: LocalCloud, clock: ManualClock, seconds: int, code: str
) -> None:
    """From 30 to 21600 seconds each, six hours in all."""
    clock.advance(60)
    asked = {**BEAT, "heartbeatTimeout": seconds}

    assert ess_refusal(cloud, "RecordLifecycleActionHeartbeat", asked).code == code


def test_lifecycle_actions_of_an_activity(cloud: LocalCloud) -> None:
    """Both hooks of the activity are listed, page by page, and can be chosen by status."""
    action = "DescribeLifecycleActions"
    ess(cloud, "CompleteLifecycleAction", HOOK)
    asked = {"ScalingActivityId": "asa-a"}

    first = ess(cloud, action, {**asked, "MaxResults": 1})
    second = ess(cloud, action, {**asked, "MaxResults": 1, "NextToken": first["NextToken"]})
    pending = ess(cloud, action, {**asked, "LifecycleActionStatus": "Pending"})

    assert first["TotalCount"] == 2
    assert second["NextToken"] == ""
    assert [page["LifecycleActions"][0]["LifecycleHookId"] for page in (first, second)] == [
        "ash-a",
        "ash-b",
    ]
    assert [row["InstanceIds"] for row in pending["LifecycleActions"]] == [["i-b"]]
    assert ess(cloud, action, {"ScalingActivityId": "asa-none"})["TotalCount"] == 0


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ["i-a", "i-b", "i-c"]),
        ({"ScalingGroupId": "asg-a"}, ["i-a", "i-b"]),
        ({"ScalingActivityId": "asa-a"}, ["i-a", "i-b"]),
        ({"InstanceIds": ["i-b", "i-d", "i-none"]}, ["i-b"]),
        ({"LifecycleStates": ["InService", "Removing"]}, ["i-a", "i-c"]),
        ({"LifecycleState": "Pending:Wait"}, ["i-b"]),
        ({"PageSize": 2, "PageNumber": 2}, ["i-c"]),
    ],
    ids=str,
)
def test_scaling_instances(
    cloud: LocalCloud, parameters: dict[str, Any], expected: list[str]
) -> None:
    """Instances of groups are listed; a waiting hook and an abandoned one show in their state."""
    ess(cloud, "CompleteLifecycleAction", HOOK)

    rows = ess(cloud, "DescribeScalingInstances", parameters)["ScalingInstances"]

    assert [row["InstanceId"] for row in rows] == expected


@pytest.mark.parametrize(
    "parameters",
    [
        {"PageSize": 101},
        {"LifecycleStates": ["Gone"]},
        {"LifecycleState": "InService", "LifecycleStates": ["InService"]},
    ],
    ids=str,
)
def test_scaling_instance_validation(cloud: LocalCloud, parameters: dict[str, Any]) -> None:
    """Pages have at most 100 rows, and states are those of the page."""
    refused = ess_refusal(cloud, "DescribeScalingInstances", parameters)

    assert refused == (400, "InvalidParameter")


def test_hooks_are_listed_by_id_name_and_group(cloud: LocalCloud) -> None:
    """A hook tells its name, which is its id where none was given, and its timeout."""
    action = "DescribeLifecycleHooks"
    for query in ({"LifecycleHookIds": ["ash-b"]}, {"LifecycleHookName": "ash-b"}):
        (hook,) = ess(cloud, action, query)["LifecycleHooks"]
        assert ("ash-b", "ash-b", 600, "CONTINUE") == tuple(
            hook[each]
            for each in (
                "LifecycleHookId",
                "LifecycleHookName",
                "HeartbeatTimeout",
                "DefaultResult",
            )
        )
    assert 2 == ess(cloud, action, {"ScalingGroupId": "asg-a"})["TotalCount"]
    assert [] == ess(cloud, action, {"ScalingGroupId": "asg-c"})["LifecycleHooks"]


def test_container_instances_are_of_groups_but_not_of_ecs() -> None:
    """A group may hold what ECS does not show, and an ENI may be attached to it."""
    crowd = instance("eci-a", [eni("eni-x", "Secondary")], scaling_group="asg-a")
    with LocalCloud(world(instances=[crowd])) as running:
        assert 0 == call(running, "DescribeInstances", {})["TotalCount"]
        (row,) = call(running, "DescribeNetworkInterfaces", {})["NetworkInterfaceSets"][
            "NetworkInterfaceSet"
        ]
        assert "eci-a" == row["InstanceId"]
        (member,) = ess(running, "DescribeScalingInstances", {})["ScalingInstances"]
        assert "eci-a" == member["InstanceId"]
