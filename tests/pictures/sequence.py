"""What `make run` does, as a sequence: the calls in the journal of the local cloud, in their order.

The same world, settings and event as there, on a clock that does not wait. The function also asks
the guests, on a made-up network, which stands as an option in the picture; it changes none of the
calls, as a test shows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handler.core.guests import Heard
from handler.core.settings import read_settings
from handler.shell.app import App
from tests.demo import EVENT, SETTINGS, WORLD, WRITE
from tests.stage import SharedClock, Stage, context, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
NAMES = {"Ess": "AS", "Ecs": "ECS", "Vpc": "VPC"}
COMPLETE = "CompleteLifecycleAction"
GUESTS = "guests"
HEAD = """\
sequenceDiagram
    participant AS as Auto Scaling
    participant F as the function
    participant ECS
    participant VPC
    participant guests"""
ASKED = {"GUEST_PORT": "22"}


@dataclass(frozen=True)
class Call:
    """A call of the function.

    Attributes:
        to: whom it reaches.
        name: of the operation.
        eni: to which ENI it assigns; empty unless it writes.
        result: what a hook gets; empty for all other calls.
    """

    to: str
    name: str
    eni: str = ""
    result: str = ""


@dataclass(frozen=True)
class Part:
    """The calls of a start or of a delivery, and how many records of ENIs were written."""

    calls: list[Call]
    records: int = 0


def played(**settings: str) -> list[Part]:
    """The start of a function instance, a delivery, and the same one again."""
    world = json.loads(WORLD.read_text(encoding="utf-8"))
    event = (ROOT / EVENT).read_bytes()
    with Stage(world, SETTINGS | settings) as stage:
        rounds: list[int] = []

        def knock(addresses: Sequence[str], _port: int, _seconds: float) -> Heard:
            rounds.append(stage.cloud.call_count())
            return Heard(frozenset(addresses), frozenset(addresses))

        environ = environment(stage.cloud.url, **stage.settings)
        app = App(read_settings(environ), environ, SharedClock(stage.time), knock=knock)
        app.warm_up(context())
        ends, records = [0, stage.cloud.call_count()], [0]
        for _ in range(2):
            records.append(len(stage.deliver(event, app).enis))
            ends.append(stage.cloud.call_count())
        app.close()
        made = list(map(_call, stage.cloud.calls()))
    parts = []
    for begin, end, written in zip(ends, ends[1:], records, strict=False):
        calls = made[begin:end]
        for place in sorted((each - begin for each in rounds if begin < each <= end), reverse=True):
            calls.insert(place, Call(GUESTS, "connect to every address"))
        parts.append(Part(_settled(calls), written))
    return parts


def _settled(calls: list[Call]) -> list[Call]:
    """Writes that follow each other were made side by side: in the order of their ENIs."""
    runs = groupby(calls, lambda call: call.name == WRITE)
    return [call for _, run in runs for call in sorted(run, key=lambda call: call.eni)]


def _call(entry: dict[str, Any]) -> Call:
    given = entry["parameters"]
    eni = given["NetworkInterfaceId"] if entry["action"] == WRITE else ""
    told = given.get("LifecycleActionResult", "")
    return Call(NAMES[entry["product"]], entry["action"], eni, told)


def drawn() -> str:
    """The picture, in the words of Mermaid."""
    start, first, again = played(**ASKED)
    lines = [
        "Note over F: a new function instance connects",
        *_arrows(start),
        "AS->>F: lifecycle hook: instances launched",
        *_arrows(first),
        "AS->>F: the same event again",
        *_arrows(again),
    ]
    return "\n".join([HEAD, *(f"    {line}" for line in lines)])


def _arrows(part: Part) -> Iterator[str]:
    """One arrow for calls that follow each other to the same service, reads or writes."""
    for (to, _), group in groupby(part.calls, lambda call: (call.to, call.name == WRITE)):
        arrow = f"F->>{to}: {_folded(list(group))}"
        yield from ["opt with GUEST_PORT", f"    {arrow}", "end"] if to == GUESTS else [arrow]
    if part.records:
        yield f"Note over F: {part.records} records, one per ENI"


def _folded(calls: list[Call]) -> str:
    """What was called, in order: each read by its name, repeated ones once; writes counted."""
    if all(call.eni for call in calls):
        enis = len({call.eni for call in calls})
        each = "once" if len(calls) == enis else f"{len(calls)} times"
        return f"{WRITE}<br/>{each} for each of {enis} ENIs" if enis > 1 else f"{WRITE}, {each}"
    names = dict.fromkeys(f"{call.name} {call.result}".strip() for call in calls)
    return "<br/>".join(names)
