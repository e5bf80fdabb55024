"""Queues over HTTP: paths, MNS's signature, and XML ("Simple Message Queue, API reference")."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from localcloud.errors import ApiError
from localcloud.signature import Signed, base64_hmac, text_to_sign
from localcloud.wire import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localcloud.queues.store import Message

PREFIX = "/queues/"
LONGEST_HIDDEN = 43_200
"""Seconds ("ChangeMessageVisibility": VisibilityTimeout, 1 to 43 200)."""
LONGEST_WAIT = 30
"""Seconds ("ReceiveMessage": waitseconds)."""
VERSION = "2015-06-06"

_PATH = re.compile(r"/queues/(?P<queue>[A-Za-z0-9][A-Za-z0-9-]{0,119})/messages")
_AUTHORIZATION = re.compile(r"MNS (?P<key>[^:\s]+):(?P<signature>[A-Za-z0-9+/]+=*)")
_XMLNS = "http://mns.aliyuncs.com/doc/v1/"
_TYPE = "text/xml"


class Operation(NamedTuple):
    """An operation on a queue, for the journal and for fault rules."""

    name: str
    writes: bool


RECEIVE = Operation("ReceiveMessage", writes=True)
CHANGE = Operation("ChangeMessageVisibility", writes=True)
DELETE = Operation("DeleteMessage", writes=True)
OPERATIONS = (RECEIVE, CHANGE, DELETE)
# By method: the operation, its parameters that must be there, and those that may.
_FORMS = {
    "GET": (RECEIVE, frozenset[str](), frozenset({"waitseconds"})),
    "PUT": (CHANGE, frozenset({"ReceiptHandle", "VisibilityTimeout"}), frozenset[str]()),
    "DELETE": (DELETE, frozenset({"ReceiptHandle"}), frozenset[str]()),
}


@dataclass(frozen=True)
class Ask:
    """What a request asks for."""

    operation: Operation
    queue: str
    handle: str = ""
    seconds: int = 0

    def parameters(self) -> dict[str, str]:
        """Return what the journal shows and fault rules match; a handle opens a message."""
        return {"queueName": self.queue}


def read(
    method: str, path_and_query: str, headers: Mapping[str, Sequence[str]], body: bytes
) -> Request:
    """Take an HTTP request apart; the path stays as it was signed."""
    _, _, query = path_and_query.partition("?")
    return Request(method, path_and_query, dict(parse_qsl(query)), {}, headers, body)


def read_ask(request: Request) -> Ask:
    """Read what is asked; raise for what is not served."""
    match = _PATH.fullmatch(request.path.partition("?")[0])
    if match is None or request.method not in _FORMS:
        raise _invalid(f"{request.method} {request.path.partition('?')[0]}")
    operation, must, may = _FORMS[request.method]
    given = request.query
    if must - set(given) or set(given) - must - may:
        raise _invalid(f"{operation.name} with {sorted(given)}")
    low, high, text = _seconds(operation, given)
    if not text.isdecimal() or not low <= int(text) <= high:
        raise _invalid(f"{text!r} seconds")
    return Ask(operation, match["queue"], given.get("ReceiptHandle", ""), int(text))


def _seconds(operation: Operation, given: Mapping[str, str]) -> tuple[int, int, str]:
    if operation is CHANGE:
        return 1, LONGEST_HIDDEN, given["VisibilityTimeout"]
    return 0, LONGEST_WAIT, given.get("waitseconds", "0")


def operation_of(request: Request) -> Operation:
    """What a request is about, as far as its method tells."""
    return _FORMS.get(request.method, (RECEIVE,))[0]


def read_signature(request: Request) -> Signed:
    """Return what the request says of itself; there is no nonce in this scheme."""
    match = _AUTHORIZATION.fullmatch(request.header("authorization"))
    if match is None:
        raise ApiError(403, "AccessDenied", "The request is not signed.")
    if request.header("x-mns-version") != VERSION:
        raise _invalid(f"x-mns-version {request.header('x-mns-version')!r}")
    return Signed(
        key_id=match["key"],
        signature=match["signature"],
        nonce="",
        timestamp=_timestamp(request.header("date")),
        security_token=request.header("security-token"),
        string_to_sign=text_to_sign(request, "x-mns-"),
        sign=base64_hmac("sha1"),
    )


def _timestamp(date: str) -> str:
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError) as error:
        raise _invalid(f"the date {date!r}") from error
    return moment.replace(tzinfo=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def received(message: Message, request_id: str) -> Reply:
    """Return the reply that holds a message."""
    body = message.body
    fields = {
        "MessageId": message.id,
        "ReceiptHandle": message.handle,
        "MessageBody": body,
        "MessageBodyMD5": hashlib.md5(body.encode()).hexdigest().upper(),  # noqa: S324 (MNS's)
        "EnqueueTime": _milliseconds(message.enqueued),
        "NextVisibleTime": _milliseconds(message.visible),
        "FirstDequeueTime": _milliseconds(message.first_taken),
        "DequeueCount": str(message.taken),
        "Priority": "8",
    }
    return _reply(200, "Message", fields, request_id)


def changed(message: Message, request_id: str) -> Reply:
    """Return the reply that holds a message's new handle."""
    fields = {
        "ReceiptHandle": message.handle,
        "NextVisibleTime": _milliseconds(message.visible),
    }
    return _reply(200, "ChangeVisibility", fields, request_id)


def deleted(request_id: str) -> Reply:
    """Return the reply to a deletion."""
    return Reply(204, content_type=_TYPE, headers={"x-mns-request-id": request_id})


def failure(error: ApiError, request_id: str) -> Reply:
    """Return a refusal."""
    fields = {"Code": error.code, "Message": error.message, "RequestId": request_id}
    fields["HostId"] = "http://localcloud"
    return _reply(error.status, "Error", fields, request_id, error.code)


def _reply(
    status: int, tag: str, fields: Mapping[str, str], request_id: str, code: str | None = None
) -> Reply:
    inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in fields.items())
    text = f'<?xml version="1.0" encoding="utf-8"?>\n<{tag} xmlns="{_XMLNS}">{inner}</{tag}>'
    headers = {"x-mns-request-id": request_id}
    return Reply(status, text.encode(), _TYPE, code=code, headers=headers)


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


def _invalid(what: str) -> ApiError:
    return ApiError(400, "InvalidArgument", f"not served: {what}")
