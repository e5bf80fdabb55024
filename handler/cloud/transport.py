"""How the SDK's requests travel: one TLS context for all hosts, and no redirects.

The SDK makes a TLS context for every host, even for plain HTTP, and loads the authorities of the
system and of `certifi` into each; `requests` then loads those of `certifi` again for every
connection. With three hosts that is most of what an initializer would do. Here it is done once, and
not at all for HTTP. Who is trusted stays the same. Nothing is shared through a proxy, where the SDK
trusts `certifi` alone.
"""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

import certifi
from darabonba.core import DEFAULT_POOL_MAXSIZE, DEFAULT_POOL_SIZE, DaraCore
from requests import sessions
from requests.adapters import HTTPAdapter

from handler.cloud.openapi import silence_sdk_loggers


def share_tls_context() -> None:
    """Have the SDK send through adapters that share one TLS context.

    `get_adapter` is what its core calls, once for each host, for an adapter of `requests`.
    """
    DaraCore.get_adapter = staticmethod(_adapter)


def keep_tokens_in() -> None:
    """Neither a log nor a redirect may carry a token away; for whoever makes clients."""
    silence_sdk_loggers()
    refuse_redirects()


def refuse_redirects() -> None:
    """Follow no redirect: security token and hook token would be repeated to wherever it leads.

    The SDK sends without saying so through sessions of its own, which begin with this limit.
    """
    sessions.DEFAULT_REDIRECT_LIMIT = 0  # type: ignore[attr-defined]  # (it imports the name)


class _Adapter(HTTPAdapter):
    """Sends through connections that know whom to trust already."""

    def __init__(self, context: ssl.SSLContext | None, pool_size: int) -> None:
        self._context = context
        super().__init__(pool_connections=DEFAULT_POOL_SIZE, pool_maxsize=pool_size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Give the context to connections without a proxy."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Verify with what the context holds, instead of loading `certifi` once more."""
        super().cert_verify(conn, url, verify, cert)
        if verify is True and conn.proxy is None:
            conn.ca_certs = None


def _adapter(protocol: str, tls_version: str | None = None, pool_size: int | None = None) -> Any:
    context = _context(tls_version) if protocol.upper() == "HTTPS" else None
    return _Adapter(context, pool_size or DEFAULT_POOL_MAXSIZE)


@cache
def _context(tls_version: str | None) -> ssl.SSLContext:
    """Trust the system's authorities and those of `certifi`, as the SDK's own contexts do."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if tls_version is not None:  # "TLSv1.2"
        context.minimum_version = ssl.TLSVersion[tls_version.replace(".", "_")]
    return context
