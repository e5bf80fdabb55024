"""What the SDKs call: shown with `-v`, and counted for the progress bar.

A call is heard of when it is answered; those of a function on FC 2.0 are not, as `fc2` makes them.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any

from console import screen

# Where the services write the id of a call; RPC style ones have it in the body too.
_ID_HEADERS = ("x-acs-request-id", "x-fc-request-id", "x-log-requestid", "x-mns-request-id")


@dataclass
class Granted:
    """How many calls of an operation were granted. Safe to share among threads."""

    operation: str
    count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def listen(self) -> None:
        """Count from here on: of the connections that are made from here on."""
        from handler.cloud.transport import share_tls_context  # noqa: PLC0415  (the SDKs)

        share_tls_context(self.hear)

    def hear(self, request: Any, response: Any) -> None:  # noqa: ANN401  (of `requests`, untyped)
        """Take in one answer."""
        if request.headers.get("x-acs-action") == self.operation and response.status_code == 200:
            with self._lock:
                self.count += 1


def show_calls() -> None:
    """Show every call from here on, on standard error, with the id that Alibaba Cloud gave it."""
    from handler.cloud.transport import share_tls_context  # noqa: PLC0415  (the SDKs, if asked for)

    share_tls_context(_show)


def _show(request: Any, response: Any) -> None:  # noqa: ANN401  (of `requests`, untyped)
    seconds = response.elapsed.total_seconds()
    call = f"{action_of(request.method, request.path_url, request.headers)} {response.status_code}"
    screen.note(f"{call} {seconds:.2f} s, request id {request_id_of(response)}", whole=True)


def action_of(method: str, path: str, headers: dict[str, str]) -> str:
    """What was called; never the query, which may hold a signature."""
    return headers.get("x-acs-action") or f"{method} {path.partition('?')[0]}"


def request_id_of(response: Any) -> str:  # noqa: ANN401  (of `requests`, untyped)
    """The id of an answered call, by which a ticket can name it."""
    for name in _ID_HEADERS:
        if response.headers.get(name):
            return str(response.headers[name])
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    found = body.get("RequestId") if isinstance(body, dict) else None
    return str(found) if found else "not told"
