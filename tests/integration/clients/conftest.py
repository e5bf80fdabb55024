"""Fixtures of the clients' tests: a local cloud in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localcloud.world import DEFAULT_KEY
from tests.integration.clients.client import CLIENTS, Client, Target
from tests.integration.clients.install import NotInstalled
from tests.integration.clients.scenario import WORLD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
REGION = "cn-hangzhou"

# Nothing that is on its way arrives while a scenario runs, however slow the machine.
COMMAND = [sys.executable, "-m", "localcloud", "--port", "0", "--world", str(WORLD)]
COMMAND += ["--transition", "600"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """One local cloud for all clients; its address."""
    with subprocess.Popen(  # noqa: S603 - our own command
        COMMAND, stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["listening"].removeprefix("http://")
        process.terminate()


@pytest.fixture
def address(server: str) -> str:
    """The address of the local cloud, which is at the beginning of its world."""
    reset(server)
    return server


@pytest.fixture(scope="module")
def connect() -> Callable[[str, Target], Client]:
    """Starts a client by its name; the test is skipped if it cannot be had here."""

    def start(name: str, target: Target) -> Client:
        try:
            return Client(CLIENTS[name](), target)
        except NotInstalled as error:
            if os.environ.get("CLIENTS_REQUIRED"):
                raise
            pytest.skip(f"{name}: {error}")

    return start


def target(address: str) -> Target:
    """Return where and as whom the local cloud is called."""
    return Target(address, REGION, DEFAULT_KEY.id, DEFAULT_KEY.secret)


def reset(address: str) -> None:
    """Have the local cloud go back to the beginning of its world."""
    connection = HTTPConnection(address)
    connection.request("POST", "/_localcloud/reset")
    assert connection.getresponse().status == 200
    connection.close()
