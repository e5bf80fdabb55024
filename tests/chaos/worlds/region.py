"""A region as far as the function sees it: books, the rules of a write, and what reads show.

It is the local cloud once more, small enough that a call takes microseconds, with what the wire
cannot show: reads that lag row by row and show parts of a write, rows that come late, catalogues
that are wrong, a minute that others use up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from handler.cloud.faults import HOOK_ENDED, treatment_of
from handler.core.errors import CloudFault
from handler.core.model import Answer, Eni, Instance
from handler.core.value import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from handler.core.model import Ask
    from tests.chaos.worlds.story import Action

MINUTE = 60.0
# Tokens of writes are remembered for longer than anything here lasts.


T = TypeVar("T")


def refusal(operation: str, code: str, status: int | None = 400) -> CloudFault:
    """A refused call, as an adapter would translate it."""
    return CloudFault(operation, code, treatment_of(code, status), "no", status, "req")


@dataclass
class Taken:
    """What ECS remembers of a ClientToken."""

    eni_id: str
    ask: Ask
    answer: Answer | CloudFault


@dataclass
class Running:
    """A lifecycle action that waits.

    Attributes:
        ends: when its time is over, epoch seconds.
        told: what it was told, and under which ClientToken.
    """

    action: Action
    ends: float
    told: tuple[str, str] | None = None


@dataclass
class Region:
    """The books.

    Attributes:
        lag: reads show what was at most so many seconds ago.
        partial: whether a read may show a part of a write.
        quotas: calls a minute, by operation.
        remembers: whether ECS answers a refused token with the same refusal.
        catalogue: addresses on an ENI by instance type, the primary one included, as it is shown.
        enforced: the same as it is enforced; `overstated` is what vSwitches tell too much.
        answers_after: how long after its assignment an address answers, seconds.
        managed: ENIs that a service manages, so that nobody else may write to them.
    """

    now: Callable[[], float]
    draws: Random
    lag: float = 0.0
    partial: bool = False
    remembers: bool = False
    quotas: dict[str, int] = field(default_factory=dict)
    catalogue: dict[str, int] = field(default_factory=dict)
    enforced: dict[str, int] = field(default_factory=dict)
    overstated: dict[str, int] = field(default_factory=dict)
    answers_after: float = 0.0
    rooms: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    enis: dict[str, list[tuple[float, Eni | None]]] = field(default_factory=dict)
    instances: dict[str, list[tuple[float, Instance | None]]] = field(default_factory=dict)
    shown_at: dict[str, float] = field(default_factory=dict)
    managed: frozenset[str] = frozenset()
    actions: list[Running] = field(default_factory=list)
    tokens: dict[str, Taken] = field(default_factory=dict)
    used: Counter[tuple[str, int]] = field(default_factory=Counter)
    _number: int = 0

    # --- what is ------------------------------------------------------------------------------

    def eni(self, eni_id: str) -> Eni | None:
        """An ENI as it is."""
        found = self.enis.get(eni_id)
        return found[-1][1] if found else None

    def instance(self, instance_id: str | None) -> Instance | None:
        """An instance as it is."""
        found = self.instances.get(instance_id or "")
        return found[-1][1] if found else None

    def room(self, vswitch_id: str) -> int:
        """Free addresses of a vSwitch."""
        return self.rooms[vswitch_id][-1][1]

    def least_room(self, vswitch_id: str, since: float) -> int:
        """The fewest free addresses at any moment since."""
        return min(free for _, free in _since(self.rooms[vswitch_id], since))

    def most_held(self, eni_id: str) -> int:
        """How many secondary addresses it can hold, as it is enforced."""
        eni = self.eni(eni_id)
        instance = self.instance(eni.instance_id if eni else None)
        return (self.enforced[instance.type] if instance else 51) - 1

    def assigned_at(self, address: str) -> float:
        """Since when an ENI has an address, the primary one included; never, if none has it."""
        return next(
            (
                since
                for rows in self.enis.values()
                for since, eni in rows
                if eni is not None and address in {*eni.secondary, eni.primary}
            ),
            float("inf"),
        )

    def answers(self, address: str, at: float) -> bool:
        """Whether a guest answers on an address at a time."""
        return at >= self.assigned_at(address) + self.answers_after

    def put_eni(self, eni: Eni) -> None:
        """It has changed."""
        self.enis.setdefault(eni.id, []).append((self.now(), eni))

    def release(self, instance_id: str) -> None:
        """An instance and its ENIs are deleted."""
        instance = self.instance(instance_id)
        for eni_id in instance.eni_ids if instance else ():
            if (eni := self.eni(eni_id)) is not None:
                self._take(eni.vswitch_id, -len(eni.secondary))
                self.enis[eni_id].append((self.now(), None))
        if instance:
            self.instances[instance_id].append((self.now(), None))

    def _take(self, vswitch_id: str, count: int) -> None:
        self.rooms[vswitch_id].append((self.now(), self.room(vswitch_id) - count))

    def fill(self, vswitch_id: str, leave: int) -> None:
        """Somebody else takes what is free, but for so many; or gives some back."""
        self.rooms[vswitch_id].append((self.now(), leave))

    def new_addresses(self, count: int) -> tuple[str, ...]:
        """Addresses that nobody has had."""
        self._number += count
        numbers = range(self._number - count, self._number)
        return tuple(f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in numbers)

    # --- a minute -----------------------------------------------------------------------------

    def minute(self) -> int:
        """Which minute it is."""
        return int(self.now() // MINUTE)

    def count(self, operation: str) -> None:
        """One more call of this minute.

        Raises:
            CloudFault: they are used up.
        """
        key = (operation, self.minute())
        self.used[key] += 1
        if self.used[key] > self.quotas.get(operation, 1_000_000):
            raise refusal(operation, "Throttling.User")

    # --- a write ------------------------------------------------------------------------------

    def assign(self, operation: str, eni_id: str, ask: Ask, token: str) -> Answer:
        """AssignPrivateIpAddresses, with the ClientToken's rules."""
        known = self.tokens.get(token)
        if known is not None:
            if (known.eni_id, known.ask) != (eni_id, ask):
                raise refusal(operation, "IdempotentParameterMismatch")
            if isinstance(known.answer, CloudFault):
                raise known.answer
            return known.answer
        try:
            answer = self._assigned(operation, eni_id, ask)
        except CloudFault as fault:
            if self.remembers:
                self.tokens[token] = Taken(eni_id, ask, fault)
            raise
        self.tokens[token] = Taken(eni_id, ask, answer)
        return answer

    def _assigned(self, operation: str, eni_id: str, ask: Ask) -> Answer:
        eni = self.eni(eni_id)
        if eni is None:
            raise refusal(operation, "InvalidEniId.NotFound", 404)
        if eni_id in self.managed:
            raise refusal(operation, "InvalidOperation.EniServiceManaged", 403)
        instance = self.instance(eni.instance_id)
        if eni.status not in {"InUse", "Available"}:
            raise refusal(operation, "InvalidOperation.InvalidEniState")
        if instance and eni.type == "Primary" and instance.status not in {"Running", "Stopped"}:
            raise refusal(operation, "InvalidOperation.InvalidEcsState")
        if ask.values and eni.secondary & set(ask.values):
            raise refusal(operation, "InvalidIp.IpAssigned")
        if ask.values and self._held_by_others(ask.values):
            raise refusal(operation, "InvalidPrivateIpAddress.Duplicated")
        if len(eni.secondary) + ask.count > self.most_held(eni_id):
            raise refusal(operation, "InvalidOperation.Ipv4CountExceeded")
        if ask.count > self.room(eni.vswitch_id):
            raise refusal(operation, "InvalidVSwitchId.IpNotEnough")
        added = ask.values or self.new_addresses(ask.count)
        self._take(eni.vswitch_id, ask.count)
        self.put_eni(replace(eni, secondary=eni.secondary | set(added)))
        return Answer(tuple(added), (), "req")

    def _held_by_others(self, values: tuple[str, ...]) -> bool:
        wanted = set(values)
        return any(rows[-1][1] and wanted & rows[-1][1].secondary for rows in self.enis.values())

    def others_assign(self, eni_id: str, count: int) -> None:
        """Somebody else gives an ENI addresses, if it takes them."""
        eni = self.eni(eni_id)
        if eni and len(eni.secondary) + count <= self.most_held(eni_id):
            self._take(eni.vswitch_id, count)
            self.put_eni(replace(eni, secondary=eni.secondary | set(self.new_addresses(count))))

    def others_unassign(self, eni_id: str, count: int) -> None:
        """Somebody else takes addresses away."""
        eni = self.eni(eni_id)
        if eni:
            rest = sorted(eni.secondary)[count:]
            self._take(eni.vswitch_id, len(rest) - len(eni.secondary))
            self.put_eni(replace(eni, secondary=frozenset(rest)))

    # --- what reads show ----------------------------------------------------------------------

    def shown_eni(self, eni_id: str) -> tuple[Eni | None, bool]:
        """An ENI as a read shows it, and whether it ever was so: else it is a part of a write."""
        rows, at = self.enis[eni_id], self._as_of()
        if self.now() < self.shown_at.get(eni_id, 0.0):
            return None, True
        before = _at(rows, at)
        newest = rows[-1][1]
        if before is None or newest is None or not self.partial or before is newest:
            return before, True
        if before is not rows[-2:][0][1]:
            return before, True
        new = sorted(newest.secondary - before.secondary)
        part = [each for each in new if self.draws.random() < 0.4]
        shown = replace(before, secondary=before.secondary | set(part))
        return shown, not part or len(part) == len(new)

    def shown_instance(self, instance_id: str) -> Instance | None:
        """An instance as a read shows it."""
        if self.now() < self.shown_at.get(instance_id, 0.0):
            return None
        found = _at(self.instances[instance_id], self._as_of())
        if found is None:
            return None
        late = [each for each in found.eni_ids if self.now() >= self.shown_at.get(each, 0.0)]
        return replace(found, eni_ids=tuple(late)) if self.partial else found

    def shown_room(self, vswitch_id: str) -> int:
        """Free addresses of a vSwitch as a read shows them."""
        found = _at(self.rooms[vswitch_id], self._as_of())
        return found + self.overstated.get(vswitch_id, 0)

    def _as_of(self) -> float:
        if not self.lag or self.draws.random() < 0.3:
            return self.now()
        return self.now() - self.lag * self.draws.random()

    # --- Auto Scaling -------------------------------------------------------------------------

    def waiting(self, hook_id: str, token: str, operation: str) -> Running:
        """The action of a hook.

        Raises:
            CloudFault: there is none, or its time is over.
        """
        for each in self.actions:
            if (each.action.hook_id, each.action.token) == (hook_id, token):
                if self.now() >= each.ends:
                    break
                return each
        raise refusal(operation, HOOK_ENDED, 404)


def _at(rows: list[tuple[float, T]], at: float) -> T:
    """The latest of these that was at a time; the first one always was."""
    for since, what in reversed(rows):
        if since <= at:
            return what
    return rows[0][1]


def _since(rows: list[tuple[float, int]], since: float) -> Iterator[tuple[float, int]]:
    """What was then, and all that came after it."""
    for number, row in enumerate(rows):
        later = number + 1 < len(rows) and rows[number + 1][0] <= since
        if not later:
            yield row
