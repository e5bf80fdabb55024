"""What belongs to others is left alone: their hooks, and the ENIs that bear their marks."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.chaos.trouble import cloud_event, scale_out
from tests.integration.test_trouble import row, rows
from tests.stage import Stage
from tests.unit.events_table import EVENTS
from tests.worlds import GROUP, eni, hook_event, instance, running_event, world

Json = dict[str, Any]

FOUR = {"TARGET_SECONDARY_IPS": "4"}
OTHER = {
    "hook_id": "ash-bp1otherhook000001",
    "token": "9C2E9DA7-0000-449A-ACF6-CEE24444F7BB",
    "hook_name": "install-agent",
}
# Payloads of the other sources, and what stands in them for this world's instance and ENI.
SOURCES = (
    "ess-notification-scale-out-success.json",
    "cloudmonitor-instance-running.json",
    "cloudmonitor-alert-instance-running.json",
    "cloudmonitor-eni-attached.json",
    "actiontrail-run-instances.json",
    "actiontrail-attach-network-interface.json",
    "timer-backfill.json",
)
SAID = {r"\bi-bp1\w+": "i-a", r"eni-bp1\w+": "eni-a", r"asg-bp1\w+": GROUP}
MARKS = [
    {"creator": "terway-controller"},
    {"cilium-eni-index": "1"},
    {"team": "dba"},
]


def _payloads(*names: str) -> list[Json]:
    """Real-shaped payloads, about the instance and the ENI of this world."""
    found = []
    for name in names:
        text = (EVENTS / name).read_text(encoding="utf-8")
        for id_, ours in SAID.items():
            text = re.sub(id_, ours, text)
        found.append(json.loads(text))
    return found


def test_of_two_hooks_only_ours_is_completed() -> None:
    """Deliveries from all sources serve the instance, and leave the other hook as it was."""
    launch = world(instance("a"))
    ours = launch["lifecycle_actions"][0]
    theirs = hook_event(
        "i-a",
        lifecycleHookId=OTHER["hook_id"],
        lifecycleActionToken=OTHER["token"],
        lifecycleHookName=OTHER["hook_name"],
    )
    through_eventbridge = cloud_event("acs.ess", "ess:LifecycleHook:ScaleOut", theirs["content"])
    through_a_topic = {"TopicName": "hooks", "Message": json.dumps(theirs)}
    through_failures = {"requestContext": {}, "requestPayload": json.dumps(theirs)}
    events = [
        theirs,
        hook_event("i-a"),
        through_eventbridge,
        through_a_topic,
        through_failures,
        scale_out(["i-a"]),
        running_event("i-a"),
        *_payloads(*SOURCES),
        {"backfill": {"all": True}},
        [hook_event("i-a"), theirs],
    ]
    with Stage(launch | {"lifecycle_actions": [ours, ours | OTHER]}, FOUR) as stage:
        deliveries = [stage.deliver(event) for event in events]
        assert {None} == {each.error for each in deliveries}
        rows = [row for each in deliveries for row in each.of("eni_result")]
        assert {"eni-a"} == {row["network_interface_id"] for row in rows}
        assert len(rows) > len(events)  # each served it, and the array twice
        assert ["Completed", "Pending"] == [
            each["status"] for each in stage.cloud.state()["lifecycle_actions"]
        ]
        assert 0 == stage.cloud.state()["lifecycle_actions"][1]["heartbeats"]
        assert {"eni-a": 4} == stage.held()
        (record,) = deliveries[0].of("lifecycle")
        assert ("warning", False) == (record["level"], record["completed"])
        assert "LIFECYCLE_HOOKS" in record["reason"]


def test_backfill_touches_no_eni_that_bears_the_mark_of_others() -> None:
    """A third of a fleet is marked: the journal of the cloud has no write to any of it."""
    fleet = [
        instance(f"{each}", eni(f"eni-{each}", tags=MARKS[each // 3 % 3] if each % 3 == 0 else {}))
        for each in range(30)
    ]
    crowd = world(*fleet, instance("x") | {"id": "eci-x"}, lifecycle_actions=[])
    with Stage(crowd, FOUR | {"EXCLUDED_TAGS": "team=dba"}) as stage:
        delivered = stage.deliver({"backfill": {"all": True}})
        assert delivered.error is None
        written = {call["NetworkInterfaceId"] for call in stage.writes()}
        assert {f"eni-{each}" for each in range(30) if each % 3} == written
        assert ("skipped", "foreign_owner") == delivered.ends["eni-x"]


CONTAINER = instance("x", eni("eni-x")) | {"id": "eci-x"}
MANAGED = instance("y", eni("eni-y")) | {"id": "mi-y"}


@pytest.mark.parametrize("event", [{"backfill": {"scaling_group_id": GROUP}}, hook_event()])
def test_a_group_may_hold_what_is_no_ecs_instance(event: Json) -> None:
    """Container and managed instances are not asked for; the others are served."""
    if "content" in event:
        del event["content"]["instanceIds"]
    with Stage(world(CONTAINER, instance("a"), MANAGED), FOUR) as stage:
        delivered = stage.deliver(event)
        assert delivered.error is None
        assert {"eni-a": ("assigned", "reached")} == delivered.ends
        asked = [str(call["parameters"]) for call in stage.cloud.calls("DescribeInstances")]
        assert not [each for each in asked if "eci-x" in each or "mi-y" in each]


def test_the_hook_of_a_group_without_ecs_instances_goes_on() -> None:
    """The mirror: nothing of it is ours to serve, and nothing waits for it."""
    event = hook_event()
    del event["content"]["instanceIds"]
    with Stage(world(CONTAINER, MANAGED), FOUR) as stage:
        delivered = stage.deliver(event)
        assert (None, {}) == (delivered.error, delivered.ends)
        assert "CONTINUE" == stage.hook()["result"]
        assert [] == stage.writes()


SECOND = world(instance("a", eni("eni-a"), eni("eni-a-second")))
SKIPPED = [
    ({"ServiceManaged": True}, {}, "service_managed"),
    ({"Type": "Trunk"}, {}, "eni_type"),
    ({"Tags": {"Tag": [{"TagKey": "creator", "TagValue": "terway"}]}}, {}, "kubernetes"),
    ({"Tags": {"Tag": [{"TagKey": "secondary-ips", "TagValue": "skip"}]}}, {}, "opted_out"),
    ({}, {"ENI_SCOPE": "primary"}, "scope"),
]


@pytest.mark.parametrize("event", [hook_event("i-a"), {"backfill": {"instance_ids": ["i-a"]}}])
@pytest.mark.parametrize(("shown", "settings", "reason"), SKIPPED)
def test_what_is_skipped_anyway_needs_no_readable_addresses(
    event: Json, shown: Json, settings: dict[str, str], reason: str
) -> None:
    """A row without its primary address holds up nobody where nothing would be done to it."""
    odd = row("eni-a-second", None, **{"Type": "Secondary"} | shown)
    page = rows(row("eni-a", "10.0.0.4"), odd, where={"InstanceId": "i-a"})
    with Stage(SECOND, FOUR | settings, [page]) as stage:
        delivered = stage.deliver(event)
        assert delivered.error is None
        assert ("skipped", reason) == delivered.ends["eni-a-second"]
        assert ("assigned", "reached") == delivered.ends["eni-a"]
        assert "content" not in event or "CONTINUE" == stage.hook()["result"]


@pytest.mark.parametrize("shown", [{}, {"Type": ""}, {"Tags": {"Tag": [{"TagKey": 7}]}}])
def test_what_may_be_ours_is_no_reading_without_its_primary_address(shown: Json) -> None:
    """The mirror: it is waited for, and the hook with it."""
    odd = row("eni-a-second", None, **{"Type": "Secondary"} | shown)
    page = rows(row("eni-a", "10.0.0.4"), odd, where={"InstanceId": "i-a"})
    with Stage(SECOND, FOUR, [page]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert delivered.error is not None
        assert "Pending" == stage.hook()["status"]
