"""A server in a thread of this process, for tests and commands that need one beside them."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

T = TypeVar("T")


class InThread:
    """Runs what serves until it is stopped.

    Args:
        serving: serves while it is entered, and gives the URL.
    """

    def __init__(self, serving: Callable[[], AbstractAsyncContextManager[str]], name: str) -> None:
        self._serving = serving
        self._url = ""
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._stopped: asyncio.Event
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> str:
        """Begin to serve and return the URL; raise what keeps it from serving."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self._url

    def stop(self) -> None:
        """Serve no more."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def ask(self, question: Callable[[], T]) -> T:
        """Ask on the server's own thread, so that no call is seen half done."""
        if not self._thread.is_alive():
            return question()

        async def answer() -> T:
            return question()

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for it
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        async with self._serving() as self._url:
            self._ready.set()
            await self._stopped.wait()
