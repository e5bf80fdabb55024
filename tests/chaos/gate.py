"""A gate between the function and a local cloud: it sees every call, and may meddle with each.

Whoever stands at the gate is told before a call is performed and after it, and says what the caller
gets to see: the reply as it is, another one, or none at all.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.testing import LocalCloud

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}
# Bytes and seconds of one drop of a reply that drips.
DROP, DRIP = 8, 0.01


@dataclass(frozen=True)
class Reply:
    """What the caller is sent.

    Attributes:
        claims: the Content-Length to announce; None tells the truth.
        drips: whether it comes in drops.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    claims: int | None = None
    drips: bool = False


class Keeper(Protocol):
    """Who stands at the gate."""

    def before(self, action: str) -> Reply | None:
        """A call has come; a reply given here is all that becomes of it."""
        ...

    def after(self, action: str, reply: Reply) -> Reply | None:
        """A call was performed; None closes the connection instead of a reply."""
        ...


class Watcher:
    """Lets everything through; others say what they do differently."""

    def before(self, action: str) -> Reply | None:
        """See `Keeper.before`."""
        del action
        return None

    def after(self, action: str, reply: Reply) -> Reply | None:
        """See `Keeper.after`."""
        del action
        return reply


@contextmanager
def gate(cloud: LocalCloud, keeper: Keeper) -> Iterator[str]:
    """A gate before a cloud; gives its URL."""

    class Handler(_Handler):
        address = cloud.address
        watch = keeper

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection of a caller."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    address: str
    watch: Keeper

    def setup(self) -> None:
        """Have one connection to the cloud for each connection of the caller."""
        super().setup()
        self._cloud = HTTPConnection(self.address)

    def finish(self) -> None:
        """Close both."""
        self._cloud.close()
        super().finish()

    def do_POST(self) -> None:
        """Take a call to the cloud and its reply back, unless the keeper objects."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = parse_qs(urlsplit(self.path).query)
        action = self.headers.get("x-acs-action") or asked.get("Action", [""])[0]
        reply = self.watch.before(action)
        if reply is None:
            reply = self.watch.after(action, self._performed(body))
        if reply is None:
            self._hang_up()
        else:
            self._send(reply)

    def _performed(self, body: bytes) -> Reply:
        self._cloud.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            self._cloud.putheader(name, value)
        self._cloud.endheaders(body)
        answer = self._cloud.getresponse()
        headers = {k: v for k, v in answer.getheaders() if k.lower() not in HOP_BY_HOP}
        return Reply(answer.status, answer.read(), headers)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        claims = len(reply.body) if reply.claims is None else reply.claims
        self.send_header("Content-Length", str(claims))
        self.end_headers()
        drop = DROP if reply.drips else max(1, len(reply.body))
        for start in range(0, len(reply.body), drop):
            self.wfile.write(reply.body[start : start + drop])
            self.wfile.flush()
            time.sleep(DRIP if reply.drips else 0)
        if claims > len(reply.body):
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (as the base names it)
        """Say nothing: what passes here is the tests' business."""
