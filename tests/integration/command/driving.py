"""Runs `python -m handler` against a local cloud, as an operator would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.stage import environment

if TYPE_CHECKING:
    from tests.localcloud.testing import LocalCloud

ROOT = Path(__file__).parents[3]
WRITE = "AssignPrivateIpAddresses"
# Longer than any run here takes; only a hang is cut short.
PATIENCE = 60.0
SETTINGS = {"TARGET_SECONDARY_IPS": "2", "SETTLE_SECONDS": "1", "VISIBILITY_SECONDS": "1"}
SCREEN = {"COLUMNS": "120"}


@dataclass(frozen=True)
class Done:
    """How the command ended."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output, taken for JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def surroundings(cloud: LocalCloud, **settings: str) -> dict[str, str]:
    """The environment of an operator whose cloud this is."""
    return dict(os.environ) | SCREEN | SETTINGS | environment(cloud.url) | settings


def start(
    cloud: LocalCloud, *arguments: str, folder: Path = ROOT, **settings: str
) -> subprocess.Popen[str]:
    """Start the command in a folder, in a process group of its own."""
    env = surroundings(cloud, **settings) | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(  # noqa: S603  (this interpreter, and arguments of the tests)
        [sys.executable, "-m", "handler", *arguments],
        cwd=folder,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(
    cloud: LocalCloud, *arguments: str, stdin: str = "", folder: Path = ROOT, **settings: str
) -> Done:
    """Run the command to its end."""
    return finish(start(cloud, *arguments, folder=folder, **settings), stdin)


def finish(process: subprocess.Popen[str], stdin: str = "") -> Done:
    """Wait until a started command has ended."""
    out, err = process.communicate(stdin, PATIENCE)
    return Done(process.returncode, out, err)


def held(cloud: LocalCloud) -> set[int]:
    """How many secondary addresses the ENIs hold, from the cloud's own books."""
    return {len(eni["secondary"]) for each in cloud.state()["instances"] for eni in each["enis"]}


def written(cloud: LocalCloud) -> list[str]:
    """The ENIs of the calls that assigned addresses, in their order."""
    calls = cloud.calls(WRITE)
    return [call["parameters"]["NetworkInterfaceId"] for call in calls if call["status"] == 200]
