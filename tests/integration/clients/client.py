"""A client that runs in a process of its own and is told what to call, line by line."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integration.clients.install import legacy_python, node_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Target:
    """Where to call, and as whom."""

    endpoint: str
    region: str
    key_id: str
    secret: str
    token: str = ""
    protocol: str = "HTTP"


def _current() -> list[str]:
    return [sys.executable, "-W", "ignore", str(HERE / "current.py")]


def _legacy() -> list[str]:
    return [str(legacy_python()), "-W", "ignore", str(HERE / "legacy" / "driver.py")]


def _node() -> list[str]:
    return ["node", str(HERE / "node" / "driver.cjs"), str(node_folder())]


CLIENTS: Mapping[str, Callable[[], list[str]]] = {
    "current": _current,
    "legacy": _legacy,
    "node": _node,
}
"""The commands that start a driver; asking for one installs what it needs."""


class Client:
    """A running driver; use it with ``with``."""

    def __init__(self, command: list[str], target: Target) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._send(asdict(target))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def perform(self, action: str, params: dict[str, Any]) -> dict[str, Any]:
        """Make a call; return status, code (None if it was performed) and answer."""
        self._send({"action": action, "params": params})
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ChildProcessError(f"the client ended during {action}")
        entry: dict[str, Any] = json.loads(line)
        return entry

    def _send(self, message: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
