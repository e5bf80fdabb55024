"""The lifecycle hook of a launch: kept alive while we work, completed once when all is decided."""

from __future__ import annotations

import hashlib
import threading
from fnmatch import fnmatchcase
from math import ceil, inf
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
    from handler.shell.job import Job
    from handler.shell.records import Tally

# RecordLifecycleActionHeartbeat: 30..21600 s, which is also the most that an action waits in all,
# and at most 20 times an action (ESS reference).
FEWEST, MOST, TIMES = 30, 21_600, 20
# A heartbeat never leaves a hook less than that: Function Compute retries within minutes.
LEAST = 600.0
# Waits and work up to this long need no look at the hook: no hook's own time is shorter (30 s).
SHORT = 20.0
SLACK = 60.0
_RESULTS = {"default": None, "continue": "CONTINUE", "abandon": "ABANDON"}


class Hooks:
    """What is known of lifecycle hooks, for as long as a function instance lives.

    Args:
        names: shell-style patterns of the names or ids of our hooks (`LIFECYCLE_HOOKS`).
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._known: dict[str, tuple[HookSettings, float]] = {}

    def describe(
        self, hook: Hook, ess: Ess, invocation: Invocation, since: float = -inf
    ) -> HookSettings | None:
        """The hook as Auto Scaling describes it; None when it is not shown, which is not kept.

        What was read before `since` (epoch seconds) is read again: a hook's name stays, and its
        timeout can be changed at any time.

        Raises:
            CloudFault: Auto Scaling refused, or did not answer in time.
        """
        known, at = self._known.get(hook.hook_id, (None, -inf))
        if known is not None and at >= since:
            return known
        at = invocation.clock.now()
        found = invocation.read(ports.DESCRIBE_HOOKS, lambda: ess.lifecycle_hook(hook.hook_id))
        if found is not None:
            self._known[hook.hook_id] = found, at
        return found

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

    A heartbeat replaces what the hook has, and nobody tells what another delivery gave it. So each
    gives the same: what the hook's own timeout, or the longest wait of these settings, needs. While
    a hook's timeout cannot be read, nothing is sent, as that could cut it; it is read again.
    """

    def __init__(self, job: Job, hook: Hook) -> None:
        self._job = job
        self._hook = hook
        # Reading the hook's own time may itself wait for the pacer, and so come back here.
        self._lock = threading.RLock()
        self._busy = False
        self._left = TIMES
        self._not_before = self._started = self._now()
        told, latest = job.request.event_time, job.delivery.started
        # When the hook began to wait, at the latest; a message without a time may be an old one.
        self._began = latest if told is None else min(told, latest)
        self._beaten = False
        self._sure = told is not None
        self._timeout: float | None = None
        self._until: float | None = None

    def __call__(self, planned: float) -> None:
        """A wait of `planned` seconds is about to begin (0: work goes on)."""
        now = self._now()
        if planned <= SHORT and now - self._started <= SHORT:
            return
        with self._lock:
            # The last one is for `leave`.
            if self._busy or self._left <= 1 or now < self._not_before:
                return
            self._busy = True
            try:
                self._extend(now, planned)
            finally:
                self._busy = False

    def _extend(self, now: float, planned: float) -> None:
        """Only where what the hook has would not last, or the message does not tell since when."""
        if not self._looked(now):
            return
        lasts = self._until is not None and now + max(planned, SHORT) + SLACK <= self._until
        if not (self._sure and lasts):
            self._beat(now, planned)

    @property
    def ends(self) -> float:
        """When the hook's time is over, epoch seconds; infinite while nothing is known of it."""
        return inf if self._until is None else self._until

    def leave(self) -> None:
        """Extend the hook for the next delivery: this one ends without completing it.

        Only if a heartbeat of ours has replaced the hook's own time.
        """
        with self._lock:
            if self._beaten and self._left > 0:
                self._beat(self._now(), 0.0)

    def _looked(self, now: float) -> bool:
        """Whether the hook's HeartbeatTimeout is known: it counts from when the hook began."""
        if self._timeout is not None:
            return True
        job = self._job
        try:
            found = job.hooks.describe(
                self._hook, job.cloud.ess, job.invocation, job.delivery.started
            )
        except CloudFault as fault:
            found = None
            if fault.treatment is not Treatment.TRANSIENT:
                self._left = 0
        except OutOfTime:
            found = None
        if found is None or not found.timeout:
            self._not_before = now + SHORT
            return False
        self._timeout = float(found.timeout)
        self._until = self._began + self._timeout
        return True

    def _beat(self, now: float, planned: float) -> None:
        seconds = self._given(now, planned)
        if seconds < FEWEST or (self._until is not None and now + seconds <= self._until):
            return
        self._left -= 1
        ess, invocation = self._job.cloud.ess, self._job.invocation
        try:
            invocation.send(ports.HEARTBEAT, lambda: ess.heartbeat(self._hook, seconds))
        except CloudFault as fault:
            # The work goes on: if the hook has ended, completing it will tell.
            if fault.treatment is not Treatment.TRANSIENT:
                self._left = 0
            self._not_before = now + BACKOFF_LONGEST
        else:
            self._beaten = self._sure = True
            self._until = now + seconds

    def _given(self, now: float, planned: float) -> int:
        """The seconds that a heartbeat gives: never more than the six hours of a hook leave."""
        settings = self._job.settings
        waits = [planned, settings.visibility_seconds, settings.settle_seconds]
        waits += [settings.guest_seconds] if settings.guest_port is not None else []
        needed = max(LEAST, max(waits) + 2 * SLACK, self._timeout or 0.0)
        return int(min(ceil(needed), self._began + MOST - SLACK - now))

    def _now(self) -> float:
        return self._job.invocation.clock.now()


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
