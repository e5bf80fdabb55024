"""The command line: ``python -m localcloud --port 7070``."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.app import running
from localcloud.certificate import read_certificate
from localcloud.clock import ScaledClock, SystemClock
from localcloud.limits import TRANSITION_SECONDS, UNATTACHED_LIMIT, Limits
from localcloud.schema import InvalidInput, read_json
from localcloud.service import MINUTE, Service

if TYPE_CHECKING:
    from ssl import SSLContext

DEMO = Path(__file__).parent / "worlds" / "demo.json"


def main() -> int:
    """Serve until told to stop; 2 means that a file or an option cannot be used."""
    parser = _parser()
    options = parser.parse_args()
    if bool(options.cert) != bool(options.key):
        parser.error("--cert and --key go together")
    try:
        service = Service(
            read_json(options.world),
            faults=read_json(options.faults) if options.faults else (),
            minute=options.minute,
            clock=SystemClock() if options.speed == 1 else ScaledClock(options.speed),
            limits=Limits(options.unattached_limit, transition=options.transition),
            retry_after=options.retry_after,
        )
        certificate = read_certificate(options.cert, options.key) if options.cert else None
    except InvalidInput as error:
        sys.stderr.write(f"localcloud: {error}\n")
        return 2
    try:
        asyncio.run(_serve(service, options.port, certificate))
    except OSError as error:
        sys.stderr.write(f"localcloud: port {options.port}: {error.strerror}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localcloud", description=__doc__)
    parser.add_argument("--port", type=int, default=7070, help="0 takes any free port")
    parser.add_argument("--world", type=Path, default=DEMO, help="what exists (default: a demo)")
    parser.add_argument("--faults", type=Path, help="what goes wrong")
    parser.add_argument(
        "--minute", type=_positive, default=MINUTE, help="seconds of a quota window"
    )
    parser.add_argument(
        "--speed", type=_positive, default=1.0, help="how fast the cloud's time runs"
    )
    parser.add_argument("--cert", type=Path, help="certificate file: serve HTTPS (with --key)")
    parser.add_argument("--key", type=Path, help="the certificate's private key")
    parser.add_argument(
        "--retry-after", action="store_true", help="say when to come back in throttled answers"
    )
    parser.add_argument(
        "--transition",
        type=_positive,
        default=TRANSITION_SECONDS,
        help="seconds that Attaching, Starting and the like last",
    )
    parser.add_argument(
        "--unattached-limit",
        type=int,
        default=UNATTACHED_LIMIT,
        help="secondary addresses of an ENI that is attached to nothing",
    )
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return number


async def _serve(service: Service, port: int, certificate: SSLContext | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with running(service, port, certificate) as url:
        sys.stdout.write(json.dumps({"listening": url}) + "\n")
        sys.stdout.flush()
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
