"""Stopped on request, an invocation writes nothing new; what was written can still be read."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from handler.cloud.ports import ASSIGN, DESCRIBE_ENIS
from handler.core.errors import OutOfTime
from handler.core.pacing import Pacer
from handler.shell.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """Goes on while it sleeps; a sleep stops the invocation."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._now = 100.0

    def now(self) -> float:
        """Epoch seconds."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Somebody presses Ctrl-C meanwhile."""
        self._now += seconds
        self._stop.set()


class Silence:
    """A log that nobody reads."""

    def hidden(self, text: str) -> str:
        """There are no secrets."""
        return text

    def write(self, record_type: str, level: str = "info", **fields: object) -> None:
        """Nothing."""


@pytest.fixture
def stop() -> threading.Event:
    """What stops the invocation."""
    return threading.Event()


@pytest.fixture
def invocation(stop: threading.Event) -> Iterator[Invocation]:
    """One with a single write a minute."""
    pacer = Pacer({ASSIGN: 1, "*": 10}, jitter=lambda: 0.0)
    with ThreadPoolExecutor(1) as threads:
        yield Invocation(Clock(stop), 1000.0, pacer, threads, Silence(), 1.0, stop.is_set)


def test_nothing_is_written_after_the_stop(invocation: Invocation, stop: threading.Event) -> None:
    """Reads are let through, because they confirm what was written."""
    stop.set()
    invocation.admit(DESCRIBE_ENIS)
    with pytest.raises(OutOfTime, match="stopped"):
        invocation.admit(ASSIGN)


def test_a_write_that_waits_for_the_next_minute_is_given_up(invocation: Invocation) -> None:
    """Whoever is woken by the stop does not write."""
    invocation.admit(ASSIGN)
    with pytest.raises(OutOfTime, match="stopped"):
        invocation.admit(ASSIGN)


def test_no_other_item_is_begun(invocation: Invocation, stop: threading.Event) -> None:
    """The one in hand is finished."""
    items = invocation.until_stopped("ab")
    assert "a" == next(items)
    stop.set()
    with pytest.raises(OutOfTime, match="stopped"):
        next(items)


def test_the_last_item_ends_it(invocation: Invocation, stop: threading.Event) -> None:
    """With nothing left there is nothing to stop."""
    items = invocation.until_stopped("a")
    next(items)
    stop.set()
    assert [] == list(items)
