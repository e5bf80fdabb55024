"""How fast the local cloud starts, and how many signed calls a second it answers on one core.

The server runs on one core and the callers on the others, where the system lets processes be bound
to cores.
"""

from __future__ import annotations

import http.client
import json
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.products import ECS
from localcloud.samples import eni, instance, vswitch, world
from localcloud.signing import current_headers
from localcloud.world import DEFAULT_KEY
from tests.bench.measure import Measure
from tests.bench.processes import Server, bind, server

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "cn-hangzhou"
ENIS = 1_000
TYPE = "ecs.g7.xlarge"
SECONDS = 5.0
"""How long each kind of call is made."""
CALLERS = 4
"""Threads that call at the same time, so that the server is never idle."""

Parameters = dict[str, str]


def big_world() -> dict[str, Any]:
    """Return a world of 250 instances with 4 ENIs each, every ENI with 5 secondary addresses."""

    def enis(number: int) -> list[dict[str, Any]]:
        kinds = ["Primary", "Secondary", "Secondary", "Secondary"]
        return [eni(f"eni-{number}-{place}", kind, secondary=5) for place, kind in enumerate(kinds)]

    return world(
        vswitches=[vswitch(cidr="10.0.0.0/16")],
        instances=[instance(f"i-{number}", enis(number)) for number in range(ENIS // 4)],
    )


def rate(running: Server, kind: str) -> Measure:
    """Call for some seconds out of another process, and count."""
    before = running.busy()
    with ProcessPoolExecutor(1) as pool:
        calls, taken = pool.submit(_call_for, running.address, kind, SECONDS).result()
    busy = running.busy() - before
    against = f"{calls / busy:.0f} a second of the server's core" if busy else ""
    return Measure(f"local cloud: {kind}", calls / taken, "calls/s", against)


def _call_for(address: str, kind: str, seconds: float) -> tuple[int, float]:
    """Return how many calls were answered, and in how many seconds."""
    bind(0, last=False)
    begun = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as pool:
        counts = [
            pool.submit(_call_until, address, kind, part, begun + seconds)
            for part in range(CALLERS)
        ]
        calls = sum(one.result() for one in counts)
    return calls, time.perf_counter() - begun


def _call_until(address: str, kind: str, part: int, end: float) -> int:
    connection = http.client.HTTPConnection(address)
    calls = 0
    for number in count():
        if time.perf_counter() > end:
            break
        for action, parameters in KINDS[kind](part, number):
            _call(connection, address, action, parameters)
            calls += 1
    connection.close()
    return calls


def _call(
    connection: http.client.HTTPConnection, address: str, action: str, parameters: Parameters
) -> None:
    headers, query = current_headers(
        ECS, action, {"RegionId": REGION, **parameters}, DEFAULT_KEY, time.time(), address
    )
    connection.request("POST", f"/?{query}", headers=headers)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise RuntimeError(f"{action}: {response.status} {body!r}")


def _read_one(part: int, number: int) -> list[tuple[str, Parameters]]:
    name = f"eni-{number % 250}-{part}"
    return [("DescribeNetworkInterfaces", {"NetworkInterfaceId.1": name})]


def _read_hundred(part: int, number: int) -> list[tuple[str, Parameters]]:
    names = (f"eni-{(number + n) % 250}-{part}" for n in range(100))
    ids = {f"NetworkInterfaceId.{n}": name for n, name in enumerate(names, start=1)}
    return [("DescribeNetworkInterfaces", {**ids, "MaxResults": "100"})]


def _assign_and_take_back(part: int, number: int) -> list[tuple[str, Parameters]]:
    """Use addresses that nobody else has, so that callers are not in each other's way."""
    name, address = f"eni-{number % 250}-{part}", f"10.0.{200 + part}.{number % 250 + 1}"
    named = {"NetworkInterfaceId": name, "PrivateIpAddress.1": address}
    return [
        ("AssignPrivateIpAddresses", {**named, "ClientToken": f"bench-{part}-{number}"}),
        ("UnassignPrivateIpAddresses", named),
    ]


KINDS = {
    "read one ENI": _read_one,
    "read 100 ENIs": _read_hundred,
    "assign and unassign": _assign_and_take_back,
}


def measures() -> Iterator[Measure]:
    """Start it twice, and call it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "world.json"
        path.write_text(json.dumps({"region": REGION}), encoding="utf-8")
        with server(path) as running:
            yield Measure("local cloud: start, empty world", running.started, "s")
        path.write_text(json.dumps(big_world()), encoding="utf-8")
        with server(path) as running:
            yield Measure(f"local cloud: start, {ENIS} ENIs", running.started, "s")
            for kind in KINDS:
                yield rate(running, kind)
