"""VPC: DescribeVSwitches, for the number of addresses that a vSwitch has left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.ecs_rows import ACCOUNT, BEGINNING
from localcloud.paging import PageWish, by_number
from localcloud.parameters import Given, invalid, missing
from localcloud.products import VPC

if TYPE_CHECKING:
    from localcloud.actions import Json
    from localcloud.model import VSwitch
    from localcloud.state import View

LARGEST_PAGE = 50
"""Most PageSize (DescribeVSwitches)."""

MOST_NAMED = 20
"""Ids in VSwitchId, separated by commas: ours, the page shows one and gives no limit."""


@dataclass(frozen=True)
class VSwitchQuery:
    """A question for vSwitches."""

    page: PageWish
    ids: tuple[str, ...]
    vpc: str
    zone: str


def _read_query(given: Given) -> VSwitchQuery:
    given.region(required=False)
    vpc = given.text("VpcId")
    if not (vpc or given.text("RegionId")):
        raise missing("RegionId")
    ids = tuple(filter(None, given.text("VSwitchId").split(",")))
    if len(ids) > MOST_NAMED:
        raise invalid("VSwitchId", f"at most {MOST_NAMED} ids")
    return VSwitchQuery(by_number(given, LARGEST_PAGE), ids, vpc, given.text("ZoneId"))


@VPC.reads("DescribeVSwitches", _read_query)
def describe_vswitches(view: View, query: VSwitchQuery) -> Json:
    """List vSwitches; unknown ids are silently absent."""
    found = [vswitch for vswitch in view.vswitches() if _matches(vswitch, query)]
    page = query.page.cut(found)
    return {
        "TotalCount": page.total,
        "PageNumber": page.number,
        "PageSize": page.size,
        "VSwitches": {"VSwitch": [_row(view, vswitch) for vswitch in page.items]},
    }


def _matches(vswitch: VSwitch, query: VSwitchQuery) -> bool:
    return (
        (not query.ids or vswitch.id in query.ids)
        and query.vpc in ("", vswitch.vpc)
        and query.zone in ("", vswitch.zone)
    )


def _row(view: View, vswitch: VSwitch) -> Json:
    return {
        "VpcId": vswitch.vpc,
        "Status": vswitch.status,
        "CreationTime": BEGINNING,
        "IsDefault": False,
        "AvailableIpAddressCount": view.available(vswitch.id),
        "NetworkAclId": "",
        "OwnerId": int(ACCOUNT),
        "VSwitchId": vswitch.id,
        "CidrBlock": vswitch.cidr,
        "Description": "",
        "ResourceGroupId": "",
        "ZoneId": vswitch.zone,
        "VSwitchName": vswitch.id,
        "Ipv6CidrBlock": "",
        "EnabledIpv6": False,
        "ShareType": "",
        "Tags": {"Tag": []},
        "RouteTable": {"RouteTableId": "", "RouteTableType": "System"},
    }
