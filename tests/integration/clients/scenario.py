"""The scenario: calls in their order, and what each must be answered, whoever asks.

A step is ``{"name", "action", "params", "expect", "capture"?, "safe"?, "local"?}``. Text like
``${two}`` stands for something that an earlier step has captured or that the run was given.
``expect`` has ``status``, ``code``, ``values`` (path: value) and ``counts`` (path: length);
``local`` has values that only the world next to this file gives. Safe steps can be pointed at a
real account: they touch nothing but one ENI, and only what they have assigned to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Json = dict[str, Any]
Perform = Callable[[str, Json], Json]

HERE = Path(__file__).parent
WORLD = HERE / "world.json"

VOLATILE = frozenset({"RequestId", "HostId", "Recommend"})
"""Fields that are different each time, or that not every client tells about."""

_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Step:
    """One call and what must come of it."""

    name: str
    action: str
    params: Json
    expect: Json
    capture: Mapping[str, str] = field(default_factory=dict)
    safe: bool = False
    local: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A step with the values of its run: what was asked, wanted and answered."""

    step: Step
    params: Json
    expect: Json
    local: Json
    answered: Json

    @property
    def comparable(self) -> Json:
        """What every client must have been answered alike; of refusals, code and text."""
        answer = self.answered["answer"]
        kept = answer.keys() - VOLATILE if self.answered["code"] is None else {"Message"}
        return {**self.answered, "answer": {name: answer[name] for name in sorted(kept)}}


def load_steps(*, only_safe: bool = False) -> list[Step]:
    """Return the steps of the scenario."""
    steps = json.loads((HERE / "scenario.json").read_text(encoding="utf-8"))["steps"]
    return [Step(**step) for step in steps if step.get("safe") or not only_safe]


def play(steps: list[Step], perform: Perform, given: Json) -> Iterator[Entry]:
    """Make the calls in their order, each with what the ones before have captured."""
    known = dict(given)
    for step in steps:
        params = fill(step.params, known)
        answered = perform(step.action, params)
        for name, path in step.capture.items():
            known[name] = find(answered["answer"], path)
        yield Entry(step, params, fill(step.expect, known), fill(step.local, known), answered)


def differences(entry: Entry, *, local: bool) -> list[str]:
    """Return where an answer departs from what the step expects."""
    expect, answered = entry.expect, entry.answered
    wanted = {**expect.get("values", {}), **(entry.local if local else {})}
    pairs = [(name, expect.get(name), answered[name]) for name in ("status", "code")]
    pairs += [(path, value, find(answered["answer"], path)) for path, value in wanted.items()]
    pairs += [
        (f"length of {path}", count, len(find(answered["answer"], path) or []))
        for path, count in expect.get("counts", {}).items()
    ]
    return [
        f"{entry.step.name}: {what} is {found!r}, not {value!r}"
        for what, value, found in pairs
        if found != value
    ]


def find(answer: Any, path: str) -> Any:
    """Return what stands at a path like ``Sets.Set.0.Id``; None if nothing does."""
    for name in path.split("."):
        if isinstance(answer, list):
            answer = answer[int(name)] if int(name) < len(answer) else None
        else:
            answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def fill(value: Any, known: Mapping[str, Any]) -> Any:
    """Put what is known in place of variables, whole values as they are."""
    if isinstance(value, dict):
        return {name: fill(item, known) for name, item in value.items()}
    if isinstance(value, list):
        return [fill(item, known) for item in value]
    if not isinstance(value, str):
        return value
    whole = _VARIABLE.fullmatch(value)
    if whole:
        return known[whole[1]]
    return _VARIABLE.sub(lambda match: str(known[match[1]]), value)
