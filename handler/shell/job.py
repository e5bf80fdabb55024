"""One request, and what it is worked on with: made by the composition root, handed on by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.core.value import Value

if TYPE_CHECKING:
    from handler.cloud.ports import Cloud
    from handler.core.model import Eni, EniResult, Request
    from handler.core.settings import Settings
    from handler.shell.hook import Hooks
    from handler.shell.invocation import Invocation
    from handler.shell.probe import Guests
    from handler.shell.reading import Reader
    from handler.shell.records import Tally


class Delivery(Value):
    """One invocation: its id and region, since when, until when, and of which function version.

    Attributes:
        part: which event of an array this is about, from 0 on.
        timeout_at: when the runtime ends it, epoch seconds; None: never.
    """

    request_id: str
    region: str | None
    started: float
    deadline: float
    version: str | None = None
    part: int = 0
    timeout_at: float | None = None

    @property
    def chain(self) -> str:
        """Under which id its work is handed over; every event of an array has one of its own."""
        return f"{self.request_id}-{self.part}" if self.part else self.request_id


class Job(Value):
    """One request with the collaborators of whoever works on it.

    Attributes:
        cloud: the services, through ports.
        reader: reads them with the fewest calls.
        invocation: time, pacing and threads.
        tally: takes in how ENIs end, and records it.
        hooks: which lifecycle hooks are ours, and what is known of them.
        guests: asks them whether they answer; None: nobody does.
    """

    request: Request
    delivery: Delivery
    settings: Settings
    cloud: Cloud
    reader: Reader
    invocation: Invocation
    tally: Tally
    hooks: Hooks
    guests: Guests | None = None

    @property
    def dry(self) -> bool:
        """Whether nothing may be written."""
        return self.request.dry_run or self.settings.dry_run

    def record(self, result: EniResult, eni: Eni | None = None) -> None:
        """Something is finished now, and how; its record waits where its guest is to be asked.

        Args:
            result: how it ended.
            eni: the ENI that was worked on, at its last reading.
        """
        self.tally.count(result, self.invocation.clock.now())
        if self.guests is None or eni is None or not self.guests.hold(result, eni):
            self.tally.tell(result)
