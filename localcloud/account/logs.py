"""Log Service, as far as one looks: projects with a host each, and their signature.

Signature: https://www.alibabacloud.com/help/en/sls/developer-reference/request-signatures, with
HMAC-SHA256 as alibabacloud_gateway_sls 0.4 asks for. Paths and codes: the pages of GetProject,
GetLogStore, GetIndex and GetAlert there.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Any

from localcloud.account.rows import known
from localcloud.errors import ApiError
from localcloud.world import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiohttp import web

Json = dict[str, Any]


def answer(document: Json, project: str, path: str, note: Callable[[str], None]) -> Json:
    """What one read answers. Raises `ApiError`."""
    parts = [part for part in path.split("/") if part]
    kind = _kind(parts)
    note(f"log:{kind}")
    found = known(document["projects"], project, "ProjectNotExist")
    if kind == "GetProject":
        return {"projectName": project, "description": ""}
    if kind == "GetAlert":
        alert: Json = known(found["alerts"], parts[1], "AlertNotExist")
        return alert
    store = known(found["logstores"], parts[1], "LogStoreNotExist")
    if kind == "GetIndex":
        index: Json = known(store, "index", "IndexConfigNotExist")
        return {"index_mode": "v2", "ttl": 30, "storage": "pg", **index}
    return {key: value for key, value in store.items() if key != "index"}


def _kind(parts: list[str]) -> str:
    if not parts:
        return "GetProject"
    if parts[0] == "alerts" and len(parts) == 2:
        return "GetAlert"
    if parts[0] == "logstores" and len(parts) == 2:
        return "GetLogStore"
    if parts[0] == "logstores" and parts[2:] == ["index"]:
        return "GetIndex"
    raise ApiError(404, "InvalidAPI", "/".join(parts))


def check_signature(
    request: web.BaseRequest, headers: Mapping[str, Sequence[str]], body: bytes
) -> None:
    """Raise `ApiError` unless the request is signed with the documented key."""
    first = {name: values[0] for name, values in headers.items()}
    found = re.fullmatch(r"LOG ([\w-]+):(\S+)", first.get("authorization", ""))
    if found is None or found[1] != DEFAULT_KEY.id:
        raise ApiError(401, "Unauthorized", "no LOG signature, or an unknown AccessKey")
    if body and hashlib.md5(body).hexdigest().upper() != first.get("content-md5"):  # noqa: S324  (the API's)
        raise ApiError(400, "InvalidContentMD5", "the body is another one")
    known_names = ("x-log-", "x-acs-")
    kept = "".join(
        f"{name}:{first[name]}\n" for name in sorted(first) if name.startswith(known_names)
    )
    query = "&".join(f"{name}={value}" for name, value in sorted(request.query.items()))
    resource = request.path + (f"?{query}" if query else "")
    lines = [request.method, first.get("content-md5", ""), first.get("content-type", "")]
    text = "\n".join([*lines, first["date"], kept + resource])
    digest = hmac.new(DEFAULT_KEY.secret.encode(), text.encode(), hashlib.sha256).digest()
    if base64.b64encode(digest).decode() != found[2]:
        raise ApiError(403, "SignatureNotMatch", f"string to sign: {text}")
