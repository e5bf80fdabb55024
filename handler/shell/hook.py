"""The lifecycle hook of a launch: kept alive while we work, completed once when all is decided."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

from handler.cloud import ports
from handler.cloud.faults import HOOK_ENDED
from handler.core.errors import CloudFault
from handler.core.model import Treatment
from handler.core.pacing import BACKOFF_LONGEST
from handler.shell.records import Lifecycle

if TYPE_CHECKING:
    from handler.cloud.ports import Ess
    from handler.core.model import Hook
    from handler.shell.invocation import Invocation
    from handler.shell.records import Tally

# RecordLifecycleActionHeartbeat: 30..21600 s, at most 20 times an action (ESS reference).
LEAST, MOST, TIMES = 30, 21_600, 20
LONG_WAIT, SLACK, EVERY = 20.0, 60.0, 300.0
# For the next delivery, which Function Compute retries within minutes.
UNTIL_RETRIED = 600.0
_RESULTS = {"default": None, "continue": "CONTINUE", "abandon": "ABANDON"}


class Keepalive:
    """Extends the hook's timeout before long waits and every five minutes of work."""

    def __init__(self, ess: Ess, hook: Hook, invocation: Invocation) -> None:
        self._ess = ess
        self._hook = hook
        self._invocation = invocation
        self._lock = threading.Lock()
        self._left = TIMES
        self._last = self._not_before = invocation.clock.now()
        self._covered_until: float | None = None

    def __call__(self, planned: float) -> None:
        """A wait of `planned` seconds is about to begin (0: work goes on)."""
        with self._lock:
            now = self._invocation.clock.now()
            if self._left <= 0 or now < self._not_before:
                return
            if planned > LONG_WAIT and now + planned > (self._covered_until or now):
                self._beat(now, planned)
            elif now - self._last >= EVERY or self._runs_out(now):
                self._beat(now, EVERY)

    def leave(self) -> None:
        """Nothing more is done here, and the hook is not completed: time for the next delivery.

        Only if a heartbeat of ours has set the hook's time anew, perhaps to less than it had.
        """
        with self._lock:
            if self._covered_until is not None and self._left > 0:
                self._beat(self._invocation.clock.now(), UNTIL_RETRIED)

    def _runs_out(self, now: float) -> bool:
        """A heartbeat sets the hook's time anew, possibly to less than it had: then it binds us."""
        return self._covered_until is not None and self._covered_until - now < LEAST

    def _beat(self, now: float, planned: float) -> None:
        seconds = int(min(MOST, max(LEAST, planned + SLACK)))
        self._left -= 1
        try:
            self._invocation.send(ports.HEARTBEAT, lambda: self._ess.heartbeat(self._hook, seconds))
        except CloudFault as fault:
            # The work goes on: if the hook has ended, completing it will tell.
            if fault.treatment is not Treatment.TRANSIENT:
                self._left = 0
            self._not_before = now + BACKOFF_LONGEST
        else:
            self._last, self._covered_until = now, now + seconds


def result_for(tally: Tally, on_shortfall: str) -> str | None:
    """What to tell Auto Scaling once every instance is decided; None lets its default apply."""
    return _RESULTS[on_shortfall] if tally.hook_short else "CONTINUE"


def complete(
    ess: Ess, hook: Hook, result: str | None, invocation: Invocation, request_id: str
) -> Lifecycle:
    """Complete the hook; one that has ended elsewhere is not an error.

    The ClientToken belongs to this invocation and what it says: when a reply is lost its next try
    still succeeds, while any other delivery of the event is told that the action has ended. So is
    a retry of Function Compute, under the same request id, that has come to another result.

    Raises:
        CloudFault: Auto Scaling refused, or did not answer in time.
    """
    told = result or "DEFAULT"
    said = f"{request_id} {hook.hook_id} {hook.token} {told}"
    token = hashlib.sha256(said.encode()).hexdigest()
    try:
        invocation.read(ports.COMPLETE, lambda: ess.complete(hook, result, token))
    except CloudFault as fault:
        if fault.code != HOOK_ENDED:
            raise
    else:
        return Lifecycle(hook.hook_id, told, completed=True, reason="completed")
    reason = "already completed, timed out, or the hook is gone"
    return Lifecycle(hook.hook_id, told, completed=False, reason=reason)
