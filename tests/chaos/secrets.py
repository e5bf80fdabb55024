"""Looking for secrets in whatever leaves a process: every byte, in every form it may be written."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.localcloud.world import DEFAULT_KEY
from tests.worlds import HOOK_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterable

PLANTED = (DEFAULT_KEY.secret, HOOK_TOKEN)


def leaked(text: str, secrets: Iterable[str] = PLANTED) -> list[str]:
    """The secrets that stand in a text: as they are, in JSON, in a URL, in base64."""
    return [secret for secret in secrets for form in _forms(secret) if form in text]


def _forms(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), encoded}
