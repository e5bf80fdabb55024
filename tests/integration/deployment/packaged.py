"""The function as it is uploaded, and a world in which the manifests have deployed it."""

from __future__ import annotations

import json
import shutil
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

from deploy import package
from localcloud.__main__ import DEMO
from localcloud.functions.sdk import Answer, asynchronous, invoke, invoke_fc2
from localcloud.functions.specs import QUEUE
from tests.integration.clients.install import PLACE, unless_done
from tests.integration.deployment.manifests import ROOT, fc2, fc3

if TYPE_CHECKING:
    from pathlib import Path

# What a person would set for the demo world; the waits fit a cloud whose reads do not lag.
CHOSEN = {"TARGET_SECONDARY_IPS": "8", "SETTLE_SECONDS": "2", "VISIBILITY_SECONDS": "2"}


class Deployed(NamedTuple):
    """A function as one of the manifests deploys it."""

    manifest: str
    runtime: str

    def deliver(self, cloud: Any, event: bytes) -> Answer:
        """Invoke it as its triggers do: asynchronously, through the SDK of its generation."""
        name = fc3()["functionName"]
        if self.manifest == "fc3":
            return invoke(cloud, name, event, asynchronous())
        later = {"x-fc-invocation-type": "Async"}
        return invoke_fc2(cloud, fc2()["service"]["name"], name, event, later)

    def world(self, code: Path, interpreter: str) -> dict[str, Any]:
        """Return the demo world with this function in it."""
        declared = _on_fc3(self.runtime) if self.manifest == "fc3" else _on_fc2()
        common = {"code": str(code), "interpreter": interpreter, "runtime": self.runtime}
        demo = json.loads(DEMO.read_text(encoding="utf-8"))
        return {**demo, "functions": [declared | common]}


def _on_fc3(runtime: str) -> dict[str, Any]:
    props = fc3(**CHOSEN, RUNTIME=runtime)
    later = props["asyncInvokeConfig"]
    return {
        "name": props["functionName"],
        "handler": props["handler"],
        "initializer": props["instanceLifecycleConfig"]["initializer"]["handler"],
        "timeout": props["timeout"],
        "env": props["environmentVariables"],
        "retries": later["maxAsyncRetryAttempts"],
        "on_failure": _queue(later["destinationConfig"]["onFailure"]["destination"]),
        "instances": props["concurrencyConfig"]["reservedConcurrency"],
    }


def _on_fc2() -> dict[str, Any]:
    props = fc2()
    function, later = props["function"], props["function"]["asyncConfiguration"]
    return {
        "name": function["name"],
        "service": props["service"]["name"],
        "handler": function["handler"],
        "initializer": function["initializer"],
        "timeout": function["timeout"],
        "env": function["environmentVariables"] | CHOSEN,
        "retries": later["maxAsyncRetryAttempts"],
        "on_failure": _queue(later["destination"]["onFailure"]),
    }


def _queue(arn: str) -> str:
    return QUEUE + arn.removesuffix("/messages").rpartition("/")[2]


def unpacked(runtime: str, interpreter: str, folder: Path) -> None:
    """Build the package, and unpack its archive as Function Compute does, into `code`.

    pip's part, which needs the package index, is kept until the lock changes.

    Raises:
        CalledProcessError: pip could not install.
    """
    packages = PLACE / f"packages-{runtime}" / "installed"
    with unless_done(packages.parent, ROOT / "requirements-dev.txt") as needed:  # it has both locks
        if needed:
            shutil.rmtree(packages, ignore_errors=True)
            lock = packages.parent / "requirements.txt"
            lock.write_text(package.needed((ROOT / "requirements.txt").read_text("utf-8")))
            package.install(lock, packages, interpreter, runtime)
    package.assemble(packages, folder / "build", interpreter)
    package.compress(folder / "build", folder / "code.zip", package.EPOCH)
    with zipfile.ZipFile(folder / "code.zip") as archive:
        archive.extractall(folder / "code")
