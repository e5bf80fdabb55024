"""The tool that people deploy with, Serverless Devs, as far as it goes without an account.

``python -m tests.integration.deployment.tool`` installs it ahead of the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integration.clients.install import npm_folder, report
from tests.integration.deployment.manifests import ACCOUNT, COMPONENTS, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent / "serverless_devs"
SECONDS = 60
ACCESS = "recorded_serverless_devs_key"
_KEY = json.dumps({"AccountID": ACCOUNT, "AccessKeyID": "none", "AccessKeySecret": "none"})


def command() -> str:
    """Return the command ``s``; install it first if need be.

    Raises:
        NotInstalled: it cannot be had here.
    """
    return str(npm_folder("serverless-devs", HERE) / "node_modules/.bin/s")


def preview(manifest: Path, environ: Mapping[str, str]) -> Any:
    """Return what ``s preview`` shows of a manifest."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        shown = _run(["preview", "-t", str(manifest), "-o", "json", "--silent"], environ, home)
    found: Any = json.loads(shown)
    return found


def deploy(manifest: Path, environ: Mapping[str, str]) -> tuple[Any, str]:
    """Have ``s deploy`` resolve a manifest whole, up to the door of the component.

    The component gives way to one that prints what it is given, `make` to one that says where.

    Returns:
        What the component was given, and everything that was printed.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder).resolve() / manifest.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_without_effect(manifest.read_text(encoding="utf-8")), encoding="utf-8")
        printed = _run(["deploy", "-y", "-t", str(place), "-a", ACCESS], environ, folder)
    given = [line for line in printed.splitlines() if line.startswith("PROPS ")]
    return json.loads(given[0].removeprefix("PROPS ")), printed


def explained(name: str) -> str:
    """Return what the tool says of one of its commands."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        return _run([name, "--help"], {}, home)


def _without_effect(text: str) -> str:
    for component in COMPONENTS:
        text = text.replace(f"component: {component}\n", f"component: {HERE / 'recorder'}\n")
    return text.replace("run: make", f"run: {HERE / 'make'}").replace("s cli fc", "echo s cli fc")


def _run(arguments: list[str], environ: Mapping[str, str], home: str) -> str:
    """Run ``s`` with nothing of this machine's settings.

    Raises:
        subprocess.CalledProcessError: it failed; `stdout` says why.
    """
    # NODE_ENV keeps it from starting processes of its own, which report usage and look for updates.
    kept = {"PATH": os.environ["PATH"], "HOME": home, "NODE_ENV": "test"}
    credentials = {ACCESS: _KEY}
    done = subprocess.run(  # noqa: S603 - the pinned tool
        [command(), *arguments],
        env={**kept, **credentials, **environ},
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    printed: str = done.stdout
    return printed


def main() -> int:
    """Install the tool, or say why it cannot be."""
    return report("serverless-devs", command)


if __name__ == "__main__":
    sys.exit(main())
