"""The share of the minute that an invocation may use, of writes and reads alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from handler.cloud import ports
from handler.invocation import Invocation
from handler.pacing import Pacer
from tests.unit.test_records import Pages

# A whole number of minutes since the epoch.
T0 = 1_800_000_000.0


class Clock:
    """Time that only sleeping moves."""

    def __init__(self) -> None:
        self.time = T0

    def now(self) -> float:
        """Epoch seconds."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.time += seconds


def invocation(clock: Clock, pacer: Pacer, share: float) -> Invocation:
    """An invocation with an hour to go."""
    return Invocation(clock, T0 + 3600, pacer, ThreadPoolExecutor(1), Pages(), share)


@pytest.mark.parametrize("operation", [ports.ASSIGN, ports.DESCRIBE_ENIS])
def test_backfill_leaves_launches_their_part_of_every_operation(operation: str) -> None:
    """Half of four a minute: the third call of a backfill waits, and a launch's does not."""
    pacer, clock = Pacer({"*": 4}), Clock()
    for _ in range(3):
        invocation(clock, pacer, share=0.5).admit(operation)
    assert T0 + 60 == clock.time
    for _ in range(3):
        invocation(clock, pacer, share=1.0).admit(operation)
    assert T0 + 60 == clock.time
