"""A launch from the event to the completed hook."""

from __future__ import annotations

import threading

import pytest

from handler.cloud.openapi import READ_MS
from handler.core.errors import NotPermitted, OutOfTime, Retryable
from tests.chaos.gate import Reply, Watcher, gate
from tests.stage import Stage
from tests.worlds import eni, hook_event, instance, running_event, world

EIGHT = {"TARGET_SECONDARY_IPS": "8"}
# Nothing is settled for seconds here, so that waits end early.
BRIEF = EIGHT | {"SETTLE_SECONDS": "4", "VISIBILITY_SECONDS": "10"}
GOOD = ("assigned", "reached")
READS = ("DescribeInstances", "DescribeNetworkInterfaces")
# How long one read waits for the other; less than its caller waits for an answer.
PATIENCE = READ_MS / 2000


def test_hook_brings_every_eni_to_its_target_and_is_completed() -> None:
    """Two instances with two ENIs each end at the target, and Auto Scaling is told CONTINUE."""
    two = [
        instance(name, eni(f"eni-{name}", 2), eni(f"eni-{name}-second", 3)) for name in ("a", "b")
    ]
    with Stage(world(*two), EIGHT) as stage:
        delivered = stage.deliver(hook_event("i-a", "i-b"))
        enis = ["eni-a", "eni-a-second", "eni-b", "eni-b-second"]
        assert dict.fromkeys(enis, GOOD) == delivered.ends
        assert dict.fromkeys(enis, 8) == stage.held()
        assert ("Completed", "CONTINUE") == (stage.hook()["status"], stage.hook()["result"])
        assert (2, 4, 22) == tuple(
            delivered.result["counts"][name] for name in ("instances", "enis", "addresses_assigned")
        )


def test_second_delivery_writes_nothing() -> None:
    """Delivered again, the event finds everything at target; the hook has ended elsewhere."""
    with Stage(world(instance("a")), EIGHT) as stage:
        stage.deliver(hook_event("i-a"))
        written = len(stage.writes())
        again = stage.deliver(hook_event("i-a"), stage.another_app())
        assert written == len(stage.writes())
        assert {"eni-a": ("satisfied", "at_target")} == again.ends
        assert again.result["lifecycle"]["completed"] is False


def test_calls_of_a_warm_launch_are_the_fewest() -> None:
    """Two reads side by side, one vSwitch, one write, one verifying read, one completion."""
    with Stage(world(instance("warm"), instance("a")), EIGHT) as stage:
        stage.deliver(running_event("i-warm"))
        before = len(stage.actions())
        stage.deliver(hook_event("i-a"))
        calls = stage.actions()[before:]
        assert sorted(READS) == sorted(calls[:2])
        assert [
            "DescribeVSwitches",
            "AssignPrivateIpAddresses",
            "DescribeNetworkInterfaces",
            "CompleteLifecycleAction",
        ] == calls[2:]


class SideBySide(Watcher):
    """Lets the first two reads through when both are under way."""

    def __init__(self) -> None:
        self.met: list[str] = []
        self._both = threading.Barrier(2)

    def before(self, action: str) -> Reply | None:
        """Wait for the other read."""
        if action in READS and len(self.met) < 2:
            self._both.wait(PATIENCE)
            self.met.append(action)
        return None


def test_both_reads_of_a_launch_are_under_way_at_once() -> None:
    """Neither gets an answer before the other has been asked for."""
    reads = SideBySide()
    with Stage(world(instance("a")), EIGHT) as stage, gate(stage.cloud, reads) as url:
        delivered = stage.deliver(hook_event("i-a"), stage.another_app(ECS_ENDPOINT=url))
        assert {"eni-a": GOOD} == delivered.ends
        assert sorted(READS) == sorted(reads.met)


def test_at_target_there_is_no_write_and_no_vswitch_read() -> None:
    """On a warm function, an instance at its target costs the two reads and the completion."""
    with Stage(world(instance("warm"), instance("a", eni("eni-a", 8))), EIGHT) as stage:
        stage.deliver(running_event("i-warm"))
        before = len(stage.actions())
        stage.deliver(hook_event("i-a"))
        *reads, last = stage.actions()[before:]
        assert sorted(READS) == sorted(reads)
        assert "CompleteLifecycleAction" == last


def test_reads_of_many_instances_are_batched() -> None:
    """100 instances: one DescribeInstances, and ENIs by 100 ids, before and after the writes."""
    many = [instance(f"n{number:03}") for number in range(100)]
    with Stage(world(*many), {"TARGET_SECONDARY_IPS": "1"}) as stage:
        delivered = stage.deliver(hook_event(*(each["id"] for each in many)))
        assert {GOOD} == set(delivered.ends.values())
        assert [
            "DescribeInstances",
            "DescribeNetworkInterfaces",
            "DescribeInstanceTypes",
            "DescribeVSwitches",
            "DescribeNetworkInterfaces",
            "CompleteLifecycleAction",
        ] == stage.actions("AssignPrivateIpAddresses")


