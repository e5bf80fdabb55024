"""Bad input ends in a result that names the field and the rule: no call, no retry."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.stage import Queue, Stage
from tests.worlds import GROUP, eni, hook_event, instance, running_event, world


def manual(**fields: Any) -> dict[str, Any]:
    """A backfill with these fields."""
    return {"backfill": fields}


def wrapped(depth: int) -> bytes:
    """A hook event inside so many MNS messages, each in base64."""
    event = json.dumps(hook_event("i-a")).encode()
    for _ in range(depth):
        inner = base64.b64encode(event).decode()
        event = json.dumps({"TopicName": "t", "MessageId": "m", "Message": inner}).encode()
    return event


MANY = [f"i-{number}" for number in range(10_000)]
# What is delivered, the action of the result, and what its reason must name.
CASES: list[tuple[str, Any, str, tuple[str, ...]]] = [
    ("empty", b"", "rejected", ("event",)),
    ("not JSON", b"hello", "rejected", ("event", "JSON")),
    ("not UTF-8", b"\xff\xfe\x00", "rejected", ("event",)),
    ("a number", b"7", "rejected", ("event",)),
    ("null", b"null", "rejected", ("event",)),
    ("NaN", b'{"backfill": {"all": true, "limit": NaN}}', "rejected", ("NaN",)),
    ("key twice", b'{"plan": {"all": true}, "plan": {}}', "rejected", ("plan",)),
    ("unknown shape", {"hello": "world"}, "ignored", ("hello",)),
    ("misspelt", {"backfil": {"all": True}}, "ignored", ("backfil",)),
    ("odd id", hook_event("i-a;rm"), "rejected", ("instanceIds", "i-")),
    ("masked id", hook_event("i-bp1****"), "rejected", ("instanceIds",)),
    ("id of another kind", hook_event("eni-a"), "rejected", ("instanceIds",)),
    ("id not text", hook_event(7), "rejected", ("instanceIds",)),  # type: ignore[arg-type]
    ("no ids", hook_event(scalingActivityId=None), "rejected", ("instanceIds", "empty")),
    ("10 000 ids", hook_event(*MANY), "rejected", ("instanceIds", "4000")),
    ("other region", hook_event("i-a") | {"regionId": "cn-beijing"}, "rejected", ("cn-beijing",)),
    ("odd region", hook_event("i-a") | {"regionId": "../etc"}, "rejected", ("regionId",)),
    ("no token", hook_event("i-a", lifecycleActionToken=""), "rejected", ("ActionToken",)),
    ("deep nesting", wrapped(20), "rejected", ("at most 12 wrappers",)),
    ("deep JSON", b"[" * 100_000, "rejected", ("event",)),
    ("base64 of text", base64.b64encode(b"TEST"), "rejected", ("event",)),
    ("no selector", manual(), "rejected", ("backfill", "instance_ids")),
    ("two selectors", manual(all=True, scaling_group_id=GROUP), "rejected", ("all", "group_id")),
    ("unknown field", manual(all=True, targets=3), "rejected", ("backfill.targets", "target")),
    ("bad target", manual(all=True, target="lots"), "rejected", ("backfill.target", "lots")),
    ("negative target", manual(all=True, target=-1), "rejected", ("backfill.target", "-1")),
    ("true as target", manual(all=True, target=True), "rejected", ("backfill.target",)),
    ("bad limit", manual(all=True, limit=0), "rejected", ("backfill.limit", "0")),
    ("all: false", manual(all=False), "rejected", ("backfill.all",)),
    ("empty list", manual(instance_ids=[]), "rejected", ("backfill.instance_ids",)),
    ("text for list", manual(instance_ids="i-a"), "rejected", ("backfill.instance_ids",)),
    ("10 000 asked", manual(instance_ids=MANY), "rejected", ("instance_ids", "4000")),
    ("other region asked", manual(all=True, region="cn-beijing"), "rejected", ("region",)),
    ("backfill is a list", {"backfill": []}, "rejected", ("backfill",)),
    ("both", {"backfill": {"all": True}, "plan": {"all": True}}, "rejected", ("plan",)),
    ("map without ids", manual(all=True, ipv4_prefix_count={"eni-a": 1}), "rejected", ("prefix",)),
    (
        "address that is none",
        manual(network_interface_ids=["eni-a"], private_ip_addresses={"eni-a": ["10.0.0.999"]}),
        "rejected",
        ("private_ip_addresses", "10.0.0.999"),
    ),
    (
        "prefix of another length",
        manual(network_interface_ids=["eni-a"], ipv4_prefixes={"eni-a": ["10.0.0.0/24"]}),
        "rejected",
        ("ipv4_prefixes", "/28"),
    ),
]


@pytest.mark.parametrize(
    ("event", "action", "names"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_bad_input_is_a_result_and_makes_no_call(
    event: object, action: str, names: tuple[str, ...]
) -> None:
    """Promise 5: rejected or ignored with field and rule, recorded once, nothing called.

    Seen to fail when an unreadable event raises, and when a region is not compared.
    """
    with Stage(world(instance("a")), {"TARGET_SECONDARY_IPS": "8"}) as stage:
        delivered = stage.deliver(event)
        assert delivered.error is None
        assert action == delivered.result["action"]
        for name in names:
            assert name in delivered.result["reason"]
        assert [] == stage.cloud.calls()
        assert [f"event_{action}"] == [row["record_type"] for row in delivered.records]
        assert 0 == sum(delivered.result["counts"].values())


def test_events_of_an_array_are_each_decided() -> None:
    """One bad element costs the others nothing; counts are summed."""
    events = [running_event("i-a"), {"hello": "world"}, "nonsense", running_event("i-b")]
    with Stage(world(instance("a"), instance("b")), {"TARGET_SECONDARY_IPS": "2"}) as stage:
        result = stage.deliver(events).result
        assert "batch" == result["action"]
        assert ["assign", "ignored", "rejected", "assign"] == [
            each["action"] for each in result["results"]
        ]
        assert (2, 4) == (result["counts"]["enis"], result["counts"]["addresses_assigned"])


def test_array_with_an_undecided_event_is_raised_after_all_were_tried() -> None:
    """The first event cannot be finished; the second is, before the array is raised."""
    brief = {"TARGET_SECONDARY_IPS": "2", "VISIBILITY_SECONDS": "1", "SETTLE_SECONDS": "1"}
    with Stage(world(instance("b")), brief) as stage:
        delivered = stage.deliver(
            [running_event("i-never") | {"eventTime": None}, running_event("i-b")]
        )
        assert "i-never" in str(delivered.error)
        assert {"eni-b": 2} == stage.held()


def test_events_of_an_array_share_what_a_vswitch_has_above_its_reserve() -> None:
    """Ten free and four kept back: six for both, also while the second read does not show that."""
    late = {"action": "DescribeVSwitches", "fault": "stale", "seconds": 25, "times": 9}
    settings = {"TARGET_SECONDARY_IPS": "5", "VSWITCH_RESERVE": "4"}
    tight = world(instance("a"), instance("b"), cidr="10.0.0.0/28")
    with Stage(tight, settings, [late]) as stage:
        result = stage.deliver([running_event("i-a"), running_event("i-b")]).result
        assert {"eni-a": 5, "eni-b": 1} == stage.held()
        assert (1, 1) == (result["counts"]["assigned"], result["counts"]["short"])


def test_every_backfill_of_an_array_is_handed_over_under_a_task_id_of_its_own() -> None:
    """One write in their time: the first changes one ENI, the second finds a hundred done."""
    done = [instance(f"n{n:03}", eni(f"eni-n{n:03}", secondary=1)) for n in range(100)]
    fleet = [*done, *(instance(f"z{number}") for number in range(4))]
    brief = {"TARGET_SECONDARY_IPS": "1", "ASSIGN_PER_MINUTE": "1", "BACKFILL_SHARE": "1"}
    ids = [each["id"] for each in fleet]
    with Stage(world(*fleet), brief) as stage:
        queue = stage.app.functions = Queue()
        stage.time.advance(60 - stage.time.now() % 60)
        events = [manual(instance_ids=ids[102:]), manual(instance_ids=ids[:102])]
        result = stage.deliver(events, timeout=50).result
        assert ["bf_req-1_1", "bf_req-1-1_1"] == list(queue.taken)
        assert list(queue.taken) == [each["continuation"]["task_id"] for each in result["results"]]
        for payload in list(queue.taken.values()):
            stage.deliver(payload)
        assert {1} == set(stage.held().values())


def test_backfills_can_be_switched_off() -> None:
    """BACKFILL_SHARE=0 refuses them by name; a plan is still answered."""
    settings = {"TARGET_SECONDARY_IPS": "2", "BACKFILL_SHARE": "0"}
    with Stage(world(instance("a")), settings) as stage:
        refused = stage.deliver(manual(all=True)).result
        assert ("rejected", True) == (refused["action"], "BACKFILL_SHARE" in refused["reason"])
        assert "plan" == stage.deliver({"plan": {"all": True}}).result["action"]
        assert [] == stage.writes()


@pytest.mark.parametrize("gone", [8, 20, 60])
def test_events_about_what_is_gone_leave_time_for_those_behind_them(gone: int) -> None:
    """Each waits for its share of the time: the last one of an array is served too.

    They do not say when they happened: what is known to be old is not waited for.
    """
    missing = (running_event(f"i-gone{number}") | {"eventTime": None} for number in range(gone))
    events = [*missing, running_event("i-a")]
    slow = {"action": "*", "fault": "slow", "seconds": 0.1, "times": 9_999}
    with Stage(world(instance("a")), {"TARGET_SECONDARY_IPS": "8"}, [slow]) as stage:
        stage.deliver(events)
        assert {"eni-a": 8} == stage.held()


def test_results_of_an_array_hold_no_more_enis_than_one_result() -> None:
    """A reply is bounded, however many events it is about; the rest is counted."""
    fleet = world(*(instance(f"n{number}") for number in range(200)))
    with Stage(fleet) as stage:
        results = stage.deliver([{"plan": {"all": True, "target": 1}}] * 4).result["results"]
        assert [200, 200, 100, 0] == [len(each["enis"]) for each in results]
        assert [None, None, 100, 200] == [each.get("enis_left_out") for each in results]
        assert {200} == {each["counts"]["planned"] for each in results}


def test_refused_cursor_is_logged_as_far_as_we_write_it() -> None:
    """A chain that is refused can be taken up again; what somebody else put in is left out."""
    mine = {"version": 1, "chain": "c", "hop": 2, "remaining": None, "page": "p", "after": None}
    with Stage(world(instance("a")), {"BACKFILL_SHARE": "0"}) as stage:
        for cursor in (mine | {"password": "hunter2"}, {"password": "hunter2"}):
            delivered = stage.deliver(manual(all=True, cursor=cursor))
            assert "hunter2" not in delivered.everything
            (record,) = delivered.of("event_rejected")
            assert record.get("cursor") == (mine if "hop" in cursor else None)
