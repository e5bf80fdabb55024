"""The audit of the worlds over HTTP asks both sides: each breach is reported, its mirror is not.

A cloud of a few words stands in for the local one, and a worker that has done what it is said to.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.audit import ASSIGN, COMPLETE, HEARTBEAT, READ, Audit, Order
from tests.chaos.turns import CloudTime

if TYPE_CHECKING:
    from collections.abc import Callable

HOURS, SETTLE = 21_600, 10.0
ORDER = Order(frozenset({"eni-a"}), names=frozenset({"i-a"}), hook="ash-ours")


@dataclass
class Books:
    """A cloud with one ENI of four addresses, two hooks, and a journal."""

    held: int = 4
    tags: dict[str, str] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        """Its books."""
        secondary = [f"10.0.0.{last}" for last in range(self.held)]
        eni = {"id": "eni-a", "secondary": secondary, "prefixes": [], "tags": self.tags}
        names = {"ash-ours": "secondary-ips", "ash-theirs": "register-dns"}
        return {
            "instances": [{"id": "i-a", "type": "t", "tags": {}, "enis": [eni]}],
            "enis": [],
            "lifecycle_actions": [
                {"hook_id": hook_id, "hook_name": name, "timeout": HOURS}
                for hook_id, name in names.items()
            ],
        }

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """Its journal."""
        return self.rows[since:]

    def call_count(self) -> int:
        """How long that is."""
        return len(self.rows)


@dataclass
class Scene:
    """A delivery under the eyes of an audit."""

    books: Books
    order: Order = ORDER
    environ: dict[str, str] = field(
        default_factory=lambda: {"TARGET_SECONDARY_IPS": "4", "ON_SHORTFALL": "default"}
    )
    output: io.StringIO = field(default_factory=io.StringIO)
    error: BaseException | None = None
    everything: str = ""

    def __post_init__(self) -> None:
        self.time = CloudTime()
        cloud: Any = self.books
        self.audit = Audit(cloud, self.time, {"t": 9}, (), Counter(), settle=SETTLE)
        self.audit.begins(self.worker, self.order)

    @property
    def worker(self) -> Any:
        """This, as an audit takes it."""
        return self

    @property
    def records(self) -> list[dict[str, Any]]:
        """What it has written."""
        return [json.loads(line) for line in self.output.getvalue().splitlines()]

    def calls(self, action: str, code: str | None = None, **parameters: str) -> None:
        """It calls, and looks at the clock."""
        status, now = 400 if code else 200, self.time.now()
        call = {"action": action, "parameters": parameters, "code": code, "status": status}
        self.books.rows.append(call | {"fault": None, "time": now})
        self.audit.watch(self.worker)

    def completes(self, result: str | None, hook_id: str = "ash-ours") -> None:
        """It completes a hook."""
        told = {"LifecycleActionResult": result} if result else {}
        self.calls(COMPLETE, LifecycleHookId=hook_id, ClientToken="t", **told)

    def beats(self, seconds: int) -> None:
        """It sends a heartbeat."""
        self.calls(HEARTBEAT, lifecycleHookId="ash-ours", heartbeatTimeout=str(seconds))

    def ends(self, outcome: str = "deferred", line: str = "") -> None:
        """It ends, its ENI and itself recorded."""
        row = {"record_type": "eni_result", "network_interface_id": "eni-a", "outcome": outcome}
        lines = [row | {"instance_id": "i-a"}, {"record_type": "run_summary"}]
        written = [json.dumps(each) for each in lines] + ([line] if line else [])
        self.output.write("\n".join(written) + "\n")
        self.audit.ended(self.worker)


def seen(does: Callable[[Scene], None], books: Books, order: Order = ORDER) -> list[str]:
    """What an audit finds of a delivery."""
    scene = Scene(deepcopy(books), order)
    does(scene)
    return scene.audit.breaches


def reads(times: int) -> Callable[[Scene], None]:
    """It reads so often, and ends."""

    def does(scene: Scene) -> None:
        scene.completes("CONTINUE")
        for _ in range(times):
            scene.calls(READ)
        scene.ends()

    return does


def throttled(minutes: int) -> Callable[[Scene], None]:
    """It is throttled once, and ends so many minutes later."""

    def does(scene: Scene) -> None:
        scene.calls(READ, "Throttling.User")
        scene.time.advance(60 * minutes)
        scene.audit.alone(scene.worker)

    return does


def gave_back(seconds: float) -> Callable[[Scene], None]:
    """It reads a shortfall, which somebody else mends; so much later it tells of it."""

    def does(scene: Scene) -> None:
        scene.calls(READ)
        scene.books.held = 4
        scene.audit.others_called()
        scene.time.advance(seconds)
        scene.calls(READ)
        scene.output.write('{"outcome": "short"}\n')
        scene.completes("ABANDON")

    return does


def done_and(last: Callable[[Scene], None]) -> Callable[[Scene], None]:
    """Its hook is completed, and then something."""

    def does(scene: Scene) -> None:
        scene.completes("CONTINUE")
        last(scene)

    return does


def writes(scene: Scene) -> None:
    """It asks for addresses."""
    scene.calls(ASSIGN, NetworkInterfaceId="eni-a", ClientToken="t")


THEIRS = {"creator": "terway"}
BY_ID = Order(frozenset({"eni-a"}), by_id=True)
FINE: dict[str, tuple[Callable[[Scene], None], Books, Order]] = {
    "CONTINUE of what is whole": (lambda at: at.completes("CONTINUE"), Books(), ORDER),
    "DEFAULT of what is short": (lambda at: at.completes(None), Books(3), ORDER),
    "ABANDON of what was short a moment ago": (gave_back(9), Books(3), ORDER),
    "a heartbeat that gives more": (lambda at: at.beats(HOURS), Books(), ORDER),
    "a marked ENI that is named": (writes, Books(4, THEIRS), BY_ID),
    "a pause": (lambda at: at.audit.sleeps(0.1), Books(), ORDER),
    "sixty reads": (reads(60), Books(), ORDER),
    "lines that are records": (done_and(Scene.ends), Books(), ORDER),
    "three minutes after a throttled one": (throttled(3), Books(), ORDER),
}
BROKEN: dict[str, tuple[Callable[[Scene], None], Books, Order, str]] = {
    "CONTINUE of what is short": (
        lambda at: at.completes("CONTINUE"),
        Books(3),
        ORDER,
        "promise 3: CONTINUE while eni-a is short",
    ),
    "DEFAULT of what is whole": (
        lambda at: at.completes(None),
        Books(),
        ORDER,
        "promise 3: DEFAULT although no ENI",
    ),
    "ABANDON of what was short long ago": (
        gave_back(11),
        Books(3),
        ORDER,
        "promise 3: ABANDON although no ENI",
    ),
    "a hook of others": (
        lambda at: at.completes("CONTINUE", "ash-theirs"),
        Books(),
        ORDER,
        "promise 8: the hook register-dns is somebody else's",
    ),
    "a heartbeat that gives less": (
        lambda at: at.beats(600),
        Books(),
        ORDER,
        "promise 3: a heartbeat takes 21000 s from the hook",
    ),
    "a marked ENI": (
        writes,
        Books(4, THEIRS),
        ORDER,
        "promise 8: eni-a, which is somebody else's, is written to",
    ),
    "no pause": (lambda at: at.audit.sleeps(0), Books(), ORDER, "promise 7: a pause of 0 s"),
    "sixty-one reads": (reads(61), Books(), ORDER, "promise 7: 61 reads of ENIs in 0 s"),
    "a line that is no record": (
        done_and(lambda at: at.ends(line="{***")),
        Books(),
        ORDER,
        "promise 4: a line of the log is no JSON",
    ),
    "an instance without a record": (
        done_and(Scene.ends),
        Books(),
        Order(frozenset({"eni-a"}), names=frozenset({"i-b"})),
        "promise 4: i-b has no eni_result",
    ),
    "a hook that waits on": (
        Scene.ends,
        Books(),
        ORDER,
        "promise 3: the hook secondary-ips still waits",
    ),
    "four minutes after a throttled one": (
        throttled(4),
        Books(),
        ORDER,
        "promise 7: 4 minutes after a throttled one",
    ),
}


@pytest.mark.parametrize("name", FINE)
def test_what_is_as_promised_is_no_breach(name: str) -> None:
    """At the very bound, nothing is said."""
    assert [] == seen(*FINE[name])


@pytest.mark.parametrize("name", BROKEN)
def test_breach_is_told(name: str) -> None:
    """Past the bound, one line says what is wrong, and nothing else is."""
    does, books, order, told = BROKEN[name]
    (found,) = seen(does, books, order)
    assert found.startswith(told)
