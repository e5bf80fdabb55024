"""Scripts in a fresh interpreter, where nothing is imported yet."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def printed(script: str, environ: dict[str, str] | None = None) -> str:
    """What a script prints; without `environ` in this process's environment."""
    done = subprocess.run(  # noqa: S603  (this interpreter, and a script of the tests)
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environ,
    )
    return done.stdout


def said(script: str, environ: dict[str, str]) -> Any:
    """What a script prints as JSON."""
    return json.loads(printed(script, environ))
