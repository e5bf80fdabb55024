"""Error codes and what to do about them: one table, by code first.

Sources: the error table of the AssignPrivateIpAddresses reference page, ECS's common error codes,
and codes that are known only from code in production elsewhere (Terway's errors.go). The status
alone decides only for codes that stand in no table: some permanent errors come as 500.
"""

from __future__ import annotations

from handler.core.model import Treatment
from handler.core.value import Value

NO_ANSWER = "no_answer"
BAD_ANSWER = "bad_answer"
NO_CREDENTIALS = "no_credentials"
EXPIRED = "InvalidSecurityToken.Expired"
# The hook's action has ended: completed before, timed out, or the hook is gone.
HOOK_ENDED = "LifecycleHookIdAndLifecycleActionToken.Invalid"


class Treated(Value):
    """What the function does about a code, and what a person can do."""

    treatment: Treatment
    advice: str


def _all(treatment: Treatment, advice: dict[str, str]) -> dict[str, Treated]:
    return {code: Treated(treatment, text) for code, text in advice.items()}


FAULTS: dict[str, Treated] = {
    **_all(
        Treatment.TRANSIENT,
        {
            "Throttling": "Nothing, unless it persists: lower ASSIGN_PER_MINUTE or ask for quota.",
            "Throttling.User": "As Throttling: the account's calls of this minute are used up.",
            "Throttling.Api": "As Throttling: the operation's calls of this minute are used up.",
            "Operation.Conflict": "Nothing: another operation on the ENI was in progress.",
            "OperationConflict": "Nothing: another operation on the ENI was in progress.",
            "InternalError": "Nothing, unless it persists: open a ticket with the request id.",
            "ServiceUnavailable": "Nothing, unless it persists: look at the service status page.",
            "ServiceUnavailable.RegionMaintaining": "Wait until the maintenance has ended.",
            "LastTokenProcessing": "Nothing: the same request is still being worked on.",
            "IdempotentProcessing": "Nothing: the same request is still being worked on.",
            "SignatureNonceUsed": "Nothing: the request is signed again.",
            "InvalidTimeStamp.Expired": "Set the clock, when run outside Function Compute.",
            NO_ANSWER: "Check the function's network access to the endpoint.",
            BAD_ANSWER: "Check for a proxy between the function and the endpoint.",
        },
    ),
    **_all(
        Treatment.WAIT,
        {
            "InvalidOperation.InvalidEcsState": "Check the instance: Running or Stopped is needed.",
            "InvalidOperation.InvalidEniState": "Check the ENI: it must be InUse or Available.",
            "IncorrectVSwitchStatus": "Check the vSwitch: it must be Available.",
        },
    ),
    **_all(
        Treatment.EXHAUSTED,
        {
            "QuotaExceeded.PrivateIpAddress": (
                "Free addresses, or launch into another vSwitch; if this one has room, the VPC's "
                "quota of private addresses is used up: ask for more."
            ),
            "InvalidVSwitchId.IpNotEnough": "Free addresses, or launch into another vSwitch.",
            "InvalidVSwitchId.IpPrefixNotEnough": "Enlarge the vSwitch's CIDR reservation.",
        },
    ),
    **_all(
        Treatment.FULL,
        {
            "MaxEniPrivateIpsCountExceeded": "Lower the target or take a larger instance type.",
            "InvalidOperation.Ipv4CountExceeded": "Lower the target, or AVAILABLE_ENI_LIMIT.",
        },
    ),
    **_all(
        Treatment.GONE,
        {
            "InvalidEcsId.NotFound": "Nothing: the instance was released.",
            "InvalidEniId.NotFound": "Nothing: the ENI was deleted.",
            "InvalidInstanceId.NotFound": "Nothing: the instance was released.",
        },
    ),
    **_all(Treatment.NEW_TOKEN, {"IdempotentFailed": "Nothing: asked again with another token."}),
    **_all(
        Treatment.REREAD,
        {"IdempotentParameterMismatch": "Nothing: another invocation was first; read again."},
    ),
    **_all(
        Treatment.CREDENTIALS,
        {
            "Forbidden.RAM": "Allow the RAM action named in the record to the function's role.",
            "Forbidden.Unauthorized": "Allow the RAM action named in the record to the role.",
            "NoPermission": "Allow the RAM action named in the record to the function's role.",
            "InvalidAccessKeyId.NotFound": "Check the role or the AccessKey pair in use.",
            "InvalidAccessKeyId.Inactive": "Enable the AccessKey pair in use.",
            EXPIRED: "Nothing in Function Compute: a fresh instance has fresh credentials.",
            "InvalidSecurityToken.Malformed": "Check ALIBABA_CLOUD_SECURITY_TOKEN.",
            "SignatureDoesNotMatch": "Check the AccessKey secret in use.",
            NO_CREDENTIALS: "Give the function a role, or set ALIBABA_CLOUD_ACCESS_KEY_ID.",
        },
    ),
    **_all(
        Treatment.FOREIGN,
        {
            "InvalidOperation.EniServiceManaged": "Leave it to the service that manages it.",
            "InvalidOperation.InvalidEniType": "Leave this ENI out: its type takes none.",
        },
    ),
    **_all(
        Treatment.REJECTED,
        {
            HOOK_ENDED: "Nothing: the action was completed, timed out, or its hook is gone.",
            "LifecycleAction.TimeExceeded": "Nothing: a hook waits for six hours at most.",
            "LifecycleAction.RecordTimesExceeded": "Nothing: a hook is extended 20 times at most.",
            "InvalidOperation.Unsupported": "The ENI or its instance does not support this.",
            "UnsupportedParameter": "Report a bug: a parameter is not supported.",
            "InvalidParameter": "Report a bug: a parameter is invalid.",
            "InvalidInstanceID.Malformed": "Report a bug: an instance id was malformed.",
            "InvalidOperation.DetachPrimaryEniNotAllowed": "Report a bug: nothing is detached.",
            "MissingParameter": "Report a bug: a parameter is missing.",
            "Forbidden.RegionId": "Deploy to a region that offers this operation.",
            "InvalidAction": "Report a bug: the operation is not known.",
            "InvalidEniId.Malformed": "Check the ENI id in the request.",
            "InvalidPrivateIpAddress.Duplicated": "Choose an address that is not in use.",
            "InvalidPrivateIpAddress.Malformed": "Check the addresses in the request.",
            "InvalidSecondaryPrivateIpAddressCount.Malformed": "Check the target.",
            "InvalidParameter.Conflict": "Ask for addresses or prefixes, not for both.",
            "InvalidUserType.NotSupported": "Ask support: the account type is not allowed this.",
            "Abs.InvalidAccount.NotFound": "Check that the account exists and its key is valid.",
            "Forbidden.NotSupportRAM": "Ask support: RAM identities may not call this.",
            "Forbidden.SubUser": "Have the account's owner authorise the resource.",
            "MaxEniCountExceeded": "Delete unused ENIs or ask for quota.",
            "EniPerInstanceLimitExceeded": "Detach an ENI or take a larger instance type.",
            "InvalidOperation.AvailabilityZoneMismatch": "Check the zones of ENI and vSwitch.",
            "InvalidOperation.VpcMismatch": "Check the VPC of ENI and vSwitch.",
            "SecurityGroupInstanceLimitExceed": "Use a security group with room.",
            "InvalidSecurityGroupId.NotVpc": "Use a security group of the VPC type.",
            "InvalidVSwitchId.IpInvalid": "Choose addresses inside the vSwitch's CIDR block.",
            "InvalidIp.IpAssigned": "Choose an address that is not assigned.",
            "InvalidIp.IpRepeated": "Name every address once.",
            "InvalidIp.IpPrefixIllegal": "Write prefixes as CIDR, such as 10.0.0.16/28.",
            "InvalidIp.IpPrefixMaskIllegal": "Use /28 prefixes.",
            "InvalidIp.IpPrefixMaskInvalid": "Use /28 prefixes.",
            "InvalidIp.IpPrefixMaskNotSame": "Use prefixes of one length in a request.",
            "InvalidIp.IpPrefixMustInReserveSegment": "Use prefixes of the CIDR reservation.",
            "InvalidIp.IpPrefixNotAvailable": "Choose a prefix that is not in use.",
            "InvalidIp.IpPrefixNotStrict": "Begin each prefix at its network address.",
            "InvalidVSwitchId.NotFound": "Check the vSwitch: it was not found.",
            "InvalidSecurityGroupId.NotFound": "Check the security group: it was not found.",
            "InvalidOperation.VSwitchCidrReservationNotExist": "Create a CIDR reservation first.",
            "InvalidOperation.RegionNotSupportIpPrefix": "Assign addresses: no prefixes here.",
        },
    ),
}

