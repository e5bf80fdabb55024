"""Without an account: `--local`, and what is said where something is not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from console.fleet import fleet
from localcloud.testing import LocalCloud
from tests.integration.command.driving import PATIENCE, ROOT, SCREEN

if TYPE_CHECKING:
    from pathlib import Path


def command(folder: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run `python -m console` in a folder; `path` comes before what is installed."""
    return subprocess.run(  # noqa: S603  (this interpreter, and arguments of the tests)
        [sys.executable, "-m", "console", *arguments],
        check=False,
        capture_output=True,
        cwd=folder,
        env=dict(os.environ) | SCREEN | {"PYTHONPATH": path},
        text=True,
        timeout=PATIENCE,
    )


def test_a_made_up_fleet_can_be_planned() -> None:
    """Every kind of outcome occurs, one vSwitch runs dry, and it is said what this is."""
    done = command(ROOT, "plan", "--all", "--local", "--rows", "200")
    rows = [line.split() for line in done.stdout.splitlines()]

    assert 3 == done.returncode, done.stderr
    said = " ".join(done.stderr.split())
    outcomes, reasons = {"satisfied,", "short,", "skipped,"}, {"opted_out", "kubernetes"}
    assert outcomes | reasons <= set(done.stdout.split())
    (edge,) = [row for row in rows if row and row[0] == "vsw-bp1edge"]
    assert ["0", "8"] == edge[-2:]
    assert "a made-up fleet of 200 ENIs; its throttling windows are 2 s" in said


@pytest.mark.parametrize("enis", [1, 7, 5000])
def test_fleets_of_any_size(enis: int) -> None:
    """The local cloud takes them, and they have as many ENIs as asked for."""
    with LocalCloud(fleet(enis)) as cloud:
        assert enis == sum(len(each["enis"]) for each in cloud.state()["instances"])


@pytest.mark.parametrize(
    ("dying", "said"),
    [
        ("raise SystemExit(1)", "it ended without a word"),
        ("raise SystemExit('no port')", "no port"),
    ],
    ids=["silent", "with a word"],
)
def test_a_local_cloud_that_does_not_start(tmp_path: Path, dying: str, said: str) -> None:
    """One line says so, with the last that it said itself."""
    for name in ("handler", "console"):
        shutil.copytree(ROOT / name, tmp_path / name)
    broken = tmp_path / "localcloud/__main__.py"
    broken.parent.mkdir(parents=True)
    broken.write_text(dying)
    done = command(tmp_path, "plan", "--all", "--local")

    assert (2, f"error: --local: the local cloud did not start: {said}") == (
        done.returncode,
        done.stderr.strip(),
    )


def test_the_local_cloud_has_one_region() -> None:
    """Another one is refused before anything starts, with the one that there is."""
    done = command(ROOT, "plan", "--all", "--local", "--region", "cn-beijing")

    assert (2, "error: --region: found 'cn-beijing'; allowed with --local: cn-hangzhou") == (
        done.returncode,
        done.stderr.strip(),
    )


def test_local_needs_a_checkout(tmp_path: Path) -> None:
    """Where only the function is, one line says what is missing."""
    for name in ("handler", "console"):
        shutil.copytree(ROOT / name, tmp_path / name)
    done = command(tmp_path, "plan", "--all", "--local")

    assert (2, 1) == (done.returncode, len(done.stderr.splitlines()))
    assert "--local: needs a checkout" in done.stderr


def test_the_command_says_how_to_install_it(tmp_path: Path) -> None:
    """Where typer is not installed: one line, status 2."""
    missing = "raise ModuleNotFoundError(\"No module named 'typer'\", name='typer')"
    (tmp_path / "typer.py").write_text(missing)
    done = command(ROOT, "plan", "--all", path=str(tmp_path))

    assert (2, 1) == (done.returncode, len(done.stderr.splitlines()))
    assert "requirements-operator.txt" in done.stderr
