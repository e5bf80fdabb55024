"""The life of an ENI: created, attached, detached, deleted, and what lies between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from localcloud.clock import ManualClock
from localcloud.limits import TRANSITION_SECONDS, Limits
from localcloud.model import SECURITY_GROUP
from localcloud.products import VPC
from localcloud.samples import ENI, INSTANCE, eni, instance, vswitch, world
from localcloud.sdk import COUNT, assign, assign_refusal, call, refusal_of
from localcloud.testing import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Iterator

NEW = {"VSwitchId": "vsw-a", "SecurityGroupId": SECURITY_GROUP}
WORLD = world(
    vswitches=[
        vswitch(reserved_prefixes=["10.0.0.64/27"]),
        vswitch("vsw-zone", "10.0.1.0/24", zone="cn-hangzhou-g"),
        vswitch("vsw-vpc", "10.0.2.0/24", vpc="vpc-b"),
        vswitch("vsw-full", "10.0.3.0/29"),
        vswitch("vsw-pending", "10.0.4.0/24", status="Pending"),
    ],
    instances=[
        instance(),
        instance(
            "i-small", [eni("eni-s", "Primary"), eni("eni-t"), eni("eni-v")], type="ecs.g7.large"
        ),
        instance("i-starting", [eni("eni-u", "Primary")], status="Starting"),
    ],
    enis=[
        {**eni("eni-free", secondary=2), "name": "spare"},
        eni("eni-rich", secondary=20),
        eni("eni-zone", vswitch="vsw-zone"),
        eni("eni-vpc", vswitch="vsw-vpc"),
        eni("eni-full", vswitch="vsw-full", secondary=3),
        eni("eni-managed", service_managed=True),
        eni("eni-trunk", "Trunk"),
    ],
)


class Stage:
    """A local cloud whose clock the test moves."""

    def __init__(self, cloud: LocalCloud, clock: ManualClock) -> None:
        self.cloud = cloud
        self.clock = clock

    def row(self, name: str) -> dict[str, Any] | None:
        """Return an ENI as a read shows it; None if it does not."""
        answer = call(self.cloud, "DescribeNetworkInterfaces", {"NetworkInterfaceId": [name]})
        rows: list[dict[str, Any]] = answer["NetworkInterfaceSets"]["NetworkInterfaceSet"]
        return rows[0] if rows else None

    def status(self, name: str) -> tuple[str, str] | None:
        """Return status and instance of an ENI as a read shows them."""
        row = self.row(name)
        return (row["Status"], row["InstanceId"]) if row else None

    def room(self, name: str = "vsw-a") -> int:
        """Return how many addresses a read shows as left in a vSwitch."""
        answer = call(self.cloud, "DescribeVSwitches", {"VSwitchId": name}, product=VPC)
        return int(answer["VSwitches"]["VSwitch"][0]["AvailableIpAddressCount"])

    def do(self, action: str, name: str, instance_id: str = "") -> None:
        """Make a call about an ENI, and perhaps an instance."""
        pair = {"InstanceId": instance_id} if instance_id else {}
        call(self.cloud, f"{action}NetworkInterface", {"NetworkInterfaceId": name, **pair})

    def refused(self, action: str, **parameters: Any) -> str:
        """Make a call that must be refused; return the code."""
        return refusal_of(self.cloud, f"{action}NetworkInterface", parameters).code


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A local cloud in which time stands still."""
    clock = ManualClock()
    with LocalCloud(WORLD, clock=clock) as cloud:
        yield Stage(cloud, clock)


def test_an_attachment_takes_its_time(stage: Stage) -> None:
    """Attaching at once, InUse when the time is over and not before."""
    stage.do("Attach", "eni-free", INSTANCE)
    seen = [stage.status("eni-free")]
    for seconds in (TRANSITION_SECONDS - 0.1, 0.1):
        stage.clock.advance(seconds)
        seen.append(stage.status("eni-free"))

    assert seen == [("Attaching", INSTANCE), ("Attaching", INSTANCE), ("InUse", INSTANCE)]


def test_a_detachment_takes_its_time_and_keeps_the_addresses(stage: Stage) -> None:
    """Detaching while it is still on the instance, then Available with all it held."""
    held = assign(stage.cloud, {COUNT: 3})
    stage.do("Detach", ENI, INSTANCE)
    seen = [stage.status(ENI)]
    stage.clock.advance(TRANSITION_SECONDS)
    seen.append(stage.status(ENI))
    row = stage.row(ENI)

    assert seen == [("Detaching", INSTANCE), ("Available", "")]
    assert row is not None
    assert [item["PrivateIpAddress"] for item in row["PrivateIpSets"]["PrivateIpSet"][1:]] == held


