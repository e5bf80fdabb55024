"""Who is calling: the signature schemes of the API, checked in full.

ACS3-HMAC-SHA256 is what current SDKs send (help.aliyun.com, "V3 request body and signature"),
HMAC-SHA1 1.0 what older ones do ("V2 RPC signature"). Another scheme is one more function in
``SCHEMES``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote

from localcloud.errors import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localcloud.clock import Clock
    from localcloud.keys import KeyRing
    from localcloud.model import AccessKey
    from localcloud.wire import Request

LARGEST_SKEW = 15 * 60
"""Seconds between the caller's clock and ours (error InvalidTimeStamp.Expired)."""

ACS3 = "ACS3-HMAC-SHA256"
_ACS3_HEADER = re.compile(
    r"(?P<algorithm>[A-Z0-9-]+)\s+Credential=(?P<key>[^,\s]+),\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]+)"
)


@dataclass(frozen=True)
class Signed:
    """What a signed request says of itself, and how its signature is made."""

    key_id: str
    signature: str
    nonce: str
    timestamp: str
    security_token: str
    string_to_sign: str
    sign: Callable[[str, str], str]
    """Makes the signature from the secret and the string to sign."""


def base64_hmac(digest: str) -> Callable[[str, str], str]:
    """Return what signs a text with a secret, in base64: for schemes with a header of their own."""

    def sign(secret: str, text: str) -> str:
        return base64.b64encode(hmac.digest(secret.encode(), text.encode(), digest)).decode()

    return sign


def text_to_sign(request: Request, prefix: str) -> str:
    """Return what such schemes sign: method, three headers, those of the service, and the path."""
    own = sorted(name for name in request.headers if name.startswith(prefix))
    headers = "".join(f"{name}:{request.header(name)}\n" for name in own)
    names = ("content-md5", "content-type", "date")
    return "\n".join([request.method, *map(request.header, names), headers + request.path])


class Gatekeeper:
    """Lets signed requests in, each nonce once."""

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._nonces: dict[tuple[str, str], float] = {}

    def admit(self, request: Request) -> None:
        """Raise unless the request is signed by a known key, in time, and for the first time."""
        self.check(read_signed(request))

    def check(self, signed: Signed) -> None:
        """Raise unless a known key has signed, in time, and for the first time."""
        key = self._keys.get(signed.key_id)
        if key is None:
            raise refusal("InvalidAccessKeyId.NotFound")
        if key.status == "Inactive":
            raise refusal("InvalidAccessKeyId.Inactive")
        _check_time(signed.timestamp, self._clock.outside())
        _check_token(key, signed.security_token, self._clock.now())
        expected = signed.sign(key.secret, signed.string_to_sign)
        if not hmac.compare_digest(expected, signed.signature):
            text = f"server string to sign is:{signed.string_to_sign}"
            raise refusal("SignatureDoesNotMatch", text)
        self._use(signed)

    def _use(self, signed: Signed) -> None:
        if not signed.nonce:
            return
        now = self._clock.now()
        nonce = (signed.key_id, signed.nonce)
        if self._nonces.get(nonce, 0.0) > now:
            raise refusal("SignatureNonceUsed")
        # A request stays valid for the skew to both sides, so its nonce must be known as long.
        self._nonces[nonce] = now + 2 * LARGEST_SKEW
        oldest = next(iter(self._nonces))
        if self._nonces[oldest] <= now:
            del self._nonces[oldest]


def read_signed(request: Request) -> Signed:
    """Take the signature out of a request; raise if it has none."""
    for scheme in SCHEMES:
        signed = scheme(request)
        if signed is not None:
            return signed
    raise refusal("IncompleteSignature", "The request is not signed.")


def _check_time(timestamp: str, now: float) -> None:
    if not timestamp:
        raise refusal("IllegalTimestamp")
    try:
        moment = datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise refusal("InvalidTimeStamp.Format") from error
    if abs(moment.timestamp() - now) > LARGEST_SKEW:
        raise refusal("InvalidTimeStamp.Expired")


