"""Work in the background while a person watches, who may press Ctrl-C.

The first one stops the work: calls in flight are finished and confirmed. The second one ends the
process. SIGTERM means the same.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING

from rich.live import Live

from console import screen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from console.session import Ended, Session

# How soon a finished run is noticed, and how often the screen is drawn a second.
POLL_SECONDS, FRAMES = 0.05, 8


class AtOnce(BaseException):
    """The second Ctrl-C: nothing may catch this but the way out.

    Attributes:
        resume: the command that goes on, if there is anything left to go on with.
    """

    said = "stopped at once; nothing was assigned"
    resume: str | None = None


def attended(session: Session, payload: bytes, view: RenderableType) -> Ended:
    """Work on a request while `view` is shown on the terminal, if there is one.

    Raises:
        AtOnce: Ctrl-C was pressed twice.
    """
    future: Future[Ended] = Future()
    console = screen.console(stderr=True)
    shown = Live(view, console=console, refresh_per_second=FRAMES, transient=True)
    live = shown if console.is_terminal else contextlib.nullcontext()
    with _stopped_by_signals(session), live:
        threading.Thread(target=_work, args=(session, payload, future), daemon=True).start()
        while not future.done():
            wait([future], POLL_SECONDS)
    return future.result()


def _work(session: Session, payload: bytes, future: Future[Ended]) -> None:
    try:
        future.set_result(session.work(payload))
    except BaseException as error:  # noqa: BLE001  (raised again where the result is asked for)
        future.set_exception(error)


@contextlib.contextmanager
def _stopped_by_signals(session: Session) -> Iterator[None]:
    def pressed(_number: int, _frame: object) -> None:
        if session.stop.is_set():
            raise AtOnce
        session.stop.set()

    before = {number: signal.signal(number, pressed) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
