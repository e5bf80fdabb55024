"""AssignPrivateIpAddresses and UnassignPrivateIpAddresses through the SDK's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alibabacloud_ecs20140526.models import (
    AssignPrivateIpAddressesRequest,
    UnassignPrivateIpAddressesRequest,
)

from localcloud.samples import (
    ENI,
    eni,
    instance,
    secondary_of,
    vswitch,
    world,
)
from localcloud.sdk import COUNT, REGION, assign, assign_refusal, call, ecs_client, refusal_of
from localcloud.testing import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Mapping

QUOTA = 14
"""Secondary addresses of an ecs.g7.xlarge ENI: 15 with the primary one."""


def test_answer_holds_only_the_new_addresses(cloud: LocalCloud) -> None:
    """Each answer lists what it added: the lowest free addresses of the vSwitch, in order."""
    client = ecs_client(cloud)
    request = AssignPrivateIpAddressesRequest(
        region_id=REGION, network_interface_id=ENI, secondary_private_ip_address_count=2
    )

    first = client.assign_private_ip_addresses(request).body.assigned_private_ip_addresses_set
    second = client.assign_private_ip_addresses(request).body.assigned_private_ip_addresses_set

    assert first.network_interface_id == ENI
    assert first.private_ip_set.private_ip_address == ["10.0.0.3", "10.0.0.4"]
    assert second.private_ip_set.private_ip_address == ["10.0.0.5", "10.0.0.6"]


def test_named_addresses_are_assigned_as_named(cloud: LocalCloud) -> None:
    """Explicit addresses are taken, and automatic choice then goes around them."""
    named = ["10.0.0.3", "10.0.0.200"]

    assert assign(cloud, {"PrivateIpAddress": named}) == named
    assert assign(cloud, {COUNT: 1}) == ["10.0.0.4"]
    assert secondary_of(cloud.state()) == [*named, "10.0.0.4"]


def test_quota_of_the_type_counts_the_primary_address(cloud: LocalCloud) -> None:
    """An ENI with quantity 15 takes 14 secondary addresses and not one more."""
    assert assign_refusal(cloud, {COUNT: QUOTA + 1}) == (
        403,
        "InvalidOperation.Ipv4CountExceeded",
    )
    assert len(assign(cloud, {COUNT: QUOTA})) == QUOTA
    assert assign_refusal(cloud, {COUNT: 1}) == (403, "InvalidOperation.Ipv4CountExceeded")


def test_each_prefix_takes_one_slot_of_the_quota() -> None:
    """Two prefixes leave room for twelve addresses."""
    reserving = vswitch(reserved_prefixes=["10.0.0.64/26"])
    with LocalCloud(world(vswitches=[reserving])) as cloud:
        call(cloud, "AssignPrivateIpAddresses", {"NetworkInterfaceId": ENI, "Ipv4PrefixCount": 2})

        refused = assign_refusal(cloud, {COUNT: QUOTA - 1})
        added = assign(cloud, {COUNT: QUOTA - 2})

    assert refused == (403, "InvalidOperation.Ipv4CountExceeded")
    assert len(added) == QUOTA - 2


def test_unattached_eni_takes_fifty() -> None:
    """An Available ENI holds 50 secondary addresses whatever instance it may join."""
    with LocalCloud(world(enis=[eni("eni-free")])) as cloud:
        refused = assign_refusal(cloud, {COUNT: 51}, "eni-free")
        added = assign(cloud, {COUNT: 50}, "eni-free")

    assert refused == (403, "MaxEniPrivateIpsCountExceeded")
    assert len(added) == 50


def test_vswitch_without_enough_gives_nothing() -> None:
    """A call gets all it asks or nothing; then as many as are left can still be had."""
    tight = vswitch(cidr="10.0.0.0/28")  # 16 addresses, 4 lost, 2 for the primaries
    with LocalCloud(world(vswitches=[tight])) as cloud:
        refused = assign_refusal(cloud, {COUNT: 11})
        untouched = secondary_of(cloud.state())
        added = assign(cloud, {COUNT: 10})
        left = cloud.state()["vswitches"][0]["available"]

    assert refused == (403, "InvalidVSwitchId.IpNotEnough")
    assert untouched == []
    assert added[0] == "10.0.0.3"
    assert added[-1] == "10.0.0.12"
    assert left == 0


def test_reserved_prefixes_are_no_single_addresses() -> None:
    """Automatic choice skips reserved blocks, and prefixes come from nowhere else."""
    reserving = vswitch(cidr="10.0.0.0/26", reserved_prefixes=["10.0.0.0/28", "10.0.0.32/28"])
    with LocalCloud(world(vswitches=[reserving])) as cloud:
        addresses = assign(cloud, {COUNT: 3})
        answer = call(
            cloud, "AssignPrivateIpAddresses", {"NetworkInterfaceId": ENI, "Ipv4PrefixCount": 2}
        )
        left = cloud.state()["vswitches"][0]["available"]

    prefixes = answer["AssignedPrivateIpAddressesSet"]["Ipv4PrefixSet"]["Ipv4Prefixes"]
    assert addresses == ["10.0.0.18", "10.0.0.19", "10.0.0.20"]
    assert prefixes == ["10.0.0.0/28", "10.0.0.32/28"]
    assert left == 64 - 4 - 15 - 16 - 2 - 3  # the first block holds one of the lost addresses


def test_unassigned_addresses_are_free_again(cloud: LocalCloud) -> None:
    """What is taken from an ENI is the first to be given out again."""
    client = ecs_client(cloud)
    assign(cloud, {COUNT: 3})

    client.unassign_private_ip_addresses(
        UnassignPrivateIpAddressesRequest(
            region_id=REGION, network_interface_id=ENI, private_ip_address=["10.0.0.4"]
        )
    )

    assert secondary_of(cloud.state()) == ["10.0.0.3", "10.0.0.5"]
    assert assign(cloud, {COUNT: 2}) == ["10.0.0.4", "10.0.0.6"]


def test_unassigned_prefixes_are_free_again() -> None:
    """The only prefix of a vSwitch goes from one ENI to another."""
    reserving = vswitch(reserved_prefixes=["10.0.0.64/28"])
    prefix = {"Ipv4Prefix": ["10.0.0.64/28"]}
    with LocalCloud(world(vswitches=[reserving])) as cloud:
        assign(cloud, prefix)
        taken = assign_refusal(cloud, prefix, "eni-p")
        call(cloud, "UnassignPrivateIpAddresses", {"NetworkInterfaceId": ENI, **prefix})
        assign(cloud, prefix, "eni-p")
        enis = cloud.state()["instances"][0]["enis"]

    assert taken == (403, "InvalidIp.IpPrefixNotAvailable")
    assert [eni["prefixes"] for eni in enis] == [prefix["Ipv4Prefix"], []]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"PrivateIpAddress": ["10.0.0.99"]}, (403, "InvalidIp.IpUnassigned")),
        ({"PrivateIpAddress": ["10.0.0.2"]}, (403, "InvalidIp.IpUnassigned")),
        ({"Ipv4Prefix": ["10.0.0.16/28"]}, (403, "InvalidIp.IpUnassigned")),
        ({}, (403, "MissingParameter")),
        (
            {"NetworkInterfaceId": "eni-none", "PrivateIpAddress": ["10.0.0.9"]},
            (404, "InvalidEniId.NotFound"),
        ),
    ],
)
def test_unassign_refusals(
    cloud: LocalCloud, parameters: Mapping[str, object], expected: tuple[int, str]
) -> None:
    """What the ENI does not hold, its primary address included, cannot be taken from it."""
    asked = {"NetworkInterfaceId": ENI, **parameters}

    assert refusal_of(cloud, "UnassignPrivateIpAddresses", asked) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("eni-none", (404, "InvalidEniId.NotFound")),
        ("eni-managed", (403, "InvalidOperation.EniServiceManaged")),
        ("eni-member", (403, "InvalidOperation.InvalidEniType")),
        ("eni-leaving", (400, "InvalidOperation.InvalidEniState")),
        ("eni-starting", (400, "InvalidOperation.InvalidEcsState")),
    ],
)
def test_unassign_needs_the_states_that_assign_needs(name: str, expected: tuple[int, str]) -> None:
    """Available or InUse, and for a primary ENI an instance that is Running or Stopped."""
    starting = instance("i-s", [eni("eni-starting", "Primary")], status="Starting")
    others = [
        eni("eni-managed", service_managed=True),
        eni("eni-member", "Member"),
        eni("eni-leaving", status="Deleting", secondary=["10.0.0.100"]),
    ]
    asked = {"NetworkInterfaceId": name, "PrivateIpAddress": ["10.0.0.100"]}
    with LocalCloud(world(instances=[starting], enis=others)) as cloud:
        assert refusal_of(cloud, "UnassignPrivateIpAddresses", asked) == expected


def test_unassign_takes_all_or_nothing() -> None:
    """Addresses and prefixes in one call; one that is not held keeps the others where they are."""
    prefix = "10.0.0.64/28"
    reserved = vswitch(reserved_prefixes=[prefix])
    rich = eni(secondary=["10.0.0.100", "10.0.0.101"], prefixes=[prefix])
    both = {"NetworkInterfaceId": ENI, "Ipv4Prefix": [prefix]}
    with LocalCloud(world(vswitches=[reserved], instances=[instance(enis=[rich])])) as cloud:
        before = cloud.state()
        wrong = {**both, "PrivateIpAddress": ["10.0.0.100", "10.0.0.102"]}
        refused = refusal_of(cloud, "UnassignPrivateIpAddresses", wrong)
        unchanged = cloud.state() == before
        right = {**both, "PrivateIpAddress": ["10.0.0.100"]}
        call(cloud, "UnassignPrivateIpAddresses", right)
        after = cloud.state()["instances"][0]["enis"][0]

    assert (refused.code, unchanged) == ("InvalidIp.IpUnassigned", True)
    assert (after["secondary"], after["prefixes"]) == (["10.0.0.101"], [])


def test_primary_eni_of_a_starting_instance_waits_and_a_secondary_one_does_not() -> None:
    """Only the primary ENI needs its instance Running or Stopped."""
    with LocalCloud(world(instances=[instance(status="Starting")])) as cloud:
        refused = assign_refusal(cloud, {COUNT: 1}, "eni-p")
        added = assign(cloud, {COUNT: 1})

    assert refused == (400, "InvalidOperation.InvalidEcsState")
    assert len(added) == 1


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            {COUNT: "x", "NetworkInterfaceId": "eni-none"},
            "InvalidSecondaryPrivateIpAddressCount.Malformed",
        ),
        ({COUNT: 99, "NetworkInterfaceId": "eni-none"}, "InvalidEniId.NotFound"),
        ({COUNT: 99, "NetworkInterfaceId": "eni-leaving"}, "InvalidOperation.InvalidEniState"),
        ({COUNT: 99}, "InvalidOperation.Ipv4CountExceeded"),
        ({COUNT: 14}, "InvalidVSwitchId.IpNotEnough"),
    ],
)
def test_validation_precedes_lookup_precedes_state_precedes_capacity(
    parameters: Mapping[str, object], expected: str
) -> None:
    """Of several errors that apply, the earlier kind is the one answered."""
    enis = [eni("eni-p", "Primary"), eni(), eni("eni-leaving", status="Detaching")]
    tight = vswitch(cidr="10.0.0.0/28")
    with LocalCloud(world(vswitches=[tight], instances=[instance(enis=enis)])) as cloud:
        refused = refusal_of(
            cloud, "AssignPrivateIpAddresses", {"NetworkInterfaceId": ENI, **parameters}
        )

    assert refused.code == expected


def test_the_first_and_the_last_three_addresses_belong_to_the_provider() -> None:
    """Of a vSwitch, four addresses can neither be chosen nor named."""
    with LocalCloud(world(vswitches=[vswitch(cidr="10.0.0.0/28")])) as cloud:
        refused = [
            assign_refusal(cloud, {"PrivateIpAddress": [f"10.0.0.{last}"]}).code
            for last in (0, 13, 14, 15)
        ]

    assert refused == ["InvalidVSwitchId.IpInvalid"] * 4


def test_a_named_address_held_elsewhere_is_refused_as_a_whole() -> None:
    """One bad address spoils the call: the good ones are not assigned either."""
    other = instance("i-b", [eni("eni-b", "Primary", secondary=["10.0.0.77"])])
    with LocalCloud(world(instances=[instance(), other])) as cloud:
        refused = assign_refusal(cloud, {"PrivateIpAddress": ["10.0.0.50", "10.0.0.77"]})
        held = secondary_of(cloud.state())

    assert refused == (400, "InvalidPrivateIpAddress.Duplicated")
    assert held == []


def test_the_primary_address_cannot_be_assigned_again(cloud: LocalCloud) -> None:
    """An ENI holds its primary address already."""
    refused = assign_refusal(cloud, {"PrivateIpAddress": ["10.0.0.2"]})

    assert refused == (403, "InvalidIp.IpAssigned")
