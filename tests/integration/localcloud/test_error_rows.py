"""Every row of the AssignPrivateIpAddresses error table can be had, by state or by a fault rule.

The page's table is that of all ENI operations: some rows are about what its neighbours do, and
those come from the neighbours. Of the 54, 44 have a cause here; a fault rule orders any.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from Tea.exceptions import TeaException

import localcloud
from localcloud.errors import ErrorRow, error_rows
from localcloud.limits import Limits
from localcloud.model import SECURITY_GROUP
from localcloud.samples import ENI, eni, instance, vswitch, world
from localcloud.sdk import COUNT, call
from localcloud.testing import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE = Path(localcloud.__file__).parent / "data" / "assign-errors.json"
ROWS = [ErrorRow(*row) for row in json.loads(TABLE.read_text(encoding="utf-8"))["errors"]]

ACTION = "AssignPrivateIpAddresses"
WORLD = world(
    vswitches=[
        vswitch(),
        vswitch("vsw-r", "10.0.1.0/24", reserved_prefixes=["10.0.1.64/27"]),
        vswitch("vsw-full", "10.0.2.0/29"),
        vswitch("vsw-pending", "10.0.3.0/24", status="Pending"),
        vswitch("vsw-zone", "10.0.4.0/24", zone="cn-hangzhou-g"),
        vswitch("vsw-vpc", "10.0.0.0/24", vpc="vpc-b"),
    ],
    instances=[
        instance(
            enis=[
                eni("eni-p", "Primary"),
                eni(secondary=["10.0.0.50"]),
                eni("eni-busy", status="Attaching"),
            ]
        ),
        instance(
            "i-b", [eni("eni-starting", "Primary", secondary=["10.0.0.60"])], status="Starting"
        ),
        instance(
            "i-c",
            [
                eni("eni-full", "Primary", vswitch="vsw-full"),
                eni("eni-r", vswitch="vsw-r", prefixes=["10.0.1.64/28"]),
                eni("eni-managed", service_managed=True),
                eni("eni-member", "Member"),
            ],
        ),
    ],
    enis=[
        eni("eni-free"),
        eni("eni-pending", vswitch="vsw-pending"),
        eni("eni-zone", vswitch="vsw-zone"),
        eni("eni-vpc", vswitch="vsw-vpc"),
    ],
)
WITHOUT_PREFIXES = {**WORLD, "prefixes_supported": False}


class Cause(NamedTuple):
    """A call that is refused because of its parameters or of what the world is like."""

    parameters: Mapping[str, Any]
    eni: str | None = ENI
    action: str = ACTION
    world: Mapping[str, Any] = WORLD


ATTACH = "AttachNetworkInterface"
CREATE = "CreateNetworkInterface"
ONE = {COUNT: 1}
NEW = {"VSwitchId": "vsw-a", "SecurityGroupId": SECURITY_GROUP}

BY_STATE: dict[tuple[int, str, int], Cause] = {
    (400, "UnsupportedParameter", 1): Cause({**ONE, "OwnerAccount": "someone"}),
    (400, "InvalidParameter", 1): Cause({**ONE, "ClientToken": "t" * 65}),
    (400, "InvalidOperation.InvalidEcsState", 1): Cause(ONE, "eni-starting"),
    (400, "InvalidOperation.InvalidEniState", 0): Cause(ONE, "eni-busy"),
    (400, "MissingParameter", 1): Cause({**ONE, "RegionId": None}),
    (400, "Forbidden.RegionId", 1): Cause({**ONE, "RegionId": "cn-beijing"}),
    (400, "InvalidEniId.Malformed", 0): Cause(ONE, "no eni"),
    (400, "InvalidPrivateIpAddress.Duplicated", 0): Cause({"PrivateIpAddress": ["10.0.0.60"]}),
    (400, "InvalidPrivateIpAddress.Malformed", 1): Cause({"PrivateIpAddress": ["10.0.0"]}),
    (400, "InvalidSecondaryPrivateIpAddressCount.Malformed", 1): Cause({COUNT: 0}),
    (400, "InvalidParameter.Conflict", 1): Cause({**ONE, "Ipv4PrefixCount": 1}),
    (403, "InvalidOperation.InvalidEniType", 1): Cause(ONE, "eni-member"),
    (403, "InvalidVSwitchId.IpNotEnough", 1): Cause({COUNT: 4}, "eni-full"),
    (403, "InvalidVSwitchId.IpInvalid", 1): Cause({"PrivateIpAddress": ["10.9.9.9"]}),
    (403, "InvalidIp.IpAssigned", 1): Cause({"PrivateIpAddress": ["10.0.0.50"]}),
    (403, "MaxEniPrivateIpsCountExceeded", 1): Cause({COUNT: 51}, "eni-free"),
    (403, "InvalidOperation.Ipv4CountExceeded", 1): Cause({COUNT: 15}),
    (403, "InvalidOperation.EniServiceManaged", 1): Cause(ONE, "eni-managed"),
    (403, "InvalidIp.IpRepeated", 1): Cause({"PrivateIpAddress": ["10.0.0.9", "10.0.0.9"]}),
    (403, "InvalidIp.IpPrefixIllegal", 1): Cause({"Ipv4Prefix": ["10.0.1.64"]}, "eni-r"),
    (403, "InvalidIp.IpPrefixMaskIllegal", 0): Cause({"Ipv4Prefix": ["10.0.1.64/33"]}, "eni-r"),
    (403, "InvalidIp.IpPrefixMaskInvalid", 3): Cause({"Ipv4Prefix": ["10.0.1.64/27"]}, "eni-r"),
    (403, "InvalidIp.IpPrefixMaskNotSame", 1): Cause(
        {"Ipv4Prefix": ["10.0.1.64/28", "10.0.1.64/27"]}, "eni-r"
    ),
    (403, "InvalidIp.IpPrefixMustInReserveSegment", 0): Cause(
        {"Ipv4Prefix": ["10.0.1.0/28"]}, "eni-r"
    ),
    (403, "InvalidIp.IpPrefixNotAvailable", 0): Cause({"Ipv4Prefix": ["10.0.1.64/28"]}, "eni-r"),
    (403, "InvalidIp.IpPrefixNotStrict", 0): Cause({"Ipv4Prefix": ["10.0.1.65/28"]}, "eni-r"),
    (403, "InvalidVSwitchId.IpPrefixNotEnough", 0): Cause({"Ipv4PrefixCount": 2}, "eni-r"),
    (403, "MissingParameter", 1): Cause({}),
    (404, "InvalidEniId.NotFound", 1): Cause(ONE, "eni-none"),
    (404, "InvalidOperation.VSwitchCidrReservationNotExist", 0): Cause({"Ipv4PrefixCount": 1}),
    (400, "IncorrectVSwitchStatus", 0): Cause(ONE, "eni-pending"),
    (500, "InvalidOperation.RegionNotSupportIpPrefix", 0): Cause(
        {"Ipv4PrefixCount": 1}, "eni-r", world=WITHOUT_PREFIXES
    ),
    # What the neighbours refuse.
    (400, "InvalidInstanceID.Malformed", 1): Cause({"InstanceId": "a"}, "eni-free", ATTACH),
    (400, "InvalidOperation.InvalidEniState", 1): Cause({"InstanceId": "i-a"}, action=ATTACH),
    (400, "InvalidOperation.DetachPrimaryEniNotAllowed", 1): Cause(
        {"InstanceId": "i-a"}, "eni-p", "DetachNetworkInterface"
    ),
    (403, "EniPerInstanceLimitExceeded", 1): Cause({"InstanceId": "i-c"}, "eni-free", ATTACH),
    (403, "InvalidOperation.AvailabilityZoneMismatch", 1): Cause(
        {"InstanceId": "i-a"}, "eni-zone", ATTACH
    ),
    (403, "InvalidOperation.VpcMismatch", 1): Cause({"InstanceId": "i-a"}, "eni-vpc", ATTACH),
    (404, "InvalidEcsId.NotFound", 1): Cause({"InstanceId": "i-none"}, "eni-free", ATTACH),
    (404, "InvalidInstanceId.NotFound", 1): Cause({"InstanceId": "i-none"}, None, "StopInstance"),
    (404, "InvalidVSwitchId.NotFound", 1): Cause({**NEW, "VSwitchId": "vsw-none"}, None, CREATE),
    (404, "InvalidSecurityGroupId.NotFound", 1): Cause(
        {**NEW, "SecurityGroupId": "sg-none"}, None, CREATE
    ),
    (403, "MaxEniCountExceeded", 1): Cause(NEW, None, CREATE),
}
"""Status, code and blanks of a row, and what brings it about."""

LIMITS = Limits(account_enis=12)
"""As many ENIs as the world has: none can be created."""

IN_PROGRESS = (403, "Operation.Conflict", 1)
"""Brought about by a slow call: test_faults shows it."""


def key_of(row: ErrorRow) -> tuple[int, str, int]:
    """Return what tells rows apart: two codes stand twice."""
    return row.status, row.code, row.blanks


def refuse(cloud: LocalCloud, cause: Cause) -> dict[str, Any]:
    """Make a call that must be refused, and return the answer's body."""
    with pytest.raises(TeaException) as caught:
        call(cloud, cause.action, {"NetworkInterfaceId": cause.eni, **cause.parameters})
    body: dict[str, Any] = caught.value.data
    return body


