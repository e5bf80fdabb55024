"""The RAM policies name what is called, no more and no less: the whole test suite shows it.

Every local cloud of a test run notes who called which operations; the function, the operator's
command and other clients are told apart by their User-Agent. When the whole suite has run, the
notes are compared with docs/permissions.md and with the policies of deploy/ram.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.testing import NOTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

ROOT = Path(__file__).parents[1]
# A row of the table of docs/permissions.md.
_ROW = re.compile(r"^\| `((?:ecs|vpc|ess|fc):\w+)` \|", re.MULTILINE)
# How the two present themselves. What the command calls as the function would, in a process of the
# operator's, bears the function's name; only Function Compute is called in its own.
FUNCTION, COMMAND = "eni-secondary-ips", "eni-secondary-ips-command"
# Services that Function Compute calls in the function's name, with its role: no test sees that.
_OF_THE_PLATFORM = ("log:", "mns:")
# What `make test` leaves out calls nothing that the rest does not call.
_WHOLE = {"", "not slow"}


def documented() -> set[str]:
    """The RAM actions that docs/permissions.md asks for."""
    return set(_ROW.findall((ROOT / "docs/permissions.md").read_text(encoding="utf-8")))


def allowed(policy: str) -> set[str]:
    """The RAM actions that a policy of deploy/ram allows to code of ours."""
    text = (ROOT / f"deploy/ram/{policy}-policy.json").read_text(encoding="utf-8")
    listed = [statement["Action"] for statement in json.loads(text)["Statement"]]
    actions = [each for found in listed for each in ([found] if isinstance(found, str) else found)]
    return {each for each in actions if not each.startswith(_OF_THE_PLATFORM)}


def called(notes: str, agent: str) -> set[str]:
    """The RAM actions of the calls that were made under a name."""
    found = re.findall(
        rf"^action=(\w+):(\w+) agent=(?:.* )?{re.escape(agent)}(?: .*)?$", notes, re.MULTILINE
    )
    return {f"{product.lower()}:{action}" for product, action in found}


def differences(asked: Iterable[str], used: Iterable[str], where: str) -> list[str]:
    """What is lacking where the actions are listed, and what is too much; one line each."""
    missing, idle = sorted({*used} - {*asked}), sorted({*asked} - {*used})
    return [
        *(f"{each} is called and is not in {where}" for each in missing),
        *(f"{each} is in {where} and is never called" for each in idle),
    ]


def wrong(notes: str) -> list[str]:
    """What docs/permissions.md and the policies say otherwise than the calls of the whole suite."""
    function, command = called(notes, FUNCTION), called(notes, COMMAND)
    operator = {each for each in allowed("operator") if each.startswith("fc:")}
    return [
        *differences(documented(), function, "the table of docs/permissions.md"),
        *differences(allowed("function"), function, "deploy/ram/function-policy.json"),
        *differences(operator, command, "deploy/ram/operator-policy.json"),
    ]


def begin(config: pytest.Config) -> None:
    """Have local clouds take notes, those of the workers too."""
    if not hasattr(config, "workerinput"):
        os.environ[NOTES] = tempfile.mkdtemp(prefix="permissions-")


def is_whole(options: Any) -> bool:
    """Whether every test was to run that may call something."""
    left_out = ("file_or_dir", "keyword", "deselect", "ignore", "ignore_glob", "lf", "collectonly")
    return options.markexpr in _WHOLE and not any(getattr(options, each, 0) for each in left_out)


def finish(session: pytest.Session) -> list[str]:
    """Compare, if every test has run and passed; what is wrong."""
    if hasattr(session.config, "workerinput"):
        return []
    folder = Path(os.environ.pop(NOTES))
    notes = "".join(each.read_text(encoding="utf-8") for each in folder.glob("*"))
    shutil.rmtree(folder)
    if session.exitstatus or not is_whole(session.config.option):
        return []
    return wrong(notes)
