"""Connections to addresses, over real sockets: each address of the test stands on this machine."""

from __future__ import annotations

import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, cast

import pytest

from handler.core.guests import Heard
from handler.core.model import Eni, EniResult, Outcome, Reason, Request, Selector
from handler.core.pacing import Pacer
from handler.core.settings import read_settings
from handler.shell import probe
from handler.shell.probe import Guests, connect_to
from handler.shell.reading import Reader
from handler.shell.records import Tally
from tests.fresh import printed
from tests.unit.test_invocation import Clock, invocation
from tests.unit.test_records import Pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handler.cloud.ports import Cloud


def here(address: str) -> str:
    """Where an address of the tests stands: 10.0.0.1 at 127.0.0.1."""
    return address.replace("10.", "127.", 1)


@contextmanager
def listening(address: str, port: int = 0) -> Iterator[socket.socket]:
    """A server on an address; it never accepts, which its kernel does for it."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((here(address), port))
        server.listen(512)
        yield server


@contextmanager
def silent(address: str, port: int) -> Iterator[None]:
    """An address whose kernel answers no more: the queue of its server is full."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind((here(address), port))
        server.listen(0)
        for _ in range(3):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)  # noqa: FBT003  (its name says it)
            one.connect_ex((here(address), port))
        yield


def test_accepted_and_refused_are_answers_and_silence_is_none() -> None:
    """A server, a closed port and a kernel that says nothing, asked side by side."""
    with listening("10.0.0.1") as server:
        port = server.getsockname()[1]
        with silent("10.0.0.3", port):
            asked = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
            found = connect_to(asked, port, 0.5, here)
    assert Heard(frozenset(asked), frozenset({"10.0.0.1", "10.0.0.2"})) == found


def test_no_byte_is_sent() -> None:
    """Who accepts reads the end of the connection, and nothing before it."""
    with listening("10.0.0.1") as server:
        connect_to(["10.0.0.1"], server.getsockname()[1], 2.0, here)
        connection, _ = server.accept()
        with connection:
            assert b"" == connection.recv(1)


def test_where_there_is_no_way_nobody_answers() -> None:
    """A destination that the kernel refuses is silence: the guest may come up yet."""
    found = connect_to(["10.0.0.1"], 9, 2.0, lambda _: "255.255.255.255")
    assert Heard(frozenset({"10.0.0.1"})) == found


def test_more_than_are_under_way_at_once() -> None:
    """All are asked, however many there are."""
    many = [f"10.0.{n // 250}.{n % 250 + 1}" for n in range(3 * probe.IN_FLIGHT)]
    assert Heard(frozenset(many), frozenset(many)) == connect_to(many, 9, 10.0, here)


def test_no_more_than_so_many_are_under_way() -> None:
    """While all are silent, the others have to wait, and there may be no time left for them."""
    with listening("10.0.0.1") as server:
        port = server.getsockname()[1]
    with silent("10.0.0.3", port):
        many = [f"10.0.1.{n}" for n in range(250)] + [f"10.0.2.{n}" for n in range(250)]
        found = connect_to(many, port, 1.5, lambda _: here("10.0.0.3"))
    assert Heard(frozenset(many[: probe.IN_FLIGHT])) == found


FEW_FILES = """
import resource, socket
from handler.shell.probe import connect_to
with socket.socket() as highest:
    most = highest.fileno() + 5
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
many = [f"127.0.0.{n + 1}" for n in range(40)]
found = connect_to(many, 9, 10.0)
print(len(found.asked), len(found.answered))
"""


def test_process_without_a_free_socket_asks_as_others_end() -> None:
    """All are asked, a few at a time, where the process may open only a few more files."""
    assert "40 40" == printed(FEW_FILES).strip()


def test_without_time_nobody_is_asked() -> None:
    """What was not asked is not among those that were."""
    assert Heard() == connect_to(["10.0.0.1"], 9, 0.0, here)


def _answers(addresses: Sequence[str], _port: int, _seconds: float) -> Heard:
    return Heard(frozenset(addresses), frozenset(addresses))


@pytest.mark.parametrize("released", [0, 1, 2])
def test_held_results_are_told_once(released: int) -> None:
    """Nothing before the first release, each ENI with it, and nothing again with a second one."""
    pages, time = Pages(), invocation(Clock(), Pacer({"*": 100}), 1.0)
    settings = read_settings({"GUEST_PORT": "22"})
    request = Request("manual", "cn-hangzhou", Selector(everything=True), manual=True)
    reader = Reader(cast("Cloud", None), time, {})
    guests = Guests(settings, request, time, Tally(pages), reader, _answers)
    for name in ("eni-a", "eni-b"):
        eni = Eni(name, "Primary", "InUse", "vsw-a", "i-a", frozenset({"10.0.0.2"}))
        guests.hold(EniResult(name, "i-a", "vsw-a", Outcome.ASSIGNED, Reason.REACHED), eni)
    guests.ask()
    for _ in range(released):
        guests.release()
    told = [(row["network_interface_id"], row["guest"]) for _, _, row in pages.lines]
    assert [("eni-a", "answers"), ("eni-b", "answers")] * (released > 0) == told
