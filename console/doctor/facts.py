"""What the trials have shown: lines to send to the project, and the settings that follow. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.doctor.trials import MORE, MOST

if TYPE_CHECKING:
    from console.doctor.trials import TokenFacts

# The default of SETTLE_SECONDS, and how far above what was seen it should be.
SETTLE, MARGIN = 30, 1.5


@dataclass(frozen=True)
class Fact:
    """One answer.

    Attributes:
        question: what no page settles.
        setting: what should follow from it, as NAME=value; empty if nothing does.
    """

    question: str
    answer: str
    setting: str = ""


def of_tokens(found: TokenFacts, patience: float) -> list[Fact]:
    """What was seen of tokens and reads."""
    lags = [each for each in (found.shown, found.gone) if each is not None]
    longest = math.ceil(max(lags, default=0.0) * MARGIN)
    if len(lags) < 2:
        longest = math.ceil(patience * MARGIN)
    settle = f"SETTLE_SECONDS={longest}" if longest > SETTLE else ""
    return [
        Fact("a read shows what was assigned after", _seconds(found.shown, patience), settle),
        Fact("a read shows what was taken away after", _seconds(found.gone, patience), settle),
        Fact("the same token, the same ask", found.same, _warned(found.same)),
        Fact("the same token, another ask", found.other, _warned(found.other)),
        Fact("a token is remembered for", _memory(found)),
    ]


def of_refusal(found: str) -> Fact:
    """What was seen of a refusal."""
    return Fact("the token of a refusal, when there is room again", found)


def of_limit(held: int, code: str | None) -> Fact:
    """What was seen of an ENI that is attached to nothing."""
    if code is None:
        return Fact("secondary addresses on an unattached ENI", f"{MOST} and more")
    setting = f"AVAILABLE_ENI_LIMIT={held}"
    return Fact("secondary addresses on an unattached ENI", f"{held}, then {code}", setting)


def _seconds(found: float | None, patience: float) -> str:
    return f"more than {patience:.0f} s" if found is None else f"{found:.1f} s"


def _warned(told: str) -> str:
    """What a token that does not compare means: an ENI can get more than its target."""
    return "RESERVED_CONCURRENCY=1, and tell the project" if told == MORE else ""


def _memory(found: TokenFacts) -> str:
    if found.remembered is None:
        return "not tried: reads lag too far to tell"
    if found.forgotten is None:
        return f"{found.remembered:.0f} s or longer: no longer pause was tried"
    return f"{found.remembered:.0f} to {found.forgotten:.0f} s"
