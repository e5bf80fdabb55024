"""The function on a stage: the real SDKs over HTTP against a local cloud, both on one clock.

Waiting is free there: a sleep of the function moves the clock that the cloud lives by.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import traceback
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from handler.core.errors import Retryable
from handler.shell.app import App
from localcloud.clock import ManualClock
from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY
from tests.worlds import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self


class SharedClock:
    """The function's view of the cloud's clock; a sleep moves it."""

    def __init__(self, time: ManualClock) -> None:
        self._time = time

    def now(self) -> float:
        """Epoch seconds."""
        return self._time.now()

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self._time.advance(seconds)


@dataclass(frozen=True)
class Delivered:
    """What came of one delivery: a result or the error that asks for another delivery."""

    result: dict[str, Any]
    error: Retryable | None
    output: str
    errors: str = ""

    @property
    def everything(self) -> str:
        """Every byte that leaves the process: stdout, stderr, result, exception and traceback."""
        trace = traceback.format_exception(self.error) if self.error else []
        told = [self.output, self.errors, json.dumps(self.result), repr(self.error), *trace]
        return "\n".join(told)

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every line on stdout."""
        return [json.loads(line) for line in self.output.splitlines()]

    def of(self, record_type: str) -> list[dict[str, Any]]:
        """The records of one type."""
        return [each for each in self.records if each["record_type"] == record_type]

    @property
    def enis(self) -> dict[str, dict[str, Any]]:
        """The `eni_result` records by ENI id; there must be one per ENI."""
        rows = self.of("eni_result")
        found = {row["network_interface_id"]: row for row in rows}
        assert len(found) == len(rows)
        return found

    @property
    def ends(self) -> dict[str, tuple[str, str]]:
        """Outcome and reason by ENI id."""
        return {eni_id: (row["outcome"], row["reason"]) for eni_id, row in self.enis.items()}


def forget_proxies() -> None:
    """The SDKs honour a proxy even for 127.0.0.1, and know no exception."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]


def context(timeout: float = 600, request_id: str = "req-1", **more: Any) -> SimpleNamespace:
    """What the python3.12 runtime hands over, as far as it matters."""
    function = SimpleNamespace(name="secondary-ips", timeout=timeout, memory=256)
    return SimpleNamespace(request_id=request_id, function=function, region=REGION, **more)


def environment(url: str, **settings: str) -> dict[str, str]:
    """Environment variables that point the function at a local cloud."""
    return {
        "ECS_ENDPOINT": url,
        "VPC_ENDPOINT": url,
        "ESS_ENDPOINT": url,
        "FUNCTIONS_ENDPOINT": url,
        "FC_REGION": REGION,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": DEFAULT_KEY.id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": DEFAULT_KEY.secret,
    } | settings


@dataclass
class Queue:
    """Function Compute as far as one hop of a chain sees it: takes invocations, or refuses them."""

    faults: list[Exception] = field(default_factory=list)
    tries: int = 0
    taken: dict[str, bytes] = field(default_factory=dict)

    def invoke_later(self, payload: bytes, task_id: str) -> bool:
        """Keep it, if the task id is new."""
        self.tries += 1
        if self.faults:
            raise self.faults.pop(0)
        new = task_id not in self.taken
        self.taken.setdefault(task_id, payload)
        return new


@dataclass
class Stage:
    """A local cloud and a function; use it with `with`."""

    world: Mapping[str, Any]
    settings: dict[str, str] = field(default_factory=dict)
    faults: Sequence[Mapping[str, Any]] = ()
    _deliveries: int = 0

    def __enter__(self) -> Self:
        self.time = ManualClock()
        self.cloud = LocalCloud(self.world, faults=self.faults, clock=self.time).__enter__()
        self.app = self.another_app()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.app.close()
        self.cloud.__exit__(kind, error, trace)

    def another_app(self, **settings: str) -> App:
        """A fresh function instance: it remembers nothing."""
        environ = environment(self.cloud.url, **self.settings | settings)
        return App.from_environ(environ, SharedClock(self.time))

    def deliver(
        self,
        event: object,
        app: App | None = None,
        timeout: float = 600,
        request_id: str | None = None,
    ) -> Delivered:
        """Hand an event to the function and see what comes of it."""
        raw = event if isinstance(event, bytes) else json.dumps(event).encode()
        output, errors, result, error = io.StringIO(), io.StringIO(), {}, None
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                result = (app or self.app).handle(
                    raw, context(timeout, request_id or self._next_id())
                )
            except Retryable as raised:
                error = raised
        return Delivered(result, error, output.getvalue(), errors.getvalue())

    def _next_id(self) -> str:
        self._deliveries += 1
        return f"req-{self._deliveries}"

    def held(self) -> dict[str, int]:
        """Secondary addresses on every ENI, from the cloud's own books."""
        return self.cloud.held()

    def enis(self) -> dict[str, dict[str, Any]]:
        """Every ENI of the cloud by id."""
        return self.cloud.enis()

    def writes(self) -> list[dict[str, Any]]:
        """The parameters of every AssignPrivateIpAddresses call, in order."""
        return [call["parameters"] for call in self.cloud.calls("AssignPrivateIpAddresses")]

    def actions(self, *but: str) -> list[str]:
        """The names of the calls that reached the cloud, in order; some left out."""
        return [call["action"] for call in self.cloud.calls() if call["action"] not in but]

    def hook(self) -> dict[str, Any]:
        """The one lifecycle action of the world."""
        action: dict[str, Any] = self.cloud.state()["lifecycle_actions"][0]
        return action
