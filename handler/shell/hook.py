"""The lifecycle hook of a launch: kept alive while we work, completed once when all is decided."""

from __future__ import annotations

import hashlib
import threading
from fnmatch import fnmatchcase
from math import inf
from typing import TYPE_CHECKING

from handler.cloud import ports
from handler.cloud.faults import HOOK_ENDED
from handler.core.errors import CloudFault, OutOfTime
from handler.core.model import Treatment
from handler.core.pacing import BACKOFF_LONGEST
from handler.shell.records import Lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handler.cloud.ports import Ess, HookSettings
    from handler.core.model import Hook
    from handler.shell.invocation import Invocation
    from handler.shell.records import Tally

# RecordLifecycleActionHeartbeat: 30..21600 s, at most 20 times an action (ESS reference).
MOST, TIMES = 21_600, 20
# A heartbeat never leaves a hook less than that: Function Compute retries within minutes.
LEAST = 600.0
# Waits and work up to this long need no look at the hook: no hook's own time is shorter (30 s).
SHORT = 20.0
SLACK = 60.0
_RESULTS = {"default": None, "continue": "CONTINUE", "abandon": "ABANDON"}


class Hooks:
    """What is known of lifecycle hooks; a function instance asks once for each.

    Args:
        names: shell-style patterns of the names or ids of our hooks (`LIFECYCLE_HOOKS`).
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._known: dict[str, HookSettings | None] = {}

    def describe(self, hook: Hook, ess: Ess, invocation: Invocation) -> HookSettings | None:
        """The hook as Auto Scaling describes it; None when it is not shown.

        Raises:
            CloudFault: Auto Scaling refused, or did not answer in time.
        """
        if hook.hook_id not in self._known:
            found = invocation.read(ports.DESCRIBE_HOOKS, lambda: ess.lifecycle_hook(hook.hook_id))
            self._known[hook.hook_id] = found
        return self._known[hook.hook_id]

    def are_ours(self, hook: Hook, ess: Ess, invocation: Invocation) -> bool:
        """Whether the function completes this hook: by its id, or by its name.

        Raises:
            CloudFault: the message tells no name, and Auto Scaling did not either.
        """
        if self._fits(hook.hook_id) or "*" in self._names:
            return True
        if hook.name is not None:
            return self._fits(hook.name)
        found = self.describe(hook, ess, invocation)
        return found is not None and found.name is not None and self._fits(found.name)

    def _fits(self, text: str) -> bool:
        return any(fnmatchcase(text, pattern) for pattern in self._names)


class Keepalive:
    """Extends a hook's time where its own would not last, and never shortens it.

    Args:
        began: when the hook began to wait, as far as the event tells; epoch seconds.
    """

    def __init__(
        self, ess: Ess, hook: Hook, hooks: Hooks, invocation: Invocation, began: float
    ) -> None:
        self._ess = ess
        self._hook = hook
        self._hooks = hooks
        self._invocation = invocation
        # Reading the hook's own time may itself wait for the pacer, and so come back here.
        self._lock = threading.RLock()
        self._busy = False
        self._left = TIMES
        self._began = began
        self._not_before = self._started = invocation.clock.now()
        self._timeout: float | None = None
        self._covered_until: float | None = None

    def __call__(self, planned: float) -> None:
        """A wait of `planned` seconds is about to begin (0: work goes on)."""
        now = self._invocation.clock.now()
        if planned <= SHORT and now - self._started <= SHORT:
            return
        with self._lock:
            if self._busy or self._left <= 0 or now < self._not_before:
                return
            self._busy = True
            try:
                self._extend(now, planned)
            finally:
                self._busy = False

    def _extend(self, now: float, planned: float) -> None:
        """Only where the hook's own time, or that of the last heartbeat, would not last."""
        timeout = self._own_timeout()
        ends = self._covered_until or self._began + timeout
        if now + max(planned, SHORT) + SLACK > ends:
            self._beat(now, max(timeout, planned + SLACK))

    @property
    def ends(self) -> float:
        """When the hook's time is over, epoch seconds; infinite while that was not looked at."""
        if self._covered_until is not None:
            return self._covered_until
        return inf if self._timeout is None else self._began + self._timeout

    def leave(self) -> None:
        """Extend the hook for the next delivery: this one ends without completing it.

        Only if a heartbeat of ours has replaced the hook's own time.
        """
        with self._lock:
            if self._covered_until is not None and self._left > 0:
                self._beat(self._invocation.clock.now(), self._own_timeout())

    def _own_timeout(self) -> float:
        """The hook's HeartbeatTimeout; where it cannot be read, the longest that there is."""
        if self._timeout is None:
            try:
                found = self._hooks.describe(self._hook, self._ess, self._invocation)
            except (CloudFault, OutOfTime):
                found = None
            self._timeout = float((found and found.timeout) or MOST)
        return self._timeout

    def _beat(self, now: float, wanted: float) -> None:
        seconds = int(min(MOST, max(LEAST, wanted)))
        self._left -= 1
        try:
            self._invocation.send(ports.HEARTBEAT, lambda: self._ess.heartbeat(self._hook, seconds))
        except CloudFault as fault:
            # The work goes on: if the hook has ended, completing it will tell.
            if fault.treatment is not Treatment.TRANSIENT:
                self._left = 0
            self._not_before = now + BACKOFF_LONGEST
        else:
            self._covered_until = now + seconds


def result_for(tally: Tally, on_shortfall: str) -> str | None:
    """What to tell Auto Scaling once every instance is decided; None lets its default apply."""
    return _RESULTS[on_shortfall] if tally.hook_short else "CONTINUE"


def complete(
    ess: Ess, hook: Hook, result: str | None, invocation: Invocation, request_id: str
) -> Lifecycle:
    """Complete the hook; one that has ended elsewhere is not an error.

    The ClientToken belongs to this invocation and what it says: when a reply is lost its next try
    still succeeds, while any other delivery of the event hears that the action has ended. So does
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
