"""The inside of an instance: a process that runs one function, one request at a time.

It stands alone, on the standard library, and finds the function by the name in each request; its
working directory is the function's folder. Requests come on stdin and answers go out on what was
stdout when it began: frames of four bytes with the length, then JSON. A request is
``{"call": "file.function", "context": {...}, "event"?: base64}``; answers are any number of
``{"row": text}``, then ``{"result": text}`` or ``{"error": {...}}``.

As in Function Compute every write to stdout or stderr becomes a row, and only Exception is caught:
SystemExit ends the process.
"""

from __future__ import annotations

import base64
import importlib
import io
import json
import logging
import os
import sys
import threading
import traceback
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Buffer

LONGEST_ROW = 128 * 1024
"""Bytes of a log row; what a write has beyond them is lost (Function Compute, "Logging")."""

HEADER = 4


class Channel:
    """The two pipes to whoever started this process, out of reach of the function's own output."""

    def __init__(self) -> None:
        self._requests = os.fdopen(os.dup(0), "rb")
        self._answers = os.fdopen(os.dup(1), "wb")
        self._lock = threading.Lock()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)

    def receive(self) -> dict[str, Any] | None:
        """Return the next request, or None when there will be no more."""
        header = self._requests.read(HEADER)
        if len(header) < HEADER:
            return None
        request: dict[str, Any] = json.loads(self._requests.read(int.from_bytes(header, "big")))
        return request

    def send(self, answer: dict[str, Any]) -> None:
        """Send a frame whole, whichever thread it comes from."""
        body = json.dumps(answer).encode()
        with self._lock:
            self._answers.write(len(body).to_bytes(HEADER, "big") + body)
            self._answers.flush()


class Rows(io.RawIOBase):
    """A standard stream: each write is a row."""

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel = channel
        self._number = number

    @property
    def name(self) -> str:
        """What the interpreter calls it."""
        return ("<stdout>", "<stderr>")[self._number - 1]

    def fileno(self) -> int:
        """Return the descriptor below, for those who write to it themselves."""
        return self._number

    def writable(self) -> bool:
        """Streams of this kind are only written to."""
        return True

    def write(self, data: Buffer) -> int:
        """Send what fits into a row."""
        written = bytes(data)
        self._channel.send({"row": written[:LONGEST_ROW].decode("utf-8", "ignore")})
        return len(written)


def main() -> None:
    """Serve until the requests end."""
    channel = Channel()
    sys.stdout, sys.stderr = stream(channel, 1), stream(channel, 2)
    shape = "%(asctime)s [%(levelname)s] %(message)s"
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format=shape)
    while request := channel.receive():
        channel.send(answer(request))


def stream(channel: Channel, number: int) -> io.TextIOWrapper:
    """Return what takes the place of stdout or stderr: unbuffered, as with ``python -u``."""
    return io.TextIOWrapper(Rows(channel, number), "utf-8", write_through=True)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return what the function did, as a frame."""
    try:
        return {"result": as_text(perform(request))}
    except Exception as error:  # noqa: BLE001 - as Function Compute does, and nothing else
        return {"error": described(error)}


def perform(request: dict[str, Any]) -> object:
    """Find the function, which imports its module when that is new, and call it."""
    module, _, name = request["call"].rpartition(".")
    function = getattr(importlib.import_module(module), name)
    context = json.loads(
        json.dumps(request["context"]), object_hook=lambda fields: SimpleNamespace(**fields)
    )
    context.logger = logging.getLogger()
    if "event" in request:
        return function(base64.b64decode(request["event"]), context)
    return function(context)


def as_text(result: object) -> str:
    """Return text and bytes as they are, and JSON for anything else."""
    if isinstance(result, bytes):
        return result.decode()
    return result if isinstance(result, str) else json.dumps(result)


def described(error: Exception) -> dict[str, Any]:
    """Return an exception in the shape of Function Compute ("Error handling", Python)."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": [
            [f'File "{frame.filename}"', f"line {frame.lineno}", f"in {frame.name}", frame.line]
            for frame in frames
            if frame.filename != __file__
        ],
    }


if __name__ == "__main__":
    sys.path[0] = os.getcwd()  # noqa: PTH109 - pathlib would be an import for this alone
    main()
