"""The deliberate defects: what is broken, where, and the test that catches it.

Each is planted by name: in the function that is named, every expression (or statement) that reads
like `old`, however it is laid out, becomes `new`. `tests.chaos.mutate` plants them and sees them
caught; a name, a layout or a line that moves needs nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Defect:
    """A deliberate defect.

    Attributes:
        what: the defect in one sentence.
        caught_by: a test, or a file of tests, that fails because of it.
        where: module and function ("handler.core.planner:_counted").
        edits: pairs of the source that is there and the source that replaces it.
    """

    name: str
    what: str
    caught_by: str
    where: str
    edits: tuple[tuple[str, str], ...]


MACHINE = "tests/chaos/test_machine.py"
HOSTILE = "tests/chaos/test_hostile.py"
PROTOCOL = "tests/unit/test_protocol.py"
ROUNDS = "tests/unit/test_rounds.py"
ROUNDS_MACHINE = "tests/unit/test_rounds_machine.py"
LEDGER = "tests/unit/test_ledger.py"
FAULTS = "tests/unit/test_faults.py"
PROMISES = "tests/integration/test_promises.py"
RESERVE = "tests/integration/test_reserve.py"
TROUBLE = "tests/integration/test_trouble.py"
TROUBLE_HOOKS = "tests/integration/test_trouble_hooks.py"
SECRETS = "tests/integration/test_secrets.py"
INPUT = "tests/integration/test_input.py"
LAUNCH = "tests/integration/test_launch.py"
GUESTS, ASKED_GUESTS = "tests/unit/test_guests.py", "tests/integration/test_guests.py"
PROBE = "tests/unit/test_probe.py"
REDELIVER = "tests/unit/test_redeliver_delivery.py"


def _defect(name: str, what: str, caught_by: str, where: str, *edits: tuple[str, str]) -> Defect:
    return Defect(name, what, caught_by, where, edits)


DEFECTS: tuple[Defect, ...] = (
    _defect(
        "addresses-unchecked",
        "Whatever stands in an answer is taken for an address.",
        f"{HOSTILE}::test_unusable_answer_is_recorded",
        "handler.cloud.ecs:_checked",
        ("not isinstance(value, str) or not form.fullmatch(value)", "not isinstance(value, str)"),
    ),
    _defect(
        "all-called-primary",
        "A row of an ENI whose addresses are all called primary is believed.",
        f"{HOSTILE}::test_odd_value_is_contained",
        "handler.cloud.ecs:_read_eni",
        ("len(primary) == 1 and len(held) == len(sets)", "bool(primary)"),
    ),
    _defect(
        "answer-of-another-eni",
        "An answer about another ENI is taken for ours.",
        f"{HOSTILE}::test_unusable_answer_is_recorded",
        "handler.cloud.ecs:_answer",
        (
            'assigned.network_interface_id not in {None, "", eni_id}',
            'assigned.network_interface_id == ""',
        ),
    ),
    _defect(
        "absent-in-doubt",
        "An ENI that vanishes while a call is in doubt is looked for without end.",
        f"{PROTOCOL}::test_an_eni_that_vanishes_while_a_call_is_in_doubt",
        "handler.core.protocol:_absent",
        (
            "at < since + timing.settle and (unreadable or not said)",
            "at < since + timing.settle or state.outstanding is not None",
        ),
    ),
    _defect(
        "auto-scaling-asked-at-once",
        "Auto Scaling is asked who was released before reads had time to catch up.",
        f"{TROUBLE_HOOKS}::test_auto_scaling_is_not_asked_before_reads_had_time_to_catch_up",
        "handler.shell.launch:Launch._released",
        ("since >= min(settings.settle_seconds, settings.visibility_seconds)", "since >= 0.0"),
    ),
    _defect(
        "complete-before-verify",
        "The hook is completed before the work is done.",
        MACHINE,
        "handler.shell.launch:Launch.run",
        (
            "job.invocation.before_wait = before_wait",
            (
                "job.invocation.before_wait = before_wait\n"
                'complete(job.cloud.ess, hook, "CONTINUE", job.invocation, job.delivery.chain)'
            ),
        ),
    ),
    _defect(
        "completed-while-undecided",
        "The hook is completed although an ENI is undecided.",
        f"{LAUNCH}::test_instance_that_never_appears_is_raised_and_the_hook_left_waiting",
        "handler.shell.launch:Launch._tell",
        ("job.tally.undecided or job.tally.denied", "job.tally.denied"),
    ),
    _defect(
        "confirmed-forgotten",
        "A read that shows a part of what was confirmed is planned on.",
        f"{PROTOCOL}::test_what_was_confirmed_is_held_while_reads_may_be_older",
        "handler.core.protocol:_at_least_known",
        ("known <= Held.by(eni).all", "True"),
    ),
    _defect(
        "completion-token-random",
        "Each try to complete a hook has a ClientToken of its own.",
        f"{PROMISES}::test_lost_completion_is_repeated_and_succeeds_once",
        "handler.shell.hook:complete",
        (
            "ess.complete(hook, result, token)",
            'ess.complete(hook, result, __import__("uuid").uuid4().hex)',
        ),
    ),
    _defect(
        "contest-left-early",
        "What first shows of another writer's call is taken for all of it.",
        f"{PROTOCOL}::test_a_contested_state_that_changes_gets_its_whole_time",
        "handler.core.protocol:_changed",
        ("replace(phase, spent=False)", "Ready()"),
    ),
    _defect(
        "contest-not-waited-out",
        "Another writer's call is taken for spent before reads can show it.",
        f"{PROTOCOL}::test_a_contested_state_is_left_when_nothing_comes_of_it",
        "handler.core.protocol:_contested",
        ("at + timing.settle", "at"),
    ),
    _defect(
        "dedupe-by-event-id",
        "An event whose id was seen is not worked on again.",
        MACHINE,
        "handler.shell.app:App._run",
        (
            "connector = self._connect(context)",
            (
                "from handler.core.model import Rejected\n"
                "from handler.shell.records import not_acted_on\n"
                'seen = self.__dict__.setdefault("_seen", set())\n'
                "if request.event_id in seen:\n"
                '    again = Rejected("id", "seen", "", request.source)\n'
                "    return not_acted_on(delivery.request_id, again)\n"
                "seen |= {request.event_id} - {None}\n"
                "connector = self._connect(context)"
            ),
        ),
    ),
    _defect(
        "doubt-gives-room-back",
        "An ENI whose write is in doubt gives back what it was granted when it is given up.",
        f"{RESERVE}::test_an_eni_that_is_given_up_in_doubt_keeps_its_room",
        "handler.core.rounds:Rounds._end",
        ("self._ledger.keep(eni_id)", "self._ledger.release(eni_id, 0, 0.0)"),
    ),
    _defect(
        "doubt-is-planned-again",
        "A write in doubt is planned again instead of being made again as it was.",
        f"{RESERVE}::test_another_instance_gets_ready_while_a_write_is_in_doubt",
        "handler.core.protocol:_when_ready",
        ("Call(phase.write.ask)", "Plan()"),
    ),
    _defect(
        "foreign-refusal-fails",
        "A refusal that says whose the ENI is counts as a failure of the launch.",
        f"{PROTOCOL}::test_a_refusal_that_says_whose_the_eni_is",
        "handler.core.protocol:refused",
        (
            "_refused_at_last(after, Outcome.SKIPPED, Reason.SERVICE_MANAGED)",
            "_refused_at_last(after, Outcome.FAILED, Reason.REFUSED)",
        ),
    ),
    _defect(
        "forgotten-page-ends-chain",
        "A chain ends when ECS has forgotten the page where it stood.",
        f"{TROUBLE}::test_page_that_ecs_has_forgotten_means_beginning_anew",
        "handler.shell.selection:_again_from_the_start",
        (
            "not followed or fault.treatment not in REFUSED or restarts == MAX_RESTARTS",
            "True",
        ),
    ),
    _defect(
        "generation-never-reset",
        "A new state begins at the generation of the last one.",
        f"{ROUNDS_MACHINE}::test_a_new_state_is_begun_at_generation_0",
        "handler.core.protocol:_changed",
        ("Learnt()", "state.learnt"),
    ),
    _defect(
        "given-again-not-spent",
        "A token whose addresses were taken away and given again is used without end.",
        f"{ROUNDS_MACHINE}::test_addresses_taken_away_and_given_again_are_not_asked_for_forever",
        "handler.core.protocol:_confirmed",
        ("held == write.held", "False"),
    ),
    _defect(
        "grant-hidden-by-a-read",
        "A read of a vSwitch brings back what a call under way may be taking.",
        f"{LEDGER}::test_a_reading_while_a_grant_is_open",
        "handler.core.ledger:Ledger.learn",
        ("free - granted", "free"),
    ),
    _defect(
        "guest-asked-on-loopback",
        "An address of this machine itself is asked whether the guest answers.",
        f"{GUESTS}::test_address_that_is_never_asked",
        "handler.core.guests:may_be_asked",
        (
            "value.is_loopback or value.is_link_local or value.is_multicast or value.is_reserved",
            "value.is_link_local or value.is_multicast or value.is_reserved",
        ),
    ),
    _defect(
        "guest-gone-called-silent",
        "An instance that is released while it is asked counts as silent.",
        f"{ASKED_GUESTS}::test_instance_that_is_released_while_it_is_asked",
        "handler.shell.probe:Guests._look_again",
        ("still_held(question, enis.get(eni_id))", "question"),
    ),
    _defect(
        "guest-refusal-is-silence",
        "A connection that the guest refuses is taken for silence.",
        f"{PROBE}::test_accepted_and_refused_are_answers_and_silence_is_none",
        "handler.shell.probe:_Round._ended",
        ("status in {0, errno.ECONNREFUSED}", "status == 0"),
    ),
    _defect(
        "guest-report-lost",
        "Results that wait for their guests are lost when the work is cut short.",
        f"{ASKED_GUESTS}::test_read_that_fails_loses_no_record",
        "handler.shell.launch:Launch._work_and_ask",
        ("guests.release()", "None"),
    ),
    _defect(
        "guest-silence-always-counts",
        "A hook hears of silent guests where ON_SILENT says that they are only reported.",
        f"{ASKED_GUESTS}::test_what_the_hook_is_told_of_silence",
        "handler.core.model:EniResult.falls_short",
        (
            'on_silent == "short" and self.guest in {Guest.SILENT, Guest.UNREACHABLE}',
            "self.guest in {Guest.SILENT, Guest.UNREACHABLE}",
        ),
    ),
    _defect(
        "guest-silent-at-once",
        "A hook hears of silence that lasted a moment.",
        f"{ASKED_GUESTS}::test_too_little_time_to_call_it_silence",
        "handler.core.guests:ends_too_early",
        ("last < began + min(patience, settle)", "False"),
    ),
    _defect(
        "hand-over-hides-undecided",
        "When the rest is handed over, what is undecided is not raised.",
        "tests/integration/test_hand_over.py::"
        "test_what_is_undecided_is_raised_although_the_rest_is_handed_over",
        "handler.shell.run:Run._undecided",
        ("{Reason.OUT_OF_TIME}", "set(tally.undecided)"),
    ),
    _defect(
        "hook-left-to-time-out",
        "A launch is raised although its own heartbeat has left the hook but a minute.",
        f"{TROUBLE_HOOKS}::test_a_hook_that_was_extended_is_left_time_for_the_next_delivery",
        "handler.shell.launch:Launch.run",
        ("if told is None:\n    keepalive.leave()", "pass"),
    ),
    _defect(
        "heartbeat-shortens",
        "A heartbeat gives a hook less time than it has.",
        f"{TROUBLE_HOOKS}::test_no_heartbeat_shortens_what_a_hook_has",
        "handler.shell.hook:Keepalive._beat",
        ("seconds = self._given(now, planned)", "seconds = int(planned + SLACK)"),
        (
            "seconds < FEWEST or (self._until is not None and now + seconds <= self._until)",
            "seconds < FEWEST",
        ),
    ),
    _defect(
        "heartbeat-of-another-cut",
        "A heartbeat of a short wait cuts what another delivery has given the hook.",
        f"{TROUBLE_HOOKS}::test_another_delivery_does_not_cut_what_the_first_one_gave",
        "handler.shell.hook:Keepalive._given",
        ("max(waits) + 2 * SLACK", "planned + SLACK"),
    ),
    _defect(
        "hook-time-kept",
        "A hook's timeout that was read once is believed by all later launches.",
        f"{TROUBLE_HOOKS}::test_the_timeout_is_read_for_each_launch",
        "handler.shell.hook:Hooks.describe",
        ("known is not None and at >= since", "known is not None"),
    ),
    _defect(
        "hook-time-guessed",
        "A hook whose timeout cannot be read is taken for a short one.",
        f"{TROUBLE_HOOKS}::test_a_hook_whose_time_nobody_tells_is_not_cut",
        "handler.shell.hook:Keepalive._looked",
        ("fault.treatment is not Treatment.TRANSIENT", "False"),
        ("return False", "return True"),
    ),
    _defect(
        "hook-taken-for-new",
        "A message that tells no time is taken for one that was sent just now.",
        f"{TROUBLE_HOOKS}::test_a_retry_of_a_message_keeps_a_hook_that_has_waited",
        "handler.shell.hook:Keepalive.__init__",
        ("told is not None", "True"),
    ),
    _defect(
        "hook-of-others-completed",
        "A lifecycle hook of somebody else is completed.",
        f"{TROUBLE_HOOKS}::test_a_message_without_the_hooks_name",
        "handler.shell.hook:Hooks.are_ours",
        ('self._fits(hook.hook_id) or "*" in self._names', "True"),
    ),
    _defect(
        "late-read-raises-room",
        "A read that may be late raises what a vSwitch has left.",
        f"{LEDGER}::test_a_settled_reading_is_believed",
        "handler.core.ledger:Ledger.learn",
        ("at >= known.changed_at + self._settle", "True"),
    ),
    _defect(
        "less-is-not-asked-for",
        "What is refused as a whole is given up, although a part of it is there.",
        f"{PROTOCOL}::test_less_is_asked_for_until_what_there_is_was_taken",
        "handler.core.protocol:_want_of_room",
        (
            "state.held.count(prefixes=ask.is_prefix) + ask.count - 1",
            "state.held.count(prefixes=ask.is_prefix)",
        ),
    ),
    _defect(
        "limit-kept-by-the-refused",
        "An ENI that is refused keeps its place under the limit.",
        f"{TROUBLE}::test_limit_is_left_to_others_by_an_eni_that_is_refused",
        "handler.core.rounds:Rounds._end",
        ("end.outcome is Outcome.PLANNED or state.touched", "True"),
    ),
    _defect(
        "limit-shares-first",
        "Room is shared out among all, and most of it lost on ENIs that the limit leaves out.",
        f"{ROUNDS}::test_the_limit_admits_before_room_is_shared_out",
        "handler.core.rounds:Rounds._share",
        (
            "decide((each.decision for each in admitted), self._ledger.left())",
            (
                "[d for d in decide([self._members[e].decision for e in begun.needing"
                " if e in self._members], self._ledger.left()) if d.eni.id in"
                " {each.id for each in admitted}]"
            ),
        ),
    ),
    _defect(
        "list-believed-at-once",
        "A scale-out without ids is done after the first ids that Auto Scaling lists.",
        f"{TROUBLE_HOOKS}::test_a_launch_without_ids_waits_until_the_list_is_whole",
        "handler.shell.launch:Launch._seen_whole",
        ("waited >= self._listed_at + settle", "True"),
    ),
    _defect(
        "later-row-kept",
        "What a later row once listed is awaited although it has left.",
        f"{TROUBLE_HOOKS}::test_an_eni_that_was_listed_once_and_left_is_not_waited_for",
        "handler.shell.reconcile:Reconciler.with_more_than",
        ("shown, self._shown = self._shown, {}", "shown = self._shown"),
    ),
    _defect(
        "later-row-unread",
        "An ENI that a later row of its instance lists is lost from a launch.",
        f"{TROUBLE_HOOKS}::test_an_eni_that_a_later_row_of_its_instance_lists_is_served",
        "handler.shell.reconcile:Reconciler.with_more_than",
        ("done.issuperset(each.eni_ids)", "True"),
    ),
    _defect(
        "launch-not-looked-at-again",
        "An ENI that its instance shows only later is lost from a launch without ids.",
        f"{TROUBLE_HOOKS}::test_a_launch_without_ids_looks_again_for_what_its_instances_have",
        "handler.shell.launch:Launch._look_once_more",
        ("self._by_activity and not self._awaited and not self._looked_again", "False"),
    ),
    _defect(
        "moved-is-written-to",
        "An ENI that was detached while it was waited for gets what it was to hold there.",
        f"{TROUBLE}::test_eni_that_is_detached_while_it_is_waited_for_is_left_alone",
        "handler.core.protocol:next_step",
        ("state.eni.instance_id != state.first.instance_id", "False"),
    ),
    _defect(
        "no-target-believed-at-once",
        "An instance whose tags come late is left without addresses, and its hook goes on.",
        f"{TROUBLE_HOOKS}::test_a_tag_that_comes_late_is_waited_for",
        "handler.shell.reconcile:Reconciler.without_target",
        ("without_target(wishes)", "set()"),
    ),
    _defect(
        "no-redaction",
        "Records are written as they are, with whatever the cloud quoted.",
        SECRETS,
        "handler.shell.log:without",
        ("len(secret) >= SECRET_LENGTH", "len(secret) < 0"),
    ),
    _defect(
        "no-reserve",
        "VSWITCH_RESERVE is read and not kept.",
        MACHINE,
        "handler.core.ledger:Ledger.learn",
        ("self.reserve", "0"),
    ),
    _defect(
        "not-found-asked-on",
        "An ENI that ECS does not find is written to again and again.",
        f"{PROTOCOL}::test_told_gone_and_still_shown",
        "handler.core.protocol:_told_to_wait",
        ("state.not_found >= MAX_NOT_FOUND", "False"),
        ("timing.visibility / MAX_NOT_FOUND", "backoff(state.looks)"),
    ),
    _defect(
        "old-events-raised",
        "An event about an instance that is long gone is raised at every delivery.",
        f"{TROUBLE_HOOKS}::test_an_old_event_about_what_ecs_does_not_know",
        "handler.shell.launch:Launch._outlived",
        ("age <= settings.settle_seconds + settings.visibility_seconds", "True"),
    ),
    _defect(
        "other-region-served",
        "An event of another region is worked on in this one.",
        INPUT,
        "handler.events.origin:settled_region",
        ("home_region and region != home_region", "not region"),
    ),
    _defect(
        "part-of-doubt-believed",
        "What first shows of a call in doubt is taken for all that it did.",
        f"{PROTOCOL}::test_part_of_a_lost_reply_says_nothing_before_reads_have_settled",
        "handler.core.protocol:Write.effect",
        (
            "len(new) >= self.ask.count or at >= self.at + timing.settle",
            "bool(new) or at >= self.at + timing.settle",
        ),
    ),
    _defect(
        "patience-runs-on",
        "The patience for an ENI that was not ready once is never given back.",
        f"{PROTOCOL}::test_patience_begins_anew_once_an_eni_was_ready",
        "handler.core.protocol:_when_ready",
        ("state.not_ready_since is not None", "False"),
    ),
    _defect(
        "pause-on-top",
        "A pause is as long as it was meant to be after the calls that keep a hook alive.",
        "tests/unit/test_invocation.py::test_a_pause_lasts_as_long_as_it_was_meant_to",
        "handler.shell.invocation:Invocation._pause",
        ("min(seconds, seconds - (self.clock.now() - began))", "seconds"),
    ),
    _defect(
        "plan-writes",
        "A plan does what it only should say.",
        MACHINE,
        "handler.shell.job:Job.dry",
        ("self.request.dry_run or self.settings.dry_run", "self.settings.dry_run"),
    ),
    _defect(
        "prefix-is-no-state",
        "A prefix more does not make another state of an ENI.",
        f"{PROTOCOL}::test_a_new_held_set_starts_over",
        "handler.core.protocol:read",
        ("Held.by(eni) != state.held", "eni.secondary != state.eni.secondary"),
    ),
    _defect(
        "prefix-not-counted",
        "Prefixes take no slot of the quota.",
        "tests/unit/test_planner.py",
        "handler.core.planner:_counted",
        ("max(0, capacity - len(eni.prefixes))", "max(0, capacity)"),
    ),
    _defect(
        "quota-off-by-one",
        "The primary address is not counted against the quota of the instance type.",
        MACHINE,
        "handler.shell.reading:Reader.capacities",
        ("count - 1", "count"),
    ),
    _defect(
        "random-token",
        "Each call gets a ClientToken of its own.",
        MACHINE,
        "handler.core.protocol:client_token",
        ("json.dumps(state)", 'json.dumps([*state, __import__("uuid").uuid4().hex])'),
    ),
    _defect(
        "read-dated-by-its-end",
        "A reading is dated by its end, not by its beginning.",
        f"{TROUBLE}::test_reply_that_comes_late_shows_what_was_when_the_read_began",
        "handler.shell.reconcile:Reconciler._look",
        ("rounds.read(enis, instances, began)", "rounds.read(enis, instances, self._now())"),
    ),
    _defect(
        "redeliver-deletes-first",
        "A failed event is taken out of its queue before it has settled.",
        f"{REDELIVER}::test_killed_at_any_call_loses_nothing_and_repeats_nothing",
        "console.redeliver.delivery:Redelivery._deliver",
        (
            "flight.task_id, found = self._next_task(message.id)",
            "flight.task_id, found = self._next_task(message.id)\nself._delete(flight.handle)",
        ),
    ),
    _defect(
        "redeliver-doubles-records",
        "When a redelivery fails, the older record of the event stays beside the new one.",
        f"{REDELIVER}::test_failed_again_stays_once",
        "console.redeliver.delivery:Redelivery._replace",
        (
            "self._delete(self._left.pop(row.event.message_id))",
            "self._left.pop(row.event.message_id)",
        ),
    ),
    _defect(
        "redeliver-goes-on-blind",
        "Events are sent on to a function whose tasks are not shown.",
        f"{REDELIVER}::test_function_that_shows_no_tasks_gets_nothing_more",
        "console.redeliver.delivery:Redelivery._wants_more",
        ("self._blind", "False"),
    ),
    _defect(
        "redeliver-hides-too-little",
        "A long redelivery becomes visible in the queue before it has ended.",
        f"{REDELIVER}::test_long_delivery_stays_hidden",
        "console.redeliver.delivery:Redelivery._look",
        ("self.now() >= flight.renew", "False"),
    ),
    _defect(
        "redeliver-keeps-hidden",
        "What stays in the queue is left hidden.",
        f"{REDELIVER}::test_hopeless_ones_stay_and_can_be_seen_at_once",
        "console.redeliver.delivery:Redelivery._release",
        ("self.queue.hide(handle, AT_ONCE)", "handle"),
    ),
    _defect(
        "redeliver-sends-hopeless",
        "An event that the function would reject is delivered again.",
        f"{REDELIVER}::test_hopeless_ones_stay_and_can_be_seen_at_once",
        "console.redeliver.delivery:Redelivery._sort",
        ("event.hopeless", "False"),
    ),
    _defect(
        "redeliver-sends-settled",
        "What an earlier run has delivered is delivered once more.",
        f"{REDELIVER}::test_killed_at_any_call_loses_nothing_and_repeats_nothing",
        "console.redeliver.delivery:Redelivery._next_task",
        ("task is None or not task.ended or task.status == SUCCEEDED", "task is None"),
    ),
    _defect(
        "redeliver-sends-twins",
        "An event that is in the queue twice is delivered twice.",
        f"{REDELIVER}::test_same_event_in_two_messages_is_delivered_once",
        "console.redeliver.delivery:Redelivery._sort",
        ("(flight := self._flight_of(event)) is not None", "False"),
    ),
    _defect(
        "redirects-followed",
        "A reply may send the call, tokens included, to another host.",
        f"{HOSTILE}::test_no_redirect_is_followed",
        "handler.cloud.transport:keep_tokens_in",
        ("refuse_redirects()", "None"),
    ),
    _defect(
        "refused-retry-frees-limit",
        "An ENI whose retry is refused leaves its place under the limit.",
        f"{RESERVE}::test_limit_is_kept_by_a_retry_that_is_refused_for_good",
        "handler.core.protocol:refused",
        (
            "back.write if isinstance(back, InDoubt) else None",
            (
                "back.write if isinstance(back, InDoubt) and fault.treatment not in"
                " {Treatment.REJECTED, Treatment.CREDENTIALS} else None"
            ),
        ),
    ),
    _defect(
        "refused-retry-is-proof",
        "A retry that is refused is taken for proof that the first try did nothing.",
        f"{RESERVE}::test_target_is_kept_when_a_retry_is_refused_for_want_of_room",
        "handler.core.protocol:refused",
        ("back.write if isinstance(back, InDoubt) else None", "None"),
    ),
    _defect(
        "rest-not-recorded",
        "When a read fails, the ENIs that are left have no record.",
        f"{PROMISES}::test_every_eni_ends_in_exactly_one_record",
        "handler.core.rounds:Rounds.stop",
        ("self.members", "()"),
    ),
    _defect(
        "result-not-withheld",
        "The result quotes what replies quote.",
        f"{SECRETS}::test_secret_in_a_field_of_a_reply_goes_no_further",
        "handler.shell.app:App._run",
        (
            "withheld(Run(job, log, ledger).perform(), log.hidden)",
            "Run(job, log, ledger).perform()",
        ),
    ),
    _defect(
        "retry-with-a-new-token",
        "A call whose outcome is unknown is repeated under another ClientToken.",
        MACHINE,
        "handler.core.protocol:_again",
        (
            "replace(state, phase=again, transients=state.transients + 1)",
            (
                "replace(state, phase=again, transients=state.transients + 1,"
                " learnt=Learnt(state.learnt.generation + 1))"
            ),
        ),
    ),
    _defect(
        "room-asked-at-once",
        "Want of room that reads contradict is asked again before reads had their time.",
        f"{PROTOCOL}::test_a_contradicted_refusal_is_asked_three_times",
        "handler.core.protocol:planned",
        ("refusal.times == 1 and state.read_at < refusal.at + timing.settle", "False"),
    ),
    _defect(
        "room-not-waited-for",
        "An ENI is short while what was granted to others, and not taken, is free.",
        "tests/chaos/test_worlds.py::test_nobody_is_short_while_there_is_room",
        "handler.core.rounds:Rounds._room_may_come",
        ("vswitch_id in waiting", "False"),
        ("self._timing.launch and early", "False"),
    ),
    _defect(
        "room-read-by-each-event",
        "Each event of an array takes what a vSwitch has above its reserve for its own.",
        f"{INPUT}::test_events_of_an_array_share_what_a_vswitch_has_above_its_reserve",
        "handler.shell.dispatch:Dispatch._array",
        (
            "self._one(item, replace(delivery, part=part), ledger)",
            "self._one(item, replace(delivery, part=part), Ledger(ledger.reserve, 30.0))",
        ),
    ),
    _defect(
        "sdk-error-chained",
        "The text of the SDK's own error goes into the record.",
        SECRETS,
        "handler.cloud.openapi:refused",
        (
            'treatment is Treatment.CREDENTIALS or _QUOTING.search(f"{code} {message}")',
            "False",
        ),
    ),
    _defect(
        "settle-skipped",
        "A read that shows nothing new is believed at once.",
        f"{PROMISES}::test_reads_that_lag_the_write_do_not_lead_to_a_second_one",
        "handler.core.protocol:_confirmed",
        ("at < write.at + timing.settle", "at < write.at"),
    ),
    _defect(
        "shared-task-id",
        "Every backfill of an array of events is handed over under one task id.",
        f"{INPUT}::test_every_backfill_of_an_array_is_handed_over_under_a_task_id_of_its_own",
        "handler.shell.job:Delivery.chain",
        ('f"{self.request_id}-{self.part}" if self.part else self.request_id', "self.request_id"),
    ),
    _defect(
        "short-by-one-reading",
        "A launch is short because of a single reading.",
        f"{TROUBLE_HOOKS}::test_a_duplicate_that_reads_late_tells_the_hook_no_shortfall",
        "handler.core.protocol:_without_room",
        ("short and state.read_at < confirmed", "False"),
    ),
    _defect(
        "short-is-continued",
        "A short instance is let into service whatever ON_SHORTFALL says.",
        MACHINE,
        "handler.shell.hook:result_for",
        ('_RESULTS[on_shortfall] if tally.hook_short else "CONTINUE"', '"CONTINUE"'),
    ),
    _defect(
        "short-while-room-may-come",
        "An ENI is short while another one may give back what it was granted.",
        f"{ROUNDS}::test_nobody_is_short_while_a_grant_of_another_eni_is_open",
        "handler.core.protocol:_without_room",
        ("short and room_may_come", "False"),
    ),
    _defect(
        "spent-tokens-are-tries",
        "An ENI is put off after some spent tokens, and each delivery spends one more.",
        f"{ROUNDS_MACHINE}::test_spent_tokens_of_one_state_end_no_delivery",
        "handler.core.protocol:refused",
        ("state.learnt.generation >= MAX_GENERATION", "state.learnt.generation >= 2"),
    ),
    _defect(
        "stop-on-short-page",
        "A page without rows is taken for the last one.",
        f"{HOSTILE}::test_page_without_rows_is_not_the_last",
        "handler.shell.reading:Reader._pages",
        (
            "(token := page.next_token) is not None",
            "page.items and (token := page.next_token) is not None",
        ),
    ),
    _defect(
        "tag-of-another-eni",
        "An ENI is left without a target because another one of its instance has a tag.",
        f"{TROUBLE_HOOKS}::test_a_tag_of_one_of_two_enis_comes_late",
        "handler.core.policy:without_target",
        ("wish.source not in {None, 'eni_tag'}", "wish.source is not None"),
    ),
    _defect(
        "throttled-by-others-learnt",
        "A minute that others used up is taken for the quota, and calls stay slow for an hour.",
        "tests/unit/test_pacing.py::test_a_minute_that_others_had_begun_teaches_little",
        "handler.core.pacing:_Lane.learn",
        ("self.whole and self.succeeded >= self.floor", "True"),
        ("max(self.floor, told)", "max(1, told)"),
    ),
    _defect(
        "throttled-retry-forgets",
        "A throttled retry makes the write before it forgotten.",
        f"{RESERVE}::test_a_throttled_retry_leaves_in_doubt_what_was",
        "handler.core.protocol:refused",
        ("replace(state, phase=back)", "replace(state, phase=Ready())"),
    ),
    _defect(
        "throttling-by-its-first-word",
        "Throttling is known only where a code begins with it.",
        f"{FAULTS}::test_throttling_is_known_wherever_a_code_says_so",
        "handler.core.errors:CloudFault.throttling",
        ('"throttling" in self.code.lower()', 'self.code.startswith("Throttling")'),
    ),
    _defect(
        "time-of-an-array-unshared",
        "Each event of an array waits its own whole time for what does not appear.",
        f"{INPUT}::test_events_about_what_is_gone_leave_time_for_those_behind_them",
        "handler.shell.invocation:Invocation.__init__",
        ("now if started is None else started", "now"),
    ),
    _defect(
        "token-with-the-ask",
        "The ClientToken depends on what is asked.",
        MACHINE,
        "handler.core.rounds:Rounds._call",
        (
            "AssignCall(eni_id, ask, token)",
            'AssignCall(eni_id, ask, f"{ask.count:02}{token[2:]}")',
        ),
    ),
    _defect(
        "token-without-state",
        "The ClientToken belongs to the ENI, not to what it holds.",
        f"{PROMISES}::test_new_state_means_a_new_token",
        "handler.core.protocol:client_token",
        (
            "[region, eni_id, sorted(held.secondary), sorted(held.prefixes), generation]",
            "[region, eni_id, generation]",
        ),
    ),
    _defect(
        "unasked-rows-kept",
        "Rows that a read did not ask for are worked on.",
        f"{HOSTILE}::test_what_nobody_asked_for_is_left_alone",
        "handler.shell.reading:Reader.enis",
        (
            "{eni.id: eni for page in found for eni in page if eni.id in asked}",
            "{eni.id: eni for page in found for eni in page}",
        ),
    ),
    _defect(
        "undecided-swallowed",
        "What is undecided ends in a result, and nobody delivers it again.",
        f"{PROMISES}::test_delivering_again_reaches_the_target_once_faults_stop",
        "handler.shell.run:Run.perform",
        ("ended.failure or self._undecided(ended.continuation)", "ended.failure"),
    ),
    _defect(
        "unknown-code-decides",
        "A code that nobody knows releases an instance.",
        f"{PROTOCOL}::test_a_code_that_nobody_knows_is_tried_once_more",
        "handler.core.protocol:refused",
        ("Outcome.DEFERRED if timing.launch else Outcome.FAILED", "Outcome.FAILED"),
    ),
    _defect(
        "unknown-code-goes-on",
        "A refusal that nobody knows is repeated as if it passed.",
        FAULTS,
        "handler.cloud.faults:_by_status",
        ("Treatment.UNKNOWN", "Treatment.TRANSIENT"),
    ),
    _defect(
        "unknown-code-empties-vswitch",
        "A vSwitch whose reading a code that nobody knows refuses is taken below its reserve.",
        f"{TROUBLE}::test_refusal_that_nobody_understands_leaves_the_reserve",
        "handler.shell.reading:Reader.available",
        ("_not_there(fault)", "fault.treatment in REFUSED"),
    ),
    _defect(
        "unknown-code-tried-once",
        "A code that nobody knows decides at once when a call had no answer before it.",
        "tests/unit/test_pacing.py::test_errors_of_two_kinds_are_counted_apart",
        "handler.core.pacing:repeated",
        (
            "tries[fault.treatment] >= allowed.get(fault.treatment, 1)",
            "tries.total() >= allowed.get(fault.treatment, 1)",
        ),
    ),
    _defect(
        "unnamed-answer-spends-nothing",
        "Where answers name no addresses, what somebody took away is never given back.",
        f"{PROTOCOL}::test_an_answer_that_names_nothing_and_did_nothing_spends_its_token",
        "handler.core.protocol:_confirmed",
        ("replace(state, learnt=spent)", "state"),
    ),
    _defect(
        "unknown-hook-unrecorded",
        "A launch of which nobody tells whose hook it is leaves no record of its instances.",
        f"{TROUBLE_HOOKS}::test_instances_are_recorded_while_nobody_tells_the_hooks_name",
        "handler.shell.launch:Launch._is_ours",
        ("self._defer(error)", "None"),
    ),
    _defect(
        "verify-skipped",
        "What ECS answers is believed without a read.",
        f"{PROMISES}::test_replayed_token_is_recognised_and_the_target_reached_not_passed",
        "handler.core.protocol:_confirmed",
        ("not named <= held.all and at < write.at + timing.settle", "False"),
        ("tuple(sorted(named - held.all)) or state.lost", "state.lost"),
        ("state.gained | (named & held.all)", "state.gained | named"),
    ),
    _defect(
        "vswitch-not-read-again",
        "A launch is short because of a single reading of its vSwitch.",
        f"{PROTOCOL}::test_a_launch_reads_the_vswitch_again_before_it_is_short",
        "handler.core.protocol:room_is_stale",
        ("read_at < moment <= now", "False"),
    ),
)
