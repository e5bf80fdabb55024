"""What benchmarks run in processes of their own: a local cloud, and function instances."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from localcloud.world import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

Json = dict[str, Any]


class Server(NamedTuple):
    """A running local cloud."""

    address: str
    pid: int
    started: float
    """Seconds from its start to its line on stdout."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.address}"

    def busy(self) -> float:
        """Return the seconds of its core that it has used; 0 where the system does not tell."""
        try:
            text = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8")
        except OSError:
            return 0.0
        user, system = text.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def calls(self, action: str = "") -> list[Json]:
        """Return the journal, or the calls of one action."""
        query = f"?action={action}" if action else ""
        with urllib.request.urlopen(f"{self.url}/_localcloud/calls{query}") as answer:  # noqa: S310  (our own server)
            found: list[Json] = json.load(answer)
        return found

    def reset(self) -> None:
        """Go back to the beginning."""
        request = urllib.request.Request(f"{self.url}/_localcloud/reset", b"", method="POST")  # noqa: S310  (our own server)
        urllib.request.urlopen(request).close()  # noqa: S310  (the same)


@contextmanager
def server(world: Path, *options: str) -> Iterator[Server]:
    """Run a local cloud on one core."""
    command = [sys.executable, "-m", "localcloud", "--port", "0", "--world", str(world)]
    begun = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own command
        [*command, *options], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as process:
        assert process.stdout is not None
        bind(process.pid, last=True)
        try:
            url = json.loads(process.stdout.readline())["listening"]
            yield Server(url.removeprefix("http://"), process.pid, time.perf_counter() - begun)
        finally:
            process.terminate()


def bind(pid: int, *, last: bool) -> None:
    """Bind a process to the last core, or to all others, where the system allows it."""
    if not hasattr(os, "sched_setaffinity"):
        return
    *others, one = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(pid, {one} if last or not others else set(others))


class Instance:
    """A function instance in a process of its own, at work on a job of `tests.bench.delivery`."""

    def __init__(self, url: str, settings: dict[str, str], **job: Any) -> None:
        environ = {
            **{f"{product}_ENDPOINT": url for product in ("ECS", "VPC", "ESS", "FUNCTIONS")},
            "FC_REGION": "cn-hangzhou",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": DEFAULT_KEY.id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": DEFAULT_KEY.secret,
            **settings,
        }
        clean = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.delivery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=clean,
            text=True,
        )
        bind(self._process.pid, last=False)
        assert self._process.stdin is not None
        json.dump({"environ": environ, **job}, self._process.stdin)
        self._process.stdin.close()

    def report(self) -> Json:
        """Wait for it to finish, and return what it says."""
        assert self._process.stdout is not None
        with self._process:
            report: Json = json.load(self._process.stdout)
        return report

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
