"""A fresh function instance: time to the end of `initialize`, CPU and memory, against the SDK's.

The rival is the least that a function in Python can do with the SDK: import the client of ECS and
build one. It has its packages as pip leaves them, or as people deploy them: zipped and unzipped,
which leaves half of the `.pyc` files stale, in a folder that Python may not write to. Ours does all
of that, imports the function, and makes its first calls, to a local cloud.

Nothing is downloaded: both are made of the packages installed here, for the Python that runs this.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deploy import package
from tests.bench.measure import Measure, measure
from tests.bench.processes import ROOT, bind, server
from tests.packages import copy_installed
from tests.stage import environment
from tests.worlds import world

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 11
NAMES = (
    "start: time to ready, over the SDK from pip",
    "start: time to ready, over the SDK zipped and unzipped",
    "start: memory when ready, over the SDK",
    "start: time to ready",
    "start: CPU to ready",
)

OURS = """
import sys, types
sys.path.insert(0, sys.argv[1])
import index
index.initialize(types.SimpleNamespace(request_id="start"))
"""
RIVAL = """
import sys
sys.path.insert(0, sys.argv[1])
from alibabacloud_ecs20140526.client import Client
from alibabacloud_tea_openapi.models import Config
Client(Config(access_key_id="id", access_key_secret="secret", endpoint="ecs.aliyuncs.com"))
"""
READY = """
import json, os, time
rows = open("/proc/self/status").read().splitlines() if os.path.exists("/proc") else []
resident = [int(row.split()[1]) / 1024 for row in rows if row.startswith("VmRSS")]
os.write(1, json.dumps([time.process_time(), *resident]).encode())
os._exit(0)
"""


class Start(NamedTuple):
    """What one start took."""

    seconds: float
    cpu: float
    resident: float


def measures() -> Iterator[Measure]:
    """Start each in turn, as often as it takes."""
    with tempfile.TemporaryDirectory() as folder:
        ours, pip, unzipped = contenders(Path(folder))
        empty = Path(folder) / "world.json"
        empty.write_text(json.dumps(world()), encoding="utf-8")
        with server(empty) as cloud:
            rounds = [
                (start(OURS, ours, cloud.url), start(RIVAL, pip), start(RIVAL, unzipped))
                for _ in range(RUNS)
            ]
    plain, zipped, memory, seconds, cpu = NAMES
    usual = f"{_median_of(rounds, 1):.2f} s"
    yield measure(plain, [a.seconds / b.seconds for a, b, _ in rounds], "x", usual, 0.40)
    usual = f"{_median_of(rounds, 2):.2f} s"
    yield measure(zipped, [a.seconds / c.seconds for a, _, c in rounds], "x", usual, 0.15)
    usual = f"{max(b.resident for _, b, _ in rounds):.0f} MB"
    yield measure(memory, [a.resident / b.resident for a, b, _ in rounds], "x", usual, 0.70)
    yield measure(seconds, [a.seconds for a, _, _ in rounds], "s", "with the first calls made")
    yield measure(cpu, [a.cpu for a, _, _ in rounds], "s", "the same")


def _median_of(rounds: list[tuple[Start, Start, Start]], which: int) -> float:
    return measure("", [each[which].seconds for each in rounds], "s").value


def contenders(folder: Path) -> tuple[Path, Path, Path]:
    """Our package, what pip installs, and that zipped and unzipped."""
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pip = compiled(copy_installed(lock, folder / "pip"))
    needed = copy_installed(package.needed(lock), folder / "needed")
    package.assemble(needed, folder / "ours", sys.executable)
    return folder / "ours", pip, unzip(Path(shutil.make_archive(str(pip), "zip", pip)))


def compiled(packages: Path) -> Path:
    """Compile as pip does. Half of the sources were written in an odd second, as chance has it.

    Those of one package are written within a second or two, so that chance would decide for most.
    """
    for number, source in enumerate(sorted(packages.rglob("*.py"))):
        then = 1_700_000_000 + number % 2
        os.utime(source, (then, then))
    command = [sys.executable, "-m", "compileall", "-q", "-f", "-j", "0", str(packages)]
    subprocess.run(command, check=True)  # noqa: S603  (this interpreter)
    return packages


def unzip(archive: Path) -> Path:
    """Extract as the usual tools do: with the archive's times, which are even seconds."""
    target = archive.with_suffix(".unzipped")
    with zipfile.ZipFile(archive) as file:
        file.extractall(target)
        for entry in file.infolist():
            then = time.mktime((*entry.date_time, 0, 0, -1))
            os.utime(target / entry.filename, (then, then))
    return target


def start(script: str, code: Path, url: str = "") -> Start:
    """Run a script in a bare interpreter until it is ready."""
    command = [sys.executable, "-I", "-S", "-B", "-c", script + READY, str(code)]
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603  (this interpreter, and a script that is written here)
        command, stdout=subprocess.PIPE, env=environment(url) if url else {}
    ) as process:
        bind(process.pid, last=False)
        assert process.stdout is not None
        said = process.stdout.readline()
        seconds = time.perf_counter() - began
    cpu, *resident = json.loads(said)
    return Start(seconds, cpu, resident[0] if resident else 1.0)
