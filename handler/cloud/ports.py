"""What the function needs of the cloud, in its own nouns: one method is one API call.

Every method may raise `CloudFault`; nothing of an SDK passes through. Paging, pacing and retries
are the caller's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from handler.core.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handler.core.model import Answer, Ask, Eni, Hook, Instance

T = TypeVar("T")

ASSIGN = "ecs:AssignPrivateIpAddresses"
DESCRIBE_ENIS = "ecs:DescribeNetworkInterfaces"
DESCRIBE_INSTANCES = "ecs:DescribeInstances"
DESCRIBE_TYPES = "ecs:DescribeInstanceTypes"
DESCRIBE_VSWITCHES = "vpc:DescribeVSwitches"
COMPLETE = "ess:CompleteLifecycleAction"
HEARTBEAT = "ess:RecordLifecycleActionHeartbeat"
DESCRIBE_ACTIONS = "ess:DescribeLifecycleActions"
DESCRIBE_SCALING_INSTANCES = "ess:DescribeScalingInstances"
DESCRIBE_HOOKS = "ess:DescribeLifecycleHooks"
INVOKE = "fc:InvokeFunction"


class Page(Value, Generic[T]):
    """One page of a listing; the next one is asked for with `next_token`, None on the last.

    Attributes:
        total: how many items all pages have, if the service says it.
    """

    items: tuple[T, ...]
    next_token: str | None = None
    total: int | None = None


class EniQuery(Value):
    """Which ENIs to list: all conditions given must hold.

    Attributes:
        ids: at most 100.
        attached: only those attached to an instance.
    """

    ids: tuple[str, ...] = ()
    instance_id: str | None = None
    vswitch_id: str | None = None
    attached: bool = False


class InstanceQuery(Value):
    """Which instances to list: at most 100 ids, or those that have all tags; neither lists all."""

    ids: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


class Ecs(Protocol):
    """Elastic Compute Service 2014-05-26."""

    def network_interfaces(self, query: EniQuery, token: str | None = None) -> Page[Eni]:
        """DescribeNetworkInterfaces; ids that do not exist are absent."""
        ...

    def instances(self, query: InstanceQuery, token: str | None = None) -> Page[Instance]:
        """DescribeInstances; without permission it may be empty."""
        ...

    def addresses_per_eni(self, types: Sequence[str]) -> Mapping[str, int]:
        """DescribeInstanceTypes for at most 10 types: EniPrivateIpAddressQuantity of each.

        The quantity counts the primary address. Unknown types are absent.
        """
        ...

    def assign(self, eni_id: str, ask: Ask, client_token: str) -> Answer:
        """AssignPrivateIpAddresses, for one ENI."""
        ...


class Vpc(Protocol):
    """Virtual Private Cloud 2016-04-28."""

    def available_addresses(self, vswitch_id: str) -> int | None:
        """DescribeVSwitches: AvailableIpAddressCount; None when the vSwitch is not shown."""
        ...


class LifecycleAction(Value):
    """A lifecycle action as Auto Scaling lists it."""

    token: str
    instance_ids: tuple[str, ...]


class HookSettings(Value):
    """A lifecycle hook as Auto Scaling describes it; `timeout` is its HeartbeatTimeout, seconds."""

    name: str | None
    timeout: float | None


class Ess(Protocol):
    """Auto Scaling 2022-02-22."""

    def complete(self, hook: Hook, result: str | None, client_token: str) -> None:
        """CompleteLifecycleAction with CONTINUE or ABANDON; None lets the hook's default apply."""
        ...

    def heartbeat(self, hook: Hook, seconds: int) -> None:
        """RecordLifecycleActionHeartbeat: wait `seconds` (30..21600) from now on."""
        ...

    def lifecycle_hook(self, hook_id: str) -> HookSettings | None:
        """DescribeLifecycleHooks for one; None when it is not shown."""
        ...

    def lifecycle_actions(
        self, scaling_activity_id: str, token: str | None = None
    ) -> Page[LifecycleAction]:
        """DescribeLifecycleActions."""
        ...

    def scaling_instances(
        self, scaling_group_id: str | None, scaling_activity_id: str | None = None, page: int = 1
    ) -> Page[str]:
        """DescribeScalingInstances: instance ids; `next_token` is the next page's number."""
        ...


class Place(Value):
    """Where this function lives.

    Attributes:
        account_id: the Alibaba Cloud account, part of the endpoint's host name.
        function: its name.
        service: the FC 2.0 service; empty on FC 3.0.
        qualifier: version or alias that is running; empty for LATEST.
    """

    account_id: str
    function: str
    service: str = ""
    qualifier: str = ""


class Functions(Protocol):
    """Function Compute, for the function itself."""

    def invoke_later(self, payload: bytes, task_id: str) -> bool:
        """Invoke this function asynchronously, once per task id.

        Returns:
            Whether it was taken now; not when the task id was used before.
        """
        ...


class Identity(Protocol):
    """Whose credentials the calls are made with."""

    @property
    def from_environment(self) -> bool:
        """Whether they stand in environment variables, which only a new process refreshes."""
        ...


class Cloud(Value):
    """The services of one region under one identity; `functions` is None outside of FC."""

    ecs: Ecs
    vpc: Vpc
    ess: Ess
    functions: Functions | None
    identity: Identity


class Credentials(Identity, Protocol):
    """Whose credentials the calls of the current request are made with."""

    def use(self, context: object) -> None:
        """Take those of the request that is being served, if its context has any."""
        ...

    def secrets(self) -> list[str]:
        """What of them must never be written anywhere."""
        ...


class Connector(Protocol):
    """Gives the services of a region under the credentials of the request being served."""

    @property
    def credentials(self) -> Credentials:
        """Those credentials."""
        ...

    def cloud(self, region: str, place: Place | None = None) -> Cloud:
        """The services of a region ("cn-hangzhou"), for a function that lives there or none."""
        ...
