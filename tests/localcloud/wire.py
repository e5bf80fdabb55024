"""A call as it comes over HTTP, and the reply as it goes back, free of any web framework."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from tests.localcloud.errors import ApiError, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORM = "application/x-www-form-urlencoded"

COMMON_PARAMETERS = frozenset(
    {
        "Action",
        "Version",
        "Format",
        "AccessKeyId",
        "Signature",
        "SignatureMethod",
        "SignatureVersion",
        "SignatureNonce",
        "SignatureType",
        "Timestamp",
        "SecurityToken",
    }
)
"""What belongs to the wire and not to an action (ECS, "Common parameters")."""


@dataclass(frozen=True)
class Request:
    """An HTTP request, taken apart but not yet believed; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, Sequence[str]]
    body: bytes

    def header(self, name: str) -> str:
        """Return the first value of a header; empty when it is absent."""
        values = self.headers.get(name, ())
        return values[0] if values else ""

    @property
    def parameters(self) -> dict[str, str]:
        """All parameters, wherever they were sent."""
        return {**self.query, **self.form}

    @property
    def action(self) -> str:
        """The name of the operation: from its header, or from the parameters of older clients."""
        return self.header("x-acs-action") or self.parameters.get("Action", "")

    @property
    def version(self) -> str:
        """The version of the API, which also tells the products apart."""
        return self.header("x-acs-version") or self.parameters.get("Version", "")

    @property
    def own_parameters(self) -> dict[str, str]:
        """The parameters of the action itself; nothing secret is among them."""
        return {
            name: value for name, value in self.parameters.items() if name not in COMMON_PARAMETERS
        }


@dataclass(frozen=True)
class Reply:
    """What goes back; ``sent`` is False when the connection is closed instead."""

    status: int | None
    body: bytes = b""
    content_type: str = "application/json"
    code: str | None = None
    sent: bool = True


def read_request(
    method: str, path_and_query: str, headers: Mapping[str, Sequence[str]], body: bytes
) -> Request:
    """Take an HTTP request apart; raise for what no client of the API sends."""
    path, _, query = path_and_query.partition("?")
    content_type = (headers.get("content-type") or ("",))[0].partition(";")[0].strip()
    if body and content_type != FORM:
        raise refusal("InvalidParameter.Format")
    return Request(
        method, path, _pairs(query), _pairs(body.decode("utf-8", "replace")), headers, body
    )


def _pairs(encoded: str) -> dict[str, str]:
    pairs = parse_qsl(encoded, keep_blank_values=True)
    found = dict(pairs)
    if len(found) < len(pairs):
        raise refusal("InvalidParameter", "A parameter is given more than once.")
    return found


def new_request_id() -> str:
    """Return a request id in the form of the cloud: a UUID in capitals."""
    return str(uuid.uuid4()).upper()


def success(body: Mapping[str, Any], request_id: str) -> Reply:
    """Return the reply to a call that was performed."""
    return Reply(200, _encode({"RequestId": request_id, **body}))


def failure(error: ApiError, request_id: str, product: str, host: str) -> Reply:
    """Return the reply to a call that was refused."""
    link = f"https://api.aliyun.com/troubleshoot?q={error.code}&product={product}"
    body = {
        "RequestId": request_id,
        "HostId": host,
        "Code": error.code,
        "Message": error.message,
        "Recommend": f"{link}&requestId={request_id}",
    }
    return Reply(error.status, _encode(body), code=error.code)


def _encode(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
