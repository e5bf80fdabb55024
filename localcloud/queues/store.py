"""Queues without their wire: messages, how long they are hidden, and the handles to them."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localcloud.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from localcloud.clock import Clock

HIDDEN_SECONDS = 30
"""VisibilityTimeout of a queue, unless it is set ("CreateQueue")."""


@dataclass
class Message:
    """One message; times are the cloud's.

    ``handle`` is good for the message until it is visible again, or until another one is given.
    """

    content: object
    enqueued: float
    visible: float
    id: str = field(default_factory=lambda: secrets.token_hex(8).upper())
    handle: str = ""
    taken: int = 0
    first_taken: float = 0.0

    @property
    def body(self) -> str:
        """What a receiver gets."""
        return self.content if isinstance(self.content, str) else json.dumps(self.content)

    def hide(self, now: float, seconds: int) -> None:
        """Give out a new handle, which is good for so long."""
        self.visible = now + seconds
        self.handle = f"{secrets.token_hex(8)}-{len(self.id)}"


class Queues:
    """Every queue of the region."""

    def __init__(
        self, contents: Mapping[str, Iterable[object]], destinations: Iterable[str], clock: Clock
    ) -> None:
        self._clock = clock
        self._declared = frozenset(contents)
        self._queues: dict[str, list[Message]] = {name: [] for name in (*contents, *destinations)}
        for name, messages in contents.items():
            for each in messages:
                self.send(name, each)

    def send(self, name: str, content: object) -> None:
        """Put a message at the end of a queue."""
        now = self._clock.now()
        self._queues.setdefault(name, []).append(Message(content, now, now))

    def contents(self) -> dict[str, list[object]]:
        """Return what is in the queues, hidden or not; those that nobody declared if not empty."""
        return {
            name: [message.content for message in messages]
            for name, messages in self._queues.items()
            if messages or name in self._declared
        }

    def receive(self, name: str) -> Message | None:
        """Hide the first visible message and return it; None when there is none."""
        now = self._clock.now()
        visible = [message for message in self._of(name) if message.visible <= now]
        if not visible:
            return None
        message = min(visible, key=lambda each: each.visible)
        message.first_taken = message.first_taken or now
        message.taken += 1
        message.hide(now, HIDDEN_SECONDS)
        return message

    def change(self, name: str, handle: str, seconds: int) -> Message:
        """Hide a message for so long from now."""
        message = self._held(name, handle)
        message.hide(self._clock.now(), seconds)
        return message

    def delete(self, name: str, handle: str) -> None:
        """Take a message out."""
        self._of(name).remove(self._held(name, handle))

    def _of(self, name: str) -> list[Message]:
        if name not in self._queues:
            raise ApiError(404, "QueueNotExist", "The queue name you provided is not exist.")
        return self._queues[name]

    def _held(self, name: str, handle: str) -> Message:
        """Return the message that a handle is good for; raise if it is good for none any more."""
        for message in self._of(name):
            if message.handle == handle and message.visible > self._clock.now():
                return message
        raise ApiError(404, "MessageNotExist", "Message not exist.")
