"""Our modules run as processes of their own, without the second that importing libraries takes.

``python -m console`` imports for longer than most tests take. A process that has imported the
command and its libraries forks one for each that is asked for: it gets its own arguments,
environment, folder, session and files, runs the module as `-m` does, and ends as an interpreter
ends. How a command is found, and what a bare interpreter says, other tests start for real.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from functools import cache
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

ROOT = Path(__file__).parents[1]
# What stands ready in every process. None of it looks on import at what a test may set, as
# alibabacloud_credentials looks for its home.
READY = [
    "alibabacloud_ecs20140526.models",
    "alibabacloud_ess20220222.models",
    "alibabacloud_fc20230330.models",
    "alibabacloud_mns_open20220119.models",
    "alibabacloud_ram20150501.models",
    "alibabacloud_sls20201230.models",
    "console.main",
    "darabonba.core",
    "requests",
    "msgspec",
    "pydantic.types",
    "rich.markdown",
    "rich.progress",
    "rich.table",
    "structlog",
    "typer._adapters",
    "yaml",
]
LARGEST_JOB = 1 << 20
# What is reported of a process: its id when it begins, its status when it has ended.
NEWS = struct.Struct("q")
# What an interpreter looks at only when it starts: with one of these, it is started.
READ_AT_START = {
    "PYTHONWARNINGS",
    "PYTHONHASHSEED",
    "PYTHONOPTIMIZE",
    "PYTHONIOENCODING",
    "PYTHONUTF8",
}


class Forked:
    """A module at work; what `subprocess.Popen` of ``python -m`` with text would be.

    Args:
        module: its name.
        arguments: of its command line.
        cwd: its folder.
        env: the whole of its environment.
        stdin: `subprocess.PIPE`, `subprocess.DEVNULL`, or an open file's number.
        stdout: the same.
        stderr: the same.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        cwd: Path = ROOT,
        env: Mapping[str, str],
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> None:
        self.args = [module, *arguments]
        self.returncode: int | None = None
        self.stdin, reads, to_read = _end(stdin, "w")
        self.stdout, writes, to_write = _end(stdout, "r")
        self.stderr, complains, to_complain = _end(stderr, "r")
        self._news, tell = os.pipe()
        job = {"module": module, "arguments": arguments, "cwd": str(cwd), "env": dict(env)}
        text = json.dumps(job).encode()
        assert len(text) < LARGEST_JOB
        socket.send_fds(_server(), [text], [reads, writes, complains, tell])
        for each in [*to_read, *to_write, *to_complain, tell]:
            os.close(each)
        (self.pid,) = NEWS.unpack(os.read(self._news, NEWS.size))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each in (self.stdout, self.stderr, self.stdin):
            if each is not None:
                each.close()
        self.wait()

    def poll(self) -> int | None:
        """Its exit status once it has ended; a signal's number, negative."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            TimeoutExpired: it has not ended.
        """
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return status

    def communicate(self, text: str = "", timeout: float | None = None) -> tuple[str, str]:
        """Give it all of its input, and wait for its output and its end.

        Raises:
            TimeoutExpired: it has not ended.
        """
        end = None if timeout is None else time.monotonic() + timeout
        found: dict[str, str] = {}
        ends = {"out": self.stdout, "err": self.stderr}
        threads = [
            threading.Thread(target=_read, args=(found, name, file), daemon=True)
            for name, file in ends.items()
        ]
        threads.append(threading.Thread(target=_write, args=(self.stdin, text), daemon=True))
        for each in threads:
            each.start()
        for each in threads:
            each.join(None if end is None else max(0.0, end - time.monotonic()))
        if any(each.is_alive() for each in threads):
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        for file in ends.values():
            if file is not None:
                file.close()
        self.wait(None if end is None else max(0.0, end - time.monotonic()))
        return found["out"], found["err"]

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and wait([self._news], timeout):
            (status,) = NEWS.unpack(os.read(self._news, NEWS.size))
            self.returncode = os.waitstatus_to_exitcode(status)
            os.close(self._news)
        return self.returncode


def run(
    module: str,
    *arguments: str,
    env: Mapping[str, str],
    cwd: Path = ROOT,
    text: str = "",
    timeout: float = 120.0,
) -> subprocess.CompletedProcess[str]:
    """Run a module to its end, with `text` for its input."""
    with Forked(module, *arguments, cwd=cwd, env=env) as process:
        try:
            out, err = process.communicate(text, timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.wait(), out, err)


def _end(kind: int, ours: str) -> tuple[IO[str] | None, int, list[int]]:
    """Our end of a stream, the number of its other end, and what to close once that was sent."""
    if kind == subprocess.DEVNULL:
        number = os.open(os.devnull, os.O_RDWR)
        return None, number, [number]
    if kind != subprocess.PIPE:
        return None, kind, []
    read, write = os.pipe()
    mine, other = (write, read) if ours == "w" else (read, write)
    return os.fdopen(mine, ours, encoding="utf-8"), other, [other]


def _read(found: dict[str, str], name: str, file: IO[str] | None) -> None:
    found[name] = "" if file is None else file.read()


def _write(file: IO[str] | None, text: str) -> None:
    if file is None:
        return
    try:
        file.write(text)
        file.close()
    except BrokenPipeError:
        pass  # it ended, or closed its input, without reading all


# --- the process that forks ---------------------------------------------------------------------


@cache
def _server() -> socket.socket:
    """The process that forks, of this test process; it ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST_JOB)
    process = subprocess.Popen(  # noqa: S603  (this interpreter)
        [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        pass_fds=[theirs.fileno()],
        start_new_session=True,
    )
    theirs.close()
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def main(number: int) -> None:
    """Fork a process for each job that arrives."""
    for name in READY:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a fork would leave a thread behind"
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    jobs = socket.socket(fileno=number)
    while True:
        text, files, _, _ = socket.recv_fds(jobs, LARGEST_JOB, 4)
        if not text:
            return
        if os.fork() == 0:
            jobs.close()
            _serve(json.loads(text), *files)
            return
        for file in files:
            os.close(file)


def _serve(job: dict[str, Any], stdin: int, stdout: int, stderr: int, tell: int) -> None:
    """Between the two: fork once more, to tell how that one ends; returns in that one only."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if pid := os.fork():
        for file in (stdin, stdout, stderr):
            os.close(file)
        os.write(tell, NEWS.pack(pid))
        os.write(tell, NEWS.pack(os.waitpid(pid, 0)[1]))
        os._exit(0)
    os.close(tell)
    os.setsid()
    for number, file in enumerate((stdin, stdout, stderr)):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    if READ_AT_START & os.environ.keys():
        os.execv(sys.executable, [sys.executable, "-m", job["module"], *job["arguments"]])  # noqa: S606  (this interpreter)
    _streams()
    named = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:1] = [job["cwd"], *named]
    sys.argv = ["-m", *job["arguments"]]
    runpy.run_module(job["module"], run_name="__main__", alter_sys=True)


def _streams() -> None:
    """Python's own, as it makes them when it starts."""
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    lines, blocks = 1, -1
    sys.stdout = os.fdopen(
        1, "w", lines if os.isatty(1) else blocks, encoding="utf-8", closefd=False
    )
    sys.stderr = os.fdopen(
        2, "w", lines, encoding="utf-8", errors="backslashreplace", closefd=False
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
