"""One request and its hand-overs, seen together: how many ENIs they have changed, and left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.chaos import sides

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass
class Chain:
    """What a request has come to, over all its hops.

    Attributes:
        limit: how many ENIs it may change.
        began: epoch seconds.
        changed: the ENIs that ECS has given something for it.
        asked: those that it has asked something for; some of these calls did nothing.
        doubtful: those of which a call got no usable answer.
        handed_over: how many a hop left to the next one after a write; both may count them.
        rows: the `eni_result` records.
    """

    limit: int | None
    began: float
    changed: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    handed_over: int = 0
    rows: list[Mapping[str, object]] = field(default_factory=list)

    def records(self, row: Mapping[str, object], *, written: bool) -> None:
        """A hop records how an ENI ended that it has, or has not, written to."""
        self.rows.append(row)
        self.handed_over += written and row["reason"] == "out_of_time"

    def over_limit(self) -> str:
        """More ENIs are changed than the limit allows."""
        return "" if self.limit is None else sides.over_limit(self.changed, self.limit)

    def limit_unused(self, differs: Callable[[str], bool]) -> str:
        """An ENI is left by the limit although fewer may have been changed than it allows.

        Args:
            differs: whether an ENI holds something else than it did before the request.
        """
        if self.limit is None:
            return ""
        left = self._ended("reason", "limit")
        return sides.left_by_limit(left, self._counted(differs), self.limit - self.handed_over)

    def unrecorded(self, enis: Iterable[str], differs: Callable[[str], bool]) -> str:
        """A chain has ended well, and says nothing of ENIs that it means.

        What comes behind the last ENI that a limit allows is not looked at.
        """
        if self.limit is not None:
            used = len(self._counted(differs)) + self.handed_over
            if used >= self.limit:
                return ""
        return sides.not_recorded(enis, self.rows)

    def _counted(self, differs: Callable[[str], bool]) -> set[str]:
        """What it may have changed; a plan counts what it would change."""
        planned = self._ended("outcome", "planned")
        return planned | self.doubtful | {each for each in self.asked if differs(each)}

    def _ended(self, key: str, how: str) -> set[str]:
        return {str(row["network_interface_id"]) for row in self.rows if row[key] == how}
