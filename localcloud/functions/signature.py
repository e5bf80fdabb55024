"""The signature of FC 2.0: ``Authorization: FC KEY:SIGNATURE`` ("Request signature").

FC 3.0 is signed as every other product is, with ACS3-HMAC-SHA256.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from localcloud.functions.refusals import refused
from localcloud.signature import Signed

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
        string_to_sign=_string_to_sign(request),
        sign=_sign,
    )


def _timestamp(date: str) -> str:
    if not date:
        raise refused("MissingRequiredHeader", "Date")
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError) as error:
        raise refused("InvalidArgument", f"the date '{date}' is malformed") from error
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _string_to_sign(request: Request) -> str:
    own = sorted(name for name in request.headers if name.startswith("x-fc-"))
    headers = "".join(f"{name}:{request.header(name)}\n" for name in own)
    names = ("content-md5", "content-type", "date")
    return "\n".join([request.method, *map(request.header, names), headers + request.path])


def _sign(secret: str, text: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha256)).decode()
