"""Why a call was not answered: the kind of failure and the host, nothing that may be secret.

The SDK reports every one of them as a RetryError whose text quotes the signed URL; what happened
stands in the exceptions behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST = 12
_LATE, _NOT_WHOLE = "no answer in time", "no whole answer in the time that the call may take"
# By the names of exceptions, the most telling first: what it was.
KINDS = (
    ("ProxyError", "the proxy did not let it through"),
    ("TookTooLong", _NOT_WHOLE),
    ("gaierror", "the host name was not found"),
    ("SSLCertVerificationError", "TLS: the certificate was not accepted"),
    ("SSLError", "TLS failed"),
    ("ConnectTimeout", "no connection in time"),
    ("ConnectTimeoutError", "no connection in time"),
    ("ReadTimeout", _LATE),
    ("ReadTimeoutError", _LATE),
    ("TimeoutError", _LATE),
    ("ConnectionRefusedError", "the connection was refused"),
    ("ConnectionResetError", "the connection was reset"),
    ("BrokenPipeError", "the connection was reset"),
    ("RemoteDisconnected", "the connection was closed without an answer"),
    ("IncompleteRead", "the answer was cut off"),
    ("ProtocolError", "the connection was closed without an answer"),
)


def failure_of(error: BaseException) -> str:
    """One sentence: what happened, at which host, and through which proxy.

    Args:
        error: what the SDK raised.
    """
    chain = list(_behind(error))
    names = {type(each).__name__ for each in chain}
    kind = next((said for name, said in KINDS if name in names), type(chain[-1]).__name__)
    host = next(filter(None, map(_host, chain)), None)
    proxy = next(filter(None, (getattr(each, "proxy", None) for each in chain)), None)
    at = f" ({host})" if host else ""
    return f"{kind}{at}{f', through the proxy {proxy}' if proxy else ''}"


def timed_out(message: str) -> bool:
    """Whether that says that an answer did not come in time."""
    return message.startswith((_LATE, _NOT_WHOLE))


def _behind(error: BaseException) -> Iterator[BaseException]:
    """The exception and those that led to it."""
    found: BaseException | None = error
    for _ in range(DEEPEST):
        if found is None:
            return
        yield found
        inner = getattr(found, "inner_exception", None)
        reason = getattr(found, "reason", None)
        before = [each for each in (inner, reason) if isinstance(each, BaseException)]
        found = next(iter(before), found.__cause__ or found.__context__)


def _host(error: BaseException) -> str | None:
    """Host and port that a request was for."""
    url = getattr(getattr(error, "request", None), "url", None)
    return host_of(url) if isinstance(url, str) else None


def host_of(url: str) -> str | None:
    """Host and port of a URL, which may hold a signature or a password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
