"""`python -m console setup`, run against an account."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localcloud.world import DEFAULT_KEY
from tests import forked
from tests.account.server import REGION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.account.server import Account


@dataclass(frozen=True)
class Ran:
    """What a run of the command said."""

    status: int
    output: str
    errors: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of --json."""
        return [json.loads(line) for line in self.output.splitlines()]

    @property
    def changes(self) -> Counter[str]:
        """How many of each change."""
        return Counter(line["change"] for line in self.lines)


def setup(home: Path, account: Account | None, *arguments: str, **more: str) -> Ran:
    """Run the command in a process of its own, with an account or without credentials.

    Args:
        home: where the SDK looks for files with credentials.
        account: whom the calls reach, and who knows the key that signs them.
        arguments: of the command.
        more: variables of its environment.
    """
    environ = {"PATH": os.environ["PATH"], "HOME": str(home)}
    environ["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true"
    if account is not None:
        environ |= {
            "HTTP_PROXY": account.url,
            "SLS_ENDPOINT": f"http://{REGION}.log.aliyuncs.com",
            "MNS_ENDPOINT": f"http://mns-open.{REGION}.aliyuncs.com",
            "RAM_ENDPOINT": "http://ram.aliyuncs.com",
            "ESS_ENDPOINT": "http://ess.aliyuncs.com",
            "STS_ENDPOINT": f"http://sts.{REGION}.aliyuncs.com",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": DEFAULT_KEY.id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": DEFAULT_KEY.secret,
        }
    environ |= more
    found = forked.run("console", "setup", "--region", REGION, *arguments, env=environ)
    return Ran(found.returncode, found.stdout, found.stderr)
