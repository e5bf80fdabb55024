"""The signature of FC 2.0: ``Authorization: FC KEY:SIGNATURE`` ("Request signature").

FC 3.0 is signed as every other product is, with ACS3-HMAC-SHA256.
"""

from __future__ import annotations

import re
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from localcloud.functions.refusals import refused
from localcloud.signature import Signed, base64_hmac, text_to_sign

if TYPE_CHECKING:
    from localcloud.wire import Request

_HEADER = re.compile(r"FC (?P<key>[^:\s]+):(?P<signature>[A-Za-z0-9+/]+=*)")


def read_signature(request: Request) -> Signed:
    """Return what the request says of itself; there is no nonce in this scheme."""
    match = _HEADER.fullmatch(request.header("authorization"))
    if match is None:
        raise refused("MissingRequiredHeader", "Authorization")
    return Signed(
        key_id=match["key"],
        signature=match["signature"],
        nonce="",
        timestamp=_timestamp(request.header("date")),
        security_token=request.header("x-fc-security-token"),
        string_to_sign=text_to_sign(request, "x-fc-"),
        sign=base64_hmac("sha256"),
    )


def _timestamp(date: str) -> str:
    if not date:
        raise refused("MissingRequiredHeader", "Date")
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError) as error:
        raise refused("InvalidArgument", f"the date '{date}' is malformed") from error
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
