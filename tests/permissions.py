"""The RAM policy names what the code calls, no more and no less: the whole test suite shows it.

Every local cloud of a test run notes which operations the function called; other clients are told
apart by their User-Agent. When the whole suite has run, the notes are compared with the README.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.localcloud.testing import NOTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

ROOT = Path(__file__).parents[1]
# A row of the README's table of RAM actions.
_ROW = re.compile(r"^\| `((?:ecs|vpc|ess|fc):\w+)` \|", re.MULTILINE)
# How the function presents itself (handler.cloud.openapi).
AGENT = re.compile(r"^action=(\w+):(\w+) agent=.*\beni-secondary-ips\b", re.MULTILINE)


def documented() -> set[str]:
    """The RAM actions that the README asks for."""
    return set(_ROW.findall((ROOT / "README.md").read_text(encoding="utf-8")))


def called(notes: str) -> set[str]:
    """The RAM actions of the calls that the function made."""
    return {f"{product.lower()}:{action}" for product, action in AGENT.findall(notes)}


def differences(asked: Iterable[str], used: Iterable[str]) -> list[str]:
    """What the policy lacks, and what it has too much; one line each."""
    missing, idle = sorted({*used} - {*asked}), sorted({*asked} - {*used})
    return [
        *(f"{each} is called and is not in the README's table of RAM actions" for each in missing),
        *(f"{each} is in the README's table of RAM actions and is never called" for each in idle),
    ]


def begin(config: pytest.Config) -> None:
    """Have local clouds take notes, those of the workers too."""
    if not hasattr(config, "workerinput"):
        os.environ[NOTES] = tempfile.mkdtemp(prefix="permissions-")


def is_whole(options: Any) -> bool:
    """Whether no test was left out."""
    chosen = (options.file_or_dir, options.keyword, options.markexpr, options.deselect)
    return not any(chosen) and not getattr(options, "lf", False)


def finish(session: pytest.Session) -> list[str]:
    """Compare, if every test has run and passed; what is wrong."""
    if hasattr(session.config, "workerinput"):
        return []
    folder = Path(os.environ.pop(NOTES))
    notes = "".join(each.read_text(encoding="utf-8") for each in folder.glob("*"))
    shutil.rmtree(folder)
    if session.testsfailed or not is_whole(session.config.option):
        return []
    return differences(documented(), called(notes))