def test_an_instance_shows_the_enis_it_has_at_the_moment(stage: Stage) -> None:
    """DescribeInstances follows what is attached and detached."""

    def shown() -> list[str]:
        answer = call(stage.cloud, "DescribeInstances", {"InstanceIds": f'["{INSTANCE}"]'})
        rows = answer["Instances"]["Instance"][0]["NetworkInterfaces"]["NetworkInterface"]
        return [row["NetworkInterfaceId"] for row in rows]

    stage.do("Attach", "eni-free", INSTANCE)
    stage.do("Detach", ENI, INSTANCE)
    seen = [shown()]
    stage.clock.advance(TRANSITION_SECONDS)
    seen.append(shown())

    assert seen == [["eni-p", ENI, "eni-free"], ["eni-p", "eni-free"]]


def test_on_its_way_an_eni_cannot_be_changed(stage: Stage) -> None:
    """Neither addresses nor attachment of an ENI change while it is Attaching or Deleting."""
    stage.do("Attach", "eni-free", INSTANCE)
    stage.do("Delete", "eni-zone")

    refused = [
        assign_refusal(stage.cloud, {COUNT: 1}, "eni-free").code,
        assign_refusal(stage.cloud, {COUNT: 1}, "eni-zone").code,
        stage.refused("Detach", NetworkInterfaceId="eni-free", InstanceId=INSTANCE),
        stage.refused("Delete", NetworkInterfaceId="eni-free"),
        stage.refused("Delete", NetworkInterfaceId="eni-zone"),
        stage.refused("Attach", NetworkInterfaceId="eni-zone", InstanceId=INSTANCE),
    ]

    assert refused == ["InvalidOperation.InvalidEniState"] * 6


def test_a_deleted_eni_gives_its_addresses_back_when_it_is_gone(stage: Stage) -> None:
    """Deleting, and still counted; then silently absent, and the vSwitch has more room."""
    seen = [(stage.status("eni-free"), stage.room())]
    for seconds in (0, TRANSITION_SECONDS):
        if not seconds:
            stage.do("Delete", "eni-free")
        stage.clock.advance(seconds)
        seen.append((stage.status("eni-free"), stage.room()))

    room = seen[0][1]
    assert seen == [(("Available", ""), room), (("Deleting", ""), room), (None, room + 3)]
    assert assign_refusal(stage.cloud, {COUNT: 1}, "eni-free") == (404, "InvalidEniId.NotFound")


def test_lagging_reads_see_each_step_at_its_time() -> None:
    """A step is noted as of when it was due, whoever looks first and however late."""
    clock = ManualClock()
    with LocalCloud({**WORLD, "read_lag_seconds": 10}, clock=clock) as cloud:
        stage = Stage(cloud, clock)
        stage.do("Attach", "eni-free", INSTANCE)
        clock.advance(100)
        stage.do("Delete", "eni-zone")
        clock.advance(5)
        seen = [stage.status("eni-free"), stage.status("eni-zone")]
        clock.advance(10)
        seen.append(stage.status("eni-zone"))

    assert seen == [("InUse", INSTANCE), ("Available", ""), None]


def test_a_new_eni_is_available_at_once(stage: Stage) -> None:
    """The answer says what it is like, and a read shows the same."""
    room = stage.room()
    asked = {**NEW, COUNT: 2, "NetworkInterfaceName": "web", "Tag": [{"Key": "a", "Value": "b"}]}
    answer = call(stage.cloud, "CreateNetworkInterface", asked)
    row = stage.row(answer["NetworkInterfaceId"])

    assert row is not None
    assert answer["Status"] == "Available"
    assert answer["NetworkInterfaceName"] == row["NetworkInterfaceName"] == "web"
    assert answer["Tags"] == row["Tags"] == {"Tag": [{"TagKey": "a", "TagValue": "b"}]}
    assert answer["PrivateIpSets"]["PrivateIpSet"] == [
        {"PrivateIpAddress": item["PrivateIpAddress"], "Primary": item["Primary"]}
        for item in row["PrivateIpSets"]["PrivateIpSet"]
    ]
    assert room - stage.room() == 3


