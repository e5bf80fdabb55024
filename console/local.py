"""`--local`: a local cloud with a made-up fleet, to try everything without an account."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from console import screen
from console.fleet import FUNCTION_SETTINGS, MINUTE_SECONDS, REGION, fleet
from console.manual import REGION_VARIABLE, BadRequest, default_region

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[1]
# The key that the local cloud documents; it opens nothing else.
KEY_ID, KEY = "LTAIlocalcloud", "localcloud-secret"
END_SECONDS = 5
_MISSING = "--local: needs a checkout and its development requirements; run: make setup"


def home_region(local: bool) -> str | None:
    """The region where nothing else names one, known before a local cloud runs."""
    return REGION if local else default_region(os.environ)


@contextlib.contextmanager
def environment(local: bool, enis: int, region: str | None) -> Iterator[Mapping[str, str]]:
    """The environment to work in: the operator's own, or one that leads to a local cloud."""
    if not local:
        yield os.environ
        return
    check(region)
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder, "world.json")
        world.write_text(json.dumps(fleet(enis)), encoding="utf-8")
        place = ("--port", "0", "--world", str(world), "--minute", str(MINUTE_SECONDS))
        with running("localcloud", *place) as url:
            screen.note(
                f"local cloud with a made-up fleet of {screen.counted(enis, 'ENI')}; its throttling"
                f" windows are {MINUTE_SECONDS} s long, not 60; it ends with this command"
            )
            yield _leading_to(url)


def check(region: str | None) -> None:
    """Whether there is a local cloud to start, for the region that it has.

    Raises:
        BadRequest: another region, or no checkout.
    """
    if region not in {None, REGION}:
        raise BadRequest(f"--region: found {region!r}; allowed with --local: {REGION}")
    present = (ROOT / "localcloud/__main__.py").is_file()
    if not present or importlib.util.find_spec("aiohttp") is None:
        raise BadRequest(_MISSING)


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[str]:
    """A module of the local cloud in a process of its own, which Ctrl-C does not reach; its URL."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as words:
        yield from _serving(arguments, words)


def _serving(arguments: tuple[str, ...], words: IO[str]) -> Iterator[str]:
    process = subprocess.Popen(  # noqa: S603  (this interpreter, and arguments made here)
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=words,
        text=True,
        start_new_session=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise BadRequest(f"--local: the local cloud did not start: {_last_line(words)}")
        yield json.loads(line)["listening"]
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _last_line(words: IO[str]) -> str:
    words.seek(0)
    return (words.read().strip().splitlines() or ["it ended without a word"])[-1]


def forget_proxies() -> None:
    """Take every proxy out of this process's environment."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]


def _leading_to(url: str) -> dict[str, str]:
    """The operator's settings, but the local cloud's endpoints, key and pace.

    The SDKs honour a proxy even for 127.0.0.1, so there is none.
    """
    forget_proxies()
    endpoints = {f"{name}_ENDPOINT": url for name in ("ECS", "VPC", "ESS", "FUNCTIONS", "QUEUE")}
    ours = {
        REGION_VARIABLE: REGION,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY_ID,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY,
        "ALIBABA_CLOUD_SECURITY_TOKEN": "",
        "FC_REGION": "",
    }
    return FUNCTION_SETTINGS | dict(os.environ) | ours | endpoints
