"""ClientToken: performed once, answered every time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from localcloud.clock import ManualClock
from localcloud.products import ESS
from localcloud.samples import ENI, instance, lifecycle_action, secondary_of, vswitch, world
from localcloud.sdk import COUNT, assign, assign_refusal, call, refusal_of
from localcloud.testing import LocalCloud

ONE = {COUNT: 1, "ClientToken": "token-1"}


def test_the_same_request_is_answered_again_and_not_performed_again(cloud: LocalCloud) -> None:
    """A repeated token gives the first addresses under a request id of its own."""
    asked = {"NetworkInterfaceId": ENI, **ONE}

    first = call(cloud, "AssignPrivateIpAddresses", asked)
    second = call(cloud, "AssignPrivateIpAddresses", asked)

    assert first.pop("RequestId") != second.pop("RequestId")
    assert first == second
    assert secondary_of(cloud.state()) == ["10.0.0.3"]


def test_an_answer_outlives_what_it_gave(cloud: LocalCloud) -> None:
    """Addresses taken away since are answered all the same, and are not assigned again."""
    first = assign(cloud, ONE)
    call(
        cloud,
        "UnassignPrivateIpAddresses",
        {"NetworkInterfaceId": ENI, "PrivateIpAddress": first},
    )

    assert assign(cloud, ONE) == first
    assert secondary_of(cloud.state()) == []


def test_other_parameters_need_another_token(cloud: LocalCloud) -> None:
    """One token stands for one request."""
    assign(cloud, ONE)

    mismatch = (403, "IdempotentParameterMismatch")
    assert assign_refusal(cloud, {**ONE, COUNT: 2}) == mismatch
    assert assign_refusal(cloud, ONE, "eni-p") == mismatch


def test_a_request_in_progress_is_not_answered_yet(cloud: LocalCloud) -> None:
    """While the first request runs, its repetition is told so; afterwards it is answered."""
    cloud.faults([{"action": "AssignPrivateIpAddresses", "fault": "slow", "seconds": 0.3}])
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(assign, cloud, ONE)
        cloud.wait_for_call()
        refused = assign_refusal(cloud, ONE)
        first = running.result()

    assert refused == (403, "IdempotentProcessing")
    assert assign(cloud, ONE) == first


def test_a_token_is_forgotten_in_time() -> None:
    """After token_seconds the same request is performed again."""
    clock = ManualClock()
    with LocalCloud(world(token_seconds=60), clock=clock) as cloud:
        first = assign(cloud, ONE)
        clock.advance(59)
        second = assign(cloud, ONE)
        clock.advance(1)
        third = assign(cloud, ONE)

    assert first == second == ["10.0.0.3"]
    assert third == ["10.0.0.4"]


def test_a_refusal_frees_its_token(cloud: LocalCloud) -> None:
    """Unless the world says otherwise, a refused request can be made again with its token."""
    too_many = {COUNT: 15, "ClientToken": "token-1"}

    assert assign_refusal(cloud, too_many) == (403, "InvalidOperation.Ipv4CountExceeded")
    assert assign(cloud, ONE) == ["10.0.0.3"]


def test_a_refusal_can_be_remembered() -> None:
    """With remember_failures, the refusal is repeated although its cause is gone."""
    tight = vswitch(cidr="10.0.0.0/29")  # 4 addresses, 2 of them for the primaries
    with LocalCloud(world(vswitches=[tight], remember_failures=True)) as cloud:
        held = assign(cloud, {COUNT: 2})
        refused = assign_refusal(cloud, ONE)
        call(
            cloud,
            "UnassignPrivateIpAddresses",
            {"NetworkInterfaceId": ENI, "PrivateIpAddress": held},
        )
        again = assign_refusal(cloud, ONE)
        other = assign(cloud, {**ONE, "ClientToken": "token-2"})

    assert refused == again == (403, "InvalidVSwitchId.IpNotEnough")
    assert other == held[:1]


def test_token_characters_and_length(cloud: LocalCloud) -> None:
    """At most 64 characters, all of them ASCII."""
    assert assign(cloud, {COUNT: 1, "ClientToken": "~" * 64}) == ["10.0.0.3"]
    for token in ("t" * 65, "令牌"):
        assert assign_refusal(cloud, {COUNT: 1, "ClientToken": token}) == (400, "InvalidParameter")


def test_completing_a_hook_takes_a_token() -> None:
    """The same completion is answered again; without its token it is too late."""
    asked = {"LifecycleHookId": "ash-a", "LifecycleActionToken": "token-a"}
    action = "CompleteLifecycleAction"
    with LocalCloud(
        world(instances=[instance(scaling_group="asg-a")], lifecycle_actions=[lifecycle_action()])
    ) as cloud:
        for _ in range(2):
            call(cloud, action, {**asked, "ClientToken": "t"}, product=ESS)
        late = refusal_of(cloud, action, asked, product=ESS)

    assert late == (400, "LifecycleHookIdAndLifecycleActionToken.Invalid")