def test_a_new_eni_can_take_what_is_named(stage: Stage) -> None:
    """Primary address, secondary addresses and prefixes can all be chosen."""
    named = {"PrimaryIpAddress": "10.0.0.200", "PrivateIpAddress": ["10.0.0.201"]}
    answer = call(
        stage.cloud, "CreateNetworkInterface", {**NEW, **named, "Ipv4Prefix": ["10.0.0.80/28"]}
    )

    assert answer["PrivateIpAddress"] == "10.0.0.200"
    assert answer["PrivateIpSets"]["PrivateIpSet"][1:] == [
        {"PrivateIpAddress": "10.0.0.201", "Primary": False}
    ]
    assert answer["Ipv4PrefixSets"] == {"Ipv4PrefixSet": [{"Ipv4Prefix": "10.0.0.80/28"}]}


def test_creating_can_be_made_to_take_time() -> None:
    """Older regions showed Creating first; a cloud can be told to."""
    clock = ManualClock()
    with LocalCloud(WORLD, clock=clock, limits=Limits(creating=2)) as cloud:
        stage = Stage(cloud, clock)
        name = call(cloud, "CreateNetworkInterface", NEW)["NetworkInterfaceId"]
        seen = [stage.status(name)]
        clock.advance(2)
        seen.append(stage.status(name))

    assert seen == [("Creating", ""), ("Available", "")]


