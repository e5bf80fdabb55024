"""SLS: projects with a host each, and what is in them.

Paths and codes: the pages of CreateProject, CreateLogStore, CreateIndex, CreateSavedSearch,
CreateDashboard and CreateAlert in https://www.alibabacloud.com/help/en/sls/developer-reference.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localcloud.account.logs import check_signature
from localcloud.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiohttp import web

    Headers = Mapping[str, Sequence[str]]

Body = dict[str, Any]

# Per collection: what an entry is called, its key, and the fields that one must and may have.
VIEWS = {
    "savedsearches": (
        "SavedSearch",
        "savedsearchName",
        {"savedsearchName", "searchQuery", "logstore", "displayName"},
        {"topic"},
    ),
    "dashboards": (
        "Dashboard",
        "dashboardName",
        {"dashboardName", "displayName", "charts"},
        {"attribute", "description"},
    ),
    "alerts": (
        "Alert",
        "name",
        {"name", "displayName", "configuration", "schedule"},
        {"description"},
    ),
}
STORE = {"logstoreName", "ttl", "shardCount"}
STORE_MAY = {"autoSplit", "maxSplitShard", "appendMeta", "mode"}


class Logs:
    """The projects of a region; a new one stays unknown for its first `lag` calls."""

    def __init__(self, region: str, lag: int) -> None:
        self._region, self._lag = region, lag
        self.projects: dict[str, Body] = {}

    def call(
        self, request: web.BaseRequest, headers: Headers, body: bytes, note: Callable[[str], None]
    ) -> Any:
        """Answer one request; None has no body."""
        check_signature(request, headers, body)
        sent: Body = json.loads(body) if body else {}
        parts = [part for part in request.path.split("/") if part]
        here = f"{self._region}.log.aliyuncs.com"
        if not request.host.endswith(here):
            raise ApiError(404, "UnknownHost", request.host)
        name = request.host.removesuffix(here).rstrip(".")
        if not name:
            return self._create_project(request.method, parts, sent, note)
        if not parts:
            note("GetProject")
            return {key: it for key, it in self._project(name).items() if isinstance(it, str)}
        if parts[0] == "logstores":
            return self._store(name, request.method, parts[1:], sent, note)
        return self._view(name, request.method, parts, sent, note)

    def _create_project(
        self, method: str, parts: list[str], sent: Body, note: Callable[[str], None]
    ) -> None:
        if (method, parts) != ("POST", []):
            raise ApiError(404, "InvalidAPI", f"{method} without a project")
        note("CreateProject")
        _fields(sent, {"projectName", "description"}, set())
        if sent["projectName"] in self.projects:
            raise ApiError(400, "ProjectAlreadyExist", "taken, perhaps by another account")
        views: Body = {"logstores": {}, "savedsearches": {}, "dashboards": {}, "alerts": {}}
        self.projects[sent["projectName"]] = {**sent, **views, "lag": self._lag}

    def _project(self, name: str) -> Body:
        project = self.projects.get(name)
        if project is None or project["lag"] > 0:
            if project is not None:
                project["lag"] -= 1
            raise ApiError(404, "ProjectNotExist", f"The Project does not exist : {name}")
        return project

    def _store(
        self, name: str, method: str, rest: list[str], sent: Body, note: Callable[[str], None]
    ) -> Any:
        index = rest[1:] == ["index"]
        if rest[1:] and not index:
            raise ApiError(404, "InvalidAPI", "/".join(rest))
        verb = {"POST": "Create", "GET": "Get", "PUT": "Update"}[method]
        note(f"{verb}{'Index' if index else 'LogStore'}")
        stores = self._project(name)["logstores"]
        if method == "POST" and not rest:
            _fields(sent, STORE, STORE_MAY)
            return self._add(stores, "LogStore", sent["logstoreName"], sent)
        store = stores.get(rest[0])
        if store is None:
            raise ApiError(404, "LogStoreNotExist", f"logstore {rest[0]} does not exist")
        return self._index(store, method, sent) if index else _changed(store, method, sent)

    def _index(self, store: Body, method: str, sent: Body) -> Any:
        found = store.get("index")
        if method == "GET" and found:
            return {"index_mode": "v2", "ttl": 30, "storage": "pg", **found}
        if (method == "POST") == (found is not None):
            code = "IndexAlreadyExist" if found else "IndexConfigNotExist"
            raise ApiError(400 if found else 404, code, "index config")
        _fields(sent, {"keys"}, {"line", "max_text_len"})
        store["index"] = sent
        return None

    def _view(
        self, name: str, method: str, parts: list[str], sent: Body, note: Callable[[str], None]
    ) -> Any:
        if parts[0] not in VIEWS or len(parts) > 2:
            raise ApiError(404, "InvalidAPI", "/".join(parts))
        kind, key, must, may = VIEWS[parts[0]]
        note({"POST": "Create", "GET": "Get", "PUT": "Update"}[method] + kind)
        entries = self._project(name)[parts[0]]
        if method == "POST":
            _fields(sent, must, may)
            return self._add(entries, kind, sent[key], sent)
        found = entries.get(parts[1])
        if found is None:
            raise ApiError(404, f"{kind}NotExist", parts[1])
        if method == "GET":
            return {**found, "createTime": 1_700_000_000}
        _fields(sent, must - {key if kind == "Alert" else ""}, may)
        entries[parts[1]] = {key: parts[1], **sent}
        return None

    def _add(self, entries: Body, kind: str, name: str, sent: Body) -> None:
        if name in entries:
            raise ApiError(400, f"{kind}AlreadyExist", name)
        entries[name] = sent


def _changed(store: Body, method: str, sent: Body) -> Body | None:
    if method == "GET":
        return {key: value for key, value in store.items() if key != "index"}
    _fields(sent, {"logstoreName", "ttl"}, STORE | STORE_MAY)
    store.update(sent)
    return None


def _fields(sent: Body, must: set[str], may: set[str]) -> None:
    if lacking := must - set(sent):
        raise ApiError(400, "ParameterInvalid", f"missing: {sorted(lacking)}")
    if unknown := set(sent) - must - may:
        raise ApiError(400, "ParameterInvalid", f"unknown: {sorted(unknown)}")
