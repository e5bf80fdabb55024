"""Answers that do not come, come in pieces, or say what nobody knows: one decides nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from darabonba.core import DaraCore
from requests import Request

from handler.cloud.connect import Connector
from handler.cloud.failures import failure_of
from handler.cloud.limits import at_most
from handler.cloud.ports import EniQuery
from handler.cloud.transport import TookTooLong, share_tls_context
from handler.core.errors import CloudFault, NotPermitted, Retryable
from handler.core.settings import read_settings
from tests.integration.test_trouble import EIGHT, ENIS, GOOD, WRITE, refusal
from tests.stage import Stage, environment
from tests.worlds import REGION, World, hook_event, instance, world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.cloud.ports import Cloud

TYPES = "DescribeInstanceTypes"

# --- refusals that are in no table ------------------------------------------------------------

ONCE = [
    ("Rejected.Throttling", 400),
    ("rejected.throttling", 403),
    ("RequestTimeout", 408),
    ("SystemBusy", 400),
    ("OperationFailed.LastTokenProcessing", 403),
    ("IncorrectStatus.Eni", 403),
    ("TooEarly", 425),
    ("Some.NewCode", 400),
    ("Some.NewCode", 404),
]


@pytest.mark.parametrize(("code", "status"), ONCE)
def test_one_unknown_refusal_decides_nothing(code: str, status: int) -> None:
    """Asked again with the same token, assigned, and the hook goes on."""
    with Stage(world(instance("a")), EIGHT, [refusal(WRITE, code, status, times=1)]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": GOOD} == delivered.ends
        assert "CONTINUE" == stage.hook()["result"]
        assert 1 == len({write["ClientToken"] for write in stage.writes()})


@pytest.mark.parametrize(("code", "status"), [("Some.NewCode", 400), ("Quota.Strange", 403)])
def test_a_refusal_that_nobody_knows_never_releases_an_instance(code: str, status: int) -> None:
    """A launch raises and leaves the hook waiting; a backfill's ENI has failed."""
    with Stage(world(instance("a")), EIGHT, [refusal(WRITE, code, status)]) as stage:
        launched = stage.deliver(hook_event("i-a"))
        assert isinstance(launched.error, Retryable)
        assert {"eni-a": ("deferred", "refused")} == launched.ends
        assert "Pending" == stage.hook()["status"]
        assert 2 == len(stage.writes())
        filled = stage.deliver({"backfill": {"all": True}})
        assert {"eni-a": ("failed", "refused")} == filled.ends


@pytest.mark.parametrize(
    ("code", "status"), [("Whatever", 401), ("NoPermission.Eni", 403), ("Forbidden", 403)]
)
def test_a_refused_permission_under_an_unknown_name(code: str, status: int) -> None:
    """It is a missing permission: raised, and no answer to the hook."""
    with Stage(world(instance("a")), EIGHT, [refusal(WRITE, code, status)]) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert isinstance(delivered.error, NotPermitted)
        assert "Pending" == stage.hook()["status"]


def test_a_refusal_that_says_whose_the_eni_is_lets_the_launch_go_on() -> None:
    """The ENI is left alone, with a code on record, and the hook continues."""
    faults = [refusal(WRITE, "InvalidOperation.EniServiceManaged")]
    with Stage(world(instance("a")), EIGHT, faults) as stage:
        delivered = stage.deliver(hook_event("i-a"))
        assert {"eni-a": ("skipped", "service_managed")} == delivered.ends
        assert "InvalidOperation.EniServiceManaged" == delivered.enis["eni-a"]["code"]
        assert "CONTINUE" == stage.hook()["result"]


# --- catalogues -------------------------------------------------------------------------------


def two_types() -> World:
    """Two instances of two types; the first type in order is refused by DescribeInstanceTypes."""
    fleet = world(instance("a", type="ecs.aa.odd"), instance("b"))
    return fleet | {"instance_types": {"ecs.aa.odd": [4, 15]}}


