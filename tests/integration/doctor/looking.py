"""Looks at a recorded account: with the command in a process of its own, or in this one."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from console.doctor.account import seen
from console.doctor.findings import findings
from console.doctor.local import ACCOUNT, NAMES, REGION, leading_to, reaching
from console.setup.access import Access
from localcloud.account.server import RecordedAccount
from tests import forked

if TYPE_CHECKING:
    from pathlib import Path

    from console.doctor.finding import Finding
    from console.setup.desired import Names

VERSION = "0.1.0"
# As the command names things: an action policy is what only `setup` is given.
LOOKED_FOR = replace(NAMES, action_policy="")

Json = dict[str, Any]


@dataclass(frozen=True)
class Ran:
    """What a run of the command said."""

    status: int
    out: str
    err: str
    actions: list[str]

    @property
    def lines(self) -> list[Json]:
        """The lines of `--json`."""
        return [json.loads(line) for line in self.out.splitlines()]


def doctor(home: Path, document: Json | None, *arguments: str, **more: str) -> Ran:
    """Run the command against an account, or without credentials; `home` has no files of keys."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "80"}
    environ["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true"
    if document is None:
        return _run(environ | more, arguments, [])
    with RecordedAccount(document) as account:
        return _run(environ | leading_to(account.url) | more, arguments, account.actions)


def _run(environ: dict[str, str], arguments: tuple[str, ...], actions: list[str]) -> Ran:
    found = forked.run("console", "doctor", "--region", REGION, *arguments, env=environ)
    return Ran(found.returncode, found.stdout, found.stderr, actions)


def looked(document: Json, names: Names = LOOKED_FOR) -> list[Finding]:
    """What is found in an account, over HTTP, from this process."""
    with RecordedAccount(document) as account, reaching(account.url):
        return findings(seen(names, ACCOUNT, Access(REGION, os.environ), os.environ, VERSION))
