"""The reads: filters, both paging styles, and what each answer leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from alibabacloud_ecs20140526.models import DescribeNetworkInterfacesRequest

from localcloud.instance_types import built_in_types
from localcloud.products import VPC
from localcloud.samples import TYPE, eni, instance, vswitch, world
from localcloud.sdk import COUNT, REGION, assign, call, ecs_client, refusal_of
from localcloud.testing import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Iterator

ENIS = "DescribeNetworkInterfaces"
INSTANCES = "DescribeInstances"
TYPES = "DescribeInstanceTypes"
VSWITCHES = "DescribeVSwitches"

MANY = world(
    vswitches=[
        vswitch("vsw-a", "10.0.0.0/20"),
        vswitch("vsw-b", "10.1.0.0/24", zone="cn-hangzhou-i", vpc="vpc-b"),
    ],
    instances=[
        *[
            instance(f"i-{number:02}", [eni(f"eni-{number:02}", "Primary")], tags={"team": "web"})
            for number in range(25)
        ],
        instance(
            "i-other",
            [eni("eni-other", "Primary", vswitch="vsw-b", secondary=["10.1.0.9"])],
            type="ecs.c7.large",
            status="Stopped",
            tags={"team": "db", "secondary-ips": "3"},
            scaling_group="asg-a",
        ),
    ],
    enis=[
        eni("eni-free", tags={"secondary-ips": "2"}, primary="10.0.9.9"),
        eni("eni-managed", service_managed=True),
    ],
)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A local cloud with enough in it to page through."""
    with LocalCloud(MANY) as running:
        yield running


def eni_ids(answer: dict[str, Any]) -> list[str]:
    """Return the ids of the ENIs in an answer."""
    return [
        row["NetworkInterfaceId"] for row in answer["NetworkInterfaceSets"]["NetworkInterfaceSet"]
    ]


def instance_ids(answer: dict[str, Any]) -> list[str]:
    """Return the ids of the instances in an answer."""
    return [row["InstanceId"] for row in answer["Instances"]["Instance"]]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"NetworkInterfaceId": ["eni-03", "eni-none", "eni-01", "eni-03"]}, ["eni-03", "eni-01"]),
        ({"InstanceId": "i-07"}, ["eni-07"]),
        ({"InstanceId": "i-none"}, []),
        ({"InstanceId": "i-07", "NetworkInterfaceId": ["eni-08"]}, []),
        ({"VSwitchId": "vsw-b"}, ["eni-other"]),
        ({"VpcId": "vpc-b"}, ["eni-other"]),
        ({"Type": "Secondary"}, ["eni-free", "eni-managed"]),
        ({"Status": "Available", "ServiceManaged": False}, ["eni-free"]),
        ({"ServiceManaged": "true"}, ["eni-managed"]),
        ({"Tag": [{"Key": "secondary-ips"}]}, ["eni-free"]),
        ({"Tag": [{"Key": "secondary-ips", "Value": "3"}]}, []),
        ({"PrimaryIpAddress": "10.0.9.9"}, ["eni-free"]),
        ({"PrivateIpAddress": ["10.1.0.9"]}, ["eni-other"]),
        ({"SecurityGroupId": "sg-none"}, []),
        ({"ResourceGroupId": "rg-none"}, []),
        ({"NetworkInterfaceName": "none"}, []),
    ],
    ids=str,
)
def test_eni_filters(cloud: LocalCloud, parameters: dict[str, Any], expected: list[str]) -> None:
    """Filters narrow each other down; what is unknown is silently absent."""
    answer = call(cloud, ENIS, parameters)

    assert eni_ids(answer) == expected
    assert answer["TotalCount"] == len(expected)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"InstanceIds": '["i-03", "i-none", "i-01"]'}, ["i-03", "i-01"]),
        ({"Status": "Stopped"}, ["i-other"]),
        ({"VpcId": "vpc-b"}, ["i-other"]),
        ({"VSwitchId": "vsw-b"}, ["i-other"]),
        ({"ZoneId": "cn-hangzhou-i"}, ["i-other"]),
        ({"InstanceType": "ecs.c7.large"}, ["i-other"]),
        ({"Tag": [{"Key": "team", "Value": "db"}, {"Key": "secondary-ips"}]}, ["i-other"]),
        ({"Tag": [{"Key": "acs:autoscaling:scalingGroupId", "Value": "asg-a"}]}, ["i-other"]),
    ],
    ids=str,
)
def test_instance_filters(
    cloud: LocalCloud, parameters: dict[str, Any], expected: list[str]
) -> None:
    """Instances are found by id, state, place, type and tags; Auto Scaling adds its own tag."""
    assert instance_ids(call(cloud, INSTANCES, parameters)) == expected


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        (ENIS, {"MaxResults": "ten"}),
        (ENIS, {"PageSize": 101}),
        (ENIS, {"PageNumber": 0}),
        (ENIS, {"NextToken": "invented"}),
        (ENIS, {"NextToken": "MTA="}),
        (ENIS, {"Type": "primary"}),
        (ENIS, {"ServiceManaged": "perhaps"}),
        (ENIS, {"NetworkInterfaceId": [f"eni-{number}" for number in range(101)]}),
        (ENIS, {"NetworkInterfaceId.2": "eni-01"}),
        (ENIS, {"Tag": [{"Key": f"key-{number}"} for number in range(21)]}),
        (INSTANCES, {"InstanceIds": "i-01"}),
        (INSTANCES, {"InstanceIds": "[]"}),
        (INSTANCES, {"InstanceIds": "[1]"}),
        (
            INSTANCES,
            {"InstanceIds": str([f"i-{number}" for number in range(101)]).replace("'", '"')},
        ),
        (INSTANCES, {"Status": "Broken"}),
        (TYPES, {"InstanceTypes": [f"ecs.x{number}.large" for number in range(11)]}),
    ],
)
def test_read_validation(cloud: LocalCloud, action: str, parameters: dict[str, Any]) -> None:
    """Wrong types, unknown choices and too many values are refused."""
    assert refusal_of(cloud, action, parameters) == (400, "InvalidParameter")