def test_instance_that_reads_do_not_show_yet_is_waited_for() -> None:
    """Reads that lag the launch are repeated until they show it; then the work is done."""
    lag = [
        {"action": "DescribeInstances", "fault": "http", "status": 200, "times": 3, "body": EMPTY},
        {"action": "DescribeNetworkInterfaces", "fault": "http", "status": 200, "times": 3}
        | {"body": NO_ENIS},
    ]
    with Stage(world(instance("a")), BRIEF, lag) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": GOOD} == delivered.ends
        assert "CONTINUE" == stage.hook()["result"]
        assert delivered.of("run_summary")[0]["seconds_waited"] > 0


EMPTY = '{"RequestId": "R", "Instances": {"Instance": []}, "NextToken": ""}'
NO_ENIS = '{"RequestId": "R", "NetworkInterfaceSets": {"NetworkInterfaceSet": []}}'


def test_instance_that_never_appears_is_raised_and_the_hook_left_waiting() -> None:
    """Listed by Auto Scaling, shown by nobody: undecided, so the event must come again."""
    nobody = [
        {"action": action, "fault": "http", "status": 200, "times": 100, "body": body}
        for action, body in (("DescribeInstances", EMPTY), ("DescribeNetworkInterfaces", NO_ENIS))
    ]
    with Stage(world(instance("a")), BRIEF, nobody) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert isinstance(delivered.error, Retryable)
        assert not isinstance(delivered.error, NotPermitted)
        assert {None: ("deferred", "not_visible")} == delivered.ends
        assert "Pending" == stage.hook()["status"]


def test_visible_instances_are_served_although_another_never_appears() -> None:
    """One missing instance does not starve the others of the same launch."""
    with Stage(world(instance("a")), BRIEF) as stage:
        delivered = stage.deliver(running_event("i-a"))
        assert {"eni-a": GOOD} == delivered.ends
        lost = stage.deliver(hook_event("i-a", "i-ghost", scalingGroupId="asg-bp1elsewhere"))
        assert lost.error is not None or lost.ends["eni-a"] == ("satisfied", "at_target")


def test_instance_that_auto_scaling_has_released_is_gone() -> None:
    """Neither ECS nor Auto Scaling knows it: gone, and the hook goes on for the others."""
    with Stage(world(instance("a")), BRIEF) as stage:
        delivered = stage.deliver(hook_event("i-a", "i-released"))
        assert {"eni-a": GOOD, None: ("gone", "not_found")} == delivered.ends
        assert "CONTINUE" == stage.hook()["result"]


