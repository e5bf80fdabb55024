"""How the SDK's requests travel: one TLS context for all hosts, no redirects, bounded as a whole.

The SDK makes a TLS context for every host, even for plain HTTP, and loads the authorities of the
system and of `certifi` into each; `requests` then loads those of `certifi` again for every
connection. With three hosts that is most of what an initializer would do. Here it is done once, and
not at all for HTTP. Who is trusted stays the same. Nothing is shared through a proxy, where the SDK
trusts `certifi` alone. The SDK honours HTTP_PROXY and HTTPS_PROXY but not NO_PROXY; here it does.
"""

from __future__ import annotations

import ssl
import threading
from functools import cache
from typing import Any

import certifi
from darabonba.core import DEFAULT_POOL_MAXSIZE, DEFAULT_POOL_SIZE, DaraCore
from requests import sessions
from requests.adapters import HTTPAdapter
from requests.exceptions import ReadTimeout
from requests.utils import select_proxy, should_bypass_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from handler.cloud.failures import host_of
from handler.cloud.limits import allowed
from handler.cloud.openapi import silence_sdk_loggers
from handler.cloud.watch import Watch


class TookTooLong(ReadTimeout):
    """A call was not over within the time that it may take as a whole."""


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


_watch = Watch()
_thread = threading.local()


class _Told:
    """A connection that tells the call of its thread what it is sent through."""

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send, watched."""
        call = getattr(_thread, "call", None)
        if call is not None:
            call.connection = self
        super().request(*args, **kwargs)  # type: ignore[misc]


class _Connection(_Told, HTTPConnection):
    pass


class _TlsConnection(_Told, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class _Adapter(HTTPAdapter):
    """Sends through connections that know whom to trust already."""

    def __init__(self, context: ssl.SSLContext | None, pool_size: int) -> None:
        self._context = context
        super().__init__(pool_connections=DEFAULT_POOL_SIZE, pool_maxsize=pool_size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Give the context to connections without a proxy."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Connections through a proxy are watched, too."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Send a request and read its whole answer, within the time that the call may take.

        Raises:
            TookTooLong: the answer was not there in time.
            RequestException: not sent or not answered; `proxy` names the proxy, if there was one.
        """
        url = str(request.url)
        proxies = kwargs.pop("proxies", None)
        if proxies and should_bypass_proxies(url, proxies.get("no_proxy")):
            proxies = {}
        try:
            return self._sent(request, proxies=proxies, **kwargs)
        except Exception as error:
            error.proxy = _named(select_proxy(url, proxies))  # type: ignore[attr-defined]
            raise

    def _sent(self, request: Any, **kwargs: Any) -> Any:
        call = _thread.call = _watch.begin(allowed())
        try:
            response = super().send(request, **kwargs)
            _ = response.content
        except Exception:
            if not call.ended:
                raise
        finally:
            _thread.call = None
            _watch.over(call)
        if call.ended:
            raise TookTooLong(request=request)
        return response

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Verify with what the context holds, instead of loading `certifi` once more."""
        super().cert_verify(conn, url, verify, cert)
        if verify is True and conn.proxy is None:
            conn.ca_certs = None


def _named(proxy: str | None) -> str | None:
    """Host and port of a proxy, with a scheme or without."""
    return host_of(proxy if "//" in proxy else f"//{proxy}") if proxy else None


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
