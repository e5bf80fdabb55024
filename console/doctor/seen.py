"""What was seen of an account: frozen values, each as it was read, not there, or not readable.

None stands for what is not there, `Unread` for what could not be read. Rows of Function Compute and
Auto Scaling stay as their APIs write them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from console.setup.desired import Body, Names, Resource
    from handler.core.model import Eni, Instance

T = TypeVar("T")

# What is invoked where no version or alias is named.
LATEST = "LATEST"


@dataclass(frozen=True)
class Unread:
    """What could not be read, and why.

    Attributes:
        permission: the RAM action that the read needs.
        why: the code of the refusal, and what it says.
    """

    permission: str
    why: str


Read: TypeAlias = T | Unread | None
Rows: TypeAlias = "tuple[Body, ...]"


@dataclass(frozen=True)
class Function:
    """The function, and what Function Compute keeps beside it.

    Attributes:
        row: GetFunction, at the qualifier that is looked at.
        reserved: its reserved concurrency; None when there is none.
        triggers: ListTriggers.
        tasks: the latest asynchronous invocations, with their payloads.
        delivery: per qualifier that is in use, its asynchronous configuration.
        qualifier: what triggers invoke; where they differ, one of those.
    """

    row: Read[Body]
    reserved: Read[int]
    triggers: Rows | Unread
    tasks: Rows | Unread
    delivery: Mapping[str, Read[Body]]
    qualifier: str = LATEST


@dataclass(frozen=True)
class Group:
    """A scaling group of ECS instances; its hooks as rows of DescribeLifecycleHooks."""

    id: str
    name: str
    vswitches: tuple[str, ...]
    hooks: Rows | Unread


@dataclass(frozen=True)
class Room:
    """A vSwitch that scaling groups launch into.

    Attributes:
        free: addresses that it has left; None when it is not shown.
        enis: ENIs of instances in it: the first page of them.
    """

    id: str
    free: Read[int]
    enis: tuple[Eni, ...] | Unread


@dataclass(frozen=True)
class Fleet:
    """What is launched, and where.

    Attributes:
        rooms: the vSwitches of the groups.
        instances: those whose ENIs were seen.
        capacities: per instance type, its EniPrivateIpAddressQuantity.
    """

    groups: tuple[Group, ...] | Unread
    rooms: tuple[Room, ...] = ()
    instances: Mapping[str, Instance] | Unread = Unread("ecs:DescribeInstances", "not asked")
    capacities: Mapping[str, int] | Unread = Unread("ecs:DescribeInstanceTypes", "not asked")


@dataclass(frozen=True)
class Seen:
    """An account.

    Attributes:
        names: what things are called.
        account: its id.
        version: of the checkout that looks.
        resources: what `setup` makes, each with what is there.
        attached: the policies of the role.
    """

    names: Names
    account: str
    version: str
    function: Function
    resources: tuple[tuple[Resource, Read[Body]], ...]
    attached: tuple[str, ...] | Unread | None
    fleet: Fleet
