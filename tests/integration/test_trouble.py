"""Trouble that a review found: rows that cannot be read, full vSwitches, replays, endless pages."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from handler.core.errors import NotPermitted, OutOfTime, Retryable, StaleCredentials
from handler.core.protocol import Held, client_token
from localcloud.sdk import call
from tests.chaos.gate import Reply, Watcher, gate
from tests.stage import Stage
from tests.worlds import (
    GROUP,
    REGION,
    TYPE,
    VSWITCH,
    World,
    eni,
    hook_event,
    instance,
    running_event,
    world,
)

EIGHT = {"TARGET_SECONDARY_IPS": "8"}
GOOD, SHORT = ("assigned", "reached"), ("short", "vswitch")
UNSEEN = ("deferred", "not_visible")
WRITE, ENIS = "AssignPrivateIpAddresses", "DescribeNetworkInterfaces"
ELSEWHERE = "vsw-bp1elsewhere00000001"
Fault = dict[str, Any]


def answer(action: str, where: World | None = None, times: int = 999, **body: Any) -> Fault:
    """A call is answered with this, whatever is true."""
    fault = {"action": action, "fault": "http", "status": 200, "times": times}
    return fault | {"where": where or {}, "body": json.dumps({"RequestId": "R"} | body)}


def refusal(
    action: str, code: str, status: int = 403, where: World | None = None, times: int = 999
) -> Fault:
    """A call is refused."""
    fault = {"action": action, "fault": "error", "code": code, "status": status, "times": times}
    return fault | {"where": where or {}}


def row(eni_id: str, primary: str | None, **more: Any) -> World:
    """An ENI of i-a as DescribeNetworkInterfaces shows it; perhaps without its primary address."""
    addresses = [{"PrivateIpAddress": primary, "Primary": True}] if primary else []
    return {
        "NetworkInterfaceId": eni_id,
        "Type": "Primary",
        "Status": "InUse",
        "VSwitchId": VSWITCH,
        "InstanceId": "i-a",
        "PrivateIpSets": {"PrivateIpSet": addresses},
    } | more


def rows(*shown: World, where: World | None = None, times: int = 999, token: str = "") -> Fault:
    """DescribeNetworkInterfaces shows these rows."""
    sets = {"NetworkInterfaceSet": list(shown)}
    return answer(ENIS, where, times, NextToken=token, NetworkInterfaceSets=sets)


def shown(instance_id: str, *eni_ids: str, status: str = "Running") -> World:
    """An instance as DescribeInstances shows it."""
    attached = [{"NetworkInterfaceId": each} for each in eni_ids]
    return {
        "InstanceId": instance_id,
        "InstanceType": TYPE,
        "Status": status,
        "NetworkInterfaces": {"NetworkInterface": attached},
    }


def instances(*rows: World, times: int = 999) -> Fault:
    """DescribeInstances shows these, or nothing at all."""
    return answer(
        "DescribeInstances", times=times, NextToken="", Instances={"Instance": list(rows)}
    )


def free(available: int | None, where: World | None = None, times: int = 999) -> Fault:
    """DescribeVSwitches tells this number of free addresses; None shows no vSwitch."""
    shown = {"VSwitchId": VSWITCH, "AvailableIpAddressCount": available}
    vswitches = {"VSwitch": [] if available is None else [shown]}
    return answer("DescribeVSwitches", where, times, VSwitches=vswitches)


def with_vswitch(launch: World, cidr: str) -> World:
    """The same world with a second vSwitch, ELSEWHERE."""
    another = launch["vswitches"][0] | {"id": ELSEWHERE, "cidr": cidr}
    return launch | {"vswitches": [*launch["vswitches"], another]}


AGAIN = {"NetworkInterfaceId.1": "eni-a"}  # reads by the ENI's id: those after a write


class LateReply(Watcher):
    """Holds back the reply to the second read of ENIs: what it shows is that much older."""

    def __init__(self, stage: Stage, seconds: float) -> None:
        self._stage, self._seconds, self._reads = stage, seconds, 0

    def after(self, action: str, reply: Reply) -> Reply | None:
        """Let time go by before the reply leaves."""
        self._reads += action == ENIS
        if action == ENIS and self._reads == 2:
            self._stage.time.advance(self._seconds)
        return reply


def test_reply_that_comes_late_shows_what_was_when_the_read_began() -> None:
    """Another writer's call may still become visible, however late the reply is.

    Seen to fail when a reading is dated by its end.
    """
    with Stage(world(instance("a"), read_lag_seconds=9), EIGHT | {"SETTLE_SECONDS": "10"}) as stage:
        stage.time.advance(60)
        token = client_token(REGION, "eni-a", Held(frozenset(), frozenset()), 0)
        three = {"NetworkInterfaceId": "eni-a", "SecondaryPrivateIpAddressCount": 3}
        call(stage.cloud, WRITE, three | {"ClientToken": token})
        with gate(stage.cloud, LateReply(stage, 10)) as url:
            delivered = stage.deliver(hook_event("i-a"), stage.another_app(ECS_ENDPOINT=url))
        assert {"eni-a": 8} == stage.held()
        assert {"eni-a": GOOD} == delivered.ends


@pytest.mark.parametrize("selector", [{"all": True}, {"tags": {"fleet": "web"}}], ids=str)
def test_page_that_ecs_has_forgotten_means_beginning_anew(selector: World) -> None:
    """A chain goes on although the page where it stood is no more."""
    cursor = {"version": 1, "chain": "first", "hop": 3, "page": "forgotten"}
    with Stage(world(instance("a", tags={"fleet": "web"})), EIGHT) as stage:
        delivered = stage.deliver({"backfill": {**selector, "cursor": cursor}})
        assert delivered.error is None
        assert {"eni-a": GOOD} == delivered.ends


# --- listings that move -----------------------------------------------------------------------


@pytest.mark.parametrize("most", [False, True], ids=["few", "more than a tag query shows"])
def test_instance_on_two_pages_of_a_tag_query_has_one_record(*, most: bool) -> None:
    """Some instances move to the next page while it is read."""
    names = [f"n{number:03}" for number in range(101)]
    fleet = [instance(name, eni(f"eni-{name}", 8), tags={"team": "batch"}) for name in names]
    bearing = {"Tags": {"Tag": [{"TagKey": "team", "TagValue": "batch"}]}}
    seen = [shown(f"i-{name}", f"eni-{name}") | bearing for name in names]
    first: World = {"NextToken": "p2", "Instances": {"Instance": seen[:100]}}
    second: World = {"NextToken": "", "Instances": {"Instance": seen[99:]}}
    full: World = {"NextToken": "", "Instances": {"Instance": seen[:1] * 1000}}
    action, query = "DescribeInstances", {"Tag.1.Key": "team"}
    pages = [answer(action, {"NextToken": "p2"}, 1, **second), answer(action, query, 1, **first)]
    if most:  # then all instances are listed
        pages = [answer(action, query, 1, **full), pages[0], answer(action, {}, 1, **first)]
    with Stage(world(*fleet), EIGHT, pages) as stage:
        result = stage.deliver({"backfill": {"tags": {"team": "batch"}}}).result
        assert (101, 101) == (result["counts"]["enis"], result["counts"]["satisfied"])


def test_eni_on_both_sides_of_an_empty_page_has_one_record() -> None:
    """An empty page is not the last one, and what stood before it is remembered."""
    where, again = {"Status": "InUse"}, row("eni-a", "10.0.0.1")
    pages = [
        rows(again, where=where | {"NextToken": "p3"}, times=1),
        rows(where=where | {"NextToken": "p2"}, times=1, token="p3"),
        rows(again, where=where, times=1, token="p2"),
    ]
    with Stage(world(instance("a")), EIGHT, pages) as stage:
        delivered = stage.deliver({"backfill": {"all": True}})
        assert [GOOD] == list(delivered.ends.values())
        assert 1 == delivered.result["counts"]["enis"]


@pytest.mark.parametrize("selector", [{"all": True}, {"vswitch_id": VSWITCH}])
@pytest.mark.parametrize("between", [1, 3])
def test_eni_that_comes_again_pages_later_has_one_record(selector: World, between: int) -> None:
    """A listing that moves far, or shows a row twice on one page."""
    where, again = {"Status": "InUse"}, row("eni-a", "10.0.0.1")
    tokens = [f"p{number}" for number in range(between)]
    pages = [
        rows(row(f"eni-b{token}", "10.0.0.2"), where=where | {"NextToken": token}, token=after)
        for token, after in zip(tokens, [*tokens[1:], "last"], strict=True)
    ]
    first = rows(again, again, where=where, token=tokens[0])
    last = rows(again, where=where | {"NextToken": "last"})
    with Stage(world(instance("a")), {}, [*pages, last, first]) as stage:
        delivered = stage.deliver({"plan": {**selector, "target": "2"}})
        assert between + 1 == len(delivered.enis) == delivered.result["counts"]["enis"]


@pytest.mark.parametrize("code", ["InvalidParameter", "Forbidden.RAM"])
@pytest.mark.parametrize(
    "selector",
    [{"all": True}, {"network_interface_ids": ["eni-a", "eni-second-a", "eni-none"]}],
    ids=["listed", "named"],
)
def test_what_a_chunk_has_shown_is_recorded_when_its_work_fails(selector: World, code: str) -> None:
    """What could not be read, and what was not looked for again, is undecided too."""
    odd = rows(row("eni-a", "10.0.0.1"), row("eni-second-a", None, Type="Secondary"))
    faults = [refusal("DescribeInstanceTypes", code, 400), odd]
    with Stage(world(instance("a", eni("eni-a"), eni("eni-second-a"))), EIGHT, faults) as stage:
        delivered = stage.deliver({"backfill": selector})
        assert isinstance(delivered.error, Retryable)
        named = selector.get("network_interface_ids", ["eni-a", "eni-second-a"])
        assert sorted(named) == sorted(delivered.enis)


# --- rows that cannot be read -----------------------------------------------------------------


@pytest.mark.parametrize("where", [{}, AGAIN])
def test_row_without_its_primary_address_is_no_reading_in_a_launch(where: World) -> None:
    """From the start or from mid-run on, such an ENI is undecided: never gone, no CONTINUE."""
    faults = [refusal(WRITE, "InternalError", 500, times=1), rows(row("eni-a", None), where=where)]
    with Stage(world(instance("a")), EIGHT, faults) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert isinstance(delivered.error, Retryable)
        assert [UNSEEN] == list(delivered.ends.values())
        assert len(where) == len(stage.writes())
        assert "Pending" == stage.hook()["status"]


@pytest.mark.parametrize(
    "selector",
    [{"network_interface_ids": ["eni-a"]}, {"vswitch_id": VSWITCH}, {"instance_ids": ["i-a"]}],
)
def test_row_without_its_primary_address_is_no_reading_in_a_backfill(selector: World) -> None:
    """However it was selected, the ENI is undecided and has one record; nothing is written."""
    with Stage(world(instance("a")), EIGHT, [rows(row("eni-a", None))]) as stage:
        delivered = stage.deliver({"backfill": selector})
        assert isinstance(delivered.error, Retryable)
        assert {"eni-a": UNSEEN} == delivered.ends
        assert [] == stage.writes()


def test_odd_row_does_not_spoil_its_page() -> None:
    """A row without a vSwitch is undecided; the ENI beside it is brought to its target."""
    odd = row("eni-odd", "10.0.0.9", VSwitchId="", Type="Secondary")
    page = rows(row("eni-a", "10.0.0.1"), odd, where={"Status": "InUse"})
    with Stage(world(instance("a")), EIGHT, [page]) as stage:
        delivered = stage.deliver({"backfill": {"all": True}})
        assert isinstance(delivered.error, Retryable)
        assert {"eni-a": GOOD, "eni-odd": UNSEEN} == delivered.ends
        assert {"eni-a": 8} == stage.held()


def test_service_managed_eni_of_an_unlisted_owner_is_skipped() -> None:
    """What ECS does not list as an instance, as a container of ECI, is no missing permission."""
    owned = {"InstanceId": "eci-bp1x", "ServiceManaged": True, "Type": "Secondary"}
    page = rows(row("eni-a", "10.0.0.1"), row("eni-eci", "10.0.0.9", **owned), times=1)
    with Stage(world(instance("a")), EIGHT, [page]) as stage:
        delivered = stage.deliver({"backfill": {"vswitch_id": VSWITCH}})
        assert delivered.error is None
        assert {"eni-a": GOOD, "eni-eci": ("skipped", "service_managed")} == delivered.ends


def test_row_missing_while_a_write_is_unconfirmed_is_waited_for_without_haste() -> None:
    """Two waits overlap, one of them over: reads go on at the pace of the other one."""
    late = {"action": ENIS, "fault": "stale", "seconds": 100, "times": 8, "where": AGAIN}
    with Stage(world(instance("a")), EIGHT) as stage:
        stage.time.advance(200)
        stage.cloud.faults([late, rows(where=AGAIN, times=100_000)])
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": ("gone", "not_found")} == delivered.ends
        assert len(stage.cloud.calls(ENIS)) <= 25


def test_pages_without_end_are_an_error_after_few_calls() -> None:
    """A NextToken that never changes is no page to follow; the event comes again."""
    with Stage(world(instance("a")), EIGHT, [rows(token="SAME", times=50)]) as stage:
        delivered = stage.deliver(running_event("i-a"))
        assert isinstance(delivered.error, Retryable)
        assert "bad_answer" in str(delivered.error)
        assert len(stage.cloud.calls(ENIS)) <= 3


def test_pages_that_go_round_in_a_circle_are_an_error_after_one_round() -> None:
    """Two NextTokens that lead to one another."""
    circle = [rows(where={"NextToken": here}, token=there) for here, there in ("AB", "BA")]
    with Stage(world(instance("a")), EIGHT, [*circle, rows(token="A")]) as stage:
        delivered = stage.deliver(running_event("i-a"))
        assert "bad_answer" in str(delivered.error)
        assert len(stage.cloud.calls(ENIS)) <= 4


@pytest.mark.parametrize("count", ["Infinity", "1e999", "-1e999", "NaN", '"many"', "[]", "{}"])
def test_free_count_that_is_no_number_is_a_bad_answer(count: str) -> None:
    """Whatever stands there: the ENI is undecided, and the event comes again."""
    odd = free(4711)
    odd["body"] = odd["body"].replace("4711", count)
    with Stage(world(instance("a")), EIGHT, [odd]) as stage:
        delivered = stage.deliver(running_event("i-a"))
        assert {"eni-a": ("deferred", "transient")} == delivered.ends
        assert "bad_answer" == delivered.enis["eni-a"]["code"]


@pytest.mark.parametrize("value", [None, 7, ["2"], {"a": 1}, True])
def test_tag_without_a_text_is_an_empty_one(value: object) -> None:
    """It is no target, and no reason to fail."""
    tags = {"Tag": [{"TagKey": "secondary-ips", "TagValue": value}]}
    odd = instances(shown("i-a", "eni-a") | {"Tags": tags})
    with Stage(world(instance("a")), EIGHT, [odd]) as stage:
        delivered = stage.deliver(running_event("i-a"))
        assert {"eni-a": ("skipped", "invalid_target")} == delivered.ends


# --- vSwitches --------------------------------------------------------------------------------


def test_vswitch_that_is_not_shown_is_asked_for_without_a_count() -> None:
    """Nobody tells how much room it has: ECS knows, and the summary names no number."""
    two = world(instance("a"), instance("b", eni("eni-b", vswitch=ELSEWHERE)))
    hidden = free(None, {"VSwitchId": ELSEWHERE})
    with Stage(with_vswitch(two, "10.0.8.0/24"), EIGHT, [hidden]) as stage:
        delivered = stage.deliver({"backfill": {"all": True}})
        assert {"eni-a": GOOD, "eni-b": GOOD} == delivered.ends
        (summary,) = delivered.of("run_summary")
        rooms = {each["vswitch_id"]: each["room"] for each in summary["vswitches"]}
        assert rooms.pop(ELSEWHERE) is None
        assert [int] == [type(each) for each in rooms.values()]


@pytest.mark.parametrize(
    ("code", "status", "held"),
    [
        ("Odd.Refusal", 400, 0),
        ("InvalidVSwitchId.NotFound", 400, 11),
        ("Odd.Refusal", 404, 11),
    ],
)
def test_refusal_that_nobody_understands_leaves_the_reserve(
    code: str, status: int, held: int
) -> None:
    """A vSwitch may have less than it seems then; only ECS counts what is said not to be there.

    Seen to fail when every refusal was taken for that.
    """
    settings = {"TARGET_SECONDARY_IPS": "11", "VSWITCH_RESERVE": "4"}  # and 11 are free
    odd = refusal("DescribeVSwitches", code, status)
    with Stage(world(instance("a"), cidr="10.0.0.0/28"), settings, [odd]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": held} == stage.held()
        assert (held == 0) == isinstance(delivered.error, Retryable)
        if not held:
            assert ("deferred", "transient") == delivered.ends["eni-a"]
            assert "Pending" == stage.hook()["status"]
            stage.cloud.faults([])
            stage.deliver(hook_event("i-a"))
            assert {"eni-a": 7} == stage.held()


def test_limit_counts_only_enis_that_are_changed() -> None:
    """An ENI in a full vSwitch, first by its id, does not use the limit up for ever."""
    three = world(instance("a", eni("eni-a", vswitch=ELSEWHERE)), instance("b"), instance("c"))
    full = with_vswitch(three, "10.0.8.0/28")
    with Stage(full, EIGHT | {"VSWITCH_RESERVE": "20"}) as stage:
        limited = {"backfill": {"all": True, "limit": 1}}
        first = stage.deliver(limited)
        assert {"eni-a": SHORT, "eni-b": GOOD, "eni-c": ("deferred", "limit")} == first.ends
        stage.deliver(limited)
        assert {"eni-a": 0, "eni-b": 8, "eni-c": 8} == stage.held()


@pytest.mark.parametrize(
    ("code", "end"),
    [
        ("InvalidOperation.NotAllowed", ("failed", "refused")),
        ("InvalidOperation.InvalidEniState", ("deferred", "not_ready")),
        ("OperationDenied.UnHealthyDisk", ("failed", "refused")),
    ],
)
def test_limit_is_left_to_others_by_an_eni_that_is_refused(code: str, end: tuple[str, str]) -> None:
    """First by its id and refused in every delivery, it keeps no other from its turn."""
    refused = refusal(WRITE, code, where={"NetworkInterfaceId": "eni-a"})
    with Stage(world(instance("a"), instance("b"), instance("c")), EIGHT, [refused]) as stage:
        limited = stage.deliver({"backfill": {"all": True, "limit": 1}})
        assert {"eni-a": end, "eni-b": GOOD, "eni-c": ("deferred", "limit")} == limited.ends


def test_limit_is_kept_by_an_eni_that_may_have_been_changed() -> None:
    """Every answer is lost: whether anything was done is not known, so nobody else is touched."""
    lost = {"action": WRITE, "fault": "no_reply", "times": 999}
    hidden = {"action": ENIS, "fault": "stale", "seconds": 600, "times": 999}
    with Stage(world(instance("a"), instance("b")), EIGHT, [lost, hidden]) as stage:
        stage.time.advance(600)
        delivered = stage.deliver({"backfill": {"all": True, "limit": 1}})
        assert {"eni-a": ("deferred", "transient"), "eni-b": ("deferred", "limit")} == (
            delivered.ends
        )
        assert {"eni-a": 8, "eni-b": 0} == stage.held()


def test_vswitch_that_refuses_for_ever_is_asked_again_by_one_eni() -> None:
    """It reads roomy and gives nothing: one call for each ENI, and a few more of one of them.

    That one asks for its 8 twice more, and then for 4, 2 and 1.
    """
    many = [instance(f"n{number:02}") for number in range(20)]
    refused = refusal(WRITE, "InvalidVSwitchId.IpNotEnough")
    with Stage(world(*many), EIGHT, [refused]) as stage:
        delivered = stage.deliver(hook_event(*(each["id"] for each in many)))
        assert [SHORT] * 20 == list(delivered.ends.values())
        assert len(stage.writes()) <= 20 + 2 + 3
        assert "DEFAULT" == delivered.result["lifecycle"]["result"]


def test_what_a_truthful_read_shows_is_shared_fairly() -> None:
    """After one read that told of too much, what is left of 24 addresses goes round singly."""
    # A /26 gives 60 addresses less 36 primary ones: three asks for 7 fit, and 3 are left.
    many = [instance(f"n{number:02}") for number in range(36)]
    settings = {"TARGET_SECONDARY_IPS": "7", "VSWITCH_RESERVE": "0"}
    with Stage(world(*many, cidr="10.0.0.0/26"), settings, [free(900, times=1)]) as stage:
        stage.deliver(hook_event(*(each["id"] for each in many)))
        assert [0] * 30 + [1] * 3 + [7] * 3 == sorted(stage.held().values())


def test_remembered_refusal_is_asked_with_the_next_token_once() -> None:
    """Against reads that show room: the same token twice, then one of its own; then for less."""
    launch = world(instance("a"), cidr="10.0.0.0/28", remember_failures=True)
    settings = {"TARGET_SECONDARY_IPS": "12", "VSWITCH_RESERVE": "0"}
    with Stage(launch, settings, [free(100)]) as stage:
        assert {"eni-a": SHORT} == stage.deliver(hook_event("i-a")).ends
        first, second, third, *_ = (write["ClientToken"] for write in stage.writes())
        assert first == second
        assert first != third
        assert {"eni-a": 11} == stage.held()


# --- writes -----------------------------------------------------------------------------------


def test_replayed_address_that_is_a_primary_one_now_is_asked_for_by_count() -> None:
    """What a replay named and another ENI has as its primary address cannot be had by name."""
    with Stage(world(instance("a"), instance("b")), EIGHT) as stage:
        taken, lost = stage.enis()["eni-b"]["primary"], "10.0.0.99"
        assigned = {"PrivateIpSet": {"PrivateIpAddress": [taken, lost]}}
        stage.cloud.faults([answer(WRITE, times=1, AssignedPrivateIpAddressesSet=assigned)])
        delivered = stage.deliver(running_event("i-a"))
        assert {"eni-a": GOOD} == delivered.ends
        assert {"eni-a": 8, "eni-b": 0} == stage.held()
        assert ["7"] == [
            write["SecondaryPrivateIpAddressCount"]
            for write in stage.writes()[1:]
            if "SecondaryPrivateIpAddressCount" in write
        ]


def test_answered_addresses_that_no_read_confirmed_are_in_the_record() -> None:
    """The deferred record names what ECS says it assigned; the next delivery finds it there."""
    unread = refusal(ENIS, "InternalError", 500, AGAIN, times=8)
    with Stage(world(instance("a")), EIGHT, [unread]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert isinstance(delivered.error, Retryable)
        assert {"eni-a": ("deferred", "transient")} == delivered.ends
        assert set(stage.enis()["eni-a"]["secondary"]) == set(delivered.enis["eni-a"]["addresses"])
        assert stage.writes()[0]["ClientToken"] == delivered.enis["eni-a"]["client_token"]
        assert {"eni-a": ("satisfied", "at_target")} == stage.deliver(hook_event("i-a")).ends


def test_launch_never_fills_an_unattached_eni() -> None:
    """An attach event whose ENI reads unattached is undecided, and nothing is written."""
    attached = {
        "product": "ECS",
        "name": "NetworkInterface:NetworkInterfaceOperateCompleted",
        "regionId": REGION,
        "content": {
            "eniId": "eni-free-second",
            "operation": "AttachNetworkInterface",
            "eniStatus": "InUse",
            "result": "success",
        },
    }
    with Stage(world(instance("a"), enis=[eni("eni-free-second")]), EIGHT) as stage:
        delivered = stage.deliver(attached)
        assert isinstance(delivered.error, Retryable)
        assert {"eni-free-second": UNSEEN} == delivered.ends
        assert [] == stage.writes()


# What names instances is read once more at once; a query by tags is not.
BY_INSTANCES: list[tuple[World, World]] = [
    ({"instance_ids": ["i-a"]}, {}),
    ({"instance_ids": ["i-a", "i-b"]}, {"eni-b": GOOD}),
    ({"scaling_group_id": GROUP}, {"eni-b": GOOD}),
    ({"tags": {"team": "web"}}, {"eni-b": GOOD}),
]


@pytest.mark.parametrize(("selector", "others"), BY_INSTANCES)
def test_backfill_of_instances_never_fills_an_unattached_eni(
    selector: World, others: World
) -> None:
    """DescribeInstances still shows an ENI that was detached: left as it is, or undecided."""
    two = instance("a", eni("eni-a"), eni("eni-a-second"), tags={"team": "web"})
    with Stage(world(two, instance("b", tags={"team": "web"})), EIGHT) as stage:
        detach(stage)
        stage.time.advance(60)
        stage.cloud.faults([{"action": "DescribeInstances", "fault": "stale", "seconds": 60}])
        delivered = stage.deliver({"backfill": selector})
        assert {"eni-a": GOOD, **others} == delivered.ends
        assert (UNSEEN in others.values()) == isinstance(delivered.error, Retryable)
        assert 0 == stage.held()["eni-a-second"]


@pytest.mark.parametrize("event", [hook_event("i-a"), {"backfill": {"vswitch_id": VSWITCH}}])
def test_eni_that_is_detached_while_it_is_waited_for_is_left_alone(event: World) -> None:
    """What it was to hold was wanted of it where it hung."""
    two = world(instance("a", eni("eni-a"), eni("eni-a-second")))
    with Stage(two, EIGHT) as stage:
        stage.cloud.faults([{"action": ENIS, "fault": "stale", "seconds": 1}])
        detach(stage)
        delivered = stage.deliver(event)
        assert {"eni-a": GOOD, "eni-a-second": ("deferred", "moved")} == delivered.ends
        assert isinstance(delivered.error, Retryable)
        assert "Pending" == stage.hook()["status"]
        assert {"eni-a": ("satisfied", "at_target")} == stage.deliver(event).ends
        assert {"eni-a": 8, "eni-a-second": 0} == stage.held()


def detach(stage: Stage) -> None:
    """Somebody detaches the second ENI of i-a."""
    asked = {"NetworkInterfaceId": "eni-a-second", "InstanceId": "i-a"}
    call(stage.cloud, "DetachNetworkInterface", asked)


@pytest.mark.parametrize(("target", "has"), [("0", 0), ("3", 5)])
def test_target_that_is_met_needs_no_known_instance_type(target: str, has: int) -> None:
    """Nobody has to know how much would fit where nothing is to be added."""
    settings = {"TARGET_SECONDARY_IPS": target, "ON_SHORTFALL": "abandon"}
    unknown = answer("DescribeInstanceTypes", InstanceTypes={"InstanceType": []})
    with Stage(world(instance("a", eni("eni-a", has))), settings, [unknown]) as stage:
        assert {"eni-a": ("satisfied", "at_target")} == stage.deliver(hook_event("i-a")).ends
        assert "CONTINUE" == stage.hook()["result"]


# --- how an invocation ends -------------------------------------------------------------------


def test_refused_instance_types_leave_a_record_of_every_eni() -> None:
    """Without ecs:DescribeInstanceTypes nothing can be measured; each ENI says so, once."""
    two = world(instance("a", eni("eni-a"), eni("eni-a-second")))
    with Stage(two, EIGHT, [refusal("DescribeInstanceTypes", "Forbidden.RAM")]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert isinstance(delivered.error, NotPermitted)
        assert "ecs:DescribeInstanceTypes" in str(delivered.error)
        assert dict.fromkeys(["eni-a", "eni-a-second"], ("failed", "not_permitted")) == (
            delivered.ends
        )
        assert "Pending" == stage.hook()["status"]


def test_backfill_records_what_it_had_no_time_to_look_for_again() -> None:
    """With a timeout of 1 s what is shown is worked on, and the rest is deferred, not gone."""
    with Stage(world(instance("a"), instance("b")), EIGHT) as stage:
        named = {"instance_ids": ["i-a", "i-b", "i-late"]}
        delivered = stage.deliver({"backfill": named}, timeout=1)
        assert isinstance(delivered.error, OutOfTime)
        assert {"eni-a": GOOD, "eni-b": GOOD, None: ("deferred", "out_of_time")} == delivered.ends


@pytest.mark.parametrize("times", [1, 999])
@pytest.mark.parametrize("selector", [{"tags": {"team": "web"}}, {"scaling_group_id": GROUP}])
def test_eni_that_its_instance_names_and_no_read_shows_is_not_lost(
    selector: World, times: int
) -> None:
    """Read once more, it is filled; hidden for good, its instance is undecided."""
    two = [instance(name, tags={"team": "web"}) for name in "ab"]
    hidden = rows(row("eni-a", "10.0.0.1"), times=times)
    with Stage(world(*two), EIGHT, [hidden]) as stage:
        delivered = stage.deliver({"backfill": selector})
        assert (times > 1) == isinstance(delivered.error, Retryable)
        ends = {each["instance_id"]: each["outcome"] for each in delivered.of("eni_result")}
        assert dict.fromkeys(["i-a", "i-b"], "deferred" if times > 1 else "assigned") == ends


def test_target_of_a_rule_applies_to_the_group_that_a_backfill_names() -> None:
    """Its instances may not say that they are in it, as who sees no tags sees none."""
    rules = json.dumps([{"scaling_group": GROUP, "target": "3"}])
    plain = instances(shown("i-a", "eni-a"))
    with Stage(world(instance("a")), {"TARGET_RULES": rules}, [plain]) as stage:
        stage.deliver({"backfill": {"scaling_group_id": GROUP}})
        assert {"eni-a": 3} == stage.held()


def test_backfill_looks_for_every_instance_before_it_is_called_gone() -> None:
    """One of two is released, the other hidden: a permission may be about some instances only."""
    with Stage(world(instance("b")), EIGHT, [instances()]) as stage:
        named = {"instance_ids": ["i-a-released", "i-b"]}
        delivered = stage.deliver({"backfill": named})
        assert isinstance(delivered.error, Retryable)
        assert UNSEEN == delivered.ends["eni-b"]


@pytest.mark.parametrize("order", ["ab", "ba"])
@pytest.mark.parametrize("action", [WRITE, ENIS])
def test_expired_credentials_anywhere_in_a_batch_end_the_instance(order: str, action: str) -> None:
    """Only a fresh function instance has fresh ones, so that error goes before all others."""
    about_b = {"NetworkInterfaceId": "eni-b"} if action == WRITE else {"InstanceId": "i-b"}
    faults = [
        refusal(WRITE, "InternalError", 500, {"NetworkInterfaceId": "eni-a"}),
        refusal(action, "InvalidSecurityToken.Expired", 400, about_b),
    ]
    with Stage(world(instance("a"), instance("b")), EIGHT, faults) as stage:
        delivered = stage.deliver([running_event(f"i-{name}") for name in order])
        assert isinstance(delivered.error, StaleCredentials)
        assert {"deferred", "failed"} >= {row["outcome"] for row in delivered.of("eni_result")}


def test_nothing_goes_on_after_the_invocation_has_ended() -> None:
    """One of two reads side by side is denied: the other, still retried, ends first too."""
    slow = refusal("DescribeInstances", "InternalError", 500, {"InstanceIds": '["i-z"]'})
    many = [f"i-n{number:03}" for number in range(100)]
    faults = [slow, refusal("DescribeInstances", "Forbidden.RAM")]
    with Stage(world(instance("z")), EIGHT, faults) as stage:
        threads = set(threading.enumerate())
        delivered = stage.deliver(hook_event(*many, "i-z"))
        calls = len(stage.cloud.calls())
        assert isinstance(delivered.error, NotPermitted)
        stage.app.close()
        for thread in set(threading.enumerate()) - threads:
            thread.join()
        assert calls == len(stage.cloud.calls())
