"""The command line: ``python -m localcloud.account account.json``."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from localcloud.account.server import Door, running
from localcloud.schema import InvalidInput, read_json


def main() -> int:
    """Serve until told to stop; 2 means that the document cannot be used."""
    parser = argparse.ArgumentParser(prog="localcloud.account", description=__doc__)
    parser.add_argument("document", type=Path, help="what the account answers")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    options = parser.parse_args()
    try:
        door = Door(read_json(options.document))
    except InvalidInput as error:
        sys.stderr.write(f"localcloud.account: {error}\n")
        return 2
    asyncio.run(_serve(door, options.port))
    return 0


async def _serve(door: Door, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with running(door.serve, port) as url:
        sys.stdout.write(json.dumps({"listening": url}) + "\n")
        sys.stdout.flush()
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
