"""Which error code gets which treatment."""

from __future__ import annotations

import copy

import pytest

from handler.cloud.faults import FAULTS, advice_on, treatment_of
from handler.core.errors import CloudFault
from handler.core.model import Treatment

# The error table of the AssignPrivateIpAddresses reference page: status and code, in its order.
PAGE = """
400 Throttling transient
400 InvalidOperation.Unsupported rejected
400 UnsupportedParameter rejected
400 InvalidParameter rejected
400 InvalidInstanceID.Malformed rejected
400 InvalidOperation.InvalidEcsState wait
400 InvalidOperation.InvalidEniState wait
400 InvalidOperation.DetachPrimaryEniNotAllowed rejected
400 MissingParameter rejected
400 Forbidden.RegionId rejected
400 InvalidAction rejected
400 InvalidEniId.Malformed rejected
400 IncorrectVSwitchStatus wait
400 InvalidPrivateIpAddress.Duplicated rejected
400 InvalidPrivateIpAddress.Malformed rejected
400 InvalidSecondaryPrivateIpAddressCount.Malformed rejected
400 QuotaExceeded.PrivateIpAddress exhausted
400 InvalidOperation.InvalidEniState wait
400 InvalidParameter.Conflict rejected
403 InvalidUserType.NotSupported rejected
403 Abs.InvalidAccount.NotFound rejected
403 Forbidden.NotSupportRAM rejected
403 Forbidden.SubUser rejected
403 MaxEniCountExceeded rejected
403 EniPerInstanceLimitExceeded rejected
403 InvalidOperation.AvailabilityZoneMismatch rejected
403 InvalidOperation.VpcMismatch rejected
403 SecurityGroupInstanceLimitExceed rejected
403 InvalidSecurityGroupId.NotVpc rejected
403 InvalidOperation.InvalidEniType foreign
403 InvalidVSwitchId.IpNotEnough exhausted
403 InvalidVSwitchId.IpInvalid rejected
403 InvalidIp.IpAssigned rejected
403 MaxEniPrivateIpsCountExceeded full
403 Operation.Conflict transient
403 InvalidOperation.Ipv4CountExceeded full
403 InvalidOperation.EniServiceManaged foreign
403 InvalidIp.IpRepeated rejected
403 InvalidIp.IpPrefixIllegal rejected
403 InvalidIp.IpPrefixMaskIllegal rejected
403 InvalidIp.IpPrefixMaskInvalid rejected
403 InvalidIp.IpPrefixMaskNotSame rejected
403 InvalidIp.IpPrefixMustInReserveSegment rejected
403 InvalidIp.IpPrefixNotAvailable rejected
403 InvalidIp.IpPrefixNotStrict rejected
403 InvalidVSwitchId.IpPrefixNotEnough exhausted
403 MissingParameter rejected
404 InvalidEcsId.NotFound gone
404 InvalidEniId.NotFound gone
404 InvalidVSwitchId.NotFound rejected
404 InvalidSecurityGroupId.NotFound rejected
404 InvalidInstanceId.NotFound gone
404 InvalidOperation.VSwitchCidrReservationNotExist rejected
500 InvalidOperation.RegionNotSupportIpPrefix rejected
"""

# Codes that the page leaves out: the gateway's, and those that clients in production have met.
COMMON = """
400 Throttling.User transient
400 Throttling.Api transient
500 InternalError transient
503 ServiceUnavailable transient
503 ServiceUnavailable.RegionMaintaining transient
409 OperationConflict transient
403 LastTokenProcessing transient
403 IdempotentProcessing transient
400 SignatureNonceUsed transient
400 InvalidTimeStamp.Expired transient
403 IdempotentFailed newtoken
400 IdempotentParameterMismatch reread
403 IdempotentParameterMismatch reread
403 Forbidden.RAM credentials
403 Forbidden.Unauthorized credentials
404 InvalidAccessKeyId.NotFound credentials
400 InvalidAccessKeyId.Inactive credentials
400 InvalidSecurityToken.Expired credentials
403 InvalidSecurityToken.Expired credentials
400 InvalidSecurityToken.Malformed credentials
400 SignatureDoesNotMatch credentials
"""

ROWS = [line.split() for line in (PAGE + COMMON).split("\n") if line]


def test_the_page_is_complete() -> None:
    """The reference page's table has 54 rows, two codes twice."""
    rows = PAGE.strip().split("\n")
    assert (54, 52) == (len(rows), len({row.split()[1] for row in rows}))


def test_documented_codes() -> None:
    """Every documented code has its treatment, and advice of its own."""
    found = [[status, code, treatment_of(code, int(status)).value] for status, code, _ in ROWS]
    assert found == ROWS
    assert [] == [code for _, code, _ in ROWS if not FAULTS[code].advice]


@pytest.mark.parametrize("status", [None, 200, 400, 403, 404, 409, 429, 500, 503])
def test_a_known_code_goes_before_its_status(status: int | None) -> None:
    """Some permanent errors come as 500 and some passing ones as 400."""
    found = [[each, code, treatment_of(code, status).value] for each, code, _ in ROWS]
    assert found == ROWS


