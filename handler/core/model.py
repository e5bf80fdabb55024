"""The vocabulary: what the other modules say to each other. Frozen values, no I/O, no clock."""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from handler.core.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.core.target import Target


# The default of mappings.
NOTHING: Mapping[str, Any] = MappingProxyType({})

# --- what was asked of the function -----------------------------------------------------------


class Hook(Value):
    """A lifecycle action of Auto Scaling that waits. Its token is a secret.

    `name` is that of the hook, if the message tells it.
    """

    hook_id: str
    token: str
    name: str | None = None

    def __repr__(self) -> str:
        return f"Hook(hook_id={self.hook_id!r})"


class Selector(Value):
    """Which ENIs a request means. Exactly one field is set.

    Attributes:
        instance_ids: the attached ENIs of these instances.
        network_interface_ids: these ENIs, unattached ones too.
        scaling_activity_id: the instances of this activity, as Auto Scaling lists them.
        scaling_group_id: the instances of this scaling group.
        vswitch_id: the attached ENIs in this vSwitch.
        tags: the ENIs of instances that have all of these tags.
        everything: all attached ENIs of the region.
    """

    instance_ids: tuple[str, ...] = ()
    network_interface_ids: tuple[str, ...] = ()
    scaling_activity_id: str | None = None
    scaling_group_id: str | None = None
    vswitch_id: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    everything: bool = False

    @property
    def by_instances(self) -> bool:
        """Whether ENIs are found through the instances that they are attached to."""
        return bool(self.instance_ids or self.scaling_group_id or self.tags)


class AskKind(str, Enum):
    """The four exclusive ways to ask AssignPrivateIpAddresses."""

    COUNT = "count"
    ADDRESSES = "addresses"
    PREFIX_COUNT = "prefix_count"
    PREFIXES = "prefixes"


class Ask(Value):
    """What one call asks for: a number, or the very addresses or prefixes (CIDR) in `values`."""

    kind: AskKind
    count: int
    values: tuple[str, ...] = ()

    @property
    def is_prefix(self) -> bool:
        """Whether prefixes are asked for, which come out of CIDR reservations."""
        return self.kind is AskKind.PREFIX_COUNT or self.kind is AskKind.PREFIXES


# Where a chain of invocations stands, as one hands it over to the next.
CURSOR_VERSION = 1
CURSOR_TEXTS = ("chain", "page", "after")
CURSOR_NUMBERS = ("hop", "remaining")


class Request(Value):
    """One piece of work: a launch that an event reported, or a manual request.

    Attributes:
        source: what reported it, for records ("ess.lifecycle_hook", ..., "manual").
        region: where, as Alibaba Cloud names it ("cn-hangzhou").
        selector: which ENIs.
        manual: asked for by a person or a timer; otherwise a launch.
        hook: the lifecycle action to complete, if any.
        scaling_group_id: the scaling group that the event or the selector names, if any.
        scaling_activity_id: the scaling activity that the event names, if any.
        target: overrides tags, rules and the default.
        wants: per ENI id, the explicit addresses, prefixes or number of prefixes it is to hold.
        limit: at most so many ENIs are changed.
        dry_run: decide and record only.
        ask_guests: whether a manual request asks the guests if they answer; launches always do.
        cursor: where an earlier invocation stopped, as that one wrote it.
        event_id: the id of the delivery, for records.
        event_time: when the event happened, epoch seconds.
    """

    source: str
    region: str
    selector: Selector
    manual: bool = False
    hook: Hook | None = None
    scaling_group_id: str | None = None
    scaling_activity_id: str | None = None
    target: Target | None = None
    wants: Mapping[str, Ask] = NOTHING
    limit: int | None = None
    dry_run: bool = False
    ask_guests: bool = False
    cursor: Mapping[str, object] | None = None
    event_id: str | None = None
    event_time: float | None = None


class Ignored(Value):
    """An event that is none of our business; a success."""

    reason: str
    source: str = "unknown"
    region: str | None = None
    event_id: str | None = None


