"""The share of the minute that an invocation may use, of writes and reads alike."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from handler.cloud import ports
from handler.core.errors import OutOfTime
from handler.core.pacing import Pacer
from handler.shell.invocation import CONFIRM, Invocation
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


@pytest.mark.parametrize(("left", "admitted"), [(CONFIRM + 0.1, True), (CONFIRM, False)])
def test_writes_end_before_reads_do(left: float, admitted: bool) -> None:
    """What was written last can still be confirmed."""
    pacer, clock = Pacer({"*": 4}), Clock()
    whole = invocation(clock, pacer, share=1.0)
    clock.sleep(3600 - left)
    whole.admit(ports.DESCRIBE_ENIS)
    with contextlib.nullcontext() if admitted else pytest.raises(OutOfTime):
        whole.admit(ports.ASSIGN)


def test_no_write_waits_for_a_minute_in_which_it_cannot_be_confirmed() -> None:
    """The next minute begins when only reads are left."""
    pacer, clock = Pacer({"*": 1}), Clock()
    whole = invocation(clock, pacer, share=1.0)
    clock.sleep(3600 - 50)
    whole.admit(ports.ASSIGN)
    with pytest.raises(OutOfTime):
        whole.admit(ports.ASSIGN)
    assert T0 + 3600 - 50 == clock.time


@pytest.mark.parametrize(("before", "slept"), [(0.0, 10.0), (7.0, 3.0), (10.0, 0.0), (12.0, 0.0)])
def test_a_pause_lasts_as_long_as_it_was_meant_to(before: float, slept: float) -> None:
    """What is called before it, to keep a hook alive, is a part of it.

    Seen to fail when that came on top: an invocation slept through its own end.
    """
    clock = Clock()
    whole = invocation(clock, Pacer({"*": 4}), share=1.0)
    whole.before_wait = lambda _planned: clock.sleep(before)
    whole.wait(10.0)
    assert (T0 + max(before, 10.0), slept) == (clock.time, whole.waited)


@pytest.mark.parametrize("operation", [ports.ASSIGN, ports.DESCRIBE_ENIS])
def test_nothing_begins_when_the_calls_before_it_took_what_was_left(operation: str) -> None:
    """A hook that was kept alive for long leaves no time for more."""
    clock = Clock()
    whole = invocation(clock, Pacer({"*": 4}), share=1.0)
    whole.before_wait = lambda _planned: clock.sleep(7.0)
    clock.sleep(3600 - CONFIRM - 1)
    with pytest.raises(OutOfTime):
        whole.admit(operation)


def test_nothing_begins_after_a_minute_that_was_waited_for_too_long() -> None:
    """A hook that was kept alive for long before the next minute leaves no time for more."""
    clock, pacer = Clock(), Pacer({"*": 1})
    whole = Invocation(clock, T0 + 62, pacer, ThreadPoolExecutor(1), Pages(), 1.0)
    whole.admit(ports.DESCRIBE_ENIS)
    clock.sleep(59)
    whole.before_wait = lambda planned: clock.sleep(7.0 if planned else 0.0)
    with pytest.raises(OutOfTime):
        whole.admit(ports.DESCRIBE_ENIS)


def test_a_clock_that_is_set_back_lengthens_no_pause() -> None:
    """While a hook is kept alive, the machine's clock may be corrected."""
    clock = Clock()
    whole = invocation(clock, Pacer({"*": 4}), share=1.0)
    whole.before_wait = lambda _planned: clock.sleep(-30.0)
    whole.wait(1.0)
    assert 1.0 == whole.waited
