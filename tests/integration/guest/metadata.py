"""A hardened metadata service, as an ECS instance sees it: no answer without a token.

Run as a program it reads what to answer from a file, again at each request, so that a test can
change it from another network namespace.
"""

from __future__ import annotations

import contextlib
import json
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from typing_extensions import Self

TTL = "X-aliyun-ecs-metadata-token-ttl-seconds"
TOKEN = "X-aliyun-ecs-metadata-token"
MACS = "meta-data/network/interfaces/macs/"


def texts(enis: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """The pages of a listing: ENIs with `mac`, `id`, `ips` (the primary first), `prefixes`."""
    yield MACS, "".join(f"{eni['mac']}/\n" for eni in enis)
    if enis:
        yield "meta-data/mac", enis[0]["mac"]
    for eni in enis:
        base = MACS + eni["mac"]
        yield f"{base}/network-interface-id", eni["id"]
        yield f"{base}/primary-ip-address", eni["ips"][0]
        yield f"{base}/private-ipv4s", json.dumps(eni["ips"])
        if eni.get("prefixes"):
            yield f"{base}/ipv4-prefixes", json.dumps(eni["prefixes"])


class Service:
    """What is answered. Serve it with `with`; `url` is where.

    Attributes:
        enis: the listing.
        odd: by page, what is answered instead: (status, text).
        cut: pages whose answer ends before its announced length.
        endless: pages whose answer goes on after what is listed, without an announced length.
        trickling: pages whose answer comes a byte a second.
        elsewhere: where all pages are said to have moved.
        tokens: those that are valid.
        asked: (method, page) of all requests.
    """

    def __init__(self, *enis: dict[str, Any]) -> None:
        self.enis = list(enis)
        self.odd: dict[str, tuple[int, str]] = {}
        self.cut: set[str] = set()
        self.endless: set[str] = set()
        self.trickling: set[str] = set()
        self.elsewhere = ""
        self.tokens: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    def put(self, ttl: str | None) -> tuple[int, str]:
        """A new token."""
        if ttl is None or not ttl.isdigit() or not 1 <= int(ttl) <= 21_600:
            return 400, ""
        self.tokens.add(f"token-{len(self.tokens)}-{len(self.asked)}")
        return 200, max(self.tokens, key=lambda each: int(each.rsplit("-", 1)[1]))

    def get(self, page: str, token: str | None) -> tuple[int, str]:
        """One page."""
        if token is None:
            return 403, ""
        if token not in self.tokens:
            return 401, ""
        if self.elsewhere:
            return 302, ""
        if page in self.odd:
            return self.odd[page]
        found = dict(texts(self.enis))
        return (200, found[page]) if page in found else (404, "<html>not found</html>")

    def headers(self, page: str, length: int) -> dict[str, str]:
        """Those of an answer."""
        found = {"Location": f"{self.elsewhere}/latest/{page}"} if self.elsewhere else {}
        if page in self.endless:
            return found
        return found | {"Content-Length": f"{length + 50 * (page in self.cut)}"}

    def parts(self, page: str, body: bytes) -> Iterator[bytes]:
        """What is sent of an answer, one after another."""
        for each in body if page in self.trickling else ():
            yield bytes([each])
            time.sleep(1)
        yield b"" if page in self.trickling else body
        yield b" " * 1_000_000 + body if page in self.endless else b""

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(lambda: self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def handler_of(service: Callable[[], Service]) -> type[BaseHTTPRequestHandler]:
    """Answers HTTP with what the service of the moment says."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            service().asked.append(("PUT", self.path))
            self._answer(*service().put(self.headers[TTL]))

        def do_GET(self) -> None:
            page = self.path.removeprefix("/latest/")
            service().asked.append(("GET", page))
            self._answer(*service().get(page, self.headers[TOKEN]), page)

        def _answer(self, status: int, text: str, page: str = "") -> None:
            self.send_response(status)
            for name, value in service().headers(page, len(text)).items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # whoever asked has gone
                for part in service().parts(page, text.encode()):
                    self.wfile.write(part)

        def log_message(self, *_: object) -> None:
            """Silent."""

    return Handler


class _Nameless(ThreadingHTTPServer):
    """Does not look for its own name, which takes long where no resolver is reached."""

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)


def main(port: int, file: Path) -> None:
    """Serve what the file lists: {"enis": [...]}, or {"away": true} for nothing but 503."""
    service = Service()

    def now() -> Service:
        listing = json.loads(file.read_text())
        service.enis = listing.get("enis", [])
        service.odd = {MACS: (503, "")} if listing.get("away") else {}
        return service

    _Nameless(("100.100.100.200", port), handler_of(now)).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
