"""What a vSwitch has above its reserve is given once, also while a write is in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.core.protocol import Held, client_token
from localcloud.sdk import call
from tests.integration.test_trouble import EIGHT, GOOD, WRITE, instances, refusal, shown
from tests.stage import Stage
from tests.worlds import REGION, hook_event, instance, world

if TYPE_CHECKING:
    from tests.integration.test_trouble import Fault

# A /27 less four addresses of ECS and two primary ones has 26, and 10 of them above this reserve.
TWO = world(instance("a"), instance("b"), cidr="10.0.0.0/27")
TEN = EIGHT | {"VSWITCH_RESERVE": "16"}
ON_A, ON_B = {"NetworkInterfaceId": "eni-a"}, {"NetworkInterfaceId": "eni-b"}
STATE = "InvalidOperation.InvalidEcsState"
# The call is performed, and nobody hears of it.
LOST: Fault = {"action": WRITE, "fault": "no_reply", "times": 1, "where": ON_A}


def late(times: int, where: dict[str, str] | None = None) -> Fault:
    """So many reads of ENIs by their ids show what was 100 s ago."""
    named = where or {"NetworkInterfaceId.1": "eni-a"}
    action = "DescribeNetworkInterfaces"
    return {"action": action, "fault": "stale", "seconds": 100, "times": times, "where": named}


def test_a_plan_in_an_array_takes_no_room_from_a_launch() -> None:
    """What a plan reckons with is there for whoever writes."""
    with Stage(TWO, EIGHT) as stage:
        plan = {"plan": {"all": True, "target": "max"}}
        stage.deliver([plan, hook_event("i-a")])
        assert {"eni-a": 8, "eni-b": 0} == stage.held()
        assert "CONTINUE" == stage.hook()["result"]


def test_another_instance_gets_ready_while_a_write_is_in_doubt() -> None:
    """The call in doubt is made again as it was, and its room is not shared out."""
    pending = [shown("i-a", "eni-a"), shown("i-b", "eni-b", status="Pending")]
    with Stage(TWO, TEN) as stage:
        stage.time.advance(200)
        stage.cloud.faults([LOST, late(3), instances(*pending, times=2)])
        stage.deliver(hook_event("i-a", "i-b"))
        assert {"eni-a": 8, "eni-b": 2} == stage.held()
        first, second = (each for each in stage.writes() if each["NetworkInterfaceId"] == "eni-a")
        assert first == second


def test_the_retry_of_a_write_in_doubt_is_refused() -> None:
    """What may have been taken is not given to others, whatever the retry is told."""
    refused = [refusal(WRITE, STATE, 400, ON_A, times=1), refusal(WRITE, STATE, 400, ON_B, times=2)]
    with Stage(TWO, TEN) as stage:
        stage.time.advance(200)
        stage.cloud.faults([LOST, *refused, late(3)])
        stage.deliver(hook_event("i-a", "i-b"))
        assert 10 == sum(stage.held().values())


def test_another_writer_adds_to_an_eni_whose_write_is_in_doubt() -> None:
    """Which of the new addresses are whose cannot be told; the room of ours is used up."""
    refused = refusal(WRITE, STATE, 400, ON_B, times=1)
    with Stage(TWO, TEN) as stage:
        stage.time.advance(200)
        stage.cloud.faults([LOST, refused, late(2)])
        advance = stage.time.advance
        others = [ON_A | {"SecondaryPrivateIpAddressCount": 6}]

        def sleep(seconds: float) -> None:
            while others:
                call(stage.cloud, WRITE, others.pop())
            advance(seconds)

        stage.app.clock.sleep = sleep  # type: ignore[method-assign]
        stage.deliver(hook_event("i-a", "i-b"))
        assert sum(stage.held().values()) - 6 <= 10


@pytest.mark.parametrize("behind", [2, 3])
def test_room_of_a_doubt_that_a_late_read_hides_comes_back(behind: int) -> None:
    """What the call was made from is not shown for a while; then it is, and the room is known."""
    reset: Fault = LOST | {"fault": "reset_before"}
    with Stage(TWO, EIGHT | {"VSWITCH_RESERVE": "10"}) as stage:  # 13 to give: 5 and 8
        stage.time.advance(200)
        token = client_token(REGION, "eni-a", Held(frozenset(), frozenset()), 0)
        three = {"SecondaryPrivateIpAddressCount": 3, "ClientToken": token}
        call(stage.cloud, WRITE, ON_A | three)
        stage.time.advance(5)
        stage.cloud.faults([reset, late(behind) | {"seconds": 8}])
        stage.deliver([hook_event("i-a"), {"backfill": {"instance_ids": ["i-b"]}}])
        assert {"eni-a": 8, "eni-b": 8} == stage.held()


ROOM = ["InvalidOperation.Ipv4CountExceeded", "InvalidVSwitchId.IpNotEnough", "IdempotentFailed"]


@pytest.mark.parametrize("code", ROOM)
def test_reserve_is_kept_when_a_retry_is_refused_for_want_of_room(code: str) -> None:
    """Perhaps the earlier call took it: reads get their time to show that."""
    busy = refusal(WRITE, STATE, 400, ON_B, times=3)
    with Stage(TWO, TEN) as stage:
        stage.time.advance(200)
        stage.cloud.faults([LOST, refusal(WRITE, code, 403, ON_A, times=1), busy, late(4)])
        stage.deliver(hook_event("i-a", "i-b"))
        assert sum(stage.held().values()) <= 10


@pytest.mark.parametrize("code", ROOM[:2])
def test_target_is_kept_when_a_retry_is_refused_for_want_of_room(code: str) -> None:
    """The next token is not taken before reads had time to show what the first one did."""
    with Stage(world(instance("a")), {"TARGET_SECONDARY_IPS": "4"}) as stage:
        stage.time.advance(200)
        stage.cloud.faults([LOST, refusal(WRITE, code, 403, ON_A, times=2), late(5)])
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": 4} == stage.held()
        assert 4 == len(delivered.enis["eni-a"]["addresses"])


@pytest.mark.parametrize("reads", [[], [late(3)]], ids=["in time", "late"])
@pytest.mark.parametrize("code", ["InvalidOperation.Unsupported", "Forbidden.RAM"])
def test_limit_is_kept_by_a_retry_that_is_refused_for_good(code: str, reads: list[Fault]) -> None:
    """The earlier call may have changed the ENI; what a read shows of it is on record."""
    with Stage(world(instance("a"), instance("b")), EIGHT) as stage:
        stage.time.advance(200)
        stage.cloud.faults([LOST, refusal(WRITE, code, 403, ON_A, times=1), *reads])
        named = {"instance_ids": ["i-a", "i-b"], "limit": 1}
        delivered = stage.deliver({"backfill": named})
        assert {"eni-a": 8, "eni-b": 0} == stage.held()
        assert GOOD == delivered.ends["eni-a"]
        assert 8 == len(delivered.enis["eni-a"]["addresses"])


@pytest.mark.parametrize("reads", [0, 2, 3, 4])
@pytest.mark.parametrize("code", ["InvalidOperation.Unsupported", "Forbidden.RAM"])
def test_what_a_call_has_done_is_no_failure_because_its_retry_was_refused(
    code: str, reads: int
) -> None:
    """Reads have their time to show it before the ENI is given up."""
    with Stage(world(instance("a")), EIGHT) as stage:
        stage.time.advance(200)
        refused = refusal(WRITE, code, 403, ON_A, times=1)
        stage.cloud.faults([LOST, refused, *([late(reads)] if reads else [])])
        assert GOOD == stage.deliver(hook_event("i-a")).ends["eni-a"]


@pytest.mark.parametrize("code", ROOM[:2])
def test_prefixes_that_a_call_has_got_are_not_short(code: str) -> None:
    """Their refusals are final, but not while a call before is in doubt."""
    launch = world(instance("a"))
    launch["vswitches"][0]["reserved_prefixes"] = ["10.0.1.0/24"]
    wanted = {"network_interface_ids": ["eni-a"], "ipv4_prefix_count": {"eni-a": 2}}
    with Stage(launch) as stage:
        stage.time.advance(200)
        stage.cloud.faults([LOST, refusal(WRITE, code, 403, ON_A, times=1), late(4)])
        assert GOOD == stage.deliver({"backfill": wanted}).ends["eni-a"]


@pytest.mark.parametrize("behind", [1, 2, 3])
@pytest.mark.parametrize("room", [5, 6, 8])
def test_room_of_its_own_doubt_is_there_for_an_eni(room: int, behind: int) -> None:
    """Late reads show another state than the call in doubt was made from: it is waited for."""
    reset: Fault = LOST | {"fault": "reset_before"}
    tight = world(instance("a"), cidr="10.0.0.0/28")
    with Stage(tight, EIGHT | {"VSWITCH_RESERVE": str(8 - room)}) as stage:
        stage.time.advance(200)
        call(stage.cloud, WRITE, ON_A | {"SecondaryPrivateIpAddressCount": 3})
        stage.time.advance(5)
        stage.cloud.faults([reset, late(behind) | {"seconds": 8}])
        stage.deliver(hook_event("i-a"))
        assert {"eni-a": 8} == stage.held()


FIVE = {"TARGET_SECONDARY_IPS": "5", "VSWITCH_RESERVE": "2"}
# A /28 less four and two has 10: 8 above that reserve.
SMALL = world(instance("a"), instance("b"), cidr="10.0.0.0/28")
ONE_EACH = [{"backfill": {"instance_ids": [each]}} for each in ("i-a", "i-b")]


def test_a_throttled_retry_leaves_in_doubt_what_was() -> None:
    """The throttled call was not looked at; what the one before it took stays deducted."""
    throttled = refusal(WRITE, "Throttling.User", 400, times=1)
    recent: Fault = late(2) | {"seconds": 5}
    with Stage(SMALL, FIVE) as stage:
        stage.time.advance(60)
        stage.cloud.faults([recent, LOST, throttled])
        delivered = stage.deliver(ONE_EACH)
        assert {"eni-a": 5, "eni-b": 3} == stage.held()
        assert GOOD == delivered.ends["eni-a"]
        assert 5 == len(delivered.enis["eni-a"]["addresses"])


@pytest.mark.parametrize("order", [ONE_EACH, ONE_EACH[::-1]])
def test_an_eni_that_is_given_up_in_doubt_keeps_its_room(order: list[object]) -> None:
    """The next event of the array gets what is certainly left."""
    first = order[0]["backfill"]["instance_ids"][0][2:]  # type: ignore[index]
    on_first = {"NetworkInterfaceId": f"eni-{first}"}
    lost: Fault = LOST | {"times": 99, "where": on_first}
    with Stage(SMALL, FIVE) as stage:
        stage.time.advance(200)
        stage.cloud.faults([lost, late(99, {"NetworkInterfaceId.1": f"eni-{first}"})])
        stage.deliver(order)
        assert [3, 5] == sorted(stage.held().values())
