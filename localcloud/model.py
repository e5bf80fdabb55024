"""What exists in the cloud. Immutable values, so that the past can be kept without copying."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network

SCALING_GROUP_TAG = "acs:autoscaling:scalingGroupId"
"""The tag Auto Scaling puts on its instances (Auto Scaling, "System tags")."""

SECURITY_GROUP = "sg-localcloud000000001"
"""The one security group of everything."""

Tags = Mapping[str, str]

ENI_TYPES = ("Primary", "Secondary", "Trunk", "Member")
TRAFFIC_MODES = ("Standard", "HighPerformance")
ENI_STATUSES = ("Creating", "Available", "Attaching", "InUse", "Detaching", "Deleting")
INSTANCE_STATUSES = ("Pending", "Running", "Starting", "Stopping", "Stopped")
VSWITCH_STATUSES = ("Available", "Pending")
KEY_STATUSES = ("Active", "Inactive")
LIFECYCLE_RESULTS = ("CONTINUE", "ABANDON", "ROLLBACK")
LIFECYCLE_STATUSES = ("Pending", "Timeout", "Completed")


@dataclass(frozen=True)
class AccessKey:
    """A key pair; with a security token it is temporary, and requests must carry the token."""

    id: str
    secret: str
    security_token: str = ""
    status: str = "Active"
    expires: float | None = None
    """Seconds since the epoch; None lasts for ever."""


@dataclass(frozen=True)
class InstanceType:
    """What an instance type grants; both figures count the primary one."""

    id: str
    enis: int
    addresses_per_eni: int


@dataclass(frozen=True)
class VSwitch:
    """A subnet; its addresses are kept by its pool."""

    id: str
    cidr: str
    zone: str
    vpc: str
    reserved_prefixes: tuple[str, ...] = ()
    status: str = "Available"


@dataclass(frozen=True)
class Eni:
    """An elastic network interface; without an instance it is attached to nothing."""

    id: str
    type: str
    vswitch_id: str
    status: str
    primary: str = ""
    secondary: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    instance_id: str = ""
    service_managed: bool = False
    tags: Tags = field(default_factory=dict)
    name: str = ""
    traffic_mode: str = "Standard"

    @property
    def slots_used(self) -> int:
        """What counts against the quota of the instance type: primary, secondaries, prefixes."""
        return 1 + len(self.secondary) + len(self.prefixes)

    @property
    def networks(self) -> tuple[IPv4Network, ...]:
        """Its prefixes as the pools want them."""
        return tuple(map(IPv4Network, self.prefixes))


@dataclass(frozen=True)
class Instance:
    """An ECS instance; its ENIs are found by its id."""

    id: str
    type: str
    status: str
    scaling_group: str = ""
    tags: Tags = field(default_factory=dict)
    name: str = ""
    image: str = ""

    @property
    def of_ecs(self) -> bool:
        """Whether ECS shows it; groups may also hold container instances, ``eci-``."""
        return self.id.startswith("i-")

    @property
    def all_tags(self) -> Tags:
        """Its own tags, and the one that Auto Scaling adds."""
        if not self.scaling_group:
            return self.tags
        return {**self.tags, SCALING_GROUP_TAG: self.scaling_group}


@dataclass(frozen=True)
class LifecycleAction:
    """A lifecycle hook that keeps instances waiting until it is completed or its time is up."""

    hook_id: str
    token: str
    scaling_group: str
    scaling_activity: str
    instance_ids: tuple[str, ...]
    timeout: int
    default_result: str
    started: float
    deadline: float
    result: str = ""
    heartbeats: int = 0
    hook_name: str = ""

    @property
    def key(self) -> str:
        """What it is found by."""
        return f"{self.hook_id} {self.token}"

    def status_at(self, moment: float) -> str:
        """Return Pending, Completed (somebody ended it) or Timeout (nobody did)."""
        if self.result:
            return "Completed"
        return "Pending" if moment < self.deadline else "Timeout"

    @property
    def effective_result(self) -> str:
        """What is, or will be if nobody says otherwise, done with the instances."""
        return self.result or self.default_result