def test_tokens_lead_through_all_pages(cloud: LocalCloud) -> None:
    """Following NextToken until it is empty shows every ENI once."""
    client = ecs_client(cloud)
    seen: list[str] = []
    token = None
    sizes = []
    while token != "":
        request = DescribeNetworkInterfacesRequest(
            region_id=REGION, max_results=10, next_token=token
        )
        body = client.describe_network_interfaces(request).body
        page = body.network_interface_sets.network_interface_set
        sizes.append(len(page))
        seen += [row.network_interface_id for row in page]
        token = body.next_token

    assert sizes == [10, 10, 8]
    assert len(set(seen)) == len(seen) == body.total_count == 28


@pytest.mark.parametrize(
    ("action", "asked", "size"),
    [
        (ENIS, 1, 10),
        (ENIS, 9999, 500),
        (INSTANCES, 1, 10),
        (INSTANCES, 101, 100),
        (TYPES, 999, 100),
    ],
)
def test_max_results_is_drawn_to_its_bounds(
    cloud: LocalCloud, action: str, asked: int, size: int
) -> None:
    """As documented, MaxResults out of bounds is not an error."""
    answer = call(cloud, action, {"MaxResults": asked})

    rows = next(iter(next(value for value in answer.values() if isinstance(value, dict)).values()))
    everything = {ENIS: 28, INSTANCES: 26, TYPES: len(built_in_types())}[action]
    assert len(rows) == min(size, everything)


def test_page_numbers(cloud: LocalCloud) -> None:
    """The older style counts pages; behind the last one there is nothing."""
    pages = [call(cloud, INSTANCES, {"PageNumber": number, "PageSize": 20}) for number in (1, 2, 3)]

    assert [len(instance_ids(page)) for page in pages] == [20, 6, 0]
    assert [page["PageNumber"] for page in pages] == [1, 2, 3]
    assert {page["TotalCount"] for page in pages} == {26}
    assert {page["NextToken"] for page in pages} == {""}


def test_a_page_has_ten_rows_unless_asked(cloud: LocalCloud) -> None:
    """Without any paging parameter the first ten are shown, with the full count."""
    answer = call(cloud, ENIS)

    assert (len(eni_ids(answer)), answer["TotalCount"]) == (10, 28)


def test_a_tag_query_is_cut_at_a_thousand() -> None:
    """More ENIs than that are not found by tag."""
    crowd = [eni(f"eni-{number}", tags={"all": "yes"}) for number in range(1001)]
    with LocalCloud(world(vswitches=[vswitch(cidr="10.0.0.0/16")], enis=crowd)) as cloud:
        tagged = call(cloud, ENIS, {"Tag": [{"Key": "all"}]})
        available = call(cloud, ENIS, {"Status": "Available"})

    assert (tagged["TotalCount"], available["TotalCount"]) == (1000, 1001)


