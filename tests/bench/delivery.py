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
from typing import Any

from handler.shell.app import App

TIMEOUT = 86_400


def main() -> None:
    """Serve one job.

    ``{"environ", "events": [event], "behind"?: event, "gap"?: seconds, "align"?: seconds}``:
    `behind` is an event that another thread works on meanwhile, `gap` is waited before each event,
    and the job begins when the clock shows a multiple of `align`.
    """
    job, stdout = json.load(sys.stdin), sys.stdout
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        with redirect_stdout(nowhere):
            report = _work(job)
        json.dump(report, stdout)
        stdout.flush()
        os._exit(0)  # what works behind is of no interest any more


def _work(job: dict[str, Any]) -> dict[str, Any]:
    app = App.from_environ(job["environ"])
    app.warm_up(_context("warm-up"))
    _align(job.get("align"))
    if behind := job.get("behind"):
        threading.Thread(target=_handle, args=(app, behind, "behind"), daemon=True).start()
    began, done = time.time(), []
    for number, event in enumerate(job["events"]):
        time.sleep(job.get("gap", 0.0))
        done.append(_handle(app, event, f"event-{number}"))
    return {"events": done, "began": began, "ended": time.time(), "peak": _peak()}


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
