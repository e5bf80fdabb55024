"""What belongs to others is left alone: their hooks, and the ENIs that bear their marks."""

from __future__ import annotations

from tests.chaos.trouble import scale_out
from tests.stage import Stage
from tests.worlds import eni, hook_event, instance, running_event, world

FOUR = {"TARGET_SECONDARY_IPS": "4"}
OTHER = {
    "hook_id": "ash-bp1otherhook000001",
    "token": "9C2E9DA7-0000-449A-ACF6-CEE24444F7BB",
    "hook_name": "install-agent",
}
MARKS = [
    {"creator": "terway-controller"},
    {"cilium-eni-index": "1"},
    {"team": "dba"},
]


def test_of_two_hooks_only_ours_is_completed() -> None:
    """Ten deliveries from all sources serve the instance, and leave the other hook as it was."""
    launch = world(instance("a"))
    ours = launch["lifecycle_actions"][0]
    theirs = hook_event(
        "i-a",
        lifecycleHookId=OTHER["hook_id"],
        lifecycleActionToken=OTHER["token"],
        lifecycleHookName=OTHER["hook_name"],
    )
    events = [theirs, hook_event("i-a"), scale_out(["i-a"]), running_event("i-a"), theirs]
    with Stage(launch | {"lifecycle_actions": [ours, ours | OTHER]}, FOUR) as stage:
        deliveries = [stage.deliver(event) for event in events * 2]
        assert [None] * 10 == [each.error for each in deliveries]
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
