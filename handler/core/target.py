"""The grammar of a target: how many secondary private IPs an ENI is to hold.

`N` a number, `max` what the instance type allows, `max-N` so many fewer, `P%` a share of what it
allows, `min(N, P%)` the smaller of both, `skip` leave the ENI alone. Tags, rules, settings and
requests all speak it.
"""

from __future__ import annotations

import re

from handler.core.value import Value

GRAMMAR = "N (0..9999), max, max-N, P% (0..100), min(N, P%) or skip"

_NUMBER = re.compile(r"[0-9]{1,4}")
_BELOW_MAX = re.compile(r"max-([0-9]{1,4})")
_PERCENT = re.compile(r"([0-9]{1,3})%")
_SMALLER = re.compile(r"min\( *([0-9]{1,4}) *, *([0-9]{1,3})% *\)")


class Target(Value):
    """A parsed target. Exactly one of the fields is set, but for `at_most`.

    Attributes:
        count: that many addresses.
        below_max: so many fewer than the ENI's secondary capacity; 0 is `max`.
        percent: that share, in percent, of the ENI's secondary capacity.
        skip: leave the ENI alone.
        at_most: with `percent`: no more than so many addresses, whatever the share is.
    """

    count: int | None = None
    below_max: int | None = None
    percent: int | None = None
    skip: bool = False
    at_most: int | None = None

    @property
    def relative(self) -> bool:
        """Whether the target depends on the ENI's capacity."""
        return self.below_max is not None or self.percent is not None

    @property
    def text(self) -> str:
        """The target as people write it."""
        if self.skip:
            return "skip"
        if self.count is not None:
            return str(self.count)
        if self.percent is not None:
            share = f"{self.percent}%"
            return share if self.at_most is None else f"min({self.at_most}, {share})"
        return f"max-{self.below_max}" if self.below_max else "max"

    def of(self, capacity: int) -> int:
        """The number of secondary addresses this target means on an ENI.

        Args:
            capacity: secondary addresses the ENI could hold with no prefixes (quantity - 1).
        """
        if self.count is not None:
            return self.count
        if self.percent is not None:
            share = capacity * self.percent // 100
            return share if self.at_most is None else min(self.at_most, share)
        return max(0, capacity - (self.below_max or 0))


SKIP = Target(skip=True)
_WORDS = {"skip": SKIP, "max": Target(below_max=0)}


def parse_target(text: object) -> Target | None:
    """Read a target as people write it; None when it is not one.

    Whole numbers are taken as numbers too, because JSON requests write `"target": 5`.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        return None
    return _parse(text.strip().lower())


def _parse(word: str) -> Target | None:
    if word in _WORDS:
        return _WORDS[word]
    if _NUMBER.fullmatch(word):
        return Target(count=int(word))
    if below := _BELOW_MAX.fullmatch(word):
        return Target(below_max=int(below[1]))
    if (share := _PERCENT.fullmatch(word)) and int(share[1]) <= 100:
        return Target(percent=int(share[1]))
    if (smaller := _SMALLER.fullmatch(word)) and int(smaller[2]) <= 100:
        return Target(percent=int(smaller[2]), at_most=int(smaller[1]))
    return None
