"""What the unit tests are about, with defaults: each test names only what matters to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handler.cloud.faults import treatment_of
from handler.core.errors import CloudFault
from handler.core.model import Ask, AskKind, Eni, Instance, Request, Selector, Subject
from handler.core.value import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

ASSIGN = "ecs:AssignPrivateIpAddresses"

# A target of every kind; `test_target` compares them with the grammar.
TARGETS = ("0", "1", "4", "9", "15", "max", "max-2", "50%", "min(4, 50%)", "skip")

_ENI = Eni("eni-a", "Secondary", "InUse", "vsw-a", instance_id="i-a")
_INSTANCE = Instance("i-a", "ecs.g7.large", "Running")
_REQUEST = Request("manual", "cn-hangzhou", Selector(everything=True), manual=True)


def addresses(count: int, start: int = 1) -> tuple[str, ...]:
    """So many addresses: 10.0.0.1, 10.0.0.2, ..."""
    return tuple(f"10.0.{each // 256}.{each % 256}" for each in range(start, start + count))


def prefixes(count: int) -> tuple[str, ...]:
    """So many prefixes: 10.1.0.0/28, 10.1.0.16/28, ..."""
    return tuple(f"10.1.{each // 16}.{each % 16 * 16}/28" for each in range(count))


def eni(eni_id: str = "eni-a", held: int | Iterable[str] = 0, prefixed: int = 0, **row: Any) -> Eni:
    """A secondary ENI in use that holds so many, or these, secondary addresses."""
    secondary = addresses(held) if isinstance(held, int) else held
    found = replace(_ENI, id=eni_id, secondary=frozenset(secondary))
    return replace(found, **{"prefixes": frozenset(prefixes(prefixed)), **row})


def instance(instance_id: str = "i-a", **row: Any) -> Instance:
    """A running instance."""
    return replace(_INSTANCE, id=instance_id, **row)


def subject(found: Eni | None = None, **row: Any) -> Subject:
    """An ENI on a running instance of no scaling group."""
    return replace(Subject(found or eni(), instance()), **row)


def request(**row: Any) -> Request:
    """A manual request for everything."""
    return replace(_REQUEST, **row)


def count(number: int) -> Ask:
    """An ask for a number of addresses."""
    return Ask(AskKind.COUNT, number)


def names(*values: str) -> Ask:
    """An ask for these very addresses."""
    return Ask(AskKind.ADDRESSES, len(values), values)


def cidrs(*values: str) -> Ask:
    """An ask for these very prefixes."""
    return Ask(AskKind.PREFIXES, len(values), values)


def prefix_count(number: int) -> Ask:
    """An ask for a number of prefixes."""
    return Ask(AskKind.PREFIX_COUNT, number)


def fault(code: str, status: int | None = 400) -> CloudFault:
    """A refusal of AssignPrivateIpAddresses, treated as its code says."""
    return CloudFault(ASSIGN, code, treatment_of(code, status), status=status, request_id="req-f")
