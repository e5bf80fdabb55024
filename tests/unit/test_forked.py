"""A forked process is what a started one would be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import forked

if TYPE_CHECKING:
    from pathlib import Path

SAYS = """
import os, sys
print(os.getcwd(), sorted(os.environ.items()), sys.argv[1:], __name__, os.getsid(0) == os.getpid())
print(sys.stdin.read().upper(), sys.stdout.isatty(), file=sys.stderr)
sys.exit(3)
"""
WAITS = """
import sys, time
print("here", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where two modules are."""
    (tmp_path / "says.py").write_text(SAYS)
    (tmp_path / "waits.py").write_text(WAITS)
    return tmp_path


def test_it_runs_as_python_m_does(folder: Path) -> None:
    """The same folder, environment, arguments, streams, session and status."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "LC_CTYPE": "C.UTF-8"}
    started = subprocess.run(
        [sys.executable, "-m", "says", "a", "b c"],
        cwd=folder,
        env=env,
        input="und für sich",
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    found = forked.run("says", "a", "b c", cwd=folder, env=env, text="und für sich")
    assert 3 == started.returncode == found.returncode
    assert (started.stdout, started.stderr) == (found.stdout, found.stderr)


def test_signals_reach_it_and_its_status_tells(folder: Path) -> None:
    """Ctrl-C is caught by the module; SIGKILL is a negative status; it is waited for."""
    env = dict(os.environ) | {"PYTHONPATH": str(folder)}
    for number, status, last in ((signal.SIGINT, 0, "interrupted\n"), (signal.SIGKILL, -9, "")):
        with forked.Forked("waits", cwd=folder, env=env) as process:
            assert process.stdout is not None
            assert "here\n" == process.stdout.readline()
            assert process.poll() is None
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.01)
            process.send_signal(number)
            assert (last, "") == process.communicate()
            assert status == process.wait()


def test_what_only_a_start_reads_is_read(folder: Path) -> None:
    """With such a variable the interpreter is started."""
    (folder / "says.py").write_text("import sys; print(sys.stdout.encoding)")
    env = dict(os.environ) | {"PYTHONPATH": str(folder), "PYTHONIOENCODING": "ascii"}
    assert "ascii\n" == forked.run("says", cwd=folder, env=env).stdout
