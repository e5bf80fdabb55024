"""When a run has done nothing at all: what was looked for, where, and what to do. No I/O."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from console.screen import counted
from handler.core.model import Outcome, Reason

if TYPE_CHECKING:
    from handler.core.model import Request, Selector

NAMED = 3  # ids or reasons that a message names
_LEFT_ALONE = frozenset({Outcome.SKIPPED.value, Outcome.GONE.value})
_TARGETS = (
    "give one with --target, with the variable TARGET_SECONDARY_IPS or TARGET_RULES, or with a tag "
    "on the ENI or its instance; --function NAME takes the settings of the deployed function"
)
_FIND = "check the id and --region"


@dataclass
class Met:
    """What a run has met: ENIs by outcome and reason, and ids that ECS does not show."""

    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    absent: list[str] = field(default_factory=list)

    def add(self, outcome: str, reason: str, name: str) -> None:
        """Take in how one ENI ended."""
        self.ends[outcome, reason] += 1
        if reason == Reason.NOT_FOUND.value and len(self.absent) <= NAMED:
            self.absent.append(name)


def nothing_done(request: Request, met: Met) -> str | None:
    """Why a run that failed nowhere has done nothing; None where something was at its target.

    A request with a cursor is the rest of another one, of which nothing may be left.
    """
    if any(outcome not in _LEFT_ALONE for outcome, _ in met.ends):
        return None
    if not met.ends:
        if request.cursor is not None:
            return None
        return f"nothing matched: found no ENI of {_sought(request)}; {_FIND}"
    return _left_alone(request, met)


def _left_alone(request: Request, met: Met) -> str:
    gone = sum(count for (outcome, _), count in met.ends.items() if outcome == Outcome.GONE.value)
    total = sum(met.ends.values())
    if gone == total:
        return f"nothing matched: ECS shows nothing of {_sought(request)}; {_FIND}"
    looked = f"looked at {counted(total - gone, 'ENI')} of {_sought(request)}"
    if {reason for outcome, reason in met.ends if outcome == Outcome.SKIPPED.value} == {
        Reason.NO_TARGET.value
    }:
        return f"no ENI has a target: {looked}; {_TARGETS}"
    reasons = ", ".join(f"{count} {reason}" for (_, reason), count in met.ends.most_common(NAMED))
    return f"every ENI was left alone: {looked}: {reasons}; docs/outcomes.md says what to do"


def not_shown(request: Request, met: Met) -> str | None:
    """Which of the ids that a request names do not exist, beside others that do."""
    if not met.absent:
        return None
    return f"not found in {request.region}: {_few(met.absent)}; the others are there"


def _sought(request: Request) -> str:
    return f"{_selected(request.selector)} in {request.region}"


def _selected(selector: Selector) -> str:
    """What a request asks for, in words."""
    if selector.instance_ids:
        return f"{_plural(selector.instance_ids, 'instance')} {_few(selector.instance_ids)}"
    if selector.network_interface_ids:
        ids = selector.network_interface_ids
        return f"{_plural(ids, 'ENI')} {_few(ids)}"
    if selector.tags:
        tags = ", ".join(f"{key}={value}" for key, value in selector.tags)
        return f"instances with the {_plural(selector.tags, 'tag')} {tags}"
    if selector.scaling_group_id:
        return f"scaling group {selector.scaling_group_id}"
    if selector.vswitch_id:
        return f"vSwitch {selector.vswitch_id}"
    return "all instances"


def _few(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _plural(names: tuple[object, ...], noun: str) -> str:
    return noun if len(names) == 1 else f"{noun}s"
