"""Signing by hand, for what no SDK would send; for tests, and never imported by the server.

It shares no code with ``signature.py``, which checks what is made here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.actions import Product
    from localcloud.model import AccessKey

ACS3 = "ACS3-HMAC-SHA256"


def timestamp(moment: float) -> str:
    """Return a time as it stands on the wire."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def older_parameters(
    product: Product, action: str, parameters: Mapping[str, str], key: AccessKey, moment: float
) -> dict[str, str]:
    """Return all parameters of a call in the older form, unsigned."""
    token = {"SecurityToken": key.security_token} if key.security_token else {}
    return {
        "Action": action,
        "Version": product.version,
        "AccessKeyId": key.id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": uuid.uuid4().hex,
        "Timestamp": timestamp(moment),
        **token,
        **parameters,
    }


def older_query(parameters: Mapping[str, str], secret: str, method: str = "POST") -> str:
    """Return parameters as a query with their HMAC-SHA1 signature."""
    canonical = "&".join(f"{_encode(k)}={_encode(v)}" for k, v in sorted(parameters.items()))
    text = f"{method}&%2F&{_encode(canonical)}"
    digest = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()
    return urlencode({**parameters, "Signature": base64.b64encode(digest).decode()})


def current_headers(
    product: Product,
    action: str,
    parameters: Mapping[str, str],
    key: AccessKey,
    moment: float,
    host: str,
) -> tuple[dict[str, str], str]:
    """Return headers, signed with ACS3-HMAC-SHA256, and query of a POST without a body."""
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": timestamp(moment),
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-version": product.version,
    }
    if key.security_token:
        headers["x-acs-security-token"] = key.security_token
    names = sorted(headers)
    query = "&".join(f"{_encode(k)}={_encode(v)}" for k, v in sorted(parameters.items()))
    lines = "".join(f"{name}:{headers[name]}\n" for name in names)
    whole = f"POST\n/\n{query}\n{lines}\n{';'.join(names)}\n{headers['x-acs-content-sha256']}"
    text = f"{ACS3}\n{hashlib.sha256(whole.encode()).hexdigest()}"
    signature = hmac.new(key.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={key.id},SignedHeaders={';'.join(names)},Signature={signature}"
    return {**headers, "Authorization": f"{ACS3} {credential}"}, query


def _encode(text: str) -> str:
    return quote(text, safe="~")
