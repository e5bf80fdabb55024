"""The safe steps of the scenario on an account: whatever they assign is taken back.

Nothing is touched but one ENI, of which the account's owner says that nothing else changes it, and
on it nothing but what these steps have assigned.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Protocol

from tests.integration.clients.scenario import differences, find, load_steps, play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from typing_extensions import Self

    from tests.integration.clients.scenario import Json, Perform

ASSIGN = "AssignPrivateIpAddresses"
ASSIGNED = "AssignedPrivateIpAddressesSet.PrivateIpSet.PrivateIpAddress"
HELD = "NetworkInterfaceSets.NetworkInterfaceSet.0.PrivateIpSets.PrivateIpSet"

MOST_AT_ONCE = 32
"""Addresses of one call (UnassignPrivateIpAddresses, PrivateIpAddress.N)."""


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


def verify(connect: Callable[[], Connection], region: str, eni: str) -> list[str]:
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
            steps = load_steps(only_safe=True)
            entries = play(steps, notes.of(client.perform), given)
            return [text for entry in entries for text in differences(entry, local=False)]
    finally:
        with connect() as client:
            notes.ask_again(client.perform)
            _give_back(client.perform, given, before, notes.assigned)


class _Notes:
    """What was assigned, and which calls have no answer yet."""

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
            return answered

        return noting

    def ask_again(self, perform: Perform) -> None:
        """Learn what a call has given whose answer was lost: its token gives the same again."""
        for params in self._unanswered:
            self.assigned.update(params.get("PrivateIpAddress", ()))
            if "ClientToken" in params:
                answered = perform(ASSIGN, params)
                self.assigned.update(find(answered["answer"], ASSIGNED) or ())


def _give_back(perform: Perform, given: Json, before: set[str], assigned: set[str]) -> None:
    ours = sorted((_held(perform, given) - before) & assigned)
    for some in _portions(ours):
        perform("UnassignPrivateIpAddresses", {**_eni(given), "PrivateIpAddress": some})
    left = _held(perform, given) - before
    if left:
        raise NotGivenBack(f"{given['eni']} still holds {', '.join(sorted(left))}")


def _portions(addresses: list[str]) -> Iterable[list[str]]:
    return (
        addresses[start : start + MOST_AT_ONCE] for start in range(0, len(addresses), MOST_AT_ONCE)
    )


def _held(perform: Perform, given: Json) -> set[str]:
    asked = {"RegionId": given["region"], "NetworkInterfaceId": [given["eni"]]}
    answered = perform("DescribeNetworkInterfaces", asked)
    rows: list[dict[str, Any]] | None = find(answered["answer"], HELD)
    if not rows:
        raise LookupError(f"{given['eni']} cannot be read: {answered}")
    return {row["PrivateIpAddress"] for row in rows}


def _eni(given: Json) -> Json:
    return {"RegionId": given["region"], "NetworkInterfaceId": given["eni"]}
