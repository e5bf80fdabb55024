"""What asking the guests adds to a launch: 100 instances, whose addresses answer at once.

The guests stand on this machine: each address of the world is one of loopback's, on which one
server accepts.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from statistics import median
from typing import TYPE_CHECKING

from tests.bench.bench_backfill import cloud
from tests.bench.measure import Measure, measure
from tests.bench.processes import Instance
from tests.worlds import eni, hook_event, instance, world

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTANCES, ADDRESSES, RUNS = 100, 8, 7
NAMES = ("guests: a launch that does not ask", "guests: asking, besides")
TARGET = {"TARGET_SECONDARY_IPS": f"{ADDRESSES}"}


def measures() -> Iterator[Measure]:
    """The same launch again and again, without asking and with it; the first one warms up."""
    names = [f"guest{n:03}" for n in range(INSTANCES)]
    shape = world(*(instance(name, eni(f"eni-{name}", ADDRESSES)) for name in names))
    event = hook_event(*(f"i-{name}" for name in names))
    with cloud(shape) as it, answering() as port:
        asking = {"GUEST_PORT": f"{port}"}
        without, with_it = (
            [
                each["seconds"]
                for each in Instance(
                    it.url, TARGET | settings, events=[event] * (RUNS + 1), here=True
                ).report()["events"][1:]
            ]
            for settings in ({}, asking)
        )
    plain, besides = NAMES
    asked = f"{INSTANCES * (ADDRESSES + 1)} connections, {INSTANCES} instances"
    yield measure(plain, without, "s", f"{INSTANCES} instances at their target")
    yield measure(besides, [each - median(without) for each in with_it], "s", asked, 2.0)


@contextmanager
def answering() -> Iterator[int]:
    """The port of a server that accepts on every address of loopback."""
    with socket.create_server(("", 0), backlog=1024) as server:

        def serve() -> None:
            with suppress(OSError):  # it was closed
                while True:
                    server.accept()[0].close()

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
