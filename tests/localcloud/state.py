"""The cloud as it is now, and as it was: entities with their past, and the books of the vSwitches.

Everything that changes goes through :class:`Cloud`; everything that is read goes through a
:class:`View`, which is the cloud at one moment.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from tests.localcloud.addresses import AddressPool, to_number
from tests.localcloud.history import Table, Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.localcloud.clock import Clock
    from tests.localcloud.model import Eni, Instance, InstanceType, LifecycleAction, VSwitch


class Cloud:
    """All state of one region."""

    def __init__(
        self,
        region: str,
        clock: Clock,
        vswitches: Iterable[VSwitch] = (),
        types: Mapping[str, InstanceType] | None = None,
    ) -> None:
        self.region = region
        self.clock = clock
        self.types = dict(types or {})
        self.vswitches = {vswitch.id: vswitch for vswitch in vswitches}
        self.pools = {
            vswitch.id: AddressPool(
                IPv4Network(vswitch.cidr), map(IPv4Network, vswitch.reserved_prefixes)
            )
            for vswitch in self.vswitches.values()
        }
        self.enis: Table[Eni] = Table()
        self.instances: Table[Instance] = Table()
        self.lifecycle_actions: Table[LifecycleAction] = Table()
        self.enis_of: dict[str, list[str]] = {}
        self._room: dict[str, Timeline[int]] = {}

    def open_books(self) -> None:
        """Begin the history of the vSwitches' free counts: what is there now was always there."""
        self._room = {key: Timeline(pool.available) for key, pool in self.pools.items()}

    def add_eni(self, eni: Eni) -> None:
        """Add an ENI that was always there; its addresses must be taken already."""
        self.enis.add(eni.id, eni)
        self.enis_of.setdefault(eni.instance_id, []).append(eni.id)

    def put_eni(self, eni: Eni) -> None:
        """Replace an ENI, and note what its vSwitch has left."""
        now = self.clock.now()
        self.enis.put(eni.id, eni, now)
        self._room[eni.vswitch_id].put(self.pools[eni.vswitch_id].available, now)

    def put_lifecycle_action(self, action: LifecycleAction) -> None:
        """Replace a lifecycle action."""
        self.lifecycle_actions.put(action.key, action, self.clock.now())

    def available_at(self, vswitch_id: str, moment: float) -> int:
        """Return how many addresses the vSwitch had left at ``moment``."""
        return self._room[vswitch_id].at(moment) or 0

    def view(self, lag: float = 0.0) -> View:
        """Return the cloud as it was ``lag`` seconds ago."""
        return View(self, self.clock.now() - lag)


class View:
    """The cloud at one moment, for reading."""

    def __init__(self, cloud: Cloud, moment: float) -> None:
        self._cloud = cloud
        self.moment = moment
        self.region = cloud.region
        self.types = cloud.types

    def enis(self) -> Iterator[Eni]:
        """Yield every ENI."""
        return self._cloud.enis.all_at(self.moment)

    def enis_by_id(self, ids: Iterable[str]) -> Iterator[Eni]:
        """Yield those of the named ENIs that exist."""
        found = (self._cloud.enis.get_at(eni_id, self.moment) for eni_id in ids)
        return (eni for eni in found if eni is not None)

    def enis_of(self, instance_id: str) -> Iterator[Eni]:
        """Yield the ENIs of an instance."""
        return self.enis_by_id(self._cloud.enis_of.get(instance_id, ()))

    def instances(self) -> Iterator[Instance]:
        """Yield every instance."""
        return self._cloud.instances.all_at(self.moment)

    def instance(self, instance_id: str) -> Instance | None:
        """Return one instance if it exists."""
        return self._cloud.instances.get_at(instance_id, self.moment)

    def lifecycle_actions(self) -> Iterator[LifecycleAction]:
        """Yield every lifecycle action."""
        return self._cloud.lifecycle_actions.all_at(self.moment)

    def vswitches(self) -> Iterator[VSwitch]:
        """Yield every vSwitch."""
        return iter(self._cloud.vswitches.values())

    def vswitch(self, vswitch_id: str) -> VSwitch:
        """Return one vSwitch, which must exist."""
        return self._cloud.vswitches[vswitch_id]

    def available(self, vswitch_id: str) -> int:
        """Return how many addresses a vSwitch has left."""
        return self._cloud.available_at(vswitch_id, self.moment)


def numbers(addresses: Iterable[str]) -> list[int]:
    """Return addresses as the pools want them."""
    return [to_number(address) for address in addresses]
