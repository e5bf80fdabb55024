"""Function Compute 3.0, as far as one looks: https://api.aliyun.com, FC 2023-03-30."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localcloud.account.rows import known
from localcloud.functions.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Json = dict[str, Any]

PREFIX = "/2023-03-30/functions/"
LATEST = "LATEST"
_PATH = re.compile(rf"{PREFIX}(?P<name>[^/]+)(/(?P<part>[a-z-]+))?")
# By what stands behind the function's name: the action, and the parameters that it may have.
READS: dict[str, tuple[str, set[str]]] = {
    "": ("GetFunction", {"qualifier"}),
    "concurrency": ("GetConcurrencyConfig", set()),
    "async-invoke-config": ("GetFunctionAsyncInvokeConfig", {"qualifier"}),
    "triggers": ("ListTriggers", {"limit", "nextToken", "prefix"}),
    "async-tasks": (
        "ListAsyncTasks",
        {"includePayload", "limit", "nextToken", "qualifier", "sortOrderByTime"},
    ),
}
MOST = 100


def answer(
    document: Json, path: str, query: Mapping[str, str], note: Callable[[str], None]
) -> Json:
    """What one read answers. Raises `ApiError`."""
    match = _PATH.fullmatch(path)
    part = (match["part"] or "") if match else "?"
    if match is None or part not in READS:
        raise refused("PathNotSupported", path, "GET")
    action, may = READS[part]
    note(f"fc:{action}")
    if not set(query) <= may or not 1 <= int(query.get("limit", 1)) <= MOST:
        raise refused("InvalidArgument", f"{action} with {sorted(query)}")
    found = document["functions"].get(match["name"])
    if found is None:
        raise refused("FunctionNotFound", match["name"], "")
    qualifier = query.get("qualifier", LATEST)
    if part == "" and qualifier != LATEST:
        published: Json | None = found.get("published", {}).get(qualifier)
        if published is None:
            raise refused("VersionNotFound", qualifier, match["name"])
        return published
    return _part(found, part, qualifier, int(query.get("limit", MOST)), query.get("nextToken", "0"))


def _part(found: Json, part: str, qualifier: str, limit: int, start: str) -> Json:
    if part == "":
        row: Json = found["function"]
        return row
    if part == "concurrency":
        reserved: Json = known(found, "concurrency", "ConcurrencyConfigNotFound")
        return reserved
    if part == "async-invoke-config":
        config: Json = known(found["async"], qualifier, "AsyncConfigNotExists")
        return config
    rows = found["triggers" if part == "triggers" else "tasks"]
    end = int(start) + limit
    more = {"nextToken": str(end)} if end < len(rows) else {}
    name = "triggers" if part == "triggers" else "tasks"
    return {name: rows[int(start) : end], **more}
