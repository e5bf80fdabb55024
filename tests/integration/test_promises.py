"""The promises of the design, against late reads, lost replies, duplicates and other writers.

Each test's docstring says which deliberate break of the code it was seen to catch.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from handler.core.errors import Retryable
from localcloud.testing import LocalCloud
from tests.forked import Forked
from tests.stage import Stage, environment
from tests.worlds import REGION, eni, hook_event, instance, running_event, world

if TYPE_CHECKING:
    from tests.stage import Delivered

ROOT = Path(__file__).parents[2]
EIGHT = {"TARGET_SECONDARY_IPS": "8", "SETTLE_SECONDS": "10", "VISIBILITY_SECONDS": "20"}
GOOD = ("assigned", "reached")
WRITE = "AssignPrivateIpAddresses"


def unassign(stage: Stage, eni_id: str, addresses: list[str]) -> None:
    """An operator takes addresses away, through the API."""
    from alibabacloud_ecs20140526 import models  # noqa: PLC0415
    from alibabacloud_ecs20140526.client import Client  # noqa: PLC0415
    from alibabacloud_tea_openapi.models import Config  # noqa: PLC0415

    environ = environment(stage.cloud.url)
    config = Config(
        access_key_id=environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        endpoint=stage.cloud.address,
        protocol="HTTP",
    )
    named: dict[bool, list[str]] = {False: [], True: []}
    for each in addresses:
        named["/" in each].append(each)
    request = models.UnassignPrivateIpAddressesRequest(
        region_id=REGION,
        network_interface_id=eni_id,
        private_ip_address=named[False] or None,
        ipv_4prefix=named[True] or None,
    )
    Client(config).unassign_private_ip_addresses(request)


# --- promise 1: never above target ------------------------------------------------------------


@pytest.mark.parametrize("fault", ["no_reply", "reset_before"])
@pytest.mark.parametrize("stale", [0, 8])
def test_lost_reply_ends_at_exactly_the_target(fault: str, stale: int) -> None:
    """Promise 1: performed or not, answered or not, reads late or not: the target, exactly.

    Seen to fail with a random ClientToken, whose retry is a second assignment.
    """
    faults: list[dict[str, Any]] = [{"action": WRITE, "fault": fault}]
    late = [{"action": "DescribeNetworkInterfaces", "fault": "stale", "seconds": stale, "times": 3}]
    with Stage(world(instance("a")), EIGHT) as stage:
        stage.time.advance(60)
        stage.cloud.faults(faults + (late if stale else []))
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": GOOD} == delivered.ends
        assert {"eni-a": 8} == stage.held()


def test_reads_that_lag_the_write_do_not_lead_to_a_second_one() -> None:
    """Promise 1: addresses that were answered and are not visible are waited for.

    Seen to fail when verification gives up at once instead of after the settle time.
    """
    with Stage(world(instance("a"), read_lag_seconds=7), EIGHT) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": GOOD} == delivered.ends
        assert ({"eni-a": 8}, 1) == (stage.held(), len(stage.writes()))


@pytest.mark.parametrize("fault", [[], [{"action": WRITE, "fault": "no_reply"}]])
def test_reads_later_than_the_settle_time_do_not_make_a_lone_writer_pass_its_target(
    fault: list[dict[str, Any]],
) -> None:
    """Beyond the bound of promise 1: what was answered is asked for by name, not a second time.

    Seen to fail when it is asked for by count, and with a random ClientToken.
    """
    settings = {"TARGET_SECONDARY_IPS": "4", "SETTLE_SECONDS": "5", "VISIBILITY_SECONDS": "10"}
    with Stage(world(instance("a"), read_lag_seconds=30), settings, fault) as stage:
        stage.time.advance(60)
        first = stage.deliver(hook_event("i-a"))
        assert {"eni-a": 4} == stage.held()
        assert isinstance(first.error, Retryable)
        stage.time.advance(10)
        again = stage.deliver(hook_event("i-a"), stage.another_app())
        assert {"eni-a": ("satisfied", "at_target")} == again.ends
        assert {"eni-a": 4} == stage.held()


def test_delivery_from_a_stale_reading_gets_the_same_addresses() -> None:
    """Promise 1: a second instance that still reads the old state asks with the same token.

    Seen to fail with a ClientToken that leaves the ENI's state out but has the request's id in.
    """
    with Stage(world(instance("a")), EIGHT) as stage:
        stage.time.advance(60)
        first = stage.deliver(hook_event("i-a"))
        late = {"action": "DescribeNetworkInterfaces", "fault": "stale", "seconds": 5, "times": 2}
        stage.cloud.faults([late])
        second = stage.deliver(running_event("i-a"), stage.another_app())
        assert {"eni-a": 8} == stage.held()
        assert {write["ClientToken"] for write in stage.writes()} == {
            first.enis["eni-a"]["client_token"]
        }
        assert first.enis["eni-a"]["addresses"] == second.enis["eni-a"]["addresses"]


def test_two_targets_from_one_stale_state_end_at_the_larger() -> None:
    """Promise 1: from one state one ask gets through; the other reads again and adds the rest.

    Seen to fail with a ClientToken that includes what is asked.
    """
    with Stage(world(instance("a")), EIGHT) as stage:
        stage.time.advance(60)
        small = stage.another_app(TARGET_SECONDARY_IPS="3")
        stage.deliver(running_event("i-a"), small)
        late = {"action": "DescribeNetworkInterfaces", "fault": "stale", "seconds": 5, "times": 1}
        stage.cloud.faults([late])
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": GOOD} == delivered.ends
        assert {"eni-a": 8} == stage.held()
        assert "IdempotentParameterMismatch" in {row["code"] for row in delivered.of("api_error")}


def test_new_state_means_a_new_token() -> None:
    """Promise 2: a larger target later is asked for at once; no refusal has to be waited out.

    Seen to fail with a ClientToken that leaves the ENI's state out.
    """
    with Stage(world(instance("a")), EIGHT) as stage:
        stage.deliver(running_event("i-a"), stage.another_app(TARGET_SECONDARY_IPS="3"))
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": 8} == stage.held()
        assert [] == delivered.of("api_error")


def test_replayed_token_is_recognised_and_the_target_reached_not_passed() -> None:
    """Promises 1 and 2: ECS answers an old token with addresses that were taken away since.

    Seen to fail when an answer is believed without a verifying read (the ENI stays empty).
    """
    with Stage(world(instance("a")), EIGHT) as stage:
        first = stage.deliver(hook_event("i-a"))
        unassign(stage, "eni-a", first.enis["eni-a"]["addresses"])
        stage.time.advance(60)
        delivered = stage.deliver(running_event("i-a"), stage.another_app())
        assert {"eni-a": GOOD} == delivered.ends
        assert {"eni-a": 8} == stage.held()
        assert [8, None] == [
            int(write["SecondaryPrivateIpAddressCount"])
            if "SecondaryPrivateIpAddressCount" in write
            else None
            for write in stage.writes()[1:]
        ]


def test_replayed_addresses_that_another_eni_has_now_are_asked_for_by_count() -> None:
    """Promise 2: what a replay named and somebody else holds cannot be had by name.

    Seen to fail when lost addresses are asked for by name only.
    """
    launch = world(instance("a"), instance("b", eni("eni-b", 0), tags={"secondary-ips": "skip"}))
    with Stage(launch, EIGHT | {"TARGET_SECONDARY_IPS": "2"}) as stage:
        first = stage.deliver(running_event("i-a"))
        lost = first.enis["eni-a"]["addresses"]
        unassign(stage, "eni-a", lost)
        taken = {"backfill": {"network_interface_ids": ["eni-b"]}}
        taken["backfill"]["private_ip_addresses"] = {"eni-b": lost}  # type: ignore[assignment]
        stage.deliver(taken)
        stage.time.advance(60)
        delivered = stage.deliver(running_event("i-a"), stage.another_app())
        assert {"eni-a": GOOD} == delivered.ends
        assert {"eni-a": 2, "eni-b": 2} == stage.held()


def test_replayed_prefix_that_another_eni_has_now_is_replaced() -> None:
    """Taken away, given to another ENI, and replayed by a token that ECS remembers."""
    reserved = world(instance("a"), instance("b"))
    reserved["vswitches"][0]["reserved_prefixes"] = ["10.0.1.0/24"]
    one = {"network_interface_ids": ["eni-a"], "ipv4_prefix_count": {"eni-a": 1}}
    with Stage(reserved, {}) as stage:
        (prefix,) = stage.deliver({"backfill": one}).enis["eni-a"]["prefixes"]
        unassign(stage, "eni-a", [prefix])
        theirs = {"network_interface_ids": ["eni-b"], "ipv4_prefixes": {"eni-b": [prefix]}}
        stage.deliver({"backfill": theirs})
        stage.time.advance(60)
        assert ("assigned", "reached") == stage.deliver({"backfill": one}).ends["eni-a"]
        assert [prefix] == stage.enis()["eni-b"]["prefixes"]
        assert 1 == len(stage.enis()["eni-a"]["prefixes"])


@pytest.mark.usefixtures("undisturbed")
def test_twenty_concurrent_processes_end_at_exactly_the_target(tmp_path: Path) -> None:
    """Promise 1: the same event in 20 processes at once, reads 3 s late: 4 addresses, no more.

    Three times 4 would fit the ENI's quota of 14. Seen to fail with a random ClientToken, held 12.
    """
    event = tmp_path / "event.json"
    event.write_text(json.dumps(hook_event("i-a")))
    with LocalCloud(world(instance("a"), read_lag_seconds=3)) as cloud:
        environ = os.environ | environment(cloud.url, TARGET_SECONDARY_IPS="4")
        running = [
            Forked("tests.deliver", str(event), f"req-{number}", "go", env=environ)
            for number in range(20)
        ]
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        ended = [process.communicate() for process in running]
        assert [0] * 20 == [process.returncode for process in running], ended
        state = cloud.state()
        assert 4 == len(state["instances"][0]["enis"][0]["secondary"])
        completed = [json.loads(result)["lifecycle"]["completed"] for _, result in ended]
        assert 1 == sum(completed)


# --- promise 2: converges ---------------------------------------------------------------------


def test_delivering_again_reaches_the_target_once_faults_stop() -> None:
    """Promise 2: a delivery that could not finish is finished by the next one.

    Seen to fail when the deferred ENI is reported as satisfied.
    """
    broken = [{"action": WRITE, "fault": "error", "code": "InternalError", "status": 500}]
    with Stage(world(instance("a")), EIGHT, [broken[0] | {"times": 100}]) as stage:
        assert isinstance(stage.deliver(hook_event("i-a")).error, Retryable)
        stage.cloud.faults([])
        assert {"eni-a": GOOD} == stage.deliver(hook_event("i-a")).ends
        assert {"eni-a": 8} == stage.held()


# --- promise 3: a hook is completed once, when all is decided ---------------------------------


def test_hook_is_completed_after_the_last_verifying_read() -> None:
    """Promise 3: Auto Scaling goes on only when a read has shown every address.

    Seen to fail when the hook is completed before the writes are verified.
    """
    with Stage(world(instance("a"), read_lag_seconds=5), EIGHT) as stage:
        stage.deliver(hook_event("i-a"))
        calls = stage.actions("RecordLifecycleActionHeartbeat")
        assert "CompleteLifecycleAction" == calls[-1]
        assert 1 == calls.count("CompleteLifecycleAction")
        assert "DescribeNetworkInterfaces" == calls[-2]


def test_lost_completion_is_repeated_and_succeeds_once() -> None:
    """Promise 3: a completion whose reply is lost is asked for again under the same ClientToken.

    Seen to fail with a new ClientToken for each try: the second was told that the action had ended.
    """
    lost = [{"action": "CompleteLifecycleAction", "fault": "no_reply"}]
    with Stage(world(instance("a")), EIGHT, lost) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert delivered.result["lifecycle"]["completed"] is True
        assert "CONTINUE" == stage.hook()["result"]


def test_completion_with_another_result_has_a_token_of_its_own() -> None:
    """The first try says ABANDON and its reply is lost; the retry, of the same id, CONTINUE.

    Under one ClientToken the second was refused for its other parameters, in every retry.
    """
    lost = [{"action": "CompleteLifecycleAction", "fault": "no_reply", "times": 8}]
    settings = EIGHT | {"ON_SHORTFALL": "abandon", "VSWITCH_RESERVE": "2000"}
    with Stage(world(instance("a")), settings, lost) as stage:
        first = stage.deliver(hook_event("i-a"), request_id="req-same")
        assert isinstance(first.error, Retryable)
        roomy = stage.another_app(VSWITCH_RESERVE="0")
        second = stage.deliver(hook_event("i-a"), roomy, request_id="req-same")
        assert ("CONTINUE", False) == (
            second.result["lifecycle"]["result"],
            second.result["lifecycle"]["completed"],
        )
        assert "ABANDON" == stage.hook()["result"]


# --- promise 4: nothing is lost quietly -------------------------------------------------------


def one_record_per_eni(delivered: Delivered, stage: Stage) -> None:
    """Every ENI of the world has exactly one final record."""
    assert set(stage.enis()) == set(delivered.enis)


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [{"action": WRITE, "fault": "error", "code": "InvalidParameter", "times": 2}],
        [{"action": WRITE, "fault": "error", "code": "InternalError", "status": 500, "times": 99}],
        [{"action": "DescribeVSwitches", "fault": "error", "code": "Forbidden.RAM", "times": 99}],
        [{"action": "DescribeNetworkInterfaces", "fault": "no_reply", "times": 99}],
    ],
)
def test_every_eni_ends_in_exactly_one_record(faults: list[dict[str, Any]]) -> None:
    """Promise 4: whatever fails, each ENI that was considered has one `eni_result`.

    Seen to fail when an error in the middle of a round is raised without recording the rest.
    """
    launch = world(*(instance(name) for name in "abc"))
    with Stage(launch, EIGHT) as stage:
        faulty_after_first_read = [dict(each) for each in faults]
        if faults and faults[0]["action"] == "DescribeNetworkInterfaces":
            passed = {"action": "DescribeNetworkInterfaces", "fault": "slow", "seconds": 0}
            faulty_after_first_read.insert(0, passed)
        stage.cloud.faults(faulty_after_first_read)
        delivered = stage.deliver(hook_event("i-a", "i-b", "i-c"))
        one_record_per_eni(delivered, stage)
        finished = {("assigned", "reached"), ("failed", "refused")}
        assert (delivered.error is None) == (set(delivered.ends.values()) <= finished)
        assert 1 == len(delivered.of("run_summary"))