ODD = refusal(TYPES, "InvalidInstanceType.NotFound", 404, {"InstanceTypes.1": "ecs.aa.odd"})


@pytest.mark.parametrize(
    ("target", "odd"),
    [("4", GOOD), ("max", ("failed", "unknown_instance_type"))],
    ids=["a number", "a share"],
)
def test_a_type_that_is_refused_spoils_no_other(target: str, odd: tuple[str, str]) -> None:
    """Types are asked for one by one then; a fixed number needs no catalogue."""
    with Stage(two_types(), {"TARGET_SECONDARY_IPS": target}, [ODD]) as stage:
        delivered = stage.deliver({"backfill": {"all": True}})
        assert {"eni-a": odd, "eni-b": GOOD} == delivered.ends
        advice = delivered.enis["eni-a"]["advice"]
        assert (odd != GOOD) == ("ecs.aa.odd" in str(advice))


# --- numbers that are wrong -------------------------------------------------------------------


@pytest.mark.parametrize(("room", "wanted"), [(11, 14), (2, 9), (0, 5)])
def test_a_vswitch_with_less_than_it_shows(room: int, wanted: int) -> None:
    """What there is was taken, and the record says which number was wrong."""
    # A /28 gives 12 addresses; the primary one and what others hold leave so many.
    others = instance(
        "z",
        {
            "id": "eni-z",
            "type": "Primary",
            "vswitch": world()["vswitches"][0]["id"],
            "secondary": max(0, 11 - 1 - room),
        },
    )
    lies = {"VSwitchId": world()["vswitches"][0]["id"], "AvailableIpAddressCount": 311}
    shown = {"action": "DescribeVSwitches", "fault": "http", "status": 200, "times": 999}
    body = json.dumps({"RequestId": "R", "VSwitches": {"VSwitch": [lies]}})
    settings = {"TARGET_SECONDARY_IPS": str(wanted), "VSWITCH_RESERVE": "0"}
    tight = world(instance("a"), others, cidr="10.0.0.0/28")
    with Stage(tight, settings, [shown | {"body": body}]) as stage:
        free = stage.cloud.state()["vswitches"][0].get("available")
        delivered = stage.deliver(hook_event("i-a"))
        had = stage.held()["eni-a"]
        assert ("short", "vswitch") == delivered.ends["eni-a"]
        assert had == min(wanted, free if isinstance(free, int) else had)
        assert f"has {had}." in delivered.enis["eni-a"]["advice"]
        assert len(stage.writes()) <= 3 + 2 + wanted.bit_length()


# --- listings ---------------------------------------------------------------------------------


def test_a_listing_whose_token_is_no_longer_good_begins_again() -> None:
    """Each ENI is recorded once, and one delivery is enough."""
    fleet = [instance(f"n{number:04}") for number in range(520)]
    first = {"action": ENIS, "fault": "slow", "seconds": 0, "times": 1}
    forgotten = refusal(ENIS, "InvalidNextToken", 400, times=1)
    many = world(*fleet, cidr="10.0.0.0/16", lifecycle_actions=[])
    with Stage(many, {"TARGET_SECONDARY_IPS": "0"}, [first, forgotten]) as stage:
        delivered = stage.deliver({"plan": {"all": True}})
        assert delivered.error is None
        assert 520 == len(delivered.enis)


# --- answers that do not come -----------------------------------------------------------------


