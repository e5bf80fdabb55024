"""What the SDKs call: shown with `-v`, and counted for the progress bar.

All SDKs but that of MNS send through sessions of `requests`: the two cores, `fc2`, and whatever
fetches credentials. Each request that they send gets a hook, which hears of the answer; the queue's
adapter tells of its calls itself. Only the command listens: the function knows nothing of it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from console import screen

# Where the services write the id of a call; RPC style ones have it in the body too.
_ID_HEADERS = ("x-acs-request-id", "x-fc-request-id", "x-log-requestid", "x-mns-request-id")
_ACTION, _SIGNED = "x-acs-action", "authorization"


@dataclass(frozen=True)
class Call:
    """One call that was answered.

    Attributes:
        sent: headers of the request, by names in small letters; so is `answered`.
        seconds: until the answer began.
    """

    method: str
    url: str
    sent: Mapping[str, str]
    status: int
    answered: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def action(self) -> str:
        """What was called: nothing that may be a signature, or a path that only its owner knows."""
        if self.sent.get(_ACTION):
            return self.sent[_ACTION]
        url = urlsplit(self.url)
        return f"{self.method} {url.path if _SIGNED in self.sent else url.hostname}"

    @property
    def request_id(self) -> str | None:
        """The id that the service gave it, by which a ticket can name it."""
        for name in _ID_HEADERS:
            if self.answered.get(name):
                return self.answered[name]
        try:
            body = json.loads(self.body)
        except ValueError:
            return None
        found = body.get("RequestId") if isinstance(body, dict) else None
        return str(found) if found else None


Hear = Callable[[Call], None]
_listeners: list[Hear] = []


def listen(hear: Hear) -> None:
    """Have every call that is answered from here on told to `hear`, on the thread that made it."""
    if not _listeners:
        _hook_into_sessions()
    _listeners.append(hear)


def tell(call: Call) -> None:
    """Tell whoever listens of a call; for the adapter of an SDK that has no such sessions."""
    for hear in _listeners:
        hear(call)


def by_small_letters(headers: Mapping[str, Any]) -> dict[str, str]:
    """Headers as `Call` has them."""
    return {name.lower(): str(value) for name, value in headers.items()}


def _hook_into_sessions() -> None:
    """Register a hook with every request that a session sends."""
    from requests import Session  # noqa: PLC0415  (slow to import)

    sessions: Any = Session
    send = sessions.send

    def heard(self: Any, request: Any, **options: Any) -> Any:  # noqa: ANN401  (as in `requests`)
        request.register_hook("response", _hear)
        return send(self, request, **options)

    sessions.send = heard


def _hear(response: Any, **_options: Any) -> None:  # noqa: ANN401  (of `requests`, untyped)
    request, seconds = response.request, response.elapsed.total_seconds()
    sent, answered = by_small_letters(request.headers), by_small_letters(response.headers)
    status, body = response.status_code, response.content
    tell(Call(request.method, request.url, sent, status, answered, body, seconds))


@dataclass
class Granted:
    """How many calls of an operation were granted. Safe to share among threads."""

    operation: str
    count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def listen(self) -> None:
        """Count from here on."""
        listen(self._hear)

    def _hear(self, call: Call) -> None:
        if call.sent.get(_ACTION) == self.operation and call.status == 200:
            with self._lock:
                self.count += 1


def show_calls() -> None:
    """Show every call from here on, on standard error, with the id that Alibaba Cloud gave it."""
    listen(_show)


def _show(call: Call) -> None:
    named = f"request id {call.request_id}" if call.request_id else "no request id"
    screen.note(f"{call.action} {call.status} {call.seconds:.2f} s, {named}", whole=True)
