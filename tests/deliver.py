"""One delivery in a process of its own: `python -m tests.deliver FILE [REQUEST_ID [go]]`.

The environment says where the cloud is; records go to stdout as in Function Compute, the result to
stderr, and an event that must be delivered again ends with status 75 (EX_TEMPFAIL). With `go`, the
function is initialised, says "ready" on stdout, and waits for a line on stdin.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import index
from handler.core.errors import Retryable

EX_TEMPFAIL = 75


def main(file: str, request_id: str = "by-hand", go: str = "") -> int:
    """Deliver the file's bytes to the function."""
    context = SimpleNamespace(request_id=request_id, function=SimpleNamespace(timeout=120))
    if go:
        index.initialize(context)
        print("ready", flush=True)  # noqa: T201
        sys.stdin.readline()
    try:
        result = index.handler(Path(file).read_bytes(), context)
    except Retryable as undecided:
        sys.stderr.write(f"{type(undecided).__name__}: {undecided}\n")
        return EX_TEMPFAIL
    sys.stderr.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