def _check_token(key: AccessKey, token: str, now: float) -> None:
    if key.security_token and not token:
        raise refusal("MissingSecurityToken")
    if token and not key.security_token:
        raise refusal("InvalidSecurityToken.Malformed")
    if token != key.security_token:
        raise refusal("InvalidSecurityToken.MismatchWithAccessKey")
    if key.expires is not None and now >= key.expires:
        raise refusal("InvalidSecurityToken.Expired")


def _acs3(request: Request) -> Signed | None:
    """Read the ACS3-HMAC-SHA256 form: everything stands in headers."""
    authorization = request.header("authorization")
    if not authorization:
        return None
    match = _ACS3_HEADER.fullmatch(authorization)
    if match is None:
        raise refusal("IncompleteSignature", "The Authorization header is malformed.")
    if match["algorithm"] != ACS3:
        raise refusal("InvalidSignatureMethod")
    payload = hashlib.sha256(request.body).hexdigest()
    if request.header("x-acs-content-sha256") != payload:
        raise refusal("SignatureDoesNotMatch", "x-acs-content-sha256 is not that of the body.")
    canonical = _canonical_request(request, sorted(match["headers"].split(";")), payload)
    return Signed(
        key_id=match["key"],
        signature=match["signature"],
        nonce=_required_header(request, "x-acs-signature-nonce"),
        timestamp=request.header("x-acs-date"),
        security_token=request.header("x-acs-security-token"),
        string_to_sign=f"{ACS3}\n{hashlib.sha256(canonical.encode()).hexdigest()}",
        sign=_sha256_hex,
    )


def _canonical_request(request: Request, names: list[str], payload: str) -> str:
    must = {"host", *(name for name in request.headers if name.startswith("x-acs-"))}
    for name in sorted(must.difference(names)):
        raise refusal("IncompleteSignature", f"SignedHeaders lacks {name}.")
    headers = "".join(
        f"{name}:{','.join(sorted(value.strip() for value in request.headers.get(name, ())))}\n"
        for name in names
    )
    query = _canonical_query(request.query)
    lines = (request.method, request.path, query, headers, ";".join(names), payload)
    return "\n".join(lines)


def _required_header(request: Request, name: str) -> str:
    value = request.header(name)
    if not value:
        raise refusal("IncompleteSignature", f"The header {name} is missing.")
    return value


def _sha256_hex(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _hmac_sha1(request: Request) -> Signed | None:
    """Read the HMAC-SHA1 form, version 1.0: everything stands in parameters."""
    parameters = request.parameters
    if "Signature" not in parameters:
        return None
    if (parameters.get("SignatureMethod"), parameters.get("SignatureVersion")) != (
        "HMAC-SHA1",
        "1.0",
    ):
        raise refusal("InvalidSignatureMethod")
    signature = parameters.pop("Signature")
    for name in ("AccessKeyId", "SignatureNonce"):
        if not parameters.get(name):
            raise refusal("IncompleteSignature", f"The parameter {name} is missing.")
    query = _canonical_query(parameters)
    return Signed(
        key_id=parameters["AccessKeyId"],
        signature=signature,
        nonce=parameters["SignatureNonce"],
        timestamp=parameters.get("Timestamp", ""),
        security_token=parameters.get("SecurityToken", ""),
        string_to_sign=f"{request.method}&%2F&{_encode(query)}",
        sign=_sha1_base64,
    )


def _sha1_base64(secret: str, text: str) -> str:
    digest = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _canonical_query(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{_encode(key)}={_encode(parameters[key])}" for key in sorted(parameters))


def _encode(text: str) -> str:
    return quote(text, safe="~")


SCHEMES: tuple[Callable[[Request], Signed | None], ...] = (_acs3, _hmac_sha1)