def test_describe_instances_omits_secondaries_of_the_primary_eni() -> None:
    """Only DescribeNetworkInterfaces shows what a primary ENI really holds."""
    with LocalCloud(world()) as cloud:
        for name in ("eni-p", "eni-a"):
            assign(cloud, {COUNT: 2}, name)
        shown = call(cloud, INSTANCES)["Instances"]["Instance"][0]["NetworkInterfaces"]
        truth = call(cloud, ENIS)["NetworkInterfaceSets"]["NetworkInterfaceSet"]

    counts = [len(row["PrivateIpSets"]["PrivateIpSet"]) for row in shown["NetworkInterface"]]
    assert counts == [1, 3]
    assert [len(row["PrivateIpSets"]["PrivateIpSet"]) for row in truth] == [3, 3]


def test_the_primary_address_leads_the_set() -> None:
    """PrivateIpSets holds the primary address, marked, and then the others."""
    with LocalCloud(world()) as cloud:
        assign(cloud, {COUNT: 1})
        row = call(cloud, ENIS, {"NetworkInterfaceId": ["eni-a"]})
        sets = row["NetworkInterfaceSets"]["NetworkInterfaceSet"][0]["PrivateIpSets"]

    shown = [(item["PrivateIpAddress"], item["Primary"]) for item in sets["PrivateIpSet"]]
    assert shown == [("10.0.0.2", True), ("10.0.0.3", False)]


def test_instance_types_tell_what_they_grant(cloud: LocalCloud) -> None:
    """Known types are listed in the order asked for, unknown ones are silently absent."""
    answer = call(cloud, TYPES, {"InstanceTypes": ["ecs.c7.large", "ecs.none.large", TYPE]})

    rows = answer["InstanceTypes"]["InstanceType"]
    figures = [
        (row["InstanceTypeId"], row["EniQuantity"], row["EniPrivateIpAddressQuantity"])
        for row in rows
    ]
    assert figures == [("ecs.c7.large", 3, 6), (TYPE, 4, 15)]
    assert len(built_in_types()) == 488


def test_worlds_can_declare_instance_types() -> None:
    """A type that the table does not know, or knows differently, is the world's to say."""
    own = {"ecs.own.large": [2, 3]}
    with LocalCloud(world(instance_types=own)) as cloud:
        row = call(cloud, TYPES, {"InstanceTypes": ["ecs.own.large"]})

    shown = row["InstanceTypes"]["InstanceType"][0]
    assert (shown["EniQuantity"], shown["EniPrivateIpAddressQuantity"]) == (2, 3)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {"vsw-a": 4092 - 27, "vsw-b": 250}),
        ({"VSwitchId": "vsw-b"}, {"vsw-b": 250}),
        ({"VSwitchId": "vsw-b,vsw-none,vsw-a"}, {"vsw-a": 4092 - 27, "vsw-b": 250}),
        ({"VpcId": "vpc-b", "RegionId": None}, {"vsw-b": 250}),
        ({"ZoneId": "cn-hangzhou-i"}, {"vsw-b": 250}),
        ({"PageSize": 1, "PageNumber": 2}, {"vsw-b": 250}),
    ],
    ids=str,
)
def test_vswitches_show_what_is_left(
    cloud: LocalCloud, parameters: dict[str, Any], expected: dict[str, int]
) -> None:
    """AvailableIpAddressCount is the CIDR less four less what is held."""
    rows = call(cloud, VSWITCHES, parameters, product=VPC)["VSwitches"]["VSwitch"]

    assert {row["VSwitchId"]: row["AvailableIpAddressCount"] for row in rows} == expected


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"PageSize": 51}, (400, "InvalidParameter")),
        ({"RegionId": None}, (400, "MissingParameter")),
        ({"RegionId": "cn-beijing"}, (400, "Forbidden.RegionId")),
        ({"VSwitchName": "x"}, (400, "UnsupportedParameter")),
        (
            {"VSwitchId": ",".join(f"vsw-{number}" for number in range(21))},
            (400, "InvalidParameter"),
        ),
    ],
)
def test_vswitch_validation(
    cloud: LocalCloud, parameters: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Region or VPC must be named, pages have at most 50 rows."""
    assert refusal_of(cloud, VSWITCHES, parameters, product=VPC) == expected
