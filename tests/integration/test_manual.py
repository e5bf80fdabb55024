"""Manual requests: every selector, explicit addresses, prefixes, plans and limits."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from handler.core.errors import NotPermitted, Retryable
from tests.stage import Stage
from tests.worlds import GROUP, QUANTITY, TYPE, VSWITCH, eni, instance, world

GOOD = ("assigned", "reached")
TWO = {"TARGET_SECONDARY_IPS": "2", "SETTLE_SECONDS": "5", "VISIBILITY_SECONDS": "10"}


def fleet() -> dict[str, Any]:
    """Two instances of the group, one outside it with a tag, one unattached ENI."""
    outside = instance("c", tags={"team": "batch"})
    del outside["scaling_group"]
    spare = {"id": "eni-spare-second", "type": "Secondary", "vswitch": VSWITCH, "secondary": 0}
    return world(instance("a"), instance("b"), outside, enis=[spare], lifecycle_actions=[])


SELECTORS: list[tuple[dict[str, Any], set[str]]] = [
    ({"instance_ids": ["i-a", "i-c", "i-a"]}, {"eni-a", "eni-c"}),
    ({"network_interface_ids": ["eni-b", "eni-spare-second"]}, {"eni-b", "eni-spare-second"}),
    ({"scaling_group_id": GROUP}, {"eni-a", "eni-b"}),
    ({"vswitch_id": VSWITCH}, {"eni-a", "eni-b", "eni-c"}),
    ({"tags": {"team": "batch"}}, {"eni-c"}),
    ({"all": True}, {"eni-a", "eni-b", "eni-c"}),
]


@pytest.mark.parametrize(("selector", "selected"), SELECTORS)
def test_selector_reaches_exactly_its_enis(selector: dict[str, Any], selected: set[str]) -> None:
    """Backfilled are the selected ENIs; unattached ones only when named."""
    with Stage(fleet(), TWO) as stage:
        delivered = stage.deliver({"backfill": selector})
        assert dict.fromkeys(selected, GOOD) == delivered.ends
        assert selected == {eni_id for eni_id, held in stage.held().items() if held}


@pytest.mark.parametrize(("selector", "selected"), SELECTORS)
def test_plan_shows_the_same_and_writes_nothing(
    selector: dict[str, Any], selected: set[str]
) -> None:
    """A plan names each ENI that would change and what it would get."""
    with Stage(fleet(), TWO) as stage:
        delivered = stage.deliver({"plan": selector})
        assert dict.fromkeys(selected, ("planned", "would_assign")) == delivered.ends
        assert {2} == {row["requested"] for row in delivered.enis.values()}
        assert ("plan", []) == (delivered.result["action"], stage.writes())


NAMED_INSTANCES = [f"i-n{number:03}" for number in range(250)]
# Reads of 250 instances with one ENI each: 100 ids a call, 100 instances and 500 ENIs a page.
READS: list[tuple[dict[str, Any], dict[str, int]]] = [
    ({"instance_ids": NAMED_INSTANCES}, {"Instances": 3, "NetworkInterfaces": 3}),
    (
        {"network_interface_ids": [each.replace("i-", "eni-") for each in NAMED_INSTANCES]},
        {"Instances": 3, "NetworkInterfaces": 3},
    ),
    (
        {"scaling_group_id": GROUP},
        {"ScalingInstances": 3, "Instances": 3, "NetworkInterfaces": 3},
    ),
    ({"vswitch_id": VSWITCH}, {"Instances": 3, "NetworkInterfaces": 1}),
    ({"tags": {"team": "batch"}}, {"Instances": 3, "NetworkInterfaces": 3}),
    ({"all": True}, {"Instances": 3, "NetworkInterfaces": 1}),
]


@pytest.mark.parametrize(("selector", "reads"), READS)
def test_selector_is_resolved_with_the_fewest_calls(
    selector: dict[str, Any], reads: dict[str, int]
) -> None:
    """Full batches and pages; type and vSwitch are read once for all of them."""
    crowd = [instance(each[2:], tags={"team": "batch"}) for each in NAMED_INSTANCES]
    with Stage(world(*crowd, lifecycle_actions=[]), TWO) as stage:
        stage.deliver({"plan": selector})
        found = Counter(action.removeprefix("Describe") for action in stage.actions())
        assert {**reads, "InstanceTypes": 1, "VSwitches": 1} == found


def test_target_of_the_request_overrides_the_default() -> None:
    """`max` is what the type allows: 15 addresses less the primary one."""
    with Stage(fleet(), TWO) as stage:
        delivered = stage.deliver({"backfill": {"instance_ids": ["i-a"], "target": "max"}})
        assert {"eni-a": GOOD} == delivered.ends
        assert QUANTITY - 1 == stage.held()["eni-a"]
        assert "request" == delivered.enis["eni-a"]["target_source"]


def test_limit_bounds_how_many_enis_change() -> None:
    """The ENIs beyond the limit are recorded as deferred, and that is no failure."""
    with Stage(fleet(), TWO) as stage:
        delivered = stage.deliver({"backfill": {"all": True, "limit": 1}})
        assert {"eni-a": GOOD, "eni-b": ("deferred", "limit"), "eni-c": ("deferred", "limit")} == (
            delivered.ends
        )
        assert 1 == len(stage.writes())


def test_explicit_addresses_are_assigned_once() -> None:
    """Named addresses that are missing are asked for; held ones are not."""
    wants = {"eni-a": ["10.0.0.77", "10.0.0.78"]}
    request = {"network_interface_ids": ["eni-a"], "private_ip_addresses": wants}
    with Stage(fleet(), {}) as stage:
        delivered = stage.deliver({"backfill": request})
        assert {"eni-a": GOOD} == delivered.ends
        assert wants["eni-a"] == sorted(stage.enis()["eni-a"]["secondary"])
        again = stage.deliver({"backfill": request})
        assert {"eni-a": ("satisfied", "at_target")} == again.ends
        assert 1 == len(stage.writes())


def test_address_that_another_eni_holds_fails_by_name() -> None:
    """Taken elsewhere: failed with the code, and the other addresses are not assigned either."""
    wants = {"eni-a": ["10.0.0.77", "10.0.0.78"]}
    request = {"network_interface_ids": ["eni-a"], "private_ip_addresses": wants}
    with Stage(fleet() | {"instances": [instance("a"), HOLDER]}, TWO) as stage:
        delivered = stage.deliver({"backfill": request})
        assert {"eni-a": ("failed", "address_taken")} == delivered.ends
        assert 0 == stage.held()["eni-a"]
        assert delivered.enis["eni-a"]["code"]


HOLDER = instance("b", eni("eni-b", ["10.0.0.77"]))


def test_prefixes_are_assigned_by_count_and_by_name() -> None:
    """`ipv4_prefix_count` is what the ENI shall hold; prefixes come from the reservation."""
    reserved = fleet()
    reserved["vswitches"][0]["reserved_prefixes"] = ["10.0.1.0/24"]
    with Stage(reserved, {}) as stage:
        two = {"network_interface_ids": ["eni-a"], "ipv4_prefix_count": {"eni-a": 2}}
        delivered = stage.deliver({"backfill": two})
        assert {"eni-a": GOOD} == delivered.ends
        assert ["10.0.1.0/28", "10.0.1.16/28"] == delivered.enis["eni-a"]["prefixes"]
        assert {"eni-a": ("satisfied", "at_target")} == stage.deliver({"backfill": two}).ends
        named = {"network_interface_ids": ["eni-b"]}
        named["ipv4_prefixes"] = {"eni-b": ["10.0.1.64/28"]}  # type: ignore[assignment]
        assert {"eni-b": GOOD} == stage.deliver({"backfill": named}).ends
        assert ["10.0.1.64/28"] == stage.enis()["eni-b"]["prefixes"]


def test_prefixes_count_against_the_quota() -> None:
    """Two prefixes take two of the 15 slots, the primary address one: 12 are left for `20`."""
    full = world(instance("a", eni("eni-a", 0, prefixes=["10.0.1.0/28", "10.0.1.16/28"])))
    full["vswitches"][0]["reserved_prefixes"] = ["10.0.1.0/24"]
    with Stage(full, {"TARGET_SECONDARY_IPS": "20"}) as stage:
        delivered = stage.deliver({"backfill": {"instance_ids": ["i-a"]}})
        assert {"eni-a": ("short", "quota")} == delivered.ends
        assert 12 == stage.held()["eni-a"]


def test_unattached_eni_takes_what_the_setting_allows() -> None:
    """AVAILABLE_ENI_LIMIT bounds an ENI that is attached to nothing."""
    request = {"network_interface_ids": ["eni-spare-second"], "target": "max"}
    with Stage(fleet(), {"AVAILABLE_ENI_LIMIT": "10"}) as stage:
        delivered = stage.deliver({"backfill": request})
        assert {"eni-spare-second": GOOD} == delivered.ends
        assert 10 == stage.held()["eni-spare-second"]


def test_what_does_not_exist_is_gone() -> None:
    """Ids that a second read does not show either are gone, the others are worked on."""
    with Stage(fleet(), TWO) as stage:
        delivered = stage.deliver({"backfill": {"instance_ids": ["i-a", "i-typo"]}})
        assert {"eni-a": GOOD, None: ("gone", "not_found")} == delivered.ends
        by_eni = stage.deliver({"backfill": {"network_interface_ids": ["eni-b", "eni-typo"]}})
        assert {"eni-b": GOOD, "eni-typo": ("gone", "not_found")} == by_eni.ends


def test_hidden_instances_are_not_called_gone() -> None:
    """ENIs of instances that ECS does not show are undecided, and the permission is named."""
    empty = '{"RequestId": "R", "Instances": {"Instance": []}}'
    hidden = {"action": "DescribeInstances", "fault": "http", "status": 200, "times": 99}
    with Stage(fleet(), TWO, [hidden | {"body": empty}]) as stage:
        delivered = stage.deliver({"backfill": {"all": True}})
        assert isinstance(delivered.error, Retryable)
        assert {"deferred"} == {row["outcome"] for row in delivered.of("eni_result")}
        for row in delivered.enis.values():
            assert "ecs:DescribeInstances" in row["advice"]


def test_missing_permission_fails_each_eni_of_a_backfill() -> None:
    """In a backfill a refusal is an outcome, not an exception."""
    refused = {"action": "AssignPrivateIpAddresses", "fault": "error", "code": "Forbidden.RAM"}
    with Stage(fleet(), TWO, [refused | {"status": 403, "times": 9}]) as stage:
        delivered = stage.deliver({"backfill": {"all": True}})
        assert not isinstance(delivered.error, NotPermitted)
        assert {("failed", "not_permitted")} == set(delivered.ends.values())
        assert 3 == delivered.result["counts"]["failed"]


def test_tag_query_that_is_cut_short_is_matched_by_hand() -> None:
    """At 1 000 answers a tag query tells nothing of the rest: all are paged and matched."""
    tagged = [instance(f"n{number:04}", tags={"team": "batch"}) for number in range(1003)]
    crowd = world(*tagged, cidr="10.0.0.0/20", lifecycle_actions=[])
    with Stage(crowd, {"TARGET_SECONDARY_IPS": "1"}) as stage:
        result = stage.deliver({"plan": {"tags": {"team": "batch"}}}).result
        assert (1003, 500) == (result["counts"]["planned"], len(result["enis"]))
        assert 503 == result["enis_left_out"]


def test_tag_without_a_value_selects_only_instances_that_bear_it_so() -> None:
    """ECS takes an empty value for any value: instances with another one are left alone."""
    bare, other = instance("a", tags={"team": ""}), instance("b", tags={"team": "web"})
    with Stage(world(bare, other, lifecycle_actions=[]), TWO) as stage:
        delivered = stage.deliver({"backfill": {"tags": {"team": ""}}})
        assert {"eni-a": GOOD} == delivered.ends
        assert {"eni-a": 2, "eni-b": 0} == stage.held()


def test_tag_without_a_value_is_counted_before_it_is_matched() -> None:
    """The bound of a tag query is on what ECS answers, of which few may be meant."""
    others = [instance(f"n{number:04}", tags={"team": "web"}) for number in range(1000)]
    bare = instance("z", tags={"team": ""})
    crowd = world(*others, bare, cidr="10.0.0.0/20", lifecycle_actions=[])
    with Stage(crowd, {"TARGET_SECONDARY_IPS": "1"}) as stage:
        delivered = stage.deliver({"plan": {"tags": {"team": ""}}})
        assert {"eni-z": ("planned", "would_assign")} == delivered.ends


def test_backfill_takes_only_its_share_of_the_minute() -> None:
    """Half of 4 calls a minute: the third write waits for the next minute."""
    settings = TWO | {"ASSIGN_PER_MINUTE": "4", "BACKFILL_SHARE": "0.5", "MAX_CONCURRENCY": "1"}
    with Stage(fleet(), settings) as stage:
        delivered = stage.deliver({"backfill": {"all": True}})
        calls = stage.cloud.calls("AssignPrivateIpAddresses")
        minutes = [int(call["time"] // 60) for call in calls]
        assert {GOOD} == set(delivered.ends.values())
        assert [2, 1] == [minutes.count(minute) for minute in sorted(set(minutes))]


def test_a_plan_shares_out_a_vswitch_over_all_pages() -> None:
    """It draws on the room as the real run would: what one page takes is not planned again."""
    # Of 256 addresses ECS keeps 4 and the ENIs 110; 8 are the reserve.
    room = 256 - 4 - 110 - 8
    crowd = world(
        *(instance(f"n{number:03}") for number in range(110)),
        cidr="10.0.0.0/24",
        lifecycle_actions=[],
    )
    with Stage(crowd, TWO) as stage:
        ids = [f"i-n{number:03}" for number in range(110)]
        delivered = stage.deliver({"plan": {"instance_ids": ids}})
        assert room == sum(row["requested"] for row in delivered.enis.values())
        (summary,) = delivered.of("run_summary")
        assert [{"vswitch_id": VSWITCH, "room": 0, "reserve": 8}] == summary["vswitches"]


def test_a_plan_says_what_there_is_too_little_of() -> None:
    """As the reason of the record: room in the vSwitch, or what the instance type holds."""
    tight = world(instance("a"), instance("b"), cidr="10.0.0.0/28", lifecycle_actions=[])
    with Stage(tight, TWO) as stage:
        roomless = stage.deliver({"plan": {"all": True, "target": 2}})
        too_many = stage.deliver({"plan": {"instance_ids": ["i-a"], "target": 15}})
        assert {"eni-a": ("planned", "vswitch"), "eni-b": ("planned", "vswitch")} == roomless.ends
        assert {"eni-a": ("planned", "vswitch")} == too_many.ends
    with Stage(fleet(), TWO) as stage:
        delivered = stage.deliver({"plan": {"network_interface_ids": ["eni-a"], "target": 15}})
        assert {"eni-a": ("planned", "quota")} == delivered.ends


def test_a_record_names_the_instance_type() -> None:
    """Of attached ENIs; others have none."""
    with Stage(fleet(), TWO) as stage:
        ids = ["eni-a", "eni-spare-second"]
        delivered = stage.deliver({"plan": {"network_interface_ids": ids}})
        types = {eni_id: row["instance_type"] for eni_id, row in delivered.enis.items()}
        assert {"eni-a": TYPE, "eni-spare-second": None} == types
