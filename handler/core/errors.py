"""The exceptions of the function, named by what whoever catches them should do.

```
HandlerError
├── Retryable            deliver the event again: nothing was lost, something is not done
│   ├── BadSettings      ... after the environment has been put right
│   ├── NotPermitted     ... after the role has been given the RAM action
│   ├── StaleCredentials ... in a fresh function instance
│   └── OutOfTime        ... the time of this invocation was not enough
└── CloudFault           one call was refused or not answered; caught where its treatment is known
```

Only `Retryable` leaves the function: Function Compute then runs the event again and, when its
retries are used up, passes it to the failure destination.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.core.model import Treatment


MOST_SHOWN = 200  # characters of each text of a refusal


class HandlerError(Exception):
    """Everything raised on purpose by the function."""


class Retryable(HandlerError):
    """The event must be delivered again: something is undecided."""


class BadSettings(Retryable):
    """Environment variables that cannot be used; `problems` names every one of them."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("bad settings: " + "; ".join(problems))
        self.problems = tuple(problems)


class NotPermitted(Retryable):
    """The function's role lacks a RAM action, or its credentials were refused."""


class StaleCredentials(NotPermitted):
    """Credentials of the environment have expired: only a fresh process gets new ones."""


class OutOfTime(Retryable):
    """What is needed next would begin after the deadline of this invocation."""


class Unexpected(Retryable):
    """A defect of the function; the text names the exception and where it was raised, no more."""


class CloudFault(HandlerError):
    """One API call that was refused, or that got no usable answer.

    `operation` is the RAM action of the call ("ecs:AssignPrivateIpAddresses"). `code` is Alibaba
    Cloud's error code, or a word of ours in lower case (`no_answer`, `bad_answer`,
    `no_credentials`) when there was none. `message` is what it said; `hide` before it is shown.
    """

    def __init__(  # noqa: PLR0913, PLR0917  (what an error consists of)
        self,
        operation: str,
        code: str,
        treatment: Treatment,
        message: str = "",
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(operation, code, treatment, message, status, request_id)
        self.operation = operation
        self.code = code
        self.treatment = treatment
        self.message = message
        self.status = status
        self.request_id = request_id

    @property
    def throttling(self) -> bool:
        """Whether the minute's calls are used up, which only the next minute cures."""
        return "throttling" in self.code.lower()

    def hide(self, hidden: Callable[[str], str]) -> None:
        """Keep what may be shown of it: without secrets, and only then shortened."""
        self.code = hidden(self.code)[:MOST_SHOWN]
        self.message = hidden(self.message)[:MOST_SHOWN]
        self.request_id = hidden(self.request_id)[:MOST_SHOWN] if self.request_id else None
        self.args = (self.operation, self.code, self.treatment, self.message)
        self.args += (self.status, self.request_id)

    def __str__(self) -> str:
        """One line: operation, code and what the cloud said."""
        said = f": {self.message}" if self.message else ""
        return f"{self.operation} failed with {self.code}{said}"
