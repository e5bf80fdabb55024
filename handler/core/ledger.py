"""How many addresses an invocation may still take from each vSwitch: a ledger, no I/O.

Reads of a vSwitch may lag our own writes, so what was granted stays deducted from what was read.
"""

from __future__ import annotations

from handler.core.value import Value


class _Grant(Value):
    """Addresses that an ENI may have taken; it held so many when they were asked for."""

    vswitch_id: str
    count: int
    had: int


class Rooms:
    """Addresses above the reserve, per vSwitch.

    Attributes:
        reserve: free addresses to leave in every vSwitch.
    """

    def __init__(self, reserve: int) -> None:
        self.reserve = reserve
        self._free: dict[str, int] = {}
        self._grants: dict[str, list[_Grant]] = {}

    def unknown(self, vswitch_ids: set[str]) -> set[str]:
        """Those of them that were not read yet."""
        return vswitch_ids - self._free.keys()

    def learn(self, vswitch_id: str, available: int) -> None:
        """Take in a reading: a later one only ever lowers what is left."""
        free = available - self.reserve
        self._free[vswitch_id] = min(self._free.get(vswitch_id, free), free)

    def left(self) -> dict[str, int]:
        """What each vSwitch read so far may still give; below 0 counts as 0."""
        return {vswitch_id: max(0, free) for vswitch_id, free in self._free.items()}

    def grant(self, eni_id: str, vswitch_id: str, count: int, had: int) -> None:
        """Deduct what is about to be asked for on behalf of an ENI that holds so many."""
        self._free[vswitch_id] -= count
        self._grants.setdefault(eni_id, []).append(_Grant(vswitch_id, count, had))

    def revoke(self, eni_id: str) -> None:
        """Give back the latest grant of an ENI: nothing was taken on it."""
        grant = self._grants[eni_id].pop()
        self._free[grant.vswitch_id] += grant.count

    def settle(self, eni_id: str, has: int) -> None:
        """Give back what an ENI was granted and has not grown by, whoever made it grow."""
        grants = self._grants.pop(eni_id, [])
        grown = max(0, has - min((each.had for each in grants), default=has))
        for grant in grants:
            used = min(grant.count, grown)
            grown -= used
            self._free[grant.vswitch_id] += grant.count - used

    def forget(self, eni_id: str) -> None:
        """An ENI is finished: what it was granted stays deducted, and is no longer its own."""
        self._grants.pop(eni_id, None)

    def close(self, vswitch_id: str) -> None:
        """Leave an exhausted vSwitch alone from now on."""
        self._free[vswitch_id] = min(0, self._free.get(vswitch_id, 0))
