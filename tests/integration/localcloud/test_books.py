"""Whatever is called in whatever order, the books of the vSwitches balance."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.localcloud.addresses import AddressPool, to_number
from tests.localcloud.assignment import Wish, assign, unassign
from tests.localcloud.clock import ManualClock
from tests.localcloud.errors import ApiError
from tests.localcloud.founding import found_cloud
from tests.localcloud.limits import secondary_capacity
from tests.localcloud.samples import eni, instance, vswitch, world
from tests.localcloud.world import read_world

if TYPE_CHECKING:
    from tests.localcloud.model import Eni
    from tests.localcloud.state import Cloud

WORLD = world(
    vswitches=[
        vswitch("vsw-a", "10.0.0.0/27", reserved_prefixes=["10.0.0.16/28"]),
        vswitch("vsw-b", "10.0.1.0/26", reserved_prefixes=["10.0.1.0/28", "10.0.1.32/28"]),
    ],
    instances=[
        instance(enis=[eni("eni-0", "Primary", secondary=2), eni("eni-1", vswitch="vsw-b")]),
        instance("i-b", [eni("eni-2", "Primary", vswitch="vsw-b")], type="ecs.g7.large"),
    ],
    enis=[eni("eni-3"), eni("eni-4", vswitch="vsw-b")],
)

ENI_IDS = st.sampled_from([f"eni-{number}" for number in range(5)])
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
        self.cloud = found_cloud(read_world(WORLD), self.clock)

    @rule(eni_id=ENI_IDS, wish=WISHES)
    def assign(self, eni_id: str, wish: Wish) -> None:
        """Ask for something, which is given whole or not at all."""
        before = self.cloud.enis.get(eni_id)
        assert before is not None
        try:
            added = assign(self.cloud, eni_id, wish)
        except ApiError:
            assert self.cloud.enis.get(eni_id) == before
            return
        after = self.cloud.enis.get(eni_id)
        assert after is not None
        assert len(added.addresses) + len(added.prefixes) == wish.slots
        assert after.secondary == before.secondary + added.addresses
        assert after.prefixes == before.prefixes + added.prefixes

    @rule(eni_id=ENI_IDS, data=st.data())
    def unassign(self, eni_id: str, data: st.DataObject) -> None:
        """Take back some of what is held."""
        before = self.cloud.enis.get(eni_id)
        assert before is not None
        gone = data.draw(st.sets(st.sampled_from(before.secondary))) if before.secondary else set()
        prefixes = tuple(map(IPv4Network, before.prefixes[:1]))

        unassign(self.cloud, eni_id, tuple(gone), prefixes)

        after = self.cloud.enis.get(eni_id)
        assert after is not None
        assert set(after.secondary) == set(before.secondary) - gone

    @rule(seconds=st.floats(0, 400))
    def wait(self, seconds: float) -> None:
        """Let time pass, so that the past is cut."""
        self.clock.advance(seconds)

    @invariant()
    def balanced(self) -> None:
        """The books balance after every call."""
        balance(self.cloud)


Books.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
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
