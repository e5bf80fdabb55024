"""The command line: ``python -m tests.localcloud --port 7070``."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from tests.localcloud.app import running
from tests.localcloud.schema import InvalidInput, read_json
from tests.localcloud.service import MINUTE, Service

DEMO = Path(__file__).parent / "worlds" / "demo.json"


def main() -> int:
    """Serve until told to stop; 2 means that a file or an option cannot be used."""
    options = _parser().parse_args()
    try:
        service = Service(
            read_json(options.world),
            faults=read_json(options.faults) if options.faults else (),
            minute=options.minute,
        )
    except InvalidInput as error:
        sys.stderr.write(f"localcloud: {error}\n")
        return 2
    try:
        asyncio.run(_serve(service, options.port))
    except OSError as error:
        sys.stderr.write(f"localcloud: port {options.port}: {error.strerror}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.localcloud", description=__doc__)
    parser.add_argument("--port", type=int, default=7070, help="0 takes any free port")
    parser.add_argument("--world", type=Path, default=DEMO, help="what exists (default: a demo)")
    parser.add_argument("--faults", type=Path, help="what goes wrong")
    parser.add_argument("--minute", type=_seconds, default=MINUTE, help="seconds of a quota window")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return seconds


async def _serve(service: Service, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with running(service, port) as url:
        sys.stdout.write(json.dumps({"listening": url}) + "\n")
        sys.stdout.flush()
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
