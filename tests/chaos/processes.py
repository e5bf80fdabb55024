"""The function in processes of its own, made as cheap as a fork: a server keeps the imports ready.

They run `index.py` as Function Compute does, start their work at the same moment, and can be
killed. What each has written, every byte of it, is kept.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import handler.cloud.connect  # noqa: F401  (imported once, for all processes)
import index
from handler.core.errors import Retryable
from tests.chaos.secrets import PLANTED, leaked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerProcess

    from typing_extensions import Self

EX_TEMPFAIL = 75
PATIENCE, POLL = 120.0, 0.005
# How the processes of this run have ended, as the system told.
ENDS: Counter[str] = Counter()


@dataclass(frozen=True)
class Job:
    """One delivery, and the function instance that it comes to.

    Attributes:
        memory: bytes it may take besides what it has at its start.
        cpu_seconds: processor time it may use; then the system ends it.
    """

    event: object
    environ: Mapping[str, str]
    request_id: str = "req-1"
    memory: int | None = None
    cpu_seconds: int | None = None


@dataclass(frozen=True)
class Ended:
    """What one process leaves behind; a negative code is the signal that ended it."""

    code: int
    output: str
    errors: str

    @property
    def end(self) -> str:
        """How it ended, for counting."""
        if self.code < 0:
            return f"processes ended by {signal.Signals(-self.code).name}"
        return "processes that ended by themselves"

    @property
    def result(self) -> dict[str, Any]:
        """What the handler returned."""
        found: dict[str, Any] = json.loads(self.errors.splitlines()[-1])
        return found

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every line on stdout."""
        return [json.loads(line) for line in self.output.splitlines()]


class Processes:
    """Deliveries that begin at the same moment; use it with `with`, which waits for all.

    Each says over a pipe of its own that it is ready. A barrier would need semaphores, which
    Python unlinks whenever its garbage collector comes to them: in the middle of a test, too.
    """

    def __init__(self, jobs: Sequence[Job], secrets: Sequence[str] = PLANTED) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        self._folder = tempfile.TemporaryDirectory()
        self._lines: list[Connection] = []
        self._jobs = jobs
        self._secrets = secrets
        self._running: list[ForkServerProcess] = []

    def __enter__(self) -> Self:
        for number, job in enumerate(self._jobs):
            line, its_line = self._context.Pipe()
            arguments = (job, str(self._path(number)), its_line)
            process = self._context.Process(target=_deliver, args=arguments)
            process.start()
            its_line.close()
            self._running.append(process)
            self._lines.append(line)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.kill()
            process.join()
        for line in self._lines:
            line.close()
        self._folder.cleanup()

    def go(self) -> None:
        """Let all begin."""
        for line in self._lines:
            assert line.poll(PATIENCE), "a process does not get ready"
            line.recv()
        for line in self._lines:
            line.send(None)

    def kill(self, number: int = 0, how: signal.Signals = signal.SIGKILL) -> None:
        """End one where it stands, and wait until it is gone; any thread may."""
        pid = self._running[number].pid
        assert pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
            while True:
                os.kill(pid, 0)
                time.sleep(POLL)

    def ended(self) -> list[Ended]:
        """Wait for all of them; none may have let a secret out."""
        for process in self._running:
            process.join(PATIENCE)
        found = [
            Ended(
                _exit_code(process),
                *(self._path(number).with_suffix(end).read_text() for end in (".out", ".err")),
            )
            for number, process in enumerate(self._running)
        ]
        ENDS.update(each.end for each in found)
        assert [] == leaked("".join(each.output + each.errors for each in found), self._secrets)
        return found

    def _path(self, number: int) -> Path:
        return Path(self._folder.name) / str(number)


def _exit_code(process: ForkServerProcess) -> int:
    assert process.exitcode is not None, "a delivery does not come to an end"
    return process.exitcode


def together(jobs: Sequence[Job]) -> list[Ended]:
    """Begin these deliveries at the same moment and wait for all."""
    with Processes(jobs) as processes:
        processes.go()
        return processes.ended()


def _deliver(job: Job, path: str, line: Connection) -> None:
    """What runs in the process: stdout and stderr are files from the first byte on."""
    for number, end in ((1, ".out"), (2, ".err")):
        file = os.open(path + end, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    faulthandler.enable(sys.stderr)
    os.environ.clear()
    os.environ.update(job.environ)
    context = SimpleNamespace(request_id=job.request_id, function=SimpleNamespace(timeout=120))
    _bound(job)
    line.send(None)
    line.recv()
    sys.exit(_status(job, context))


def _bound(job: Job) -> None:
    if job.memory is not None:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + job.memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if job.cpu_seconds is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (job.cpu_seconds, job.cpu_seconds))


def _status(job: Job, context: object) -> int:
    raw = job.event if isinstance(job.event, bytes) else json.dumps(job.event).encode()
    try:
        result = index.handler(raw, context)
    except Retryable:
        traceback.print_exc()
        return EX_TEMPFAIL
    finally:
        sys.stdout.flush()
    sys.stderr.write(json.dumps(result) + "\n")
    return 0
