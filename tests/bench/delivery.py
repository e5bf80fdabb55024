"""A function instance for benchmarks: a process that imports what the function does, and no more.

``python -m tests.bench.delivery`` reads a job from stdin, hands its events to one `App`, one after
the other, and prints a report. Records go nowhere.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from handler.core.settings import read_settings
from handler.shell.app import App

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.core.guests import Heard

TIMEOUT = 86_400


def main() -> None:
    """Serve one job.

    ``{"environ", "events": [event], "behind"?: event, "gap"?: seconds, "align"?: seconds, "here"?:
    true}``: `behind` is an event that another thread works on meanwhile, `gap` is waited before
    each event, the job begins when the clock shows a multiple of `align`, and with `here` the
    guests stand on this machine: 10.0.0.1 at 127.0.0.1.
    """
    job, stdout = json.load(sys.stdin), sys.stdout
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        with redirect_stdout(nowhere):
            report = _work(job)
        json.dump(report, stdout)
        stdout.flush()
        os._exit(0)  # what works behind is of no interest any more


def _work(job: dict[str, Any]) -> dict[str, Any]:
    app = _app(job["environ"], here=job.get("here", False))
    app.warm_up(_context("warm-up"))
    _align(job.get("align"))
    if behind := job.get("behind"):
        threading.Thread(target=_handle, args=(app, behind, "behind"), daemon=True).start()
    began, done = time.time(), []
    for number, event in enumerate(job["events"]):
        time.sleep(job.get("gap", 0.0))
        done.append(_handle(app, event, f"event-{number}"))
    return {"events": done, "began": began, "ended": time.time(), "peak": _peak()}


def _app(environ: dict[str, str], *, here: bool) -> App:
    if not here:
        return App.from_environ(environ)
    from handler.shell.probe import connect_to  # noqa: PLC0415  (others shall not pay for it)

    def knock(addresses: Sequence[str], port: int, seconds: float) -> Heard:
        return connect_to(addresses, port, seconds, lambda it: it.replace("10.", "127.", 1))

    return App(read_settings(environ), environ, knock=knock)


def _handle(app: App, event: object, request_id: str) -> dict[str, Any]:
    began, busy = time.perf_counter(), time.process_time()
    result = app.handle(json.dumps(event).encode(), _context(request_id))
    taken = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - busy}
    return {**taken, "counts": result["counts"]}


def _context(request_id: str) -> SimpleNamespace:
    function = SimpleNamespace(name="secondary-ips", timeout=TIMEOUT, memory=256)
    return SimpleNamespace(request_id=request_id, function=function)


def _align(minute: float | None) -> None:
    if minute is not None:
        time.sleep(minute - time.time() % minute)


def _peak() -> float:
    """The most memory that was resident, in MB.

    Not of getrusage where it can be avoided: that is at least what the parent had.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
