"""Runs a module that makes namespaces of its own, and reads what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def play(module: str, *arguments: str, why_not: str | None, required: str) -> dict[str, Any]:
    """What `python -m tests.integration.guest.<module>` found.

    Args:
        module: its name.
        arguments: of its command line.
        why_not: why it cannot run here; None where it can.
        required: the environment variable with which that is a failure, and not a skipped test.
    """
    if why_not:
        if os.environ.get(required):
            pytest.fail(why_not)
        pytest.skip(why_not)
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", f"tests.integration.guest.{module}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