# What a code says that stands in no table: the first that it contains decides, in any case.
# Rejected.Throttling, OperationFailed.LastTokenProcessing and SystemBusy are in Alibaba Cloud's
# own Terraform provider.
_WORDS = (
    ("throttling", Treatment.TRANSIENT),
    ("invalidaccesskeyid.", Treatment.CREDENTIALS),
    ("invalidsecuritytoken.", Treatment.CREDENTIALS),
    ("busy", Treatment.TRANSIENT),
    ("conflict", Treatment.TRANSIENT),
    ("processing", Treatment.TRANSIENT),
    ("incorrectstatus", Treatment.TRANSIENT),
)
# Of a refusal with 403: words that speak of a permission.
_PERMISSION = ("forbidden", "permission", "unauthorized", "notauthorized", "accessdenied")
# Statuses that say "again": request timeout, conflict, too early, too many requests.
_AGAIN = frozenset({408, 409, 425, 429})


def treatment_of(code: str, status: int | None) -> Treatment:
    """What to do about a refused call.

    Args:
        code: Alibaba Cloud's error code, or one of ours.
        status: the HTTP status; None when there was no answer.
    """
    if code in FAULTS:
        return FAULTS[code].treatment
    said = code.lower()
    for word, treatment in _WORDS:
        if word in said:
            return treatment
    return _by_status(said, status)


def _by_status(said: str, status: int | None) -> Treatment:
    """What to do about a code that says nothing: nobody knows what an unknown refusal means."""
    if status is None or status in _AGAIN or not 400 <= status < 500:
        return Treatment.TRANSIENT
    if status == 401 or (status == 403 and any(word in said for word in _PERMISSION)):
        return Treatment.CREDENTIALS
    return Treatment.UNKNOWN


def advice_on(code: str, operation: str) -> str:
    """One sentence on what a person can do about a code."""
    treated = FAULTS.get(code)
    if treated is None:
        return "Look the code up in the ECS error center."
    if treated.treatment is Treatment.CREDENTIALS and "RAM action" in treated.advice:
        return f"Allow {operation} to the function's role."
    return treated.advice
