"""Errors of the function's parser, for whoever gave options instead of a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handler.core.model import Rejected

# The fields of a manual request that the command line has options for.
OPTIONS = {
    "instance_ids": "--instance-id",
    "network_interface_ids": "--eni-id",
    "scaling_group_id": "--scaling-group",
    "vswitch_id": "--vswitch",
    "tags": "--tag",
    "all": "--all",
    "region": "--region",
    "target": "--target",
    "limit": "--limit",
    "dry_run": "--dry-run",
    "ask_guests": "--ask-guests",
}
# What the parser says of a JSON object is of no use to whoever wrote key=value.
_TAGS = "1 to 20 tags key=value, with at most 128 characters in either part"


def in_options(rejected: Rejected) -> str:
    """What is wrong, with the option that it was given by; what is not an option keeps its name."""
    _, _, path = rejected.field.partition(".")
    name = re.split(r"[.\[]", path)[0]
    if name == "tags":
        return f"--tag: found {rejected.found}; allowed: {_TAGS}"
    if name in OPTIONS:
        return f"{OPTIONS[name]}: found {rejected.found}; allowed: {rejected.allowed}"
    # The request as a whole: it has another number of selectors than one.
    return f"options: found {spelt(rejected.found)}; allowed: {spelt(rejected.allowed)}, or a FILE"


def spelt(text: str) -> str:
    """A text with fields in it, each called as its option is."""
    return re.sub(r"\w+", lambda word: OPTIONS.get(word[0], word[0]), text)
