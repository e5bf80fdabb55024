"""Runs the command against a local cloud in a process of its own, as an operator would."""

from __future__ import annotations

import json
import os
import pty
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.forked import Forked
from tests.stage import environment

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from localcloud.testing import LocalCloud

ROOT = Path(__file__).parents[3]
WRITE = "AssignPrivateIpAddresses"
# Longer than any run here takes; only a hang is cut short.
PATIENCE = 60.0
SETTINGS = {"TARGET_SECONDARY_IPS": "2", "SETTLE_SECONDS": "1", "VISIBILITY_SECONDS": "1"}
SCREEN = {"COLUMNS": "140"}


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


def start(cloud: LocalCloud, *arguments: str, folder: Path = ROOT, **settings: str) -> Forked:
    """Start the command in a folder, in a process group of its own."""
    env = surroundings(cloud, **settings) | {"PYTHONPATH": str(ROOT)}
    return Forked("console", *arguments, cwd=folder, env=env)


def run(
    cloud: LocalCloud, *arguments: str, stdin: str = "", folder: Path = ROOT, **settings: str
) -> Done:
    """Run the command to its end."""
    return finish(start(cloud, *arguments, folder=folder, **settings), stdin)


def shown_calls(done: Done) -> list[str]:
    """The request ids of the calls that `-v` has shown, in their order."""
    lines = (line.partition(" s, request id ") for line in done.err.splitlines())
    return [id_ for _, between, id_ in lines if between]


def finish(process: Forked, stdin: str = "") -> Done:
    """Wait until a started command has ended."""
    out, err = process.communicate(stdin, PATIENCE)
    return Done(process.wait(), out, err)


class Terminal:
    """The command on a terminal of its own, read as it writes; use it with ``with``."""

    def __init__(
        self, cloud: LocalCloud, *arguments: str, folder: Path = ROOT, **settings: str
    ) -> None:
        self._ours, theirs = pty.openpty()
        self._shown: list[bytes] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        env = surroundings(cloud, **settings) | {"PYTHONPATH": str(ROOT)}
        self.process = Forked(
            "console", *arguments, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        os.close(self._ours)

    @property
    def shown(self) -> str:
        """Everything so far."""
        return b"".join(self._shown).decode(errors="replace")

    def until(self, text: str) -> None:
        """Wait until a text appears."""
        end = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            assert self._reader.is_alive(), self.shown
            time.sleep(0.01)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._ours, keys)

    def interrupt(self) -> None:
        """Press Ctrl-C, as the terminal passes it on."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Wait until the command has ended; its exit status."""
        status = self.process.wait(PATIENCE)
        self._reader.join()
        return status

    def _read(self) -> None:
        while True:
            try:
                found = os.read(self._ours, 4096)
            except OSError:  # the other end is closed
                return
            self._shown.append(found)


def held(cloud: LocalCloud) -> set[int]:
    """How many secondary addresses the ENIs hold, from the cloud's own books."""
    return set(cloud.held().values())


def written(cloud: LocalCloud) -> list[str]:
    """The ENIs of the calls that assigned addresses, in their order."""
    calls = cloud.calls(WRITE)
    return [call["parameters"]["NetworkInterfaceId"] for call in calls if call["status"] == 200]
