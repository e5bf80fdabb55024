"""What a person is advised to do about how an ENI ended: from what was seen."""

from __future__ import annotations

import re

import pytest

from handler.core.model import Ask, Outcome, Reason, Wish
from handler.core.protocol import Ceiling, End
from handler.core.rounds import Member, member
from handler.core.target import Target
from handler.core.value import replace
from handler.shell.advice import advice_about
from tests.unit.builders import addresses, count, eni, fault, instance, names, prefix_count, subject

SHORT_ROOM = End(Outcome.SHORT, Reason.VSWITCH)
SHORT_QUOTA = End(Outcome.SHORT, Reason.QUOTA)
FAILED = End(Outcome.FAILED, Reason.REFUSED)
WAITS = End(Outcome.DEFERRED, Reason.NOT_READY)
GONE = End(Outcome.GONE, Reason.NOT_FOUND)
A, B = addresses(2)


def finished(
    held: int = 2, ask: Ask | None = None, ceiling: Ceiling | None = None, *, attached: bool = True
) -> Member:
    """An ENI that has ended."""
    found = eni(held=held) if attached else eni(held=held, instance_id=None, status="Available")
    wish = Wish(ask=ask) if ask else Wish(Target(count=8), "default")
    first = member(subject(found, instance=instance() if attached else None), wish, 29, 0.0)
    return replace(first, state=replace(first.state, ceiling=ceiling))


ROOM, PREFIXES, QUOTA = (
    Ceiling(2, prefixes=False, exhausted=True),
    Ceiling(0, prefixes=True, exhausted=True),
    Ceiling(2, prefixes=False, exhausted=False),
)
ROWS = [
    ("QuotaExceeded.PrivateIpAddress", finished(ceiling=ROOM), SHORT_ROOM, "The VPC's quota|VPC"),
    ("QuotaExceeded.PrivateIpAddress", finished(), SHORT_ROOM, "another vSwitch"),
    ("InvalidVSwitchId.IpNotEnough", finished(ceiling=ROOM), SHORT_ROOM, "DescribeVSwitches shows"),
    ("InvalidVSwitchId.IpNotEnough", finished(), SHORT_ROOM, "another vSwitch"),
    (
        "InvalidVSwitchId.IpPrefixNotEnough",
        finished(ask=prefix_count(5), ceiling=PREFIXES),
        SHORT_ROOM,
        "CIDR reservation",
    ),
    (
        "MaxEniPrivateIpsCountExceeded",
        finished(ceiling=QUOTA),
        SHORT_QUOTA,
        "DescribeInstanceTypes shows .*: 2",
    ),
    (
        "InvalidOperation.Ipv4CountExceeded",
        finished(ceiling=QUOTA, attached=False),
        SHORT_QUOTA,
        "AVAILABLE_ENI_LIMIT is larger .*: 2",
    ),
    ("InvalidIp.IpAssigned", finished(ask=names(A, B)), FAILED, "Choose an address"),
    ("InvalidIp.IpAssigned", finished(), FAILED, "ECS chose an address"),
    ("InvalidPrivateIpAddress.Duplicated", finished(ask=count(2)), FAILED, "ECS chose an address"),
    ("InvalidEniId.NotFound", finished(), GONE, "was deleted"),
    ("InvalidEniId.NotFound", finished(), WAITS, "ECS does not find what reads show"),
    ("InvalidInstanceId.NotFound", finished(), WAITS, "ECS does not find what reads show"),
    ("InvalidParameter", finished(), FAILED, "Report a bug"),
]


@pytest.mark.parametrize(("code", "ended", "end", "said"), ROWS)
def test_advice_fits_what_was_seen(code: str, ended: Member, end: End, said: str) -> None:
    """The same code means something else where a read shows something else."""
    with_words = advice_about(ended, end, fault(code))
    assert with_words is not None
    assert re.search(said, with_words)


def test_nothing_to_say() -> None:
    """An ENI that ended without a refusal needs no advice."""
    assert advice_about(finished(), End(Outcome.SATISFIED, Reason.AT_TARGET), None) is None