def assert_is(row: ErrorRow, body: Mapping[str, Any]) -> None:
    """Compare status, code and the form of the message with the table."""
    assert (body["statusCode"], body["Code"]) == (row.status, row.code)
    for fixed in row.message.split("%s"):
        assert fixed in body["Message"]
    assert body["Message"]


def test_the_table_is_the_page() -> None:
    """The page has 54 rows, and every cause below belongs to one of them."""
    assert len(ROWS) == 54
    assert list(error_rows()[:54]) == ROWS
    assert {*BY_STATE, IN_PROGRESS} <= {key_of(row) for row in ROWS}
    assert len({*BY_STATE, IN_PROGRESS}) == 44


@pytest.mark.parametrize("row", [row for row in ROWS if key_of(row) in BY_STATE], ids=str)
def test_row_comes_from_its_cause(row: ErrorRow) -> None:
    """Where the page or the code's name says what causes an error, that causes it."""
    cause = BY_STATE[key_of(row)]
    with LocalCloud(cause.world, limits=LIMITS) as cloud:
        before = cloud.state()
        body = refuse(cloud, cause)
        after = cloud.state()

    assert_is(row, body)
    assert before == after


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_row_comes_from_a_fault_rule(row: ErrorRow) -> None:
    """Any row can be ordered; what the rule leaves out comes from the table."""
    rule: dict[str, Any] = {"action": ACTION, "fault": "error", "code": row.code}
    if row.code in ("MissingParameter", "InvalidOperation.InvalidEniState"):
        rule |= {"status": row.status, "message": row.message}
    with LocalCloud(WORLD, faults=[rule]) as cloud:
        body = refuse(cloud, Cause(ONE))

    assert_is(row, body)
