"""What the cloud shows, read with the fewest calls: ids in batches, pages to their end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from handler.cloud import ports
from handler.cloud.faults import BAD_ANSWER
from handler.cloud.ports import EniQuery, InstanceQuery
from handler.core.errors import CloudFault
from handler.core.model import NOTHING, Treatment
from handler.core.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from handler.cloud.ports import Cloud, Page
    from handler.core.model import Eni, Instance, Selector
    from handler.shell.invocation import Invocation

T = TypeVar("T")

# Refusals that say something of what was asked for, not of who asks or when.
REFUSED = frozenset({Treatment.REJECTED, Treatment.UNKNOWN, Treatment.GONE})
# A region has fewer: a listing that goes on is one without end.
MAX_PAGES = 10_000
# How often a listing begins again because its token is no longer good.
MAX_RESTARTS = 3
# Ids that one call takes (DescribeNetworkInterfaces, DescribeInstances, DescribeInstanceTypes).
IDS_PER_CALL, TYPES_PER_CALL = 100, 10
_NOT_FOUND = 404


class Reading(Value):
    """ENIs and the instances they are attached to, by id; it began at `began` (epoch seconds)."""

    enis: Mapping[str, Eni] = NOTHING
    instances: Mapping[str, Instance] = NOTHING
    began: float = 0.0

    def owner_known(self, eni_id: str) -> bool:
        """Whether the ENI can be decided on: its instance was read too, or does not matter.

        What services manage is attached to things that ECS does not list.
        """
        eni = self.enis[eni_id]
        return eni.instance_id is None or eni.instance_id in self.instances or not eni.ours


def batches(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """The items in groups of at most `size`, in their order."""
    held = list(items)
    for start in range(0, len(held), size):
        yield tuple(held[start : start + size])


class Reader:
    """Reads through one invocation. Instance types are remembered in `capacities`.

    Args:
        cloud: the services.
        invocation: pacing and threads.
        capacities: secondary addresses per ENI of the instance types known so far; shared by all
            invocations of a function instance, as types do not change.
    """

    def __init__(self, cloud: Cloud, invocation: Invocation, capacities: dict[str, int]) -> None:
        self._cloud = cloud
        self._invocation = invocation
        self._capacities = capacities

    def of_instances(self, ids: Sequence[str]) -> Reading:
        """Instances and the ENIs attached to them; what is not visible yet is absent."""
        if len(ids) == 1:
            return self._of_one_instance(ids[0])
        began = self._invocation.clock.now()
        instances = self.instances(ids)
        enis = self.enis([eni for each in instances.values() for eni in each.eni_ids])
        return Reading(enis, instances, began)

    def _of_one_instance(self, instance_id: str) -> Reading:
        """One instance can be asked for its ENIs: both reads run side by side."""
        began = self._invocation.clock.now()
        enis: dict[str, Eni] = {}
        instances: dict[str, Instance] = {}
        reads: list[Callable[[], None]] = [
            lambda: enis.update(self.attached_to(instance_id)),
            lambda: instances.update(self.instances([instance_id])),
        ]
        self._invocation.side_by_side(lambda read: read(), reads)
        return Reading(enis, instances, began)

    def of_enis(self, ids: Sequence[str]) -> Reading:
        """ENIs and the instances they are attached to."""
        began = self._invocation.clock.now()
        enis = self.enis(ids)
        return Reading(enis, self.instances(owners_of(enis.values())), began)

    def of_named(self, selector: Selector, ids: Iterable[str]) -> Reading:
        """What is shown of ids that a selector names: ENIs or instances."""
        read = self.of_enis if selector.network_interface_ids else self.of_instances
        return read(sorted(ids))

    def enis(self, ids: Sequence[str]) -> dict[str, Eni]:
        """ENIs by their ids, incomplete rows too; rows of others are dropped."""
        asked = set(ids)
        queries = [EniQuery(ids=batch) for batch in batches(ids, IDS_PER_CALL)]
        found = self._invocation.side_by_side(lambda query: list(self.list_enis(query)), queries)
        return {eni.id: eni for page in found for eni in page if eni.id in asked}

    def attached_to(self, instance_id: str) -> dict[str, Eni]:
        """The ENIs of one instance, incomplete rows too; those of another are dropped."""
        found = self.list_enis(EniQuery(instance_id=instance_id))
        return {eni.id: eni for eni in found if eni.instance_id in {None, instance_id}}

    def list_enis(self, query: EniQuery) -> Iterator[Eni]:
        """Every ENI that fits, incomplete rows too."""
        return _items(self.eni_pages(query))

    def eni_pages(self, query: EniQuery, start: str | None = None) -> Iterator[Page[Eni]]:
        """The pages of ENIs that fit, from the one with this token on."""
        read = partial(self._cloud.ecs.network_interfaces, query)
        return self._pages(ports.DESCRIBE_ENIS, read, start)

    def instances(self, ids: Sequence[str]) -> dict[str, Instance]:
        """Instances by their ids; others are dropped."""
        asked = set(ids)
        queries = [InstanceQuery(ids=batch) for batch in batches(ids, IDS_PER_CALL)]
        found = self._invocation.side_by_side(
            lambda query: list(_items(self.instance_pages(query))), queries
        )
        return {each.id: each for page in found for each in page if each.id in asked}

    def instance_pages(
        self, query: InstanceQuery, start: str | None = None
    ) -> Iterator[Page[Instance]]:
        """The pages of instances that fit, from the one with this token on."""
        read = partial(self._cloud.ecs.instances, query)
        return self._pages(ports.DESCRIBE_INSTANCES, read, start)

    def capacities(self, instances: Iterable[Instance]) -> Mapping[str, int]:
        """Secondary addresses per ENI, by instance type: the quantity less the primary address."""
        wanted = sorted({each.type for each in instances} - self._capacities.keys())
        for found in self._invocation.side_by_side(self._types, batches(wanted, TYPES_PER_CALL)):
            self._capacities.update({name: count - 1 for name, count in found.items()})
        return self._capacities

    def _types(self, types: tuple[str, ...]) -> Mapping[str, int]:
        """What is known of these types; one that is refused spoils it for no other."""
        ask = partial(self._cloud.ecs.addresses_per_eni, types)
        try:
            return self._invocation.read(ports.DESCRIBE_TYPES, ask)
        except CloudFault as fault:
            if fault.treatment not in REFUSED:
                raise
        if len(types) == 1:
            return {}
        found: dict[str, int] = {}
        for each in types:
            found.update(self._types((each,)))
        return found

    def available(self, vswitch_ids: Iterable[str]) -> dict[str, int | CloudFault | None]:
        """Free addresses of each vSwitch, or why they could not be read.

        None stands for a vSwitch that is not shown, or refused as not there: only ECS knows. A
        refusal that nobody understands does not say that, and the reserve could not be kept.
        """

        def read(vswitch_id: str) -> tuple[str, int | CloudFault | None]:
            ask = partial(self._cloud.vpc.available_addresses, vswitch_id)
            try:
                return vswitch_id, self._invocation.read(ports.DESCRIBE_VSWITCHES, ask)
            except CloudFault as fault:
                return vswitch_id, None if _not_there(fault) else fault

        return dict(self._invocation.side_by_side(read, sorted(set(vswitch_ids))))

    def of_activity(
        self, activity_id: str, group_id: str | None, hook_token: str | None
    ) -> set[str]:
        """The instances of a scaling activity, as Auto Scaling lists them; of a hook, its own."""
        if hook_token is None:
            return self.of_group(group_id, activity_id)
        read = partial(self._cloud.ess.lifecycle_actions, activity_id)
        return {
            instance_id
            for action in _items(self._pages(ports.DESCRIBE_ACTIONS, read))
            if action.token == hook_token
            for instance_id in action.instance_ids
        }

    def of_group(self, group_id: str | None, activity_id: str | None = None) -> set[str]:
        """The instances of a scaling group, or those that one activity brought.

        Pages are numbered: when an instance leaves, the next ones move up, perhaps to a page that
        was read already. If fewer were shown than there were, they are listed until none is new.

        Raises:
            CloudFault: fewer are shown than are counted.
        """
        found: set[str] = set()
        while True:
            pages = list(self._members(group_id, activity_id))
            new = {each for page in pages for each in page.items} - found
            found |= new
            total = max(page.total or 0 for page in pages)
            if len(found) >= total:
                return found
            if not new:
                said = f"{len(found)} of {total} are shown"
                operation = ports.DESCRIBE_SCALING_INSTANCES
                raise CloudFault(operation, BAD_ANSWER, Treatment.TRANSIENT, said)

    def _members(self, group_id: str | None, activity_id: str | None) -> Iterator[Page[str]]:
        ess, seen = self._cloud.ess, set[str]()

        def read(page: str | None) -> Page[str]:
            return ess.scaling_instances(group_id, activity_id, int(page or 1))

        for page in self._pages(ports.DESCRIBE_SCALING_INSTANCES, read):
            if page.next_token is not None and seen.issuperset(page.items):
                raise _endless(ports.DESCRIBE_SCALING_INSTANCES)  # numbers never come in a circle
            seen.update(page.items)
            yield page

    def _pages(
        self, operation: str, read: Callable[[str | None], Page[T]], start: str | None = None
    ) -> Iterator[Page[T]]:
        """Until there is no next token; a short or empty page is not the last one."""
        page = self._invocation.read(operation, partial(read, start))
        yield page
        followed: set[str | None] = {start}
        while (token := page.next_token) is not None:
            if token in followed or len(followed) > MAX_PAGES:
                raise _endless(operation)
            followed.add(token)
            page = self._invocation.read(operation, partial(read, token))
            yield page


def _endless(operation: str) -> CloudFault:
    return CloudFault(operation, BAD_ANSWER, Treatment.TRANSIENT, "pages without end")


def _not_there(fault: CloudFault) -> bool:
    """Whether a refusal says that what was asked for is not there.

    For a code that is in no table, only the status 404 says so.
    """
    if fault.treatment is Treatment.UNKNOWN:
        return fault.status == _NOT_FOUND
    return fault.treatment in REFUSED


def _items(pages: Iterable[Page[T]]) -> Iterator[T]:
    return (item for page in pages for item in page.items)


def ecs_instances(ids: Iterable[str]) -> frozenset[str]:
    """Those that ECS knows: groups may hold container instances (eci-) and managed ones (mi-)."""
    return frozenset(each for each in ids if each.startswith("i-"))


def owners_of(enis: Iterable[Eni]) -> list[str]:
    """The instances that ENIs are attached to, but for what services manage."""
    return sorted({eni.instance_id for eni in enis if eni.instance_id and eni.ours})
