"""The command line: one line when it listens, a clear word when it cannot."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.localcloud.__main__ import DEMO
from tests.localcloud.sdk import call
from tests.localcloud.testing import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-W", "error", "-m", "tests.localcloud"]


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
