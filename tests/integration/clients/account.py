"""The safe steps of the scenario on an account: whatever they assign is taken back.

Nothing is touched but one ENI, of which the account's owner says that nothing else changes it, and
on it nothing but what these steps have assigned.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from tests.integration.clients.scenario import differences, find, load_steps, play

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from tests.integration.clients.scenario import Entry, Json, Perform

ASSIGN = "AssignPrivateIpAddresses"
UNASSIGN = "UnassignPrivateIpAddresses"
ASSIGNED = "AssignedPrivateIpAddressesSet.PrivateIpSet.PrivateIpAddress"
HELD = "NetworkInterfaceSets.NetworkInterfaceSet.0.PrivateIpSets.PrivateIpSet"

TRIES, PAUSE = 10, 3.0
"""How often and how many seconds apart reads are made again: half a minute for them to catch up."""


class NotGivenBack(Exception):
    """The ENI holds what it did not hold before; the text names it."""


class Connection(Protocol):
    """A client to be used with ``with``."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def perform(self, action: str, params: Json) -> Json:
        """Make a call; return status, code (None if it was performed) and answer."""
        ...


def verify(
    connect: Callable[[], Connection],
    region: str,
    eni: str,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Play the safe steps on an ENI and return where the answers depart from what is expected.

    Raises:
        NotGivenBack: something could not be taken back.
    """
    notes = _Notes()
    given = {"region": region, "eni": eni, "run": uuid.uuid4().hex}
    with connect() as client:
        before = _held(client.perform, given)
    try:
        with connect() as client:
            perform = notes.of(client.perform)
            entries = play(load_steps(only_safe=True), perform, given)
            return [text for entry in entries for text in _settled(entry, perform, sleep)]
    finally:
        with connect() as client:
            notes.ask_again(client.perform)
            _take_back(client.perform, given, notes.assigned - before)
            _check(client.perform, given, before, sleep)


def _settled(entry: Entry, perform: Perform, sleep: Callable[[float], None]) -> list[str]:
    """Return the departures of a step; a read may lag, and is made again for a while."""
    for _ in range(TRIES):
        if not (differences(entry, local=False) and entry.step.action.startswith("Describe")):
            break
        sleep(PAUSE)
        entry = replace(entry, answered=perform(entry.step.action, entry.params))
    return differences(entry, local=False)


class _Notes:
    """What is assigned and not taken away yet, and which calls have no answer."""

    def __init__(self) -> None:
        self.assigned: set[str] = set()
        self._unanswered: list[Json] = []

    def of(self, perform: Perform) -> Perform:
        """Return the same function, taking notes."""

        def noting(action: str, params: Json) -> Json:
            if action == ASSIGN:
                self._unanswered.append(params)
            answered = perform(action, params)
            self._unanswered.clear()
            self.assigned.update(find(answered["answer"], ASSIGNED) or ())
            if action == UNASSIGN and answered["code"] is None:
                self.assigned.difference_update(params["PrivateIpAddress"])
            return answered

        return noting

    def ask_again(self, perform: Perform) -> None:
        """Learn what a call has given whose answer was lost: its token gives the same again."""
        for params in self._unanswered:
            self.assigned.update(params.get("PrivateIpAddress", ()))
            if "ClientToken" in params:
                answered = perform(ASSIGN, params)
                self.assigned.update(find(answered["answer"], ASSIGNED) or ())


def _take_back(perform: Perform, given: Json, addresses: set[str]) -> None:
    """Take addresses away, one by one: another may be gone already, for a lost answer's sake."""
    for address in sorted(addresses):
        perform(UNASSIGN, {**_eni(given), "PrivateIpAddress": [address]})


def _check(perform: Perform, given: Json, before: set[str], sleep: Callable[[float], None]) -> None:
    """Raise if the ENI holds more than before, also when reads have had time to catch up."""
    left = _held(perform, given) - before
    for _ in range(TRIES):
        if not left:
            return
        sleep(PAUSE)
        left = _held(perform, given) - before
    raise NotGivenBack(f"{given['eni']} still holds {', '.join(sorted(left))}")


def _held(perform: Perform, given: Json) -> set[str]:
    asked = {"RegionId": given["region"], "NetworkInterfaceId": [given["eni"]]}
    answered = perform("DescribeNetworkInterfaces", asked)
    rows: list[dict[str, Any]] | None = find(answered["answer"], HELD)
    if not rows:
        raise LookupError(f"{given['eni']} cannot be read: {answered}")
    return {row["PrivateIpAddress"] for row in rows}


def _eni(given: Json) -> Json:
    return {"RegionId": given["region"], "NetworkInterfaceId": given["eni"]}
