"""Where and when an event happened, and which delivery it is: each wrapper says some of it."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING

from handler.events.fields import ABSENT, REGION, Field, FieldError, checked_region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.events.fields import View
    from handler.events.unwrap import Message

_ARN = re.compile(rf"acs[.:][a-z0-9-]+:({REGION}):.*", re.ASCII | re.DOTALL)
# The bus of a region may be named for its network: cn-shanghai-vpc.
_NETWORK = re.compile(r"-(vpc|internal)$")
_ESS = ("acs:ess:", "acs.ess:")
_EVENT_ID = re.compile(r"[!-~]{1,128}")
_ISO = re.compile(  # separators or none: CloudMonitor writes 20190409T121826.922+0800
    r"(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d):?(\d\d):?(\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)", re.ASCII
)
_MILLISECONDS = re.compile(r"[1-9]\d{12}", re.ASCII)


def event_id(message: Message) -> str | None:
    """The id by which the delivery, or else the event, can be found again."""
    envelope, details = message.envelope, message.readable
    found = (*envelope.fields("id", "MessageId"), *details.fields("id", "eventId", "dedupId"))
    ids = (field.value for field in found)
    return next((id_ for id_ in ids if isinstance(id_, str) and _EVENT_ID.fullmatch(id_)), None)


def event_time(message: Message) -> float | None:
    """When it happened, epoch seconds; None when nobody says so in a way we know."""
    envelope, details = message.envelope, message.readable
    found = (
        *details.fields("eventTime"),  # the thing itself; the others say when it was published
        *envelope.fields("time", "PublishTime", "triggerTime"),
    )
    times = (_epoch(field.value) for field in found)
    return next((time for time in times if time is not None), None)


def stated_region(message: Message) -> Field | None:
    """The region that the event names; the innermost `regionId` is the resource's own."""
    return next(_regions(message.envelope, message.readable), None)


def settled_region(stated: Field | None, home_region: str | None, name: str) -> str:
    """The region to work in. A function serves the region that it is deployed in.

    Args:
        stated: what the event or request says, if anything.
        home_region: the function's own, if known.
        name: how to call the field when neither is there.

    Raises:
        FieldError: no region, one that cannot be, or another than the function's.
    """
    if stated is None:
        if home_region:
            return home_region
        raise FieldError(name, ABSENT, "a region, because the function's own is unknown")
    region = checked_region(stated)
    if home_region and region != home_region:
        raise stated.refused(f"{home_region}, the region of this function")
    return region


def region_for_records(message: Message, home_region: str | None) -> str | None:
    """The region to write beside an event that is not acted on."""
    stated = stated_region(message)
    if stated is None:
        return home_region
    try:
        return checked_region(stated)
    except FieldError:
        return None


def _regions(envelope: View, details: View) -> Iterator[Field]:
    """In the order of trust: what Auto Scaling says of its group comes before its bus."""
    named = chain(
        details.fields("regionId"),
        _in_arns(envelope, details, _ESS),
        envelope.fields("aliyunregionid"),
        details.fields("acsRegion"),
        _in_arns(envelope, details, ""),
    )
    return map(_without_network, named)


def _in_arns(envelope: View, details: View, begin: str | tuple[str, ...]) -> Iterator[Field]:
    """The regions in ARNs that begin so."""
    arns = chain(details.fields("resourceArn", "resourceId", "arn"), envelope.fields("subject"))
    for field in arns:
        if isinstance(field.value, str) and field.value.startswith(begin):
            arn = _ARN.fullmatch(field.value)
            if arn is not None:
                yield Field(field.name, arn[1])


def _without_network(field: Field) -> Field:
    if isinstance(field.value, str):
        return Field(field.name, _NETWORK.sub("", field.value))
    return field


def _epoch(value: object) -> float | None:
    """Epoch seconds of an ISO 8601 text with an offset, or of epoch milliseconds."""
    text = str(value) if isinstance(value, (str, int)) else ""
    if _MILLISECONDS.fullmatch(text):
        return int(text) / 1000
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups(default="0")
    if offset == "Z":
        offset = "+0000"
    iso = f"{year}-{month}-{day}T{hour}:{minute}:{second}{offset[:3]}:{offset[-2:]}"
    try:
        return datetime.fromisoformat(iso).timestamp() + float(fraction)
    except (ValueError, OverflowError):
        return None
