"""Reads with the fewest calls, those that do not need each other side by side."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from handler.cloud.ports import EniQuery, Page
from handler.core.errors import CloudFault
from handler.core.model import Eni, Instance
from handler.core.pacing import Pacer
from handler.shell.invocation import Invocation
from handler.shell.reading import MAX_PAGES, Reader
from tests.unit.test_invocation import T0, Clock
from tests.unit.test_records import Pages

if TYPE_CHECKING:
    from handler.cloud.ports import Cloud

ENI = Eni("eni-a", "Primary", "InUse", "vsw-a", "i-a")
INSTANCE = Instance("i-a", "ecs.g7.xlarge", "Running")


class Meeting:
    """An ECS that answers a read only when the other one has been asked too."""

    def __init__(self) -> None:
        self._both = threading.Barrier(2, timeout=10)

    def network_interfaces(self, *_query: Any) -> Page[Eni]:
        """The ENI."""
        self._both.wait()
        return Page((ENI,))

    def instances(self, *_query: Any) -> Page[Instance]:
        """The instance."""
        self._both.wait()
        return Page((INSTANCE,))


class Region:
    """A cloud with that ECS."""

    ecs = Meeting()


def test_both_reads_of_one_instance_are_under_way_together() -> None:
    """Neither the ENIs nor the instance waits for the other's answer."""
    with ThreadPoolExecutor(2) as threads:
        invocation = Invocation(Clock(), T0 + 600, Pacer({"*": 100}), threads, Pages(), 1.0)
        reading = Reader(cast("Cloud", Region()), invocation, {}).of_instances(["i-a"])
    assert ({"eni-a": ENI}, {"i-a": INSTANCE}) == (reading.enis, reading.instances)


class Group:
    """Auto Scaling with a listing of its own."""

    def __init__(self, pages: list[Page[str]]) -> None:
        self._pages = pages

    def scaling_instances(self, _group: str, _activity: str | None, page: int) -> Page[str]:
        """One page of it."""
        return self._pages[page - 1]


class Endless:
    """An ECS whose listing never ends, with a new token each time."""

    def __init__(self) -> None:
        self.read = 0

    def network_interfaces(self, _query: Any, _token: str | None) -> Page[Eni]:
        """A page that shows nothing and another token."""
        self.read += 1
        return Page((), f"token-{self.read}")


def reader_of(cloud: Any) -> Reader:
    """A reader of such a cloud, with time enough."""
    pacer = Pacer({"*": 1_000_000})
    invocation = Invocation(Clock(), T0 + 600, pacer, ThreadPoolExecutor(1), Pages(), 1.0)
    return Reader(cast("Cloud", cloud), invocation, {})


@pytest.mark.parametrize(("total", "ids"), [(0, {"i-1"}), (1, {"i-1"}), (30, None)])
def test_a_listing_that_shows_less_than_it_counts_is_not_whole(
    total: int, ids: set[str] | None
) -> None:
    """Nobody is called gone because of it."""
    reader = reader_of(SimpleNamespace(ess=Group([Page(("i-1",), None, total)])))
    if ids is not None:
        assert ids == reader.of_group("asg-1")
        return
    with pytest.raises(CloudFault, match="1 of 30 are shown"):
        reader.of_group("asg-1")


def test_a_listing_without_end_is_ended() -> None:
    """Ever new tokens fill no memory."""
    ecs = Endless()
    with pytest.raises(CloudFault, match="pages without end"):
        list(reader_of(SimpleNamespace(ecs=ecs)).list_enis(EniQuery()))
    assert ecs.read <= MAX_PAGES + 2
