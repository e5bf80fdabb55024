"""`--profile`: credentials of a profile of the aliyun CLI instead of those in variables."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from console.manual import BadRequest

# Where the SDK's default chain looks for a profile's name, and what it would take before that.
VARIABLE = "ALIBABA_CLOUD_PROFILE"
_BEFORE = ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN")
_FILES = (".aliyun/config.json", ".alibabacloud/credentials.ini", ".aliyun/credentials.ini")


def use_profile(name: str) -> None:
    """Have the SDK take the credentials of a profile, whatever variables are set.

    The SDK reads its variables when it is imported, which has not happened yet.

    Raises:
        BadRequest: no file has a profile of that name.
    """
    known = sorted(set(_profiles()))
    if name not in known:
        allowed = ", ".join(known) or "one that aliyun configure has made, and there is none yet"
        raise BadRequest(f"--profile: found {name!r}; allowed: {allowed}")
    for variable in _BEFORE:
        os.environ.pop(f"ALIBABA_CLOUD_{variable}", None)
    os.environ[VARIABLE] = name


def _profiles() -> Iterator[str]:
    """The names of all profiles; nothing else is taken out of these files."""
    for file in _FILES:
        try:
            text = Path.home().joinpath(file).read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        yield from _named_in_json(text) if file.endswith(".json") else _named_in_ini(text)


def _named_in_json(text: str) -> Iterator[str]:
    try:
        profiles = json.loads(text).get("profiles")
    except (ValueError, AttributeError):
        return
    for each in profiles if isinstance(profiles, list) else []:
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            yield each["name"]


def _named_in_ini(text: str) -> Iterator[str]:
    lines = (line.strip() for line in text.splitlines())
    return (line[1:-1].strip() for line in lines if line.startswith("[") and line.endswith("]"))
