"""Reads with the fewest calls, those that do not need each other side by side."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

from handler.cloud.ports import Page
from handler.core.model import Eni, Instance
from handler.core.pacing import Pacer
from handler.shell.invocation import Invocation
from handler.shell.reading import Reader
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
