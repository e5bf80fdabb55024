"""Whatever is called in whatever order, the books of the vSwitches balance."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from localcloud.addresses import AddressPool, to_number
from localcloud.assignment import Wish, assign, unassign
from localcloud.clock import ManualClock
from localcloud.enis import NewEni, attach, create, delete, detach
from localcloud.errors import ApiError
from localcloud.founding import found_cloud
from localcloud.instances import Launch, run, start, stop
from localcloud.limits import Limits, secondary_capacity
from localcloud.samples import eni, instance, vswitch, world
from localcloud.world import read_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.model import Eni, Instance
    from localcloud.state import Cloud

WORLD = world(
    vswitches=[
        vswitch("vsw-a", "10.0.0.0/27", reserved_prefixes=["10.0.0.16/28"]),
        vswitch("vsw-b", "10.0.1.0/26", reserved_prefixes=["10.0.1.0/28", "10.0.1.32/28"]),
        vswitch("vsw-c", "10.0.2.0/29"),
    ],
    instances=[
        instance(enis=[eni("eni-0", "Primary", secondary=2), eni("eni-1", vswitch="vsw-b")]),
        instance("i-b", [eni("eni-2", "Primary", vswitch="vsw-b")], type="ecs.tiny.large"),
    ],
    instance_types={"ecs.tiny.large": [2, 4]},
    enis=[eni("eni-3"), eni("eni-4", vswitch="vsw-b", secondary=5)],
)

LIMITS = Limits(account_enis=12, transition=1, creating=0.5)

NUMBERS = st.integers(0, 11)
VSWITCHES = st.sampled_from(["vsw-a", "vsw-b", "vsw-c"])
Result = TypeVar("Result")
ADDRESSES = st.one_of(
    st.integers(0, 31).map("10.0.0.{}".format), st.integers(0, 63).map("10.0.1.{}".format)
)
PREFIXES = st.sampled_from(
    [IPv4Network(f"10.0.{net}.{base}/28") for net in (0, 1) for base in (0, 16, 32)]
)
WISHES = st.one_of(
    st.builds(Wish, count=st.integers(1, 15)),
    st.builds(Wish, addresses=st.lists(ADDRESSES, min_size=1, max_size=4, unique=True).map(tuple)),
    st.builds(Wish, prefix_count=st.integers(1, 3)),
    st.builds(Wish, prefixes=st.lists(PREFIXES, min_size=1, max_size=2, unique=True).map(tuple)),
)


def balance(cloud: Cloud) -> None:
    """Check that no address is held twice, that free counts add up, and that quotas hold."""
    enis = list(cloud.enis.all())
    singles = Counter(address for one in enis for address in (one.primary, *one.secondary))
    prefixes = Counter(prefix for one in enis for prefix in one.prefixes)
    assert set((singles | prefixes).values()) <= {1}
    assert all(one.slots_used - 1 <= secondary_capacity(cloud, one) for one in enis)
    for key, pool in cloud.pools.items():
        held = [one for one in enis if one.vswitch_id == key]
        assert pool.available == capacity(pool) - sum(1 + len(one.secondary) for one in held)
        assert cloud.view().available(key) == pool.available
        assert all(pool.contains(number) for one in held for number in numbers_of(one))


def capacity(pool: AddressPool) -> int:
    """Count, the slow way, the addresses a pool can ever give out."""
    return sum(pool.contains(int(address)) for address in pool.cidr)


def numbers_of(one: Eni) -> list[int]:
    """Return the single addresses of an ENI as numbers."""
    return [to_number(address) for address in (one.primary, *one.secondary)]


class Books(RuleBasedStateMachine):
    """Calls in any order; each changes exactly what it says, or nothing."""

    @initialize()
    def begin(self) -> None:
        """Start from the same world."""
        self.clock = ManualClock(0.0)
        self.cloud = found_cloud(read_world(WORLD), self.clock, LIMITS)

    def eni(self, number: int) -> Eni:
        """Return one of the ENIs that there are."""
        enis = list(self.cloud.enis.all())
        return enis[number % len(enis)]

    def instance(self, number: int) -> Instance:
        """Return one of the instances that there are."""
        instances = list(self.cloud.instances.all())
        return instances[number % len(instances)]

    def all_or_nothing(self, change: Callable[[], Result]) -> Result | None:
        """Make a change; if it is refused, nothing has changed."""
        before = self.everything()
        try:
            return change()
        except ApiError:
            assert self.everything() == before
            return None

    def everything(self) -> object:
        """Return all that there is."""
        rooms = [pool.available for pool in self.cloud.pools.values()]
        return list(self.cloud.enis.all()), list(self.cloud.instances.all()), rooms

    @rule(number=NUMBERS, wish=WISHES)
    def assign(self, number: int, wish: Wish) -> None:
        """Ask for something, which is given whole or not at all."""
        before = self.eni(number)
        added = self.all_or_nothing(lambda: assign(self.cloud, before.id, wish))
        if added is not None:
            assert len(added.addresses) + len(added.prefixes) == wish.slots
            assert self.cloud.enis.get(before.id) == added.on(before)

    @rule(number=NUMBERS, data=st.data())
    def unassign(self, number: int, data: st.DataObject) -> None:
        """Take back some of what is held."""
        before = self.eni(number)
        gone = data.draw(st.sets(st.sampled_from(before.secondary))) if before.secondary else set()

        def change() -> bool:
            unassign(self.cloud, before.id, tuple(gone), before.networks[:1])
            return True

        if self.all_or_nothing(change):
            after = self.cloud.enis.get(before.id)
            assert after is not None
            assert set(after.secondary) == set(before.secondary) - gone
            assert after.prefixes == before.prefixes[1:]

    @rule(vswitch_id=VSWITCHES, wish=WISHES, primary=st.one_of(st.just(""), ADDRESSES))
    def create(self, vswitch_id: str, wish: Wish, primary: str) -> None:
        """Make an ENI, which holds what was asked from the start."""
        new = NewEni(vswitch_id, primary=primary, wish=wish)
        made = self.all_or_nothing(lambda: create(self.cloud, new))
        if made is not None:
            assert made.slots_used == 1 + wish.slots
            assert made.primary == (primary or made.primary)

    @rule(number=NUMBERS, other=NUMBERS)
    def attach(self, number: int, other: int) -> None:
        """Begin to attach an ENI to an instance, one that is free if there is any."""
        free = [one for one in self.cloud.enis.all() if one.status == "Available"]
        one = free[number % len(free)] if free else self.eni(number)
        names = one.id, self.instance(other).id
        self.all_or_nothing(lambda: attach(self.cloud, *names))

    @rule(number=NUMBERS)
    def detach(self, number: int) -> None:
        """Begin to detach an ENI from where it is."""
        one = self.eni(number)
        self.all_or_nothing(lambda: detach(self.cloud, one.id, one.instance_id or "i-a"))

    @rule(number=NUMBERS)
    def delete(self, number: int) -> None:
        """Begin to delete an ENI."""
        name = self.eni(number).id
        self.all_or_nothing(lambda: delete(self.cloud, name))

    @rule(vswitch_id=VSWITCHES, amount=st.integers(1, 4))
    def run(self, vswitch_id: str, amount: int) -> None:
        """Launch instances, all or none."""
        launch = Launch("ecs.tiny.large", NewEni(vswitch_id), amount)
        ids = self.all_or_nothing(lambda: run(self.cloud, launch))
        assert ids is None or len(set(ids)) == amount

    @rule(number=NUMBERS, change=st.sampled_from([start, stop]))
    def start_or_stop(self, number: int, change: Callable[[Cloud, str], None]) -> None:
        """Begin to start or stop an instance."""
        name = self.instance(number).id
        self.all_or_nothing(lambda: change(self.cloud, name))

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 400.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass: what was begun goes on, and the past is cut."""
        self.clock.advance(seconds)
        self.cloud.settle()

    @invariant()
    def balanced(self) -> None:
        """The books balance after every call."""
        balance(self.cloud)

    @invariant()
    def attached_where_it_says(self) -> None:
        """An ENI is on an instance if its status says so, and no instance has too many."""
        for one in self.cloud.enis.all():
            assert (one.instance_id != "") == (one.status in ("Attaching", "InUse", "Detaching"))
        for home in self.cloud.instances.all():
            held = list(self.cloud.view().enis_of(home.id))
            assert len(held) <= self.cloud.types[home.type].enis
            assert sum(one.type == "Primary" for one in held) == 1

    def teardown(self) -> None:
        """When everything that was begun is over, nothing is in between."""
        self.clock.advance(10 * LIMITS.transition)
        self.cloud.settle()
        assert {one.status for one in self.cloud.enis.all()} <= {"Available", "InUse"}
        assert {one.status for one in self.cloud.instances.all()} <= {"Running", "Stopped"}
        balance(self.cloud)


Books.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestBooks = Books.TestCase


@given(taken=st.sets(st.integers(1, 60)), count=st.integers(1, 64))
def test_the_lowest_free_addresses_are_chosen(taken: set[int], count: int) -> None:
    """Choice is deterministic: the same addresses are free, the same are chosen."""
    pool = AddressPool(IPv4Network("10.0.0.0/26"), [IPv4Network("10.0.0.16/28")])
    base = to_number("10.0.0.0")
    free = [base + n for n in range(1, 61) if n not in taken and not 16 <= n < 32]
    pool.take([base + n for n in taken if not 16 <= n < 32])

    expected = free[:count] if count <= len(free) else None
    assert pool.lowest_free(count) == expected
    assert pool.available == len(free)