class Rejected(Value):
    """Input that cannot be acted on, now or later.

    Attributes:
        field: the name of what is wrong ("backfill.target", "content.instanceIds[2]").
        found: what was there, shortened, as a person would write it.
        allowed: what would have been accepted.
    """

    field: str
    found: str
    allowed: str
    source: str = "unknown"
    region: str | None = None
    event_id: str | None = None

    @property
    def reason(self) -> str:
        """One sentence for records and results."""
        return f"{self.field}: found {self.found}; allowed: {self.allowed}"


# --- what the cloud shows ---------------------------------------------------------------------


# The type of an ENI whose row cannot be understood at all.
NO_TYPE = "unknown"


class Eni(Value):
    """One reading of an elastic network interface.

    Attributes:
        type: "Primary", "Secondary", "Trunk" or "Member".
        status: "InUse", "Available", or one in passing such as "Attaching".
        instance_id: None when it is attached to nothing.
        secondary: secondary private IPv4 addresses; the primary address is not among them.
        prefixes: IPv4 prefixes, as CIDR.
        complete: False when the row does not show one primary address: then it is not a reading.
        primary: the primary private IPv4 address.
        traffic_mode: "Standard" or "HighPerformance" (RDMA); Standard where it is not told.
    """

    id: str
    type: str
    status: str
    vswitch_id: str
    instance_id: str | None = None
    secondary: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()
    tags: Mapping[str, str] = NOTHING
    service_managed: bool = False
    complete: bool = True
    primary: str | None = None
    traffic_mode: str = "Standard"

    @property
    def foreign_owner(self) -> bool:
        """Whether it is attached to what is no ECS instance: a container instance ("eci-"), say."""
        return self.instance_id is not None and not self.instance_id.startswith("i-")

    @property
    def ours(self) -> bool:
        """Whether it is of a kind that the function works on at all."""
        kind = self.type in {"Primary", "Secondary"}
        return kind and not self.service_managed and not self.foreign_owner


class Instance(Value):
    """One reading of an ECS instance.

    `eni_ids` is what the instance says is attached to it, `image_id` what it was made from.
    """

    id: str
    type: str
    status: str
    tags: Mapping[str, str] = NOTHING
    eni_ids: tuple[str, ...] = ()
    image_id: str = ""


class Answer(Value):
    """What AssignPrivateIpAddresses answered.

    Attributes:
        addresses: the secondary addresses it says it assigned; () when it named none.
        prefixes: the IPv4 prefixes likewise.
        request_id: Alibaba Cloud's id of the call.
    """

    addresses: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    request_id: str | None = None


class Treatment(str, Enum):
    """What to do about a refused call. `handler.cloud.faults` says which code gets which."""

    TRANSIENT = "transient"
    WAIT = "wait"
    EXHAUSTED = "exhausted"
    FULL = "full"
    GONE = "gone"
    REJECTED = "rejected"
    NEW_TOKEN = "newtoken"  # noqa: S105  (the name of a treatment)
    REREAD = "reread"
    CREDENTIALS = "credentials"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


# --- what became of it ------------------------------------------------------------------------


class Outcome(str, Enum):
    """How an ENI ended. README says what to do about each."""

    SATISFIED = "satisfied"
    ASSIGNED = "assigned"
    SHORT = "short"
    SKIPPED = "skipped"
    GONE = "gone"
    FAILED = "failed"
    PLANNED = "planned"
    DEFERRED = "deferred"


class Reason(str, Enum):
    """Why an ENI ended the way it did. README says what to do about each."""

    AT_TARGET = "at_target"
    REACHED = "reached"
    QUOTA = "quota"
    VSWITCH = "vswitch"
    SERVICE_MANAGED = "service_managed"
    ENI_TYPE = "eni_type"
    FOREIGN_OWNER = "foreign_owner"
    KUBERNETES = "kubernetes"
    EXCLUDED = "excluded"
    SCOPE = "scope"
    SCALING_GROUP = "scaling_group_not_allowed"
    VSWITCH_NOT_ALLOWED = "vswitch_not_allowed"
    OPTED_OUT = "opted_out"
    NO_TARGET = "no_target"
    INVALID_TARGET = "invalid_target"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    NOT_PERMITTED = "not_permitted"
    UNKNOWN_TYPE = "unknown_instance_type"
    ADDRESS_TAKEN = "address_taken"
    WOULD_ASSIGN = "would_assign"
    LIMIT = "limit"
    OUT_OF_TIME = "out_of_time"
    NOT_READY = "not_ready"
    ENI_STATE = "eni_state"
    MOVED = "moved"
    NOT_VISIBLE = "not_visible"
    UNCONFIRMED = "unconfirmed"
    TRANSIENT = "transient"

    def __str__(self) -> str:
        """The bare word, on every Python version."""
        return self.value


