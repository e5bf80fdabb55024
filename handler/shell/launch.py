"""A launch: its instances are waited for until they are visible, worked on, and the hook completed.

Events arrive before reads show what they report. What becomes visible is worked on at once; what
does not within `VISIBILITY_SECONDS` is raised, so that the event is delivered again.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from handler.core.errors import CloudFault, OutOfTime
from handler.core.model import Outcome, Reason
from handler.core.pacing import backoff
from handler.core.rounds import unread
from handler.shell.hook import Keepalive, complete, result_for
from handler.shell.reading import Reading, ecs_instances
from handler.shell.records import Lifecycle
from handler.shell.visibility import Sight, advice_for, unexplained, unseen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handler.core.model import Eni, Hook
    from handler.shell.job import Job
    from handler.shell.reconcile import Reconciler

_HIDDEN = "Allow ecs:DescribeInstances to the function's role: the ENIs are visible, it is not."
_NOT_YET = "Nothing, unless it persists: ECS did not show it yet, and the event is tried again."


class Launch:
    """One launch, in one invocation."""

    def __init__(self, job: Job, reconciler: Reconciler) -> None:
        self._job = job
        self._reconciler = reconciler
        self._sight = Sight(reconciler.skipped_anyway, attached=True)
        self._done: set[str] = set()
        self._shown: set[str] = set()
        self._asked_ess = False
        self._ours = True
        # Auto Scaling lists the instances of an activity as they come: until its list has not
        # changed for as long as reads lag, it may not be whole.
        self._by_activity = job.request.selector.scaling_activity_id is not None
        self._listed: set[str] = set()
        self._listed_at = 0.0
        self._looked_again = False
        self._left: frozenset[str] = frozenset()
        self._awaited: frozenset[str] = frozenset()
        self._reading = Reading()

    def run(self) -> Lifecycle | None:
        """Work on everything that was launched; then complete its hook, if it has one.

        Returns:
            What became of the hook; None without one, and while anything is undecided.

        Raises:
            OutOfTime: what is left was recorded as deferred.
            CloudFault: a read was refused or kept failing, or the hook could not be completed.
        """
        job, hook = self._job, self._job.request.hook
        if hook is None:
            self._work_and_ask()
            return None
        self._ours = self._is_ours(hook)
        keepalive = Keepalive(job, hook)

        def before_wait(planned: float) -> None:
            if self._left_alone() is None:
                keepalive(planned)

        job.invocation.before_wait = before_wait
        try:
            self._work_and_ask(keepalive)
            told = self._tell(hook)
        except Exception:
            keepalive.leave()
            raise
        if told is None:
            keepalive.leave()
        return told

    def _is_ours(self, hook: Hook) -> bool:
        """Whether the hook is ours. Where that cannot be read, what the event names is recorded."""
        job = self._job
        try:
            return job.hooks.are_ours(hook, job.cloud.ess, job.invocation)
        except (CloudFault, OutOfTime) as error:
            self._awaited = self._named
            self._defer(error)
            raise

    def _tell(self, hook: Hook) -> Lifecycle | None:
        """Complete the hook, or leave it alone; None while anything is undecided."""
        job = self._job
        if job.tally.undecided or job.tally.denied:
            return None
        if reason := self._left_alone():
            return Lifecycle(hook.hook_id, None, completed=False, reason=reason)
        result = result_for(job.tally, job.settings.on_shortfall)
        return complete(job.cloud.ess, hook, result, job.invocation, job.delivery.chain)

    def _left_alone(self) -> str | None:
        """Why the hook is none of our business although its instances may be.

        A group that the event does not name is known by its instances.
        """
        job = self._job
        allowed, named = job.settings.policy.scaling_groups, job.request.scaling_group_id
        if job.dry:
            return "left alone: nothing is written in a dry run"
        if not self._ours:
            return "left alone: LIFECYCLE_HOOKS matches neither the hook's name nor its id"
        groups = {named} if named else self._reconciler.groups
        if job.tally.hook_foreign or (allowed and not groups & allowed):
            return "left alone: the scaling group is not in ALLOWED_SCALING_GROUPS"
        return None

    def _work_and_ask(self, keepalive: Keepalive | None = None) -> None:
        """Work on everything, then ask the guests; while anything is undecided, that can wait."""
        guests, tally = self._job.guests, self._job.tally
        if guests is None:
            self._work_as_it_appears()
            return
        try:
            self._work_as_it_appears()
            if not (tally.undecided or tally.denied):
                guests.ask(lambda: keepalive.ends if keepalive else inf)
        finally:
            guests.release()

    def _work_as_it_appears(self) -> None:
        """What is visible is worked on at once; patience counts only the waits for the rest."""
        invocation, patience = self._job.invocation, self._reconciler.timing.visibility
        self._awaited = self._newly_listed(0.0)
        waited, polls = 0.0, 0
        while True:
            try:
                self._work_on_what_appeared(waited)
                self._awaited -= self._outlived()
                self._awaited -= self._released(waited)
                if self._seen_whole(waited) or waited >= patience:
                    self._look_once_more(waited)
                    if not self._awaited or waited >= patience:
                        break
                pause = min(backoff(polls), patience - waited)
                invocation.wait(pause, patience - waited)
            except OutOfTime:
                if self._by_activity and not self._awaited:
                    raise  # nobody knows whether that was all of it
                break
            except CloudFault as fault:
                self._defer(fault)
                raise
            waited, polls = waited + pause, polls + 1
            if self._by_activity or not self._awaited:
                self._awaited |= self._newly_listed(waited)
        self._give_up()

    def _work_on_what_appeared(self, waited: float) -> None:
        """Read what is awaited and finish what can be; the rest goes on being awaited."""
        reading = self._job.reader.of_named(self._job.request.selector, self._awaited)
        self._reading = reading
        ready, self._awaited = self._sight.sort_out(reading, self._awaited)
        bare = self._may_get_a_tag(reading, ready - self._done, waited)
        new = ready - self._done - bare
        self._done |= new
        self._shown |= reading.instances.keys()
        self._awaited |= {reading.enis[each].instance_id or each for each in bare}
        self._reconciler.work(reading, new)
        self._awaited |= self._reconciler.with_more_than(self._done)

    def _seen_whole(self, waited: float) -> bool:
        """Whether all that was launched is known, and nothing of it is awaited."""
        settle = self._reconciler.timing.settle
        listed_whole = not self._by_activity or waited >= self._listed_at + settle
        return bool(self._listed) and not self._awaited and listed_whole

    def _look_once_more(self, waited: float) -> None:
        """While Auto Scaling's list was waited for, an instance may have shown another ENI."""
        if self._by_activity and not self._awaited and not self._looked_again:
            self._looked_again = True
            self._awaited = ecs_instances(self._listed) - self._left
            self._work_on_what_appeared(waited)
            self._awaited &= self._reading.instances.keys()  # the others were served before

    def _may_get_a_tag(self, reading: Reading, new: set[str], waited: float) -> set[str]:
        """Those that have no target yet, in the launch of a hook of ours: tags may come late.

        That is believed when reads have had their time to catch up, or there is no more time. With
        a default, every ENI has a target.
        """
        job, timing = self._job, self._reconciler.timing
        waits = job.request.hook is not None and self._ours and not job.dry
        waits = waits and job.settings.policy.default is None
        if not waits or waited >= min(timing.settle - job.invocation.before, timing.visibility):
            return set()
        return self._reconciler.without_target(reading, new)

    def _newly_listed(self, waited: float) -> frozenset[str]:
        """What was launched and was not known to be; of what Auto Scaling lists, ECS's own."""
        listed = self._launched() - self._listed
        self._listed |= listed
        self._listed_at = waited if listed else self._listed_at
        return ecs_instances(listed) if self._by_activity else listed

    def _launched(self) -> frozenset[str]:
        """The ids that the event names, or that Auto Scaling lists for its activity."""
        request = self._job.request
        activity = request.selector.scaling_activity_id
        if activity is None:
            return self._named
        token = request.hook.token if request.hook else None
        reader = self._job.reader
        return frozenset(reader.of_activity(activity, request.scaling_group_id, token))

    @property
    def _named(self) -> frozenset[str]:
        selector = self._job.request.selector
        return frozenset(selector.instance_ids or selector.network_interface_ids)

    def _outlived(self) -> frozenset[str]:
        """What an old event without a hook is about and ECS does not know has gone since.

        Old is an event that happened before all that is waited for: it would never be decided.
        """
        request, settings = self._job.request, self._job.settings
        if request.hook is not None or request.event_time is None or not self._awaited:
            return frozenset()
        age = self._job.delivery.started - request.event_time
        if age <= settings.settle_seconds + settings.visibility_seconds:
            return frozenset()
        return self._gone(self._awaited)

    def _released(self, waited: float) -> frozenset[str]:
        """Auto Scaling no longer lists an instance that it has released: gone, not late.

        It is asked once, when reads have had their time to catch up. An instance whose ENIs are
        visible is not gone, whatever lists say.
        """
        request, settings = self._job.request, self._job.settings
        since = self._job.invocation.before + waited
        due = since >= min(settings.settle_seconds, settings.visibility_seconds)
        known = request.scaling_group_id or request.scaling_activity_id
        if not self._awaited or request.hook is None or not known or not due or self._asked_ess:
            return frozenset()
        self._asked_ess = True
        activity = None if request.scaling_group_id else request.scaling_activity_id
        listed = self._job.reader.of_group(request.scaling_group_id, activity)
        return self._gone(self._awaited - listed)

    def _gone(self, missing: frozenset[str]) -> frozenset[str]:
        """Those of which nothing is visible, not even an ENI; they are recorded as gone."""
        reading = self._reading
        orphans = unexplained(self._job.reader, missing, reading, probes=None)
        shown = {*reading.instances, *reading.enis, *(eni.instance_id for eni in orphans)}
        for each in sorted(missing - shown):
            self._job.record(unseen(each, None, Outcome.GONE, Reason.NOT_FOUND))
        self._left |= missing - shown
        return missing - shown

    def _give_up(self) -> None:
        """Record what did not appear, and whether that looks like a missing permission."""
        awaited, reading = self._awaited, self._reading
        if not self._listed:
            self._job.record(unseen(None, None, Outcome.DEFERRED, Reason.NOT_VISIBLE, _NOT_YET))
        try:
            orphans = unexplained(self._job.reader, awaited, reading)
        except OutOfTime:
            orphans = unexplained(self._job.reader, awaited, reading, probes=0)
        except CloudFault as fault:
            self._defer(fault)
            raise
        # An instance that was shown before has left; nobody hides it.
        hidden = {eni.instance_id for eni in orphans} - self._shown
        reason = Reason.NOT_PERMITTED if hidden else Reason.NOT_VISIBLE
        advice = _HIDDEN if hidden else _NOT_YET
        self._record_undecided(orphans, reason, advice)

    def _defer(self, error: CloudFault | OutOfTime) -> None:
        """What is left after a read that failed is recorded as the one before it showed it."""
        enis = self._reading.enis.values()
        self._record_undecided(enis, unread(error).reason, advice_for(error))

    def _record_undecided(self, enis: Iterable[Eni], reason: Reason, advice: str | None) -> None:
        """These ENIs, but for those that were worked on, and what else is awaited."""
        left = [eni for eni in enis if eni.id not in self._done]
        for eni in left:
            self._job.record(unseen(eni.instance_id, eni, Outcome.DEFERRED, reason, advice))
        told = {eni.instance_id for eni in left} | {eni.id for eni in left} | self._done
        for each in sorted(self._awaited - told):
            shown = self._reading.enis.get(each)
            self._job.record(unseen(each, shown, Outcome.DEFERRED, reason, advice))
