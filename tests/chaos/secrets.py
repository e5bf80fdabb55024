"""Looking for secrets in whatever leaves a process: every byte, in every form it may be written."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from localcloud.world import DEFAULT_KEY
from tests.worlds import HOOK_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterable

PIECE = 30
PLANTED = (DEFAULT_KEY.secret, HOOK_TOKEN)


def leaked(text: str, secrets: Iterable[str] = PLANTED) -> list[str]:
    """The secrets that stand in a text, or whose beginning or end does: however it is written."""
    return [secret for secret in secrets for form in _all_forms(secret) if form in text]


@cache  # the same few are looked for after every delivery
def _all_forms(secret: str) -> set[str]:
    return _forms(secret) | _forms(secret[:PIECE]) | _forms(secret[-PIECE:])


def _forms(secret: str) -> set[str]:
    """As it is, in JSON, in a URL of any spelling, in base64."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    in_url = {quote(secret, safe=safe) for safe in ("", "/")}
    lower = {each.replace("%2B", "%2b").replace("%2F", "%2f") for each in in_url}
    return {secret, json.dumps(secret)[1:-1], encoded} | in_url | lower