class Guest(str, Enum):
    """Whether the guest answers on what its ENI holds.

    `unreachable`: nothing answers, not even the primary address. The guest is not up yet, or
    the port is filtered; of the secondary addresses, that says nothing.
    """

    ANSWERS = "answers"
    SILENT = "silent"
    UNREACHABLE = "unreachable"


class Wish(Value):
    """What the operator wants of one ENI, and who said so.

    Attributes:
        target: what it is to hold; None when the ENI is left alone or `ask` says it.
        source: "request", "eni_tag", "instance_tag", "rule" or "default"; None when nobody said.
        ask: the explicit addresses, prefixes or number of prefixes it is to hold.
        skip: why it is left alone, if it is.
    """

    target: Target | None = None
    source: str | None = None
    ask: Ask | None = None
    skip: Reason | None = None


class Subject(Value):
    """One ENI with what decides about it.

    Attributes:
        eni: its latest reading.
        instance: what it is attached to; None when unattached.
        scaling_group_id: of that instance, by its tag or else by the event.
    """

    eni: Eni
    instance: Instance | None = None
    scaling_group_id: str | None = None


class Decision(Value):
    """What to do about one ENI, and why. Doing nothing is a decision.

    Attributes:
        outcome: how the ENI ends when `ask` (if any) is granted.
        target: secondary addresses that it is to hold, if anyone said.
        target_source: who said.
        ask: the call to make; None when there is nothing to ask for.
    """

    eni: Eni
    outcome: Outcome
    reason: Reason
    target: int | None = None
    target_source: str | None = None
    ask: Ask | None = None

    @property
    def short(self) -> bool:
        """Whether the ENI ends below its target even when `ask` is granted."""
        return self.outcome is Outcome.SHORT

    @property
    def draws(self) -> int:
        """Addresses that `ask` takes from the vSwitch's free ones.

        Prefixes take none: they come out of the vSwitch's CIDR reservations.
        """
        return 0 if self.ask is None or self.ask.is_prefix else self.ask.count


class EniResult(Value):
    """How one ENI ended in one invocation: the `eni_result` record.

    `target`, `before`, `after` and `requested` count secondary private IPv4 addresses; `before` is
    the first reading and `after` the last one. `addresses` and `prefixes` are newly assigned.
    `network_interface_id` is None where an instance has no ENI that could be seen. `guest` is None
    where it was not asked, and `silent` are the secondary addresses that did not answer.
    """

    network_interface_id: str | None
    instance_id: str | None
    vswitch_id: str | None
    outcome: Outcome
    reason: Reason
    target: int | None = None
    target_source: str | None = None
    before: int | None = None
    after: int | None = None
    requested: int = 0
    addresses: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    guest: Guest | None = None
    silent: tuple[str, ...] = ()
    code: str | None = None
    api_request_id: str | None = None
    attempts: int = 0
    client_token: str | None = None
    advice: str | None = None
    instance_type: str | None = None
    scaling_group_id: str | None = None
    image_id: str = ""

    def falls_short(self, on_silent: str) -> bool:
        """Whether a hook must hear of it: something is missing.

        Args:
            on_silent: `short` where an address that did not answer counts as missing (`ON_SILENT`).
        """
        return (
            self.outcome in {Outcome.SHORT, Outcome.FAILED}
            or self.reason is Reason.INVALID_TARGET
            or (on_silent == "short" and self.guest in {Guest.SILENT, Guest.UNREACHABLE})
        )
