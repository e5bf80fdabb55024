"""How many addresses an invocation may still take from each vSwitch: pure, no I/O.

Reads of a vSwitch may lag our own writes, so what was granted stays deducted from what was read,
until a reading that began when reads had settled shows it.
"""

from __future__ import annotations

from collections import Counter

from handler.core.value import Value, replace

# Stands for the free addresses of a vSwitch of which only ECS knows how many there are.
_UNCOUNTED = 1_000_000
_NEVER = float("-inf")


class Grant(Value):
    """Addresses that an ENI may be taking; it held `had` when they were asked for."""

    vswitch_id: str
    count: int
    had: int


class _Room(Value):
    """Of one vSwitch: what is left, when it was read, when a grant last changed it."""

    left: int
    read_at: float
    changed_at: float = _NEVER
    closed: bool = False


class Ledger:
    """Addresses above the reserve, per vSwitch.

    Args:
        reserve: free addresses to leave in every vSwitch.
        settle: seconds that reads may lag writes.
    """

    def __init__(self, reserve: int, settle: float) -> None:
        self.reserve = reserve
        self._settle = settle
        self._rooms: dict[str, _Room] = {}
        self._grants: dict[str, Grant] = {}
        self._open: Counter[str] = Counter()

    def read_at(self, vswitch_id: str) -> float | None:
        """When the latest reading of a vSwitch began; None when it was not read yet."""
        room = self._rooms.get(vswitch_id)
        return None if room is None else room.read_at

    def settled_at(self, vswitch_id: str) -> float:
        """When a reading must begin to show all that was granted so far."""
        room = self._rooms.get(vswitch_id)
        return _NEVER if room is None else room.changed_at + self._settle

    def learn(self, vswitch_id: str, available: int | None, at: float) -> None:
        """Take in a reading that began at `at` (epoch seconds); None: only ECS knows how many.

        It raises what is left only when it must show all that was granted before.
        """
        free = (_UNCOUNTED if available is None else available) - self.reserve
        known = self._rooms.get(vswitch_id)
        if known is None:
            self._rooms[vswitch_id] = _Room(free, at)
            return
        settled = at >= known.changed_at + self._settle
        granted = sum(each.count for each in self._grants.values() if each.vswitch_id == vswitch_id)
        left = free - granted if settled else min(known.left, free)
        self._rooms[vswitch_id] = replace(known, left=left, read_at=at)

    def left(self) -> dict[str, int]:
        """What each vSwitch read so far may still give; below 0 counts as 0."""
        rooms = self._rooms.items()
        return {each: 0 if room.closed else max(0, room.left) for each, room in rooms}

    def shown(self) -> dict[str, int | None]:
        """The same for a record; None where only ECS knows how many."""
        rooms = self.left().items()
        return {each: left if left < _UNCOUNTED // 2 else None for each, left in rooms}

    def grant(self, eni_id: str, vswitch_id: str, count: int, had: int, at: float) -> None:
        """Deduct what is about to be asked for on behalf of an ENI that holds `had`."""
        self._change(vswitch_id, -count, at)
        self._grants[eni_id] = Grant(vswitch_id, count, had)
        self._open[vswitch_id] += 1

    def release(self, eni_id: str, has: int, at: float) -> None:
        """Give back what an ENI was granted and has not grown by, whoever made it grow."""
        if grant := self.keep(eni_id):
            used = min(grant.count, max(0, has - grant.had))
            self._change(grant.vswitch_id, grant.count - used, at)

    def keep(self, eni_id: str) -> Grant | None:
        """What an ENI was granted stays deducted, and nothing of it comes back."""
        if grant := self._grants.pop(eni_id, None):
            self._open[grant.vswitch_id] -= 1
        return grant

    def others_may_release(self, eni_id: str, vswitch_id: str) -> bool:
        """Whether another ENI has a grant in this vSwitch whose outcome is open."""
        own = self._grants.get(eni_id)
        return self._open[vswitch_id] > (own is not None and own.vswitch_id == vswitch_id)

    def close(self, vswitch_id: str) -> None:
        """Leave an exhausted vSwitch alone from now on."""
        room = self._rooms.get(vswitch_id, _Room(0, _NEVER))
        self._rooms[vswitch_id] = replace(room, closed=True)

    def _change(self, vswitch_id: str, by: int, at: float) -> None:
        room = self._rooms[vswitch_id]
        self._rooms[vswitch_id] = replace(room, left=room.left + by, changed_at=at)
