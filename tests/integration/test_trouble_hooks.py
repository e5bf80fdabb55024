"""Trouble of launches and their hooks that a review found: what is hidden, released, slow, foreign.

An instance that is not shown may be late, gone or hidden; a hook may belong to another group.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from handler.core.errors import NotPermitted, Retryable
from handler.shell.app import App
from tests.chaos.trouble import run_instances, scale_out
from tests.integration.test_trouble import (
    ENIS,
    WRITE,
    answer,
    instances,
    refusal,
    row,
    rows,
    shown,
)
from tests.stage import SharedClock, Stage, environment
from tests.worlds import (
    ACTIVITY,
    GROUP,
    HOOK_TOKEN,
    REGION,
    World,
    eni,
    hook_event,
    instance,
    running_event,
    world,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.test_trouble import Fault

ROOT = Path(__file__).parents[2]
EIGHT = {"TARGET_SECONDARY_IPS": "8"}
GOOD, GONE = ("assigned", "reached"), ("gone", "not_found")
HIDDEN, NOT_READY = ("deferred", "not_permitted"), ("deferred", "not_ready")
MEMBERS = "DescribeScalingInstances"
HEARTBEAT, COMPLETE = "RecordLifecycleActionHeartbeat", "CompleteLifecycleAction"


UNLISTED = answer("DescribeScalingInstances", TotalCount=0, ScalingInstances=[])
ATTACHING = eni("eni-a-second", 0, status="Attaching")


# --- released, or hidden ----------------------------------------------------------------------


def test_hook_whose_instances_were_all_released_goes_on() -> None:
    """One record each, and Auto Scaling is told CONTINUE, once."""
    with Stage(world(instance("a")), EIGHT) as stage:
        delivered = stage.deliver(hook_event("i-lost", "i-released"))
        assert delivered.error is None
        assert [("i-lost", *GONE), ("i-released", *GONE)] == [
            (each["instance_id"], each["outcome"], each["reason"])
            for each in delivered.of("eni_result")
        ]
        assert "CONTINUE" == stage.hook()["result"]
        assert 1 == stage.actions().count(COMPLETE)


def test_instance_whose_eni_is_visible_is_not_gone_although_nobody_lists_it() -> None:
    """DescribeInstances hides it and Auto Scaling does not list it; its ENI gives it away."""
    faults = [instances(shown("i-a", "eni-a"), times=1), instances(), UNLISTED]
    with Stage(world(instance("a"), instance("b")), EIGHT, faults) as stage:
        delivered = stage.deliver(hook_event("i-a", "i-b"))
        assert isinstance(delivered.error, NotPermitted)
        assert {"eni-a": GOOD, "eni-b": HIDDEN} == delivered.ends
        assert "Pending" == stage.hook()["status"]


@pytest.mark.parametrize("timeout", [20, 60])
def test_deadline_before_visibility_tells_of_the_missing_permission_too(timeout: float) -> None:
    """Time for waiting runs out before VISIBILITY_SECONDS: records and RAM action all the same."""
    with Stage(world(instance("a")), EIGHT, [instances()]) as stage:
        delivered = stage.deliver(hook_event("i-a"), timeout=timeout)
        assert isinstance(delivered.error, NotPermitted)
        assert "ecs:DescribeInstances" in str(delivered.error)
        assert {"eni-a": HIDDEN} == delivered.ends
        assert "Pending" == stage.hook()["status"]


@pytest.mark.parametrize("total", [{}, {"TotalCount": "101"}, {"TotalCount": 7}])
def test_full_page_of_instances_is_not_the_last(total: World) -> None:
    """Without a total, or with a wrong one, the next page is asked for all the same."""
    where = {"ScalingGroupId": GROUP, "PageNumber": "1"}
    crowd = [{"InstanceId": f"i-x{number:02}"} for number in range(100)]
    first = answer("DescribeScalingInstances", where, ScalingInstances=crowd, **total)
    last = answer("DescribeScalingInstances", ScalingInstances=[{"InstanceId": "i-a"}], **total)
    with Stage(world(instance("a")), EIGHT, [first, last]) as stage:
        plan = stage.deliver({"plan": {"scaling_group_id": GROUP}})
        assert (100, 1) == (plan.result["counts"]["gone"], plan.result["counts"]["planned"])


@pytest.mark.parametrize("total", [{}, {"TotalCount": 100_000}])
def test_pages_that_show_nothing_new_are_not_followed(total: World) -> None:
    """The same page again and again is no listing: its end would never come."""
    crowd = [{"InstanceId": f"i-x{number:02}"} for number in range(100)]
    always = answer("DescribeScalingInstances", ScalingInstances=crowd, **total)
    with Stage(world(instance("a")), EIGHT, [always]) as stage:
        delivered = stage.deliver({"plan": {"scaling_group_id": GROUP}})
        assert "bad_answer" in str(delivered.error)
        assert 2 == len(stage.cloud.calls("DescribeScalingInstances"))


def test_hook_without_its_group_asks_by_activity() -> None:
    """Which instances were released is read by scaling activity when no group is named."""
    event = hook_event("i-a", "i-released")
    del event["content"]["scalingGroupId"], event["resourceArn"]
    with Stage(world(instance("a")), EIGHT) as stage:
        assert {"eni-a": GOOD, None: GONE} == stage.deliver(event).ends
        asked = stage.cloud.calls("DescribeScalingInstances")[0]["parameters"]
        assert ACTIVITY == asked["ScalingActivityId"]
        assert "ScalingGroupId" not in asked
        assert "CONTINUE" == stage.hook()["result"]


def shrinking() -> list[World]:
    """Of 101 instances one leaves between two pages: the last one is on neither page."""
    listed = [{"InstanceId": f"i-n{number:03}"} for number in range(100)]
    first = {"TotalCount": 101, "ScalingInstances": listed}
    second = {"TotalCount": 100, "ScalingInstances": []}
    return [
        answer(MEMBERS, {"PageNumber": page}, 1, **shown)
        for page, shown in (("1", first), ("2", second))
    ]


def test_instance_that_a_shrinking_list_skips_is_not_lost_from_a_backfill() -> None:
    """What takes several pages is listed again until nothing new is in it."""
    fleet = [instance(f"n{number:03}", eni(f"eni-n{number:03}", 1)) for number in range(100)]
    crowd = world(*fleet, instance("z"), lifecycle_actions=[])
    with Stage(crowd, {"TARGET_SECONDARY_IPS": "1"}, shrinking()) as stage:
        delivered = stage.deliver({"backfill": {"scaling_group_id": GROUP}})
        assert GOOD == delivered.ends["eni-z"]
        assert 1 == stage.held()["eni-z"]


def test_instance_that_a_shrinking_list_skips_is_not_gone() -> None:
    """ECS does not show it yet, Auto Scaling still lists it: the hook waits."""
    with Stage(world(instance("a")), EIGHT, [*shrinking(), instances(), rows()]) as stage:
        assert isinstance(stage.deliver(hook_event("i-a")).error, Retryable)
        assert "Pending" == stage.hook()["status"]


def test_auto_scaling_is_not_asked_before_reads_had_time_to_catch_up() -> None:
    """An instance that it lists as late as ECS shows it is launched, not released."""
    late = [rows(times=3), instances(times=3)]
    unlisted = answer(MEMBERS, times=1, TotalCount=0, ScalingInstances=[])
    with Stage(world(instance("a")), EIGHT, [*late, unlisted]) as stage:
        assert {"eni-a": GOOD} == stage.deliver(hook_event("i-a")).ends
        assert "CONTINUE" == stage.hook()["result"]


@pytest.mark.parametrize("behind", [0, 30, 99])
def test_launch_that_is_late_in_an_array_is_not_called_released(behind: int) -> None:
    """However many events are behind it, reads have their time before Auto Scaling is asked."""
    late = [rows(times=8), instances(times=8)]  # shown after some 16 s, in less than SETTLE_SECONDS
    unlisted = answer(MEMBERS, times=1, TotalCount=0, ScalingInstances=[])
    two = world(instance("a"), instance("b"))
    with Stage(two, EIGHT, [*late, unlisted]) as stage:
        stage.deliver([hook_event("i-a"), *[running_event("i-b")] * behind])
        assert 8 == stage.held()["eni-a"]
        assert "CONTINUE" == stage.hook()["result"]


@pytest.mark.parametrize("behind", [0, 30, 99])
def test_events_behind_a_launch_do_not_shorten_its_time(behind: int) -> None:
    """An instance that starts is waited for as if nothing were behind it."""
    stopped = running_event("i-z")
    stopped["content"]["state"] = "Stopped"
    pending = instances(shown("i-a", "eni-a", status="Pending"), times=9)
    with Stage(world(instance("a")), EIGHT, [pending]) as stage:
        delivered = stage.deliver([hook_event("i-a"), *[stopped] * behind])
        assert delivered.error is None
        assert 8 == stage.held()["eni-a"]


def test_hook_is_about_the_instances_of_its_own_action() -> None:
    """An activity may have several hooks, each with instances of its own."""
    event = hook_event()
    del event["content"]["instanceIds"]
    launch = world(instance("a"), instance("b"))
    mine = launch["lifecycle_actions"][0] | {"instance_ids": ["i-a"]}
    other = mine | {"token": "9C2E9DA7-0000-449A-ACF6-CEE24444F7BB", "instance_ids": ["i-b"]}
    with Stage(launch | {"lifecycle_actions": [mine, other]}, EIGHT) as stage:
        assert {"eni-a": GOOD} == stage.deliver(event).ends


# --- foreign groups ---------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["all", "secondary"])
@pytest.mark.parametrize("named", [["i-a"], ["i-a", "i-released"], ["i-released"]])
def test_hook_of_a_foreign_group_is_left_alone(scope: str, named: list[str]) -> None:
    """Outside of ALLOWED_SCALING_GROUPS nothing is told, nor is the hook kept waiting."""
    settings = EIGHT | {"ALLOWED_SCALING_GROUPS": "asg-bp1other", "ENI_SCOPE": scope}
    with Stage(world(instance("a")), settings) as stage:
        delivered = stage.deliver(hook_event(*named))
        assert delivered.error is None
        assert set() == {HEARTBEAT, COMPLETE} & set(stage.actions())
        assert ("Pending", 0) == (stage.hook()["status"], stage.hook()["heartbeats"])
        assert ["warning"] == [each["level"] for each in delivered.of("lifecycle")]


@pytest.mark.parametrize(
    ("launched", "named", "alone"),
    [
        (instance("a"), "i-a", False),
        (instance("a"), "i-released", True),
        (instance("a", scaling_group="asg-bp1other"), "i-a", True),
    ],
)
def test_hook_of_an_unnamed_group_is_ours_if_an_instance_of_it_is(
    launched: World, named: str, *, alone: bool
) -> None:
    """With an allow-list, a group that neither event nor instance tells is not an allowed one."""
    event = hook_event(named)
    del event["content"]["scalingGroupId"], event["resourceArn"]
    with Stage(world(launched), EIGHT | {"ALLOWED_SCALING_GROUPS": GROUP}) as stage:
        assert stage.deliver(event).error is None
        status = ("Pending", 0) if alone else ("Completed", 0)
        assert status == (stage.hook()["status"], stage.hook()["heartbeats"])


@pytest.mark.parametrize("named", [True, False])
def test_hook_of_an_allowed_group_is_kept_alive_while_its_first_eni_is_worked_on(
    *, named: bool
) -> None:
    """A group that only the instance tells is known as soon as the instance is."""
    event = hook_event("i-a")
    if not named:
        del event["content"]["scalingGroupId"], event["resourceArn"]
    launch = world(instance("a"))
    launch["lifecycle_actions"][0]["timeout"] = 50
    with Stage(launch, EIGHT | {"ALLOWED_SCALING_GROUPS": GROUP}) as stage:
        stage.time.advance(60 - stage.time.now() % 60)
        stage.cloud.restart(launch, stage.time)  # the hook's time begins with the minute
        stage.cloud.faults([refusal(WRITE, "Throttling.User", 400, times=1)])
        stage.deliver(event)
        assert ("Completed", "CONTINUE") == (stage.hook()["status"], stage.hook()["result"])


def test_one_hook_twice_in_an_array_is_completed_once() -> None:
    """The second one is told that the action has ended, as another delivery would be."""
    with Stage(world(instance("a")), EIGHT) as stage:
        results = stage.deliver([hook_event("i-a"), hook_event("i-a")]).result["results"]
        assert [True, False] == [each["lifecycle"]["completed"] for each in results]


@pytest.mark.parametrize(
    "subject", [None, f"acs:ess:{REGION}:1690700000000030:scalinggroup/{GROUP}"]
)
def test_scale_out_that_names_only_its_activity(subject: str | None) -> None:
    """Its instances are those that the activity brought, whether the group has hooks or not."""
    listed = answer(MEMBERS, TotalCount=1, ScalingInstances=[{"InstanceId": "i-a"}])
    event = scale_out([]) | {"data": {"scalingActivityId": ACTIVITY}, "subject": subject}
    with Stage(world(instance("a"), lifecycle_actions=[]), EIGHT, [listed]) as stage:
        assert {"eni-a": GOOD} == stage.deliver(event).ends
        asked = stage.cloud.calls(MEMBERS)[0]["parameters"]
        assert (ACTIVITY, subject and GROUP) == (
            asked["ScalingActivityId"],
            asked.get("ScalingGroupId"),
        )


# --- what is slow -----------------------------------------------------------------------------


def test_two_unready_enis_of_one_instance() -> None:
    """The primary one waits for its instance, the other for itself: each ends for its own."""
    starting = shown("i-a", "eni-a", "eni-a-second", status="Starting")
    with Stage(world(instance("a", eni("eni-a"), ATTACHING)), EIGHT) as stage:
        stage.cloud.faults([instances(starting, times=1)])
        delivered = stage.deliver(hook_event("i-a"))
        assert isinstance(delivered.error, Retryable)
        assert {"eni-a": GOOD, "eni-a-second": NOT_READY} == delivered.ends


def test_slow_eni_does_not_starve_another_instance() -> None:
    """While an ENI attaches for ever, an instance that appears later is served."""
    two = world(instance("a", eni("eni-a"), ATTACHING), instance("b"))
    first = instances(shown("i-a", "eni-a", "eni-a-second"), times=1)
    with Stage(two, EIGHT, [first]) as stage:
        delivered = stage.deliver(hook_event("i-a", "i-b"))
        assert isinstance(delivered.error, Retryable)
        assert {"eni-a": GOOD, "eni-a-second": NOT_READY, "eni-b": GOOD} == delivered.ends


def test_every_instance_that_is_not_ready_is_looked_at_again() -> None:
    """One that never gets ready does not keep another one waiting."""
    starting = [shown(f"i-{each}", f"eni-{each}", status="Starting") for each in "ab"]
    with Stage(world(instance("a", status="Starting"), instance("b")), EIGHT) as stage:
        stage.cloud.faults([instances(*starting, times=1)])
        ends = stage.deliver(hook_event("i-a", "i-b")).ends
        assert {"eni-a": NOT_READY, "eni-b": GOOD} == ends


# --- records ----------------------------------------------------------------------------------


SECOND = eni("eni-second")
BOTH = ["eni-a", "eni-second"]
BY_INSTANCE = [hook_event("i-a"), {"backfill": {"instance_ids": ["i-a"]}}]


@pytest.mark.parametrize("event", BY_INSTANCE, ids=["launch", "backfill"])
def test_eni_has_one_record_when_its_instance_vanishes(event: World) -> None:
    """It was worked on while the instance was shown; then it is waited for the other one."""
    odd = rows(
        row("eni-a", "10.0.0.1"),
        row("eni-second", None, Type="Secondary"),
        where={"InstanceId": "i-a"},
    )
    seen = [instances(shown("i-a", *BOTH), times=1), instances(), odd]
    with Stage(world(instance("a", eni("eni-a"), SECOND)), EIGHT, seen) as stage:
        delivered = stage.deliver(event)
        assert BOTH == sorted(delivered.enis)
        assert GOOD == delivered.ends["eni-a"]


def test_eni_has_one_record_when_its_row_becomes_unreadable() -> None:
    """What was worked on is finished, whatever is read of it beside another one."""
    where = {"InstanceId": "i-a"}
    second = row("eni-second", None, Type="Secondary")
    pages = [
        rows(row("eni-a", "10.0.0.1"), second, where=where, times=1),
        rows(row("eni-a", None), second, where=where),
    ]
    with Stage(world(instance("a", eni("eni-a"), SECOND)), EIGHT, pages) as stage:
        assert BOTH == sorted(stage.deliver({"backfill": {"instance_ids": ["i-a"]}}).enis)


def test_eni_on_two_pages_has_one_record() -> None:
    """A listing that moves while it is read shows some rows again."""
    where, again = {"Status": "InUse"}, row("eni-a", "10.0.0.1")
    pages = [rows(again, where=where | {"NextToken": "T"}), rows(again, where=where, token="T")]
    with Stage(world(instance("a")), EIGHT, pages) as stage:
        assert ["eni-a"] == list(stage.deliver({"backfill": {"all": True}}).enis)


@pytest.mark.parametrize("code", ["Throttling.User", "Forbidden.RAM"])
@pytest.mark.parametrize(
    "event",
    [hook_event("i-a"), {"backfill": {"network_interface_ids": ["eni-a"]}}, BY_INSTANCE[1]],
    ids=["launch", "ENI", "instance"],
)
def test_eni_that_was_read_has_a_record_when_the_next_read_fails(event: World, code: str) -> None:
    """It could not be decided on yet: that is recorded, and the event comes again."""
    odd = rows(row("eni-a", None), times=1)
    with Stage(world(instance("a")), EIGHT, [odd, refusal(ENIS, code)]) as stage:
        delivered = stage.deliver(event, timeout=30)
        assert isinstance(delivered.error, Retryable)
        assert ["deferred"] == [each["outcome"] for each in delivered.of("eni_result")]


def test_instance_has_a_record_when_auto_scaling_cannot_be_asked() -> None:
    """Whether it was released is not known."""
    denied = refusal(MEMBERS, "Forbidden.RAM")
    with Stage(world(), EIGHT, [denied]) as stage:
        delivered = stage.deliver(hook_event("i-gone"))
        assert isinstance(delivered.error, NotPermitted)
        records = delivered.of("eni_result")
        assert [("i-gone", "deferred")] == [(r["instance_id"], r["outcome"]) for r in records]


@pytest.mark.parametrize("launched", [hook_event, lambda *ids: run_instances(ids)])
@pytest.mark.parametrize("code", ["Throttling.User", "Forbidden.RAM", "InvalidParameter"])
def test_instances_have_records_when_their_enis_cannot_be_looked_for(
    code: str, launched: Callable[..., World]
) -> None:
    """Whether they are hidden, late or gone is not known."""
    with Stage(world(), EIGHT, [instances(), refusal(ENIS, code)]) as stage:
        delivered = stage.deliver(launched("i-x", "i-y"))
        assert isinstance(delivered.error, Retryable)
        records = delivered.of("eni_result")
        assert [("i-x", "deferred"), ("i-y", "deferred")] == [
            (each["instance_id"], each["outcome"]) for each in records
        ]


# --- heartbeats -------------------------------------------------------------------------------


def hook_of(seconds: int, *names: str) -> World:
    """A launch of these instances whose hook waits so long."""
    launch = world(*(instance(name) for name in names))
    launch["lifecycle_actions"][0]["timeout"] = seconds
    return launch


def published(event: World, at: float) -> World:
    """The message as a topic delivers it, with the time at which the hook began to wait."""
    message: World = json.loads((ROOT / "events/mns-topic-json-lifecycle-hook.json").read_text())
    return message | {"Message": json.dumps(event), "PublishTime": int(at * 1000)}


@pytest.mark.parametrize(("timeout", "extended"), [(60, True), (200, True), (600, False)])
def test_a_hook_is_extended_only_where_its_own_time_would_not_last(
    timeout: int, extended: bool
) -> None:
    """Slow writes take 216 s: a shorter hook is kept waiting, a longer one is left as it is."""
    names = [f"n{number:02}" for number in range(24)]
    slow = {"action": "AssignPrivateIpAddresses", "fault": "slow", "seconds": 9, "times": 999}
    settings = EIGHT | {"MAX_CONCURRENCY": "1"}
    with Stage(hook_of(timeout, *names), settings, [instances(times=1), slow]) as stage:
        event = hook_event(*(f"i-{name}" for name in names))
        delivered = stage.deliver(published(event, stage.time.now()))
        assert delivered.result["lifecycle"]["completed"] is True
        beats = stage.cloud.calls(HEARTBEAT)
        assert extended == bool(beats)
        assert all(int(call["parameters"]["heartbeatTimeout"]) >= 600 for call in beats)


@pytest.mark.parametrize("timeout", [40, 600, 3600, 21_600])
def test_no_heartbeat_shortens_what_a_hook_has(timeout: int) -> None:
    """Its own time is read first, and the launch that is raised leaves it as much."""
    with Stage(hook_of(timeout, "a"), EIGHT, [instances()]) as stage:
        began = stage.time.now()
        assert isinstance(stage.deliver(hook_event("i-a")).error, Retryable)
        beats = [int(c["parameters"]["heartbeatTimeout"]) for c in stage.cloud.calls(HEARTBEAT)]
        assert all(seconds >= max(600, timeout) for seconds in beats)
        left = began + timeout - stage.time.now()
        stage.time.advance(max(599.0 if beats else 0.0, left - 1))
        assert "Pending" == stage.hook()["status"]


def test_a_hook_that_was_extended_is_left_time_for_the_next_delivery() -> None:
    """It has 40 s of its own; the launch is raised much later, and the retry finds it waiting."""
    with Stage(hook_of(40, "a"), EIGHT | {"VISIBILITY_SECONDS": "580"}, [instances()]) as stage:
        assert isinstance(stage.deliver(hook_event("i-a"), timeout=1300).error, Retryable)
        stage.time.advance(599)
        assert "Pending" == stage.hook()["status"]


@pytest.mark.parametrize("timeout", [60, 3600, 21_600])
def test_a_hook_whose_time_nobody_tells_is_not_cut(timeout: int) -> None:
    """Any heartbeat might give it less than it has: it keeps what that is."""
    denied = refusal("DescribeLifecycleHooks", "Forbidden.RAM")
    with Stage(hook_of(timeout, "a"), EIGHT, [instances(), denied]) as stage:
        began = stage.time.now()
        assert stage.deliver(hook_event("i-a")).error is not None
        assert [] == stage.cloud.calls(HEARTBEAT)
        stage.time.advance(max(0.0, began + timeout - 1 - stage.time.now()))
        assert ("Pending" == stage.hook()["status"]) == (stage.time.now() < began + timeout)


@pytest.mark.parametrize(
    "unread",
    [
        refusal("DescribeLifecycleHooks", "ServiceUnavailable", 503, times=8),
        answer("DescribeLifecycleHooks", times=1, LifecycleHooks=[], TotalCount=0),
    ],
    ids=["no answer for a while", "not shown once"],
)
def test_a_hook_whose_time_could_not_be_read_is_read_again(unread: Fault) -> None:
    """It has 60 s, and the launch waits for longer: it is extended before they are over."""
    with Stage(hook_of(60, "a"), EIGHT, [instances(), unread]) as stage:
        assert isinstance(stage.deliver(hook_event("i-a")).error, Retryable)
        assert stage.cloud.calls(HEARTBEAT)
        stage.time.advance(500)
        assert "Pending" == stage.hook()["status"]


class Clock(SharedClock):
    """Something happens after each pause."""

    def __init__(self, stage: Stage, then: Callable[[], object]) -> None:
        super().__init__(stage.time)
        self._then = then

    def sleep(self, seconds: float) -> None:
        """Let time pass, and do it."""
        super().sleep(seconds)
        self._then()


def clocked(stage: Stage, then: Callable[[], object]) -> App:
    """A function instance under such a clock."""
    return App.from_environ(environment(stage.cloud.url, **stage.settings), Clock(stage, then))


# A wait of 700 s that pauses and calls make a little longer: each takes 20 ms.
LONG_WAIT = EIGHT | {"VISIBILITY_SECONDS": "700"}


def test_a_long_wait_takes_one_heartbeat() -> None:
    """Clocks and calls take their time, so that its end moves on; that is no reason for another."""
    with Stage(hook_of(60, "a"), LONG_WAIT, [instances()]) as stage:
        app = clocked(stage, lambda: stage.time.advance(0.02))
        assert isinstance(stage.deliver(hook_event("i-a"), app, timeout=1800).error, Retryable)
        kept, left = stage.cloud.calls(HEARTBEAT)
        assert left["time"] - kept["time"] >= 700
        stage.time.advance(599)
        assert "Pending" == stage.hook()["status"]


def test_the_timeout_is_read_for_each_launch() -> None:
    """Somebody has raised it since the function instance first read it: it is not cut."""
    launch = hook_of(60, "a", "b")
    first = launch["lifecycle_actions"][0] | {"instance_ids": ["i-a"]}
    second = first | {
        "token": "of-the-second",
        "scaling_activity": "asa-2",
        "instance_ids": ["i-b"],
        "timeout": 3600,
    }
    launch["lifecycle_actions"] = [first, second]
    shown = {"LifecycleHookId": first["hook_id"], "HeartbeatTimeout": 60}
    shown["LifecycleHookName"] = "secondary-ips"
    once = answer("DescribeLifecycleHooks", times=1, LifecycleHooks=[shown], TotalCount=1)
    with Stage(launch, EIGHT, [once, instances(times=8)]) as stage:
        stage.deliver(hook_event("i-a"))
        stage.cloud.faults([instances()])
        other = {"lifecycleActionToken": "of-the-second", "scalingActivityId": "asa-2"}
        assert isinstance(stage.deliver(hook_event("i-b", **other)).error, Retryable)
        stage.time.advance(3000)
        assert "Pending" == stage.cloud.state()["lifecycle_actions"][1]["status"]


def test_a_hook_that_was_not_shown_once_is_asked_for_again() -> None:
    """Its name is not told by the message, and an empty answer is no name."""
    launch = world(instance("a"))
    launch["lifecycle_actions"][0]["hook_name"] = "secondary-ips"
    once = answer("DescribeLifecycleHooks", times=1, LifecycleHooks=[], TotalCount=0)
    with Stage(launch, EIGHT, [once]) as stage:
        for _ in range(2):
            stage.deliver(hook_event("i-a", lifecycleHookName=None))
        assert "CONTINUE" == stage.hook()["result"]


def test_a_launch_that_is_raised_does_not_cut_what_it_gave_the_hook() -> None:
    """A permission is lost while a long wait is under way."""
    lost = refusal("DescribeNetworkInterfaces", "Forbidden.RAM")
    settings = EIGHT | {"VISIBILITY_SECONDS": "1500"}
    with Stage(hook_of(60, "a"), settings, [instances()]) as stage:
        began = stage.time.now()
        app = clocked(
            stage, lambda: stage.cloud.faults([lost]) if stage.time.now() > began + 30 else None
        )
        assert isinstance(stage.deliver(hook_event("i-a"), app, timeout=3000).error, NotPermitted)
        stage.time.advance(began + 1500 - stage.time.now())
        assert "Pending" == stage.hook()["status"]


def test_another_delivery_does_not_cut_what_the_first_one_gave() -> None:
    """While it waits, the event comes a second time, and that one waits for throttled minutes."""
    throttled = refusal(WRITE, "Throttling.User", 400, times=3)
    with Stage(hook_of(60, "a"), EIGHT | {"VISIBILITY_SECONDS": "700"}, [instances()]) as stage:
        began, once = stage.time.now(), [hook_event("i-a")]

        def again() -> None:
            if stage.time.now() > began + 30 and once:
                stage.cloud.faults([throttled])
                stage.deliver(once.pop(), stage.another_app())

        stage.deliver(hook_event("i-a"), clocked(stage, again), timeout=1800)
        ends = [
            call["time"] + int(call["parameters"]["heartbeatTimeout"])
            for call in stage.cloud.calls(HEARTBEAT)
        ]
        assert 2 == len(ends)
        assert sorted(ends) == ends
        assert "CONTINUE" == stage.hook()["result"]


@pytest.mark.parametrize("timed", [True, False], ids=["with its time", "without a time"])
def test_a_retry_of_a_message_keeps_a_hook_that_has_waited(timed: bool) -> None:
    """The hook of 600 s began long ago; without a time in the message nobody knows how long."""
    with Stage(hook_of(600, "a"), EIGHT, [instances(times=8)]) as stage:
        began = stage.time.now()
        stage.time.advance(585)
        event = hook_event("i-a")
        stage.deliver(published(event, began) if timed else event)
        assert 600 < stage.time.now() - began
        assert ("Completed", "CONTINUE") == (stage.hook()["status"], stage.hook()["result"])
        assert 1 == len(stage.cloud.calls(HEARTBEAT))


@pytest.mark.parametrize(("name", "told"), [("secondary-ips", "CONTINUE"), ("install-agent", None)])
def test_a_message_without_the_hooks_name(name: str, told: str | None) -> None:
    """Auto Scaling is asked for it, once for a function instance."""
    launch = world(instance("a"))
    launch["lifecycle_actions"][0]["hook_name"] = name
    with Stage(launch, EIGHT) as stage:
        for _ in range(3):
            delivered = stage.deliver(hook_event("i-a", lifecycleHookName=None))
            assert stage.held() == {"eni-a": 8}
        assert told == stage.hook()["result"]
        assert ("Pending" == stage.hook()["status"]) == (told is None)
        assert 1 == stage.actions().count("DescribeLifecycleHooks")
        assert delivered.error is None


@pytest.mark.parametrize(("code", "error"), [("Forbidden.RAM", NotPermitted), (None, Retryable)])
def test_instances_are_recorded_while_nobody_tells_the_hooks_name(
    code: str | None, error: type[Exception]
) -> None:
    """Whose hook it is cannot be read: nothing is done, each instance has its record."""
    hooks = "DescribeLifecycleHooks"
    silent = {"action": hooks, "fault": "no_reply", "times": 99}
    with Stage(world(instance("a")), EIGHT, [refusal(hooks, code) if code else silent]) as stage:
        delivered = stage.deliver(hook_event("i-a", lifecycleHookName=None))
        assert isinstance(delivered.error, error)
        ends = [(each["instance_id"], each["outcome"]) for each in delivered.of("eni_result")]
        assert [("i-a", "deferred")] == ends
        assert ({"eni-a": 0}, "Pending") == (stage.held(), stage.hook()["status"])


def test_failed_heartbeat_is_sent_again() -> None:
    """A hook of 40 s is kept waiting for an instance that appears after 41 s."""
    launch = world(instance("a"))
    launch["lifecycle_actions"][0]["timeout"] = 40
    failed = refusal(HEARTBEAT, "ServiceUnavailable", 503, times=1)
    with Stage(launch, EIGHT, [failed, instances(times=12)]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": GOOD} == delivered.ends
        assert delivered.of("run_summary")[0]["seconds_waited"] > 40
        assert [503, 200] == [call["status"] for call in stage.cloud.calls(HEARTBEAT)]
        assert ("Completed", "CONTINUE") == (stage.hook()["status"], stage.hook()["result"])


def test_none_of_several_hidden_instances_is_gone() -> None:
    """Two are hidden and unlisted; the ENIs of both are visible: neither is called gone."""
    with Stage(world(instance("a"), instance("b")), EIGHT, [instances(), UNLISTED]) as stage:
        delivered = stage.deliver(hook_event("i-a", "i-b"))
        assert isinstance(delivered.error, NotPermitted)
        assert {"deferred"} == {each["outcome"] for each in delivered.of("eni_result")}
        assert "Pending" == stage.hook()["status"]


def test_hidden_instance_beside_a_released_one_is_not_gone() -> None:
    """The first of two unlisted instances is gone, the other is hidden: no CONTINUE."""
    with Stage(world(instance("b")), EIGHT, [instances(), UNLISTED]) as stage:
        delivered = stage.deliver(hook_event("i-a-released", "i-b"))
        assert isinstance(delivered.error, NotPermitted)
        assert "Pending" == stage.hook()["status"]


def test_slow_eni_does_not_starve_another_instance_under_a_short_timeout() -> None:
    """The same within a timeout of 60 s: waiting for one leaves time for the other."""
    two = world(instance("a", eni("eni-a"), ATTACHING), instance("b"))
    first = instances(shown("i-a", "eni-a", "eni-a-second"), times=1)
    with Stage(two, EIGHT, [first]) as stage:
        delivered = stage.deliver(hook_event("i-a", "i-b"), timeout=60)
        assert isinstance(delivered.error, Retryable)
        assert GOOD == delivered.ends.get("eni-b")


def test_instance_that_ecs_shows_is_not_gone_although_nobody_lists_it() -> None:
    """Its ENI's row cannot be read and Auto Scaling does not list it: undecided, no CONTINUE."""
    unread = rows(row("eni-a", None))
    with Stage(world(instance("a")), EIGHT, [unread, UNLISTED]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert isinstance(delivered.error, Retryable)
        assert [("deferred", "not_visible")] == list(delivered.ends.values())
        assert "Pending" == stage.hook()["status"]


# --- a shortfall that a single reading shows --------------------------------------------------


@pytest.mark.parametrize("late", [1, 5, 29])
def test_a_duplicate_that_reads_late_tells_the_hook_no_shortfall(late: float) -> None:
    """Another invocation took the last addresses; reads show that they are gone, not to whom."""
    tight = world(instance("a"), cidr="10.0.0.0/28", lifecycle_actions=world()["lifecycle_actions"])
    hook = tight["lifecycle_actions"][0] | {"instance_ids": ["i-a"]}
    behind = {"action": ENIS, "fault": "stale", "seconds": late, "times": 99}
    settings = {"TARGET_SECONDARY_IPS": "11", "VSWITCH_RESERVE": "0"}
    with Stage(tight | {"lifecycle_actions": [hook]}, settings) as stage:
        stage.time.advance(60)
        stage.deliver(running_event("i-a"))
        assert {"eni-a": 11} == stage.held()
        stage.cloud.faults([behind])
        delivered = stage.deliver(hook_event("i-a"), app=stage.another_app())
        assert {"eni-a": ("satisfied", "at_target")} == delivered.ends
        assert "CONTINUE" == stage.hook()["result"]


def test_a_shortfall_that_two_readings_show_is_told() -> None:
    """The mirror: there is no room, and half a minute later there still is none."""
    tight = world(instance("a"), cidr="10.0.0.0/28")
    settings = {"TARGET_SECONDARY_IPS": "12", "VSWITCH_RESERVE": "12"}
    with Stage(tight, settings) as stage:
        began = stage.time.now()
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": ("short", "vswitch")} == delivered.ends
        assert "DEFAULT" == delivered.result["lifecycle"]["result"]
        assert 30 <= stage.time.now() - began <= 35


# --- lists that come in parts -----------------------------------------------------------------


@pytest.mark.parametrize("polls", [1, 3, 6])
def test_a_launch_without_ids_waits_until_the_list_is_whole(polls: int) -> None:
    """Auto Scaling lists one of three instances at first: all three are served, then CONTINUE."""
    three = world(*(instance(name) for name in "abc"))
    first = {"LifecycleActionToken": HOOK_TOKEN, "InstanceIds": ["i-a"]}
    early = answer("DescribeLifecycleActions", times=polls, LifecycleActions=[first])
    with Stage(three, EIGHT, [early]) as stage:
        delivered = stage.deliver(hook_event(instanceIds=None))
        assert {"eni-a": GOOD, "eni-b": GOOD, "eni-c": GOOD} == delivered.ends
        assert "CONTINUE" == stage.hook()["result"]


def test_a_launch_with_ids_waits_for_no_list() -> None:
    """The mirror: where the event names its instances, it is done when they are."""
    with Stage(world(instance("a")), EIGHT) as stage:
        began = stage.time.now()
        stage.deliver(hook_event("i-a"))
        assert stage.time.now() - began < 10


def test_a_launch_without_ids_looks_again_for_what_its_instances_have() -> None:
    """Its instance's row does not list the second ENI at first: both are served, then CONTINUE."""
    two = world(instance("a", eni("eni-a"), eni("eni-a-second")), instance("b"))
    early = instances(shown("i-a", "eni-a"), shown("i-b", "eni-b"), times=1)
    with Stage(two, EIGHT, [early]) as stage:
        delivered = stage.deliver(hook_event(instanceIds=None))
        assert {"eni-a": GOOD, "eni-a-second": GOOD, "eni-b": GOOD} == delivered.ends
        assert "CONTINUE" == stage.hook()["result"]


def test_an_eni_that_was_listed_once_and_left_is_not_waited_for() -> None:
    """The mirror: the next read of the instance no longer lists it, and the hook goes on."""
    launch = world(instance("a", eni("eni-a")))
    one = row("eni-a", "10.0.0.4", Status="Attaching")
    early = [
        instances(shown("i-a", "eni-a"), times=1),
        instances(shown("i-a", "eni-a", "eni-left"), times=1),
        rows(one, where={"InstanceId": "i-a"}, times=1),
    ]
    with Stage(launch, EIGHT, early) as stage:
        began = stage.time.now()
        delivered = stage.deliver(hook_event("i-a"))
        assert (None, {"eni-a": GOOD}) == (delivered.error, delivered.ends)
        assert "CONTINUE" == stage.hook()["result"]
        assert stage.time.now() - began < 10


B, BOTH_SHOWN = shown("i-b", "eni-b"), (shown("i-a", "eni-a"), shown("i-b", "eni-b"))
NOBODY = answer(MEMBERS, TotalCount=0, ScalingInstances={"ScalingInstance": []})
LEFT = [
    (instances(*BOTH_SHOWN, times=1), instances(B)),  # when it was served
    (instances(B), rows(where={"InstanceId": "i-a"}), NOBODY),  # before
]


@pytest.mark.parametrize(("faults", "end"), [(LEFT[0], GOOD), (LEFT[1], GONE)])
def test_a_launch_without_ids_looks_again_at_nothing_that_has_left(
    faults: tuple[World, ...], end: tuple[str, str]
) -> None:
    """An instance that is released before or after it was served has one record, and no wait."""
    with Stage(world(instance("a"), instance("b")), EIGHT, faults) as stage:
        delivered = stage.deliver(hook_event(instanceIds=None))
        assert delivered.error is None
        (record,) = [each for each in delivered.of("eni_result") if each["instance_id"] == "i-a"]
        assert end == (record["outcome"], record["reason"])
        assert "CONTINUE" == stage.hook()["result"]


def test_an_eni_that_a_later_row_of_its_instance_lists_is_served() -> None:
    """While one ENI is waited for, another read shows that the instance has a second one."""
    launch = world(instance("a", eni("eni-a"), eni("eni-a-second")))
    one = row("eni-a", "10.0.0.4", Status="Attaching")
    early = [
        instances(shown("i-a", "eni-a"), times=1),
        rows(one, where={"InstanceId": "i-a"}, times=1),
    ]
    with Stage(launch, EIGHT, early) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": GOOD, "eni-a-second": GOOD} == delivered.ends
        assert "CONTINUE" == stage.hook()["result"]


# --- tags that come late ----------------------------------------------------------------------

UNTAGGED = instances(shown("i-a", "eni-a"))
TAGGED = world(instance("a", tags={"secondary-ips": "4"}))


@pytest.mark.parametrize("times", [1, 3])
def test_a_tag_that_comes_late_is_waited_for(times: int) -> None:
    """An instance without any target is read again before its hook goes on."""
    with Stage(TAGGED, {}, [UNTAGGED | {"times": times}]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": GOOD} == delivered.ends
        assert {"eni-a": 4} == stage.held()
        assert "CONTINUE" == stage.hook()["result"]


def test_a_tag_of_one_of_two_instances_comes_late() -> None:
    """The other one is served at once, and both before the hook goes on."""
    two = world(
        instance("a", tags={"secondary-ips": "4"}), instance("b", tags={"secondary-ips": "2"})
    )
    late = instances(shown("i-a", "eni-a"), times=1)
    with Stage(two, {}, [late]) as stage:
        delivered = stage.deliver(hook_event("i-a", "i-b"))
        assert {"eni-a": GOOD, "eni-b": GOOD} == delivered.ends
        assert {"eni-a": 4, "eni-b": 2} == stage.held()


def test_no_target_is_believed_when_reads_have_had_their_time() -> None:
    """The mirror: nothing has a target, and half a minute later nothing has one still."""
    with Stage(world(instance("a"))) as stage:
        began = stage.time.now()
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": ("skipped", "no_target")} == delivered.ends
        assert "CONTINUE" == stage.hook()["result"]
        assert 30 <= stage.time.now() - began <= 35


def test_an_eni_without_a_tag_beside_one_with_it_has_no_target() -> None:
    """The mirror: its tag never comes, and the hook goes on when that is believed."""
    two = instance("a", eni("eni-a", tags={"secondary-ips": "4"}), eni("eni-a-second"))
    with Stage(world(two)) as stage:
        began = stage.time.now()
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": GOOD, "eni-a-second": ("skipped", "no_target")} == delivered.ends
        assert "CONTINUE" == stage.hook()["result"]
        assert 30 <= stage.time.now() - began <= 35


def test_a_tag_of_one_of_two_enis_comes_late() -> None:
    """The tag of the other ENI says nothing of this one's: it is waited for.

    Seen to fail when an instance with any target was taken for one whose tags are all there.
    """
    two = instance(
        "a",
        eni("eni-a", tags={"secondary-ips": "4"}),
        eni("eni-a-second", tags={"secondary-ips": "2"}),
    )
    tagged = {"Tags": {"Tag": [{"TagKey": "secondary-ips", "TagValue": "4"}]}}
    untagged = row("eni-a-second", "10.0.0.2", Type="Secondary")
    late = rows(row("eni-a", "10.0.0.1", **tagged), untagged, times=1)
    with Stage(world(two), {}, [late]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": GOOD, "eni-a-second": GOOD} == delivered.ends
        assert {"eni-a": 4, "eni-a-second": 2} == stage.held()
        assert "CONTINUE" == stage.hook()["result"]


TWO = (eni("eni-a"), eni("eni-a-second", type="Secondary"))
RULE = {"TARGET_RULES": '[{"eni_type": "secondary", "target": "4"}]'}
FOREIGN = hook_event("i-a", lifecycleHookName="register-dns")
ONLY_A = {"backfill": {"instance_ids": ["i-a"]}}


@pytest.mark.parametrize(
    ("launched", "settings", "event"),
    [
        (world(instance("a")), EIGHT, hook_event("i-a")),
        (world(instance("a", *TWO)), RULE, hook_event("i-a")),
        (world(instance("a", tags={"secondary-ips": "skip"})), {}, hook_event("i-a")),
        (world(instance("a", tags={"secondary-ips": "lots"})), {}, hook_event("i-a")),
        (world(instance("a")), {"DRY_RUN": "true"}, hook_event("i-a")),
        (world(instance("a")), {"ALLOWED_SCALING_GROUPS": "asg-other"}, hook_event("i-a")),
        (world(instance("a")), {}, FOREIGN),
        (world(instance("a")), {}, running_event("i-a")),
        (world(instance("a")), {}, ONLY_A),
    ],
    ids=["default", "a rule", "skip", "invalid", "dry", "group", "foreign", "state", "backfill"],
)
def test_tags_are_waited_for_only_where_they_may_matter(
    launched: World, settings: dict[str, str], event: World
) -> None:
    """What a tag or a default tells, and what no hook of ours waits for, is decided at once."""
    with Stage(launched, settings) as stage:
        began = stage.time.now()
        delivered = stage.deliver(event)
        assert delivered.error is None
        assert "deferred" not in {outcome for outcome, _ in delivered.ends.values()}
        assert stage.time.now() - began < 10


# --- events that are too old ------------------------------------------------------------------


@pytest.mark.parametrize(("age", "end"), [(89.0, ("deferred", "not_visible")), (3600.0, GONE)])
def test_an_old_event_about_what_ecs_does_not_know(age: float, end: tuple[str, str]) -> None:
    """Older than all that is waited for: it is gone, a success, and not waited for."""
    with Stage(world(instance("a")), EIGHT) as stage:
        happened = datetime.fromtimestamp(stage.time.now() - age, tz=timezone.utc)
        event = running_event("i-gone") | {"eventTime": happened.strftime("%Y-%m-%dT%H:%M:%SZ")}
        began = stage.time.now()
        delivered = stage.deliver(event)
        (record,) = delivered.of("eni_result")
        assert end == (record["outcome"], record["reason"])
        assert (end == GONE) == (delivered.error is None)
        assert (end == GONE) == (stage.time.now() - began < 5)


def test_an_old_event_about_what_is_there_is_served() -> None:
    """The mirror: what ECS knows gets its addresses, however late the event comes."""
    with Stage(world(instance("a")), EIGHT) as stage:
        event = running_event("i-a") | {"eventTime": "2020-01-01T00:00:00Z"}
        assert {"eni-a": GOOD} == stage.deliver(event).ends
