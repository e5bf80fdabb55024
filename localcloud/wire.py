"""A call as it comes over HTTP, and the reply as it goes back, free of any web framework."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from localcloud.errors import ApiError, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localcloud.encoding import Encoding

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
    """An HTTP request, parsed, its signature not checked yet; header names are in lower case."""

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
    def format(self) -> str:
        """How the answer is to look: XML is what older clients get unless they say JSON."""
        asked = self.parameters.get("Format")
        if asked:
            return asked.upper()
        older = "Signature" in self.parameters
        return "XML" if older or self.header("accept") == "application/xml" else "JSON"

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
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Speaker:
    """Answers one call in the format that its caller wants."""

    action: str
    request_id: str
    product: str
    host: str
    encoding: Encoding

    def success(self, body: Mapping[str, Any]) -> Reply:
        """Return the reply to a call that was performed."""
        whole = {"RequestId": self.request_id, **body}
        encoded = self.encoding.encode(f"{self.action}Response", whole)
        return Reply(200, encoded, self.encoding.content_type)

    def failure(self, error: ApiError) -> Reply:
        """Return the reply to a call that was refused."""
        link = f"https://api.aliyun.com/troubleshoot?q={error.code}&product={self.product}"
        whole = {
            "RequestId": self.request_id,
            "HostId": self.host,
            "Code": error.code,
            "Message": error.message,
            "Recommend": f"{link}&requestId={self.request_id}",
        }
        encoded = self.encoding.encode("Error", whole)
        return Reply(error.status, encoded, self.encoding.content_type, code=error.code)


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
