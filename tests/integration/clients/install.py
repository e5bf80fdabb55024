"""Installs the clients that the other tests do without, each into a place of its own.

``python -m tests.integration.clients.install`` does it ahead of the tests, which otherwise do it
when they first need to. Nothing is done twice unless what is pinned has changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
PLACE = HERE.parents[2] / ".venv"


class NotInstalled(Exception):
    """A client cannot be had here; the text says why."""


def legacy_python() -> Path:
    """Return the interpreter that has the older Python SDK."""
    pinned = HERE / "legacy" / "requirements.txt"
    place = PLACE / "clients-legacy"
    python = place / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    with unless_done(place, pinned) as needed:
        if needed:
            _run([sys.executable, "-m", "venv", "--clear", str(place)])
            _run([*pip, "--require-hashes", "--requirement", str(pinned)])
    return python


def node_folder() -> Path:
    """Return the folder that has the Node.js SDK."""
    return npm_folder("clients-node", HERE / "node")


def npm_folder(name: str, pinned: Path) -> Path:
    """Return a folder that has what the `package-lock.json` in `pinned` names."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NotInstalled("there is no npm here")
    place = PLACE / name
    with unless_done(place, pinned / "package-lock.json") as needed:
        if needed:
            for file in ("package.json", "package-lock.json"):
                shutil.copy(pinned / file, place / file)
            _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(place)])
    return place


@contextmanager
def unless_done(place: Path, pinned: Path) -> Iterator[bool]:
    """Say whether something must be installed, to one process at a time; then note that it is."""
    place.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256(pinned.read_bytes()).hexdigest()
    done = place / ".installed"
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        needed = not done.exists() or done.read_text(encoding="utf-8") != wanted
        yield needed
        if needed:
            done.write_text(wanted, encoding="utf-8")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise NotInstalled(f"{' '.join(command[:3])} ... failed: {done.stderr[-500:].strip()}")


def main() -> int:
    """Install every client, and say what cannot be."""
    return max(report(install.__name__, install) for install in (legacy_python, node_folder))


def report(name: str, install: Callable[[], object]) -> int:
    """Install something and say where it is, or why it cannot be; the exit status."""
    try:
        sys.stdout.write(f"{install()}\n")
    except NotInstalled as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
