"""What a person can do about how an ENI ended: from what was seen, not from the code alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.faults import advice_on
from handler.core.model import Outcome, Reason, Treatment
from handler.core.protocol import TAKEN

if TYPE_CHECKING:
    from handler.core.errors import CloudFault
    from handler.core.protocol import Ceiling, End
    from handler.core.rounds import Member

VPC_QUOTA = "QuotaExceeded.PrivateIpAddress"
_PREFIXES_SHORT = "The vSwitch's CIDR reservation has too few prefixes: the ENI has"
_ROOM_WRONG = "DescribeVSwitches shows more free addresses than ECS gives: the ENI has"
_VPC = "The vSwitch has room: the VPC's quota of private addresses may be used up, ask for more."
_TYPE_WRONG = "DescribeInstanceTypes shows a larger quantity than ECS enforces on this ENI:"
_LIMIT_WRONG = "AVAILABLE_ENI_LIMIT is larger than what ECS enforces on this ENI:"
_UNKNOWN_TYPE = "DescribeInstanceTypes does not know"
_NOT_CHOSEN = "Nothing: ECS chose an address that is in use; open a ticket if it persists."
_SHOWN = "ECS does not find what reads show: open a ticket with the request id if it persists."


def advice_about(member: Member, end: End, fault: CloudFault | None) -> str | None:
    """One sentence for a finished ENI; None when there is nothing to say.

    Args:
        member: the ENI.
        end: how it ended.
        fault: the refusal that explains that, if one does.
    """
    ceiling = member.state.ceiling
    if end.outcome is Outcome.SHORT and ceiling is not None:
        return _wrong_number(member, ceiling, fault)
    if end.reason is Reason.UNKNOWN_TYPE and member.subject.instance:
        return f"{_UNKNOWN_TYPE} {member.subject.instance.type}: give a number as its target."
    if fault is None:
        return None
    if fault.code in TAKEN and not (member.wish.ask and member.wish.ask.values):
        return _NOT_CHOSEN
    if fault.treatment is Treatment.GONE and end.outcome is not Outcome.GONE:
        return _SHOWN
    return advice_on(fault.code, fault.operation)


def _wrong_number(member: Member, ceiling: Ceiling, fault: CloudFault | None) -> str:
    """Which number that reads show ECS does not keep to, and what it allows instead."""
    held = member.state.held.count(prefixes=ceiling.prefixes)
    if fault is not None and fault.code == VPC_QUOTA:
        return f"{_VPC} The ENI has {held}."
    if ceiling.exhausted:
        return f"{_PREFIXES_SHORT if ceiling.prefixes else _ROOM_WRONG} {held}."
    return f"{_TYPE_WRONG if member.subject.instance else _LIMIT_WRONG} {held}."