def test_a_token_creates_one_eni(stage: Stage) -> None:
    """The same token and parameters give the same ENI."""
    asked = {**NEW, "ClientToken": "t"}

    ids = {call(stage.cloud, "CreateNetworkInterface", asked)["NetworkInterfaceId"] for _ in "ab"}

    assert len(ids) == 1
    assert refusal_of(stage.cloud, "CreateNetworkInterface", {**asked, COUNT: 1}).code == (
        "IdempotentParameterMismatch"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"VSwitchId": "vsw-none"}, (404, "InvalidVSwitchId.NotFound")),
        ({"VSwitchId": "vsw-pending"}, (400, "IncorrectVSwitchStatus")),
        ({"VSwitchId": "vsw-full"}, (403, "InvalidVSwitchId.IpNotEnough")),
        ({"VSwitchId": None}, (400, "MissingParameter")),
        ({"SecurityGroupId": "sg-none"}, (404, "InvalidSecurityGroupId.NotFound")),
        ({"SecurityGroupId": None}, (400, "MissingParameter")),
        ({"SecurityGroupIds": [SECURITY_GROUP]}, (400, "InvalidParameter.Conflict")),
        ({"PrimaryIpAddress": "10.0.9.1"}, (403, "InvalidVSwitchId.IpInvalid")),
        ({"PrimaryIpAddress": "10.0.0.1"}, (400, "InvalidPrivateIpAddress.Duplicated")),
        ({"PrimaryIpAddress": "ten"}, (400, "InvalidPrivateIpAddress.Malformed")),
        ({"PrivateIpAddress": ["10.0.0.1"]}, (400, "InvalidPrivateIpAddress.Duplicated")),
        (
            {"PrimaryIpAddress": "10.0.0.200", "PrivateIpAddress": ["10.0.0.200"]},
            (403, "InvalidIp.IpAssigned"),
        ),
        ({COUNT: 1, "PrivateIpAddress": ["10.0.0.200"]}, (400, "InvalidParameter.Conflict")),
        ({COUNT: 50}, (400, "InvalidParameter")),
        ({"InstanceType": "Trunk"}, (400, "InvalidParameter")),
        ({"Description": "unserved"}, (400, "UnsupportedParameter")),
        ({"Tag": [{"Key": "a", "Colour": "red"}]}, (400, "UnsupportedParameter")),
    ],
    ids=str,
)
def test_what_cannot_be_created(
    stage: Stage, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Each obstacle has its code, and nothing is taken out of the vSwitch."""
    before = stage.cloud.state()

    assert refusal_of(stage.cloud, "CreateNetworkInterface", {**NEW, **changes}) == expected
    assert stage.cloud.state() == before


@pytest.mark.parametrize(
    ("action", "name", "instance_id", "expected"),
    [
        ("Attach", "eni-none", INSTANCE, (404, "InvalidEniId.NotFound")),
        ("Attach", "eni-free", "i-none", (404, "InvalidEcsId.NotFound")),
        ("Attach", "eni-free", "none", (400, "InvalidInstanceID.Malformed")),
        ("Attach", "eni-free", "i-starting", (400, "InvalidOperation.InvalidEcsState")),
        ("Attach", ENI, INSTANCE, (400, "InvalidOperation.InvalidEniState")),
        ("Attach", "eni-managed", INSTANCE, (403, "InvalidOperation.EniServiceManaged")),
        ("Attach", "eni-trunk", INSTANCE, (403, "InvalidOperation.InvalidEniType")),
        ("Attach", "eni-zone", INSTANCE, (403, "InvalidOperation.AvailabilityZoneMismatch")),
        ("Attach", "eni-vpc", INSTANCE, (403, "InvalidOperation.VpcMismatch")),
        ("Attach", "eni-free", "i-small", (403, "EniPerInstanceLimitExceeded")),
        ("Attach", "eni-rich", INSTANCE, (403, "InvalidOperation.Ipv4CountExceeded")),
        ("Detach", "eni-p", INSTANCE, (400, "InvalidOperation.DetachPrimaryEniNotAllowed")),
        ("Detach", "eni-free", INSTANCE, (400, "InvalidOperation.InvalidEniState")),
        ("Detach", ENI, "i-small", (400, "InvalidOperation.InvalidEniState")),
        ("Detach", ENI, "i-none", (404, "InvalidEcsId.NotFound")),
        ("Delete", ENI, "", (400, "InvalidOperation.InvalidEniState")),
        ("Delete", "eni-none", "", (404, "InvalidEniId.NotFound")),
        ("Delete", "eni-managed", "", (403, "InvalidOperation.EniServiceManaged")),
    ],
)
def test_what_cannot_be_attached_detached_or_deleted(
    stage: Stage, action: str, name: str, instance_id: str, expected: tuple[int, str]
) -> None:
    """Each obstacle has its code, and nothing changes."""
    before = stage.cloud.state()
    pair = {"InstanceId": instance_id} if instance_id else {}

    asked = {"NetworkInterfaceId": name, **pair}
    assert refusal_of(stage.cloud, f"{action}NetworkInterface", asked) == expected
    assert stage.cloud.state() == before


def test_a_detached_eni_may_hold_more_than_it_could_be_given() -> None:
    """It keeps everything, takes nothing more, and the state can be loaded again."""
    clock = ManualClock()
    big = instance(enis=[eni("eni-p", "Primary"), eni(secondary=59)], type="ecs.big.large")
    types = {"ecs.big.large": [4, 60]}
    with LocalCloud(world(instances=[big], instance_types=types), clock=clock) as cloud:
        Stage(cloud, clock).do("Detach", ENI, INSTANCE)
        clock.advance(TRANSITION_SECONDS)
        refused = assign_refusal(cloud, {COUNT: 1})
        state = cloud.state()
    with LocalCloud(state) as again:
        assert again.state() == state

    assert refused == (403, "MaxEniPrivateIpsCountExceeded")
    assert len(state["enis"][0]["secondary"]) == 59


def test_an_account_has_so_many_enis() -> None:
    """The account's quota counts every ENI, primary ones included."""
    with LocalCloud(world(), limits=Limits(account_enis=3)) as cloud:
        call(cloud, "CreateNetworkInterface", NEW)
        assert refusal_of(cloud, "CreateNetworkInterface", NEW) == (403, "MaxEniCountExceeded")


def test_a_launch_counts_too() -> None:
    """Instances whose primary ENIs would be too many are not launched, not even some of them."""
    asked = {**NEW, "ImageId": "an-image", "InstanceType": "ecs.g7.large"}
    with LocalCloud(world(), limits=Limits(account_enis=4)) as cloud:
        refused = refusal_of(cloud, "RunInstances", {**asked, "Amount": 3})
        launched = call(cloud, "RunInstances", {**asked, "Amount": 2})

    assert refused == (403, "MaxEniCountExceeded")
    assert len(launched["InstanceIdSets"]["InstanceIdSet"]) == 2


def test_the_limit_of_an_unattached_eni_can_be_chosen() -> None:
    """Pages say 10, 32, 49 and 50: a cloud can be told which."""
    with LocalCloud(world(enis=[eni("eni-x")]), limits=Limits(unattached_addresses=10)) as cloud:
        assert len(assign(cloud, {COUNT: 10}, "eni-x")) == 10
        assert assign_refusal(cloud, {COUNT: 1}, "eni-x").code == "MaxEniPrivateIpsCountExceeded"


def test_a_state_in_between_can_be_loaded_again(stage: Stage) -> None:
    """What is on its way is shown as it is; loaded again, it stays so."""
    stage.do("Attach", "eni-free", INSTANCE)
    stage.do("Delete", "eni-zone")
    state = stage.cloud.state()
    with LocalCloud(state) as again:
        assert again.state() == state