@contextlib.contextmanager
def host(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A host that does this with every connection."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                with contextlib.suppress(OSError):
                    connection, _ = listening.accept()
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        done.set()


def cloud_at(url: str) -> Cloud:
    """The function's own clients, with all services at one address."""
    environ = environment(url)
    return Connector(read_settings(environ).endpoints, environ).cloud(REGION)


def asked(connection: socket.socket) -> str:
    """The head of a request."""
    text = b""
    while b"\r\n\r\n" not in text:
        text += connection.recv(65536)
    return text.decode()


def reset(connection: socket.socket) -> None:
    """Hang up without a word."""
    asked(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def trickle(connection: socket.socket) -> None:
    """An answer that never ends, a byte at a time."""
    asked(connection)
    with contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
        while True:
            connection.sendall(b" ")
            time.sleep(0.05)


def trickle_head(connection: socket.socket) -> None:
    """The same, and not even its head ends."""
    asked(connection)
    with contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)


def hang_up(connection: socket.socket) -> None:
    """Close politely, with no answer."""
    asked(connection)
    connection.close()


def read_vswitch(cloud: Cloud) -> str:
    """What a read that is not answered says."""
    with pytest.raises(CloudFault) as met:
        cloud.vpc.available_addresses("vsw-1")
    assert "no_answer" == met.value.code
    return met.value.message


KINDS = [(reset, "reset"), (hang_up, "without an answer"), (trickle, "no whole answer")]


@pytest.mark.parametrize(("answer", "said"), [*KINDS, (trickle_head, "no whole answer")])
def test_why_a_call_was_not_answered(answer: Callable[[socket.socket], None], said: str) -> None:
    """The kind of failure and the host; an answer that trickles is ended as a whole."""
    with host(answer) as url, at_most(0.6):
        message = read_vswitch(cloud_at(url))
    assert said in message
    assert url.removeprefix("http://") in message
    assert "Signature" not in message


def test_an_answer_that_is_ended_names_the_proxy() -> None:
    """What trickles through a proxy may be the proxy's doing."""
    share_tls_context()
    adapter, request = DaraCore.get_adapter("HTTP"), Request("GET", "http://vpc.example/")
    with host(trickle) as proxy, at_most(0.6), pytest.raises(TookTooLong) as met:
        adapter.send(request.prepare(), timeout=5, proxies={"http": proxy})
    place = proxy.removeprefix("http://")
    kind = "no whole answer in the time that the call may take"
    assert f"{kind} (vpc.example), through the proxy {place}" == failure_of(met.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [("http://127.0.0.1:1", "refused (127.0.0.1:1)"), ("http://no.such.invalid", "not found")],
)
def test_hosts_that_are_not_there(url: str, said: str) -> None:
    """A refused connection and an unknown name are told apart."""
    assert said in read_vswitch(cloud_at(url))


def test_pages_that_are_not_answered_in_time_get_smaller() -> None:
    """The region can be listed after all, and the clients remember what can be answered."""
    sizes: list[str] = []

    def slow_when_large(connection: socket.socket) -> None:
        head = asked(connection)
        size = head.partition("MaxResults=")[2].partition("&")[0].partition(" ")[0]
        sizes.append(size)
        if int(size) > 100:
            time.sleep(3)
        body = b'{"RequestId":"R","NetworkInterfaceSets":{"NetworkInterfaceSet":[]}}'
        with contextlib.suppress(OSError):
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body) + body
            )
            connection.close()

    with host(slow_when_large) as url, at_most(0.6):
        cloud = cloud_at(url)
        with pytest.raises(CloudFault):
            cloud.ecs.network_interfaces(EniQuery())
        pages = [cloud.ecs.network_interfaces(EniQuery()).items for _ in range(2)]
    assert ([(), ()], ["500", "100", "100"]) == (pages, sizes)


# --- time -------------------------------------------------------------------------------------


def test_a_launch_uses_the_time_that_it_has_before_it_is_delivered_again() -> None:
    """Deliveries follow at once: without that, all of them would meet the same throttled minute."""
    throttled: dict[str, Any] = refusal(WRITE, "Throttling.User", 400)
    with Stage(world(instance("a")), EIGHT, [throttled]) as stage:
        began = stage.time.now()
        delivered = stage.deliver(hook_event("i-a"), timeout=40)
        assert isinstance(delivered.error, Retryable)
        assert stage.time.now() - began >= 20
