"""The command line: one line when it listens, a clear word when it cannot."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from localcloud.__main__ import DEMO
from localcloud.products import ECS
from localcloud.samples import eni, world
from localcloud.sdk import COUNT, REGION, call
from localcloud.signing import older_parameters, older_query
from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
READ = "DescribeNetworkInterfaces"
ELEVEN = {COUNT: "11"}
COMMAND = [sys.executable, "-W", "error", "-m", "localcloud"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_when_told(number: signal.Signals) -> None:
    """Exactly one line on stdout, nothing on stderr, and a clean end."""
    with subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["listening"]
        process.send_signal(number)
        out, err = process.communicate(timeout=10)

    assert url.startswith("http://127.0.0.1:")
    assert (out, err, process.returncode) == ("", "", 0)


@pytest.mark.parametrize(
    ("option", "content", "complaint"),
    [
        ("--world", '{"region": "cn-hangzhou", "zones": []}', "zones: unknown field"),
        ("--world", "{", "not JSON"),
        ("--faults", '[{"action": "*"}]', "faults[0].fault: is required"),
        ("--world", None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_used(
    tmp_path: Path, option: str, content: str | None, complaint: str
) -> None:
    """The complaint names the field on stderr, and the exit code is 2."""
    path = tmp_path / "file.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")

    done = subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, "--port", "0", option, str(path)],
        capture_output=True,
        cwd=ROOT,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--cert", "cert.pem"], "--cert and --key go together"),
        (["--cert", "none.pem", "--key", "none.pem"], "none.pem"),
        (["--transition", "0"], "must be more than 0"),
        (["--unattached-limit", "many"], "invalid int value"),
    ],
)
def test_an_option_that_cannot_be_used(options: list[str], complaint: str) -> None:
    """Bad options are told on stderr too, with the same exit code."""
    done = subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, "--port", "0", *options], capture_output=True, cwd=ROOT, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr


def test_options_reach_the_cloud(tmp_path: Path) -> None:
    """How long things take, how much an ENI holds, and that throttling says when it ends."""
    path = tmp_path / "world.json"
    path.write_text(json.dumps(world(enis=[eni("eni-x")], quotas={READ: 1})), encoding="utf-8")
    options = ["--transition", "900", "--unattached-limit", "10", "--retry-after"]
    with subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, "--port", "0", "--world", str(path), *options],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["listening"].removeprefix("http://")
        eleven = ask(address, "AssignPrivateIpAddresses", NetworkInterfaceId="eni-x", **ELEVEN)
        ask(address, "AttachNetworkInterface", NetworkInterfaceId="eni-x", InstanceId="i-a")
        shown = ask(address, READ, **{"NetworkInterfaceId.1": "eni-x"})
        throttled = ask(address, READ)
        process.terminate()

    assert b"MaxEniPrivateIpsCountExceeded" in eleven.body
    assert b"<Status>Attaching</Status>" in shown.body
    assert 0 < int(throttled.headers["x-acs-retry-after"]) <= 60_000


class Answer(NamedTuple):
    """What came back."""

    headers: Mapping[str, str]
    body: bytes


def ask(address: str, action: str, **parameters: str) -> Answer:
    """Make a signed call to a local cloud in another process."""
    sent = {"RegionId": REGION, **parameters}
    signed = older_parameters(ECS, action, sent, DEFAULT_KEY, time.time())
    connection = HTTPConnection(address)
    try:
        connection.request("POST", f"/?{older_query(signed, DEFAULT_KEY.secret)}")
        response = connection.getresponse()
        return Answer(dict(response.headers), response.read())
    finally:
        connection.close()


def test_the_demo_world() -> None:
    """A scaling group of two waits for its hook, and there is something for every other event."""
    demo: Mapping[str, object] = json.loads(DEMO.read_text(encoding="utf-8"))
    with LocalCloud(demo) as cloud:
        answer = call(cloud, "DescribeNetworkInterfaces", {"MaxResults": 50})
        action = cloud.state()["lifecycle_actions"][0]

    enis = answer["NetworkInterfaceSets"]["NetworkInterfaceSet"]
    assert (action["status"], len(action["instance_ids"])) == ("Pending", 2)
    assert {row["Status"] for row in enis} == {"InUse", "Available"}
    assert any(len(row["PrivateIpSets"]["PrivateIpSet"]) > 1 for row in enis)
