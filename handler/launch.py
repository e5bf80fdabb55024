"""A launch: its instances are waited for until they are visible, worked on, and the hook completed.

Events arrive before reads show what they tell of. What becomes visible is worked on at once; what
does not within `VISIBILITY_SECONDS` is raised, so that the event is delivered again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handler.lifecycle import Keepalive, complete, result_for
from handler.model import EniResult, Outcome, Reason
from handler.pacing import backoff
from handler.records import Lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handler.model import Eni
    from handler.reading import Reading
    from handler.reconcile import Reconciler

_HIDDEN = "Allow ecs:DescribeInstances to the function's role: the ENIs are visible, it is not."
_NOT_YET = "Nothing, unless it persists: ECS did not show it yet, and the event is tried again."


@dataclass
class Launch:
    """One launch, in one invocation."""

    reconciler: Reconciler
    request_id: str
    _done: set[str] = field(default_factory=set)
    _asked_ess: bool = False

    def run(self) -> Lifecycle | None:
        """Work on everything that was launched; then complete its hook, if it has one.

        Returns:
            What became of the hook; None without one, and while anything is undecided.

        Raises:
            OutOfTime: what is left was recorded as deferred.
            CloudFault: a read failed for good, or the hook could not be completed.
        """
        crew, hook = self.reconciler, self.reconciler.request.hook
        if hook is not None and not crew.dry:
            crew.invocation.before_wait = Keepalive(crew.cloud.ess, hook, crew.invocation)
        self._work_as_it_appears()
        if hook is None or crew.tally.undecided or crew.tally.denied:
            return None
        if reason := self._left_alone():
            return Lifecycle(hook.hook_id, None, completed=False, reason=reason)
        result = result_for(crew.tally, crew.settings.on_shortfall)
        return complete(crew.cloud.ess, hook, result, crew.invocation, self.request_id)

    def _left_alone(self) -> str | None:
        """Why the hook is not completed although all is decided."""
        if self.reconciler.dry:
            return "left alone: nothing is written in a dry run"
        if self.reconciler.tally.hook_foreign:
            return "left alone: the scaling group is not in ALLOWED_SCALING_GROUPS"
        return None

    def _work_as_it_appears(self) -> None:
        invocation, patience = self.reconciler.invocation, self.reconciler.timing.visibility
        began = invocation.clock.now()
        awaited, polls = self._launched(), 0
        while True:
            reading = self._read(awaited)
            ready, awaited = sort_out(reading, awaited)
            self.reconciler.work(reading, ready - self._done)
            self._done |= ready
            left = began + patience - invocation.clock.now()
            awaited = self._without_released(awaited, patience - left)
            if (not awaited and self._done) or left <= 0:
                break
            invocation.wait(min(backoff(polls), left), left)
            polls += 1
            awaited = awaited or self._launched()
        self._give_up(awaited, reading)

    def _launched(self) -> frozenset[str]:
        """The ids that the event names, or that Auto Scaling lists for its activity."""
        request = self.reconciler.request
        named = request.selector.instance_ids or request.selector.network_interface_ids
        activity = request.selector.scaling_activity_id
        if activity is None:
            return frozenset(named)
        token = request.hook.token if request.hook else None
        reader = self.reconciler.reader
        return frozenset(reader.of_activity(activity, request.scaling_group_id, token))

    def _read(self, awaited: frozenset[str]) -> Reading:
        ids = sorted(awaited)
        if self.reconciler.request.selector.network_interface_ids:
            return self.reconciler.reader.of_enis(ids)
        return self.reconciler.reader.of_instances(ids)

    def _without_released(self, awaited: frozenset[str], waited: float) -> frozenset[str]:
        """Auto Scaling no longer lists an instance that it has released: gone, not late.

        It is asked once, when reads have had their time to catch up.
        """
        request, timing = self.reconciler.request, self.reconciler.timing
        group = request.scaling_group_id
        due = waited >= min(timing.settle, timing.visibility)
        if not awaited or request.hook is None or group is None or not due or self._asked_ess:
            return awaited
        self._asked_ess = True
        listed = self.reconciler.reader.of_group(group)
        for instance_id in sorted(awaited - listed):
            self._record(instance_id, None, Outcome.GONE, Reason.NOT_FOUND)
        return awaited & listed

    def _give_up(self, awaited: frozenset[str], reading: Reading) -> None:
        """Record what did not appear, and whether that looks like a missing permission."""
        if not awaited and not self._done and not self.reconciler.tally.counts:
            self._record(None, None, Outcome.DEFERRED, Reason.NOT_VISIBLE, _NOT_YET)
        orphans = unexplained(self.reconciler, awaited, reading)
        hidden = bool(orphans)
        reason = Reason.NOT_PERMITTED if hidden else Reason.NOT_VISIBLE
        advice = _HIDDEN if hidden else _NOT_YET
        for eni in orphans:
            self._record(eni.instance_id, eni, Outcome.DEFERRED, reason, advice)
        told = {eni.instance_id for eni in orphans} | {eni.id for eni in orphans}
        for each in sorted(awaited - told):
            self._record(each, None, Outcome.DEFERRED, reason, advice)

    def _record(
        self,
        awaited_id: str | None,
        eni: Eni | None,
        outcome: Outcome,
        reason: Reason,
        advice: str | None = None,
    ) -> None:
        result = unseen(awaited_id, eni, outcome, reason, advice)
        self.reconciler.tally.add(result, self.reconciler.invocation.clock.now())


def sort_out(reading: Reading, awaited: Iterable[str]) -> tuple[set[str], frozenset[str]]:
    """Which ENIs can be worked on, and which of the awaited ids have still to appear.

    An instance has appeared when every ENI it says it has is visible, and it has one; an ENI, when
    the instance it is attached to is visible too.
    """
    known = {each for each in reading.enis if reading.owner_known(each)}
    held: dict[str, set[str]] = {}
    for eni_id in known:
        held.setdefault(reading.enis[eni_id].instance_id or "", set()).add(eni_id)
    missing = frozenset(
        each
        for each in awaited
        if each not in known and not _appeared(reading, each, held.get(each, set()))
    )
    return known, missing


def _appeared(reading: Reading, instance_id: str, held: set[str]) -> bool:
    instance = reading.instances.get(instance_id)
    return instance is not None and bool(held) and set(instance.eni_ids) <= held


def unexplained(reconciler: Reconciler, missing: Iterable[str], reading: Reading) -> list[Eni]:
    """ENIs that are attached to instances which ECS does not show.

    Without permission DescribeInstances answers with an empty list, not with an error: an ENI that
    says it is attached to such an instance gives it away. One missing instance is probed.
    """
    orphans = [eni for eni in reading.enis.values() if not reading.owner_known(eni.id)]
    probe = next((each for each in sorted(missing) if each.startswith("i-")), None)
    if orphans or probe is None or probe in reading.instances:
        return orphans
    return list(reconciler.reader.attached_to(probe).values())


def unseen(
    awaited_id: str | None,
    eni: Eni | None,
    outcome: Outcome,
    reason: Reason,
    advice: str | None = None,
) -> EniResult:
    """The record of something that could not be worked on because it could not be read."""
    is_eni = eni is None and awaited_id is not None and awaited_id.startswith("eni-")
    return EniResult(
        network_interface_id=eni.id if eni else (awaited_id if is_eni else None),
        instance_id=eni.instance_id if eni else (None if is_eni else awaited_id),
        vswitch_id=eni.vswitch_id if eni else None,
        outcome=outcome,
        reason=reason,
        before=len(eni.secondary) if eni else None,
        after=len(eni.secondary) if eni else None,
        advice=advice,
    )