@pytest.mark.parametrize(
    ("status", "treatment"),
    [
        (None, Treatment.TRANSIENT),
        (400, Treatment.UNKNOWN),
        (401, Treatment.CREDENTIALS),
        (403, Treatment.UNKNOWN),
        (404, Treatment.UNKNOWN),
        (408, Treatment.TRANSIENT),
        (425, Treatment.TRANSIENT),
        (409, Treatment.TRANSIENT),
        (429, Treatment.TRANSIENT),
        (499, Treatment.UNKNOWN),
        (500, Treatment.TRANSIENT),
        (502, Treatment.TRANSIENT),
        (503, Treatment.TRANSIENT),
        (599, Treatment.TRANSIENT),
    ],
)
def test_an_unknown_code_goes_by_its_status(status: int | None, treatment: Treatment) -> None:
    """No answer, 408, 409, 425, 429 and 5xx pass; nobody knows what any other 4xx means."""
    assert treatment == treatment_of("Something.New", status)


@pytest.mark.parametrize(
    ("code", "treatment"),
    [
        ("Throttling.Something", Treatment.TRANSIENT),
        ("Throttling.User.Again", Treatment.TRANSIENT),
        ("InvalidAccessKeyId.Something", Treatment.CREDENTIALS),
        ("InvalidSecurityToken.MismatchWithAccessKey", Treatment.CREDENTIALS),
        ("ThrottlingOfAnotherKind", Treatment.TRANSIENT),
        ("throttling.user", Treatment.TRANSIENT),
        ("Rejected.Throttling", Treatment.TRANSIENT),
        ("SystemBusy", Treatment.TRANSIENT),
        ("OperationFailed.LastTokenProcessing", Treatment.TRANSIENT),
        ("OperationConflict.Eni", Treatment.TRANSIENT),
        ("IncorrectStatus.VSwitch", Treatment.TRANSIENT),
        ("TaskConflict", Treatment.TRANSIENT),
        ("Throttle", Treatment.UNKNOWN),
        ("InvalidAccessKey", Treatment.UNKNOWN),
    ],
)
def test_what_an_unknown_code_says(code: str, treatment: Treatment) -> None:
    """Throttling, busy, conflict and processing pass, wherever a code says so."""
    assert treatment == treatment_of(code, 400)


@pytest.mark.parametrize(
    ("code", "status", "treatment"),
    [
        ("NoPermission.Eni", 403, Treatment.CREDENTIALS),
        ("Forbidden", 403, Treatment.CREDENTIALS),
        ("NotAuthorized", 403, Treatment.CREDENTIALS),
        ("Forbidden.Something", 400, Treatment.UNKNOWN),
        ("QuotaSomething", 403, Treatment.UNKNOWN),
    ],
)
def test_an_unknown_refusal_of_a_permission(code: str, status: int, treatment: Treatment) -> None:
    """A 403 whose code speaks of permission is a missing one."""
    assert treatment == treatment_of(code, status)


@pytest.mark.parametrize("code", ["Rejected.Throttling", "throttling", "Throttling.User"])
def test_throttling_is_known_wherever_a_code_says_so(code: str) -> None:
    """The minute's calls are used up: the pacer waits for the next one."""
    assert CloudFault("ecs:X", code, Treatment.TRANSIENT).throttling


@pytest.mark.parametrize("code", ["no_answer", "bad_answer"])
def test_words_of_ours_for_no_answer(code: str) -> None:
    """What became of the call is unknown, so it is made again with the same token."""
    assert Treatment.TRANSIENT == treatment_of(code, None)


def test_no_credentials() -> None:
    """A function without a role is refused as nobody."""
    assert Treatment.CREDENTIALS == treatment_of("no_credentials", None)


def test_every_treatment_is_used() -> None:
    """The table leaves no treatment without a code, but that of unknown codes."""
    assert set(Treatment) - {Treatment.UNKNOWN} == {
        treated.treatment for treated in FAULTS.values()
    }


@pytest.mark.parametrize("code", ["Forbidden.RAM", "Forbidden.Unauthorized", "NoPermission"])
def test_advice_names_the_missing_action(code: str) -> None:
    """A permission that is missing is named as RAM names it."""
    advice = advice_on(code, "ecs:DescribeInstances")
    assert "Allow ecs:DescribeInstances to the function's role." == advice


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("InvalidIp.IpRepeated", "Name every address once."),
        ("SignatureDoesNotMatch", "Check the AccessKey secret in use."),
        ("Something.New", "Look the code up in the ECS error center."),
    ],
)
def test_advice(code: str, advice: str) -> None:
    """Known codes have a sentence of their own, others say where to look."""
    assert advice == advice_on(code, "ecs:AssignPrivateIpAddresses")


def test_a_fault_shows_what_it_consists_of_and_can_be_copied() -> None:
    """As the values do that hold one."""
    fault = CloudFault("ecs:X", "Throttling", Treatment.TRANSIENT, "too fast", 400, "r-1")
    assert "'ecs:X', 'Throttling', " in repr(fault)
    assert vars(fault) == vars(copy.copy(fault))
