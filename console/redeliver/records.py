"""What a message of the failure queue holds: which event, when and why it failed. Pure.

Function Compute writes a record of an asynchronous invocation that failed in every try, as JSON or
as base64 of it; the event stands in it as a text. What the function itself would reject is
hopeless: it is read here with the function's own parser.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from console.credentials import redacted
from handler.core.model import Ignored, Rejected, Request
from handler.events import Batch, parse
from handler.events.decode import Decoder
from handler.events.fields import FieldError, printable

if TYPE_CHECKING:
    from handler.cloud.ports import Place
    from handler.core.model import Selector
    from handler.events import Parsed

# Characters of an error, and ids of an event, that are shown.
ERROR_SHOWN, IDS_SHOWN = 200, 2
_ARN = re.compile(r"acs:fc:[^:]*:[^:]*:(?:services/([^/.]+)[^/]*/)?functions/([^/]+)(?:/.*)?")


@dataclass(frozen=True)
class Message:
    """A message as it was received: hidden from others for a time.

    Attributes:
        handle: opens the message for as long as it is hidden.
        enqueued: when it was put into the queue, epoch milliseconds.
    """

    id: str
    body: str = field(repr=False)
    handle: str = field(repr=False)
    enqueued: int = 0


@dataclass(frozen=True)
class FailedEvent:
    """An event that failed, as its record tells.

    Attributes:
        message_id: of the message that holds the record.
        when: in UTC.
        event: where it came from, and what it is about.
        why: the error of the last try.
        payload: what the function was invoked with.
        hopeless: why delivering it again cannot help; None: it may.
    """

    message_id: str
    when: str
    event: str = "-"
    why: str = "-"
    payload: bytes = field(default=b"", repr=False)
    hopeless: str | None = None


def read(message: Message, region: str, place: Place) -> FailedEvent:
    """The failed event in a message.

    Args:
        message: any message that may be in such a queue.
        region: where the function lives.
        place: the function that is meant.
    """
    put = _moment(message.enqueued)
    try:
        record = Decoder().value(message.body, "record")
    except FieldError as error:
        return FailedEvent(message.id, put, hopeless=f"no record of a failure: {error}")
    if not isinstance(record, dict) or not {"requestContext", "requestPayload"} <= record.keys():
        return FailedEvent(message.id, put, hopeless="no record of a failure of a function")
    payload = record["requestPayload"]
    text = payload if isinstance(payload, str) else json.dumps(payload)
    parsed = parse(text, home_region=region)
    return FailedEvent(
        message.id,
        _moment(record.get("timestamp")) or put,
        described(parsed),
        reason(record),
        text.encode("utf-8", "replace"),
        _of_another(record, place) or _rejected(parsed),
    )


def described(parsed: Parsed) -> str:
    """Where an event comes from, and what it is about."""
    if isinstance(parsed, Batch):
        return f"{len(parsed.items)} events in one"
    if isinstance(parsed, Request):
        return f"{parsed.source} {_meant(parsed.selector)}"
    return f"{parsed.source} ({parsed.reason})" if isinstance(parsed, Ignored) else parsed.source


def _meant(selector: Selector) -> str:
    ids = selector.instance_ids or selector.network_interface_ids
    named = selector.scaling_activity_id or selector.scaling_group_id or selector.vswitch_id
    if not ids:
        return named or ("instances by tag" if selector.tags else "all ENIs")
    more = len(ids) - IDS_SHOWN
    return ", ".join(ids[:IDS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def reason(record: dict[str, Any]) -> str:
    """Why the event failed, as far as its record tells; without what may be a secret."""
    context, response = (_object(record.get(key)) for key in ("requestContext", "responseContext"))
    answer = _object(record.get("responsePayload"))
    parts = [answer.get("errorType"), answer.get("errorMessage")]
    said = ": ".join(str(part) for part in parts if part)
    found = said or response.get("functionError") or context.get("condition") or "-"
    return printable(redacted(str(found)), ERROR_SHOWN)


def _rejected(parsed: Parsed) -> str | None:
    if not isinstance(parsed, Rejected):
        return None
    found, allowed = parsed.found, parsed.allowed
    return f"the function would reject it: {parsed.field}: found {found}; allowed: {allowed}"


def _of_another(record: dict[str, Any], place: Place) -> str | None:
    """A queue may be the destination of several functions."""
    arn = _ARN.fullmatch(str(_object(record["requestContext"]).get("functionArn")))
    if arn is None:
        return None
    service, function = arn.groups(default="")
    if function == place.function and (not service or service == place.service):
        return None
    named = f"--function {function}" + (f" --service {service}" if service else "")
    return f"of another function: {printable(named, ERROR_SHOWN)}"


def _object(value: object) -> dict[str, Any]:
    """An object, or the one that a text stands for; else an empty one."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _moment(value: object) -> str:
    """A time, of epoch milliseconds or ISO 8601; anything else is shown as it is."""
    try:
        if isinstance(value, int):
            found = datetime.fromtimestamp(value / 1000, timezone.utc)
        else:
            found = datetime.fromisoformat(str(value or "").replace("Z", "+00:00"))
        return found.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return printable(str(value or ""))
