"""Tries a package as Function Compute would: a fresh process with nothing else on its path.

The process is the runtime's own interpreter without site-packages, user's folder and PYTHON*
variables; the cloud is the local one. It initialises the function, hands it an event that means
nothing and one of a launch, and tells where every module came from.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from localcloud.testing import LocalCloud
from tests.stage import environment, forget_proxies

ROOT = Path(__file__).parents[1]
WORLD = ROOT / "localcloud/worlds/demo.json"
EVENTS = ("unknown-shape", "ess-lifecycle-hook-scale-out")
SETTINGS = {"TARGET_SECONDARY_IPS": "8", "SETTLE_SECONDS": "2", "VISIBILITY_SECONDS": "4"}

# Runs in the interpreter of the package; `sys.argv` holds the folder and the events' files.
SCRIPT = """
import sys
code, *events = sys.argv[1:]
sys.path.insert(0, code)
import index
imported = list(sys.modules)
import contextlib, io, json, types
from pathlib import Path
context = types.SimpleNamespace(request_id="rehearsal", function=types.SimpleNamespace(timeout=60))
with contextlib.redirect_stdout(io.StringIO()):
    index.initialize(context)
    ready = list(sys.modules)
    results = [index.handler(Path(event).read_bytes(), context) for event in events]
done = list(sys.modules)
index.pre_stop(context)
import fc2  # what only some invocations need is there too
from alibabacloud_credentials.provider import DefaultCredentialsProvider
files = [getattr(module, "__file__", None) or code for module in list(sys.modules.values())]
elsewhere = [each for each in files if not each.startswith((code, "/code", sys.base_prefix))]
print(json.dumps({"imported": imported, "ready": ready, "done": done, "results": results,
                  "elsewhere": elsewhere}))
"""


class Unfit(Exception):
    """The package does not do what it is built for."""


def rehearse(code: Path, interpreter: str) -> str:
    """Try it.

    Returns:
        What was seen, in a line.

    Raises:
        Unfit: it could not be imported, or an event did not end as it must.
    """
    seen = perform(code, interpreter)
    ignored, launched = seen["results"]
    completed = bool(launched["lifecycle"] and launched["lifecycle"]["completed"])
    if (ignored["action"], launched["counts"]["assigned"], completed) != ("ignored", 4, True):
        raise Unfit(f"ended otherwise: {json.dumps(seen['results'])}")
    if seen["elsewhere"]:
        raise Unfit(f"imported from elsewhere: {seen['elsewhere']}")
    return (
        f"tried in a process of its own: ready with {len(seen['ready'])} modules, 4 ENIs assigned"
    )


def perform(code: Path, interpreter: str) -> dict[str, Any]:
    """What the process of the package says.

    Returns:
        The modules `imported` by `import index`, when `ready`, and when the events were `done`, the
        `results` of these, and files `elsewhere`: neither the package's nor the interpreter's.

    Raises:
        Unfit: it ended with an error.
    """
    forget_proxies()
    events = [str(ROOT / f"events/{name}.json") for name in EVENTS]
    with LocalCloud(json.loads(WORLD.read_text())) as cloud:
        said = subprocess.run(  # noqa: S603  (the runtime's interpreter)
            [interpreter, "-I", "-S", "-B", "-c", SCRIPT, str(code.resolve()), *events],
            env=environment(cloud.url, **SETTINGS),
            capture_output=True,
            text=True,
            check=False,
        )
    if said.returncode:
        raise Unfit(said.stderr.strip())
    found: dict[str, Any] = json.loads(said.stdout)
    return found
