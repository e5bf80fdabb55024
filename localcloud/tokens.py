"""ClientToken: the same request with the same token is answered again, and not performed again.

The first answer is repeated even when what it gave has been taken away since: the cloud remembers
answers, not states (ECS, "How to ensure idempotence").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.errors import ApiError, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.actions import Json
    from localcloud.clock import Clock

Key = tuple[str, str]
"""Action and token."""

NEVER_BEGUN = frozenset({"Operation.Conflict"})
"""Refusals of a request that was not even tried: they are no outcome."""


@dataclass
class Claim:
    """A token in use; without an outcome its request is still in progress."""

    parameters: Mapping[str, str]
    claimed: float
    outcome: Json | ApiError | None = None

    def repeat(self) -> Json:
        """Answer, or refuse, as the first time."""
        if isinstance(self.outcome, ApiError):
            raise self.outcome
        return self.outcome or {}


class TokenBook:
    """The tokens of the last ``seconds`` seconds.

    Whether another request with a used token is refused, or answered as the first one, no page of
    AssignPrivateIpAddresses says: ``mismatch_refused``.
    """

    def __init__(
        self,
        seconds: float,
        clock: Clock,
        *,
        remember_failures: bool,
        mismatch_refused: bool = True,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._remember_failures = remember_failures
        self._mismatch_refused = mismatch_refused
        self._claims: dict[Key, Claim] = {}

    def claim(self, key: Key, parameters: Mapping[str, str]) -> Claim:
        """Return the claim on a token: a new one, or the one whose outcome is to be repeated."""
        self._expire()
        claim = self._claims.get(key)
        if claim is None:
            return self._claims.setdefault(key, Claim(parameters, self._clock.now()))
        if claim.parameters != parameters and self._mismatch_refused:
            raise refusal("IdempotentParameterMismatch")
        if claim.outcome is None:
            raise refusal("IdempotentProcessing")
        return claim

    def fail(self, key: Key, error: ApiError) -> None:
        """Note a refusal; unless refusals are remembered, the token is free again."""
        if self._remember_failures and error.code not in NEVER_BEGUN:
            self._claims[key].outcome = error
        else:
            del self._claims[key]

    def _expire(self) -> None:
        """Forget what is too old; claims stand in the order in which they were made."""
        limit = self._clock.now() - self._seconds
        while self._claims:
            key, oldest = next(iter(self._claims.items()))
            if oldest.claimed > limit or oldest.outcome is None:
                return
            del self._claims[key]
