"""Instances: the processes that functions run in, reused while they are well."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.functions import contexts, outcomes
from localcloud.functions.worker import HEADER, LONGEST_ROW

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.actions import Json
    from localcloud.functions.contexts import Place
    from localcloud.functions.outcomes import Outcome
    from localcloud.functions.specs import FunctionSpec

    WriteRow = Callable[[str], None]

WORKER = Path(__file__).with_name("worker.py")

FAREWELL = 2.0
"""Seconds that pre_stop gets; ours."""


class Instance:
    """A process and the pipes to it; one request at a time."""

    def __init__(
        self, spec: FunctionSpec, process: asyncio.subprocess.Process, write_row: WriteRow
    ) -> None:
        self._spec = spec
        self._process = process
        self._write_row = write_row
        self._initialized = not spec.initializer
        self._killed = False
        self.idle = False
        self.ended = asyncio.create_task(self._watch())

    @classmethod
    async def start(cls, spec: FunctionSpec, place: Place, write_row: WriteRow) -> Instance:
        """Start a process in the function's folder, with nothing of ours in its environment."""
        process = await asyncio.create_subprocess_exec(
            *_interpreter(spec),
            str(WORKER),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=spec.code,
            env=contexts.environment(spec, place, f"c-{uuid.uuid4()}"),
            start_new_session=True,
        )
        return cls(spec, process, write_row)

    @property
    def pid(self) -> int:
        """The id of the process, which leads a group of its own."""
        return self._process.pid

    async def serve(self, context: Json, event: bytes) -> Outcome:
        """Run the handler, and before its first request the initializer."""
        if not self._initialized:
            outcome = await self._call(self._spec.initializer, context)
            if not outcome.good:
                self.kill()
                return outcome
            self._initialized = True
        return await self._call(self._spec.handler, context, event)

    async def stop(self, context: Json) -> None:
        """Let an idle instance say farewell, then end it."""
        if self.idle:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._call(self._spec.pre_stop, context), FAREWELL)
        self.kill()
        await self.ended

    def kill(self) -> bool:
        """End the process, and whatever it has started, at once; whether that was left to do."""
        self.idle = False
        if self._killed:
            return False
        self._killed = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return True

    async def _call(self, function: str, context: Json, event: bytes | None = None) -> Outcome:
        """Run a function in the process; unless it returned or raised, the process is killed."""
        self.idle = False
        try:
            exchange = self._exchange(_request(function, context, event))
            outcome = await asyncio.wait_for(exchange, self._spec.timeout + self._spec.grace)
            self.idle = not self._killed
        except asyncio.TimeoutError:
            outcome = outcomes.timed_out(self._spec.timeout)
        except (asyncio.IncompleteReadError, ConnectionError):
            outcome = outcomes.exited()
        finally:
            if not self.idle:
                self.kill()
        return outcome

    async def _exchange(self, request: bytes) -> Outcome:
        assert self._process.stdin is not None
        self._process.stdin.write(len(request).to_bytes(HEADER, "big") + request)
        await self._process.stdin.drain()
        while "row" in (answer := await self._receive()):
            self._write_row(answer["row"])
        if "error" in answer:
            return outcomes.raised(answer["error"])
        return outcomes.returned(answer["result"])

    async def _receive(self) -> Json:
        assert self._process.stdout is not None
        header = await self._process.stdout.readexactly(HEADER)
        body = await self._process.stdout.readexactly(int.from_bytes(header, "big"))
        answer: Json = json.loads(body)
        return answer

    async def _watch(self) -> None:
        """Take what is written past the streams of Python, until the process has ended."""
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(LONGEST_ROW):
            self._write_row(chunk.decode("utf-8", "replace"))
        await self._process.wait()
        self.idle = False
        await self._close()

    async def _close(self) -> None:
        """Close the last pipe; what could not be written to it is of no interest any more."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(ConnectionError):
            await self._process.stdin.wait_closed()


def _interpreter(spec: FunctionSpec) -> tuple[str, ...]:
    """Return the function's own interpreter, with no packages but those in its folder; or ours."""
    return (spec.interpreter, "-S", "-B") if spec.interpreter else (sys.executable, "-B")


def _request(function: str, context: Json, event: bytes | None) -> bytes:
    request = {"call": function, "context": context}
    if event is not None:
        request["event"] = base64.b64encode(event).decode()
    return json.dumps(request).encode()
