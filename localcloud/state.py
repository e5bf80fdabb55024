"""The cloud as it is now, and as it was: entities with their past, and the books of the vSwitches.

Everything that changes goes through :class:`Cloud`; everything that is read goes through a
:class:`View`, which is the cloud at one moment.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from localcloud.addresses import AddressPool, to_number
from localcloud.agenda import Agenda
from localcloud.history import ALWAYS, Table, Timeline
from localcloud.keys import KeyRing
from localcloud.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from localcloud.clock import Clock
    from localcloud.model import Eni, Instance, InstanceType, LifecycleAction, VSwitch


class Cloud:
    """All state of one region."""

    def __init__(
        self,
        region: str,
        clock: Clock,
        vswitches: Iterable[VSwitch] = (),
        types: Mapping[str, InstanceType] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.region = region
        self.clock = clock
        self.limits = limits
        self.keys = KeyRing()
        self.prefixes_supported = True
        self.agenda = Agenda()
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
        self.ever_attached: dict[str, list[str]] = {}
        self._room: dict[str, Timeline[int]] = {}
        self._made = 0

    def open_books(self) -> None:
        """Begin the history of the vSwitches' free counts: what is there now was always there."""
        self._room = {key: Timeline(pool.available) for key, pool in self.pools.items()}

    def new_id(self, kind: str, table: Table[Any]) -> str:
        """Return the id of a new thing: the same calls give the same ids in every run."""
        while True:
            self._made += 1
            name = f"{kind}-new{self._made:014d}"
            if name not in table:
                return name

    def settle(self) -> None:
        """Let everything happen whose time has come."""
        self.agenda.catch_up(self.clock.now())

    def add_eni(self, eni: Eni, since: float = ALWAYS) -> None:
        """Add an ENI, one that was always there or a new one; its addresses must be taken."""
        self.enis.add(eni.id, eni, since=since)
        self._note_attachment(eni)
        if since != ALWAYS:
            self._note_room(eni, since)

    def put_eni(self, eni: Eni, since: float | None = None) -> None:
        """Replace an ENI, now or as of a moment, and note what its vSwitch has left."""
        moment = self.clock.now() if since is None else since
        self.enis.put(eni.id, eni, moment)
        self._note_attachment(eni)
        self._note_room(eni, moment)

    def drop_eni(self, eni: Eni, since: float) -> None:
        """Have an ENI exist no longer; its addresses must be released."""
        self.enis.drop(eni.id, since)
        self._note_room(eni, since)

    def put_instance(self, instance: Instance, since: float | None = None) -> None:
        """Replace an instance, now or as of a moment."""
        moment = self.clock.now() if since is None else since
        self.instances.put(instance.id, instance, moment)

    def drop_instance(self, instance: Instance, since: float) -> None:
        """Have an instance exist no longer."""
        self.instances.drop(instance.id, since)

    def put_lifecycle_action(self, action: LifecycleAction) -> None:
        """Replace a lifecycle action."""
        self.lifecycle_actions.put(action.key, action, self.clock.now())

    def available_at(self, vswitch_id: str, moment: float) -> int:
        """Return how many addresses the vSwitch had left at ``moment``."""
        return self._room[vswitch_id].at(moment) or 0

    def view(self, lag: float = 0.0) -> View:
        """Return the cloud as it was ``lag`` seconds ago."""
        self.settle()
        return View(self, self.clock.now() - lag)

    def _note_attachment(self, eni: Eni) -> None:
        if not eni.instance_id:
            return
        known = self.ever_attached.setdefault(eni.instance_id, [])
        if eni.id not in known:
            known.append(eni.id)

    def _note_room(self, eni: Eni, moment: float) -> None:
        self._room[eni.vswitch_id].put(self.pools[eni.vswitch_id].available, moment)


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
        """Yield the ENIs of an instance, in the order in which they were attached."""
        found = self.enis_by_id(self._cloud.ever_attached.get(instance_id, ()))
        return (eni for eni in found if eni.instance_id == instance_id)

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