def test_empty_instance_list_with_visible_enis_is_a_missing_permission() -> None:
    """DescribeInstances answers with nothing when it is not allowed: the ENI gives that away."""
    hidden = {"action": "DescribeInstances", "fault": "http", "status": 200, "times": 100}
    with Stage(world(instance("a")), BRIEF, [hidden | {"body": EMPTY}]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert isinstance(delivered.error, NotPermitted)
        assert "ecs:DescribeInstances" in str(delivered.error)
        assert {"eni-a": ("deferred", "not_permitted")} == delivered.ends
        assert [] == stage.writes()
        assert "Pending" == stage.hook()["status"]


def test_hidden_instances_of_a_larger_launch_are_told_apart_too() -> None:
    """With several instances nothing names their ENIs, so one instance is probed for them."""
    hidden = {"action": "DescribeInstances", "fault": "http", "status": 200, "times": 100}
    launch = world(instance("a"), instance("b"))
    with Stage(launch, BRIEF, [hidden | {"body": EMPTY}]) as stage:
        delivered = stage.deliver(hook_event("i-a", "i-b"))
        assert isinstance(delivered.error, NotPermitted)
        assert {"deferred"} == {row["outcome"] for row in delivered.of("eni_result")}


def test_refused_permission_to_assign_names_the_ram_action() -> None:
    """Forbidden.RAM is recorded with the action to allow, raised, and never answered ABANDON."""
    refused = {"action": "AssignPrivateIpAddresses", "fault": "error", "code": "Forbidden.RAM"}
    settings = EIGHT | {"ON_SHORTFALL": "abandon"}
    with Stage(world(instance("a")), settings, [refused | {"status": 403}]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert isinstance(delivered.error, NotPermitted)
        assert "ecs:AssignPrivateIpAddresses" in str(delivered.error)
        assert ("failed", "Forbidden.RAM") == (
            delivered.enis["eni-a"]["outcome"],
            delivered.enis["eni-a"]["code"],
        )
        assert "ecs:AssignPrivateIpAddresses" in delivered.enis["eni-a"]["advice"]
        assert "Pending" == stage.hook()["status"]


def test_attaching_eni_is_waited_for() -> None:
    """An ENI on its way is not written to before it has arrived; in time that is undecided."""
    attaching = eni("eni-a-second", 0, status="Attaching")
    with Stage(world(instance("a", eni("eni-a"), attaching)), BRIEF) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": GOOD, "eni-a-second": ("deferred", "not_ready")} == delivered.ends
        assert isinstance(delivered.error, Retryable)
        assert ["eni-a"] == [write["NetworkInterfaceId"] for write in stage.writes()]
        assert "Pending" == stage.hook()["status"]


@pytest.mark.parametrize(
    ("on_shortfall", "told", "status"),
    [
        ("default", "ABANDON", "DEFAULT"),
        ("continue", "CONTINUE", "CONTINUE"),
        ("abandon", "ABANDON", "ABANDON"),
    ],
)
def test_shortfall_is_answered_as_the_operator_chose(
    on_shortfall: str, told: str, status: str
) -> None:
    """A vSwitch without room leaves an ENI short; the hook's result is ON_SHORTFALL's."""
    # A /28 gives 12 addresses: one is the primary, 8 stay in reserve, 3 are left.
    launch = world(instance("a"), cidr="10.0.0.0/28")
    with Stage(launch, EIGHT | {"ON_SHORTFALL": on_shortfall}) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": ("short", "vswitch")} == delivered.ends
        assert {"eni-a": 3} == stage.held()
        assert status == delivered.result["lifecycle"]["result"]
        assert told == stage.hook()["result"]


def test_scarce_vswitch_is_shared_fairly() -> None:
    """Three ENIs that want 8 each share the 8 addresses above the reserve as 3, 3 and 2."""
    launch = world(*(instance(name) for name in "abc"), cidr="10.0.0.0/27")
    with Stage(launch, EIGHT | {"VSWITCH_RESERVE": "17"}) as stage:
        stage.deliver(hook_event("i-a", "i-b", "i-c"))
        assert {"eni-a": 3, "eni-b": 3, "eni-c": 2} == stage.held()


def test_target_above_the_quota_fills_up_to_it() -> None:
    """15 addresses fit on an ENI of this type, the primary one included: 14 are secondary."""
    with Stage(world(instance("a")), {"TARGET_SECONDARY_IPS": "20"}) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": ("short", "quota")} == delivered.ends
        assert {"eni-a": 14} == stage.held()
        assert 20 == delivered.enis["eni-a"]["target"]


def test_dry_run_writes_nothing_and_leaves_the_hook_alone() -> None:
    """DRY_RUN decides and records; Auto Scaling hears nothing from us."""
    with Stage(world(instance("a")), EIGHT | {"DRY_RUN": "true"}) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": ("planned", "would_assign")} == delivered.ends
        assert 8 == delivered.enis["eni-a"]["requested"]
        assert [] == stage.writes()
        assert "Pending" == stage.hook()["status"]
        assert ["warning"] == [row["level"] for row in delivered.of("lifecycle")]


def test_scaling_group_that_is_not_allowed_is_left_alone() -> None:
    """With an allow-list, another group's launch is skipped and its hook not touched."""
    settings = EIGHT | {"ALLOWED_SCALING_GROUPS": "asg-bp1other"}
    with Stage(world(instance("a")), settings) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": ("skipped", "scaling_group_not_allowed")} == delivered.ends
        assert "Pending" == stage.hook()["status"]
        assert ["warning"] == [row["level"] for row in delivered.of("lifecycle")]


def test_event_that_names_no_instance_is_resolved_by_auto_scaling() -> None:
    """The hook's action, found by its token, lists the instances."""
    event = hook_event()
    del event["content"]["instanceIds"]
    with Stage(world(instance("a"), instance("b")), EIGHT) as stage:
        delivered = stage.deliver(event)
        assert {"eni-a": GOOD, "eni-b": GOOD} == delivered.ends
        assert "DescribeLifecycleActions" == stage.actions()[0]


def test_throttled_minute_is_waited_out_and_the_hook_kept_alive() -> None:
    """Past the quota of the minute a write waits for the next one; a heartbeat covers the wait."""
    two = world(instance("a"), instance("b"), quotas={"AssignPrivateIpAddresses": 1})
    two["lifecycle_actions"][0]["timeout"] = 100
    with Stage(two, EIGHT) as stage:
        stage.time.advance(60 - stage.time.now() % 60 + 5)
        delivered = stage.deliver(hook_event("i-a", "i-b"))
        assert {"eni-a": GOOD, "eni-b": GOOD} == delivered.ends
        tokens = [write["ClientToken"] for write in stage.writes()]
        assert (3, 2) == (len(tokens), len(set(tokens)))
        assert stage.hook()["heartbeats"] >= 1
        assert 55 <= delivered.of("run_summary")[0]["seconds_waited"] <= 125


def test_wait_beyond_the_deadline_is_raised_at_once() -> None:
    """With 20 s of timeout there is no waiting for the next minute: raised, recorded, no hook."""
    two = world(instance("a"), instance("b"), quotas={"AssignPrivateIpAddresses": 1})
    with Stage(two, EIGHT) as stage:
        stage.time.advance(60 - stage.time.now() % 60 + 5)
        delivered = stage.deliver(hook_event("i-a", "i-b"), timeout=20)
        assert isinstance(delivered.error, Retryable)
        assert [("assigned", "reached"), ("deferred", "out_of_time")] == sorted(
            delivered.ends.values()
        )
        assert "Pending" == stage.hook()["status"]
        again = stage.deliver(hook_event("i-a", "i-b"), timeout=20)
        assert isinstance(again.error, OutOfTime | Retryable)
        assert max(stage.held().values()) == 8
