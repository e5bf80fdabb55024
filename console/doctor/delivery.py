"""How events reach the function, and what becomes of those that fail: pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.doctor.finding import Row, deploy_command, failure, ok, unread, warning
from console.doctor.seen import LATEST, Unread
from console.screen import counted
from handler.core.model import Request
from handler.events import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.doctor.finding import Finding
    from console.doctor.seen import Read, Rows, Seen
    from console.setup.desired import Body

EVENTBRIDGE, TOPIC, TIMER = "eventbridge", "mns_topic", "timer"
# The function's own calls cause it, without end.
FORBIDDEN = "PrivateIPAssigned"
SOURCES, HOOK_EVENT = ("acs.ess", "acs:ess"), "ess:LifecycleHook:ScaleOut"
# A throttled launch is raised, delivered again, and may be throttled again.
LEAST_AGE = 600


@dataclass(frozen=True)
class Ears:
    """By which ways a lifecycle hook is heard.

    Attributes:
        topics: MNS topics that invoke the function.
        bus: EventBridge's default bus does, with events of hooks.
    """

    topics: frozenset[str]
    bus: bool


def ears_of(seen: Seen) -> Ears:
    """By which ways hooks are heard; as they should be, where the triggers cannot be told."""
    triggers = seen.function.triggers
    if isinstance(triggers, Unread) or seen.function.row is None:
        return Ears(frozenset({seen.names.topic}), bus=True)
    topics = {_topic_of(each) for each in triggers if each.get("triggerType") == TOPIC}
    return Ears(frozenset(topics), any(_hears_hooks(each) for each in triggers))


def delivery_findings(seen: Seen) -> Iterator[Finding]:
    """Asynchronous configuration, destination, triggers; of a function that is there."""
    if seen.function.row is None:
        return
    for qualifier, config in seen.function.delivery.items():
        yield from _configuration(qualifier, config, seen)
    triggers = seen.function.triggers
    if isinstance(triggers, Unread):
        yield unread(Row.TRIGGER, "", triggers)
        yield unread(Row.HEARD, "", triggers)
        return
    for each in triggers:
        yield _trigger(each, seen)
    yield from _together(triggers, seen)
    yield from _heard(triggers, seen)


# --- the asynchronous configuration ---------------------------------------------------------------


def _configuration(qualifier: str, config: Read[Body], seen: Seen) -> Iterator[Finding]:
    advice = _deploy(qualifier, seen)
    if isinstance(config, Unread):
        yield unread(Row.DELIVERY, qualifier, config)
        yield unread(Row.DESTINATION, qualifier, config)
        return
    if config is None:
        found = "no asynchronous configuration on this qualifier: what fails is lost"
        yield failure(Row.DELIVERY, qualifier, found, advice)
        return
    yield _retries(qualifier, config, advice)
    yield _destination(qualifier, config, seen, advice)


def _retries(qualifier: str, config: Body, advice: str) -> Finding:
    retries, age = config.get("maxAsyncRetryAttempts"), config.get("maxAsyncEventAgeInSeconds")
    if retries == 0:
        found = "no retries: a throttled launch is given up"
        return failure(Row.DELIVERY, qualifier, found, f"RETRIES=3 {advice}")
    if age is not None and age < LEAST_AGE:
        found = f"events are discarded after {age} s: a throttled launch needs more"
        return warning(Row.DELIVERY, qualifier, found, f"EVENT_AGE_SECONDS=86400 {advice}")
    if not config.get("asyncTask"):
        found = "asyncTask is off: hand-overs have no task ids, and --follow sees nothing"
        return warning(Row.DELIVERY, qualifier, found, advice)
    return ok(Row.DELIVERY, qualifier, f"{retries} retries, events of {age} s, task mode")


def _destination(qualifier: str, config: Body, seen: Seen, advice: str) -> Finding:
    names = seen.names
    wanted = f"acs:mns:{names.region}:{seen.account}:/queues/{names.queue}/messages"
    failed = (config.get("destinationConfig") or {}).get("onFailure") or {}
    found = failed.get("destination")
    if found == wanted:
        return ok(Row.DESTINATION, qualifier, f"the queue {names.queue}")
    said = f"{found}, not the queue {names.queue}" if found else "none: what fails is lost"
    mend = f"FAILURE_QUEUE={names.queue} {advice}"
    return failure(Row.DESTINATION, qualifier, said, mend)


def _deploy(qualifier: str, seen: Seen) -> str:
    given = {} if qualifier == LATEST else {"QUALIFIER": qualifier}
    return deploy_command(seen.names, **given)


# --- triggers -------------------------------------------------------------------------------------


def _trigger(trigger: Body, seen: Seen) -> Finding:
    name = trigger.get("triggerName") or "?"
    kind = trigger.get("triggerType")
    amiss = _AMISS.get(str(kind), _nothing_amiss)(trigger, seen)
    if amiss is not None:
        return amiss
    return ok(Row.TRIGGER, name, f"{kind}, invokes {trigger.get('qualifier') or LATEST}")


def _eventbridge(trigger: Body, seen: Seen) -> Finding | None:
    name, config = trigger["triggerName"], _config(trigger)
    pattern = str(config.get("eventRuleFilterPattern") or "")
    advice = deploy_command(seen.names)
    if FORBIDDEN in pattern:
        found = f"it subscribes {FORBIDDEN}, which the function's own calls cause, without end"
        return failure(Row.TRIGGER, name, found, f"s remove --trigger {name}; then: {advice}")
    if config.get("triggerEnable") is False:
        mend = f"Function Compute console, Triggers, {name}: Enable; or: {advice}"
        return failure(Row.TRIGGER, name, "disabled", mend)
    return None


def _mns_topic(trigger: Body, seen: Seen) -> Finding | None:
    name, topic = trigger["triggerName"], _topic_of(trigger)
    if topic == seen.names.topic:
        return None
    found = f"it hears the topic {topic}, not {seen.names.topic}"
    advice = f"s remove --trigger {name}; then: " + deploy_command(
        seen.names, HOOK_TOPIC=seen.names.topic
    )
    return failure(Row.TRIGGER, name, found, advice)


def _timer(trigger: Body, seen: Seen) -> Finding | None:
    name, config = trigger["triggerName"], _config(trigger)
    if config.get("enable") is False:
        mend = f"Function Compute console, Triggers, {name}: Enable; or: "
        return warning(Row.TRIGGER, name, "disabled", mend + deploy_command(seen.names))
    asked = parse(str(config.get("payload") or ""), home_region=seen.names.region)
    if isinstance(asked, Request) and asked.manual:
        return None
    why = getattr(asked, "reason", "it is not a manual request")
    advice = deploy_command(seen.names, DRIFT_REQUEST="""'{"backfill": {"all": true}}'""")
    return failure(Row.TRIGGER, name, f"its payload asks for nothing: {why}", advice)


def _nothing_amiss(_trigger: Body, _seen: Seen) -> None:
    return None


_AMISS = {EVENTBRIDGE: _eventbridge, TOPIC: _mns_topic, TIMER: _timer}


def _config(trigger: Body) -> Body:
    """The configuration of a trigger, which the API gives as a JSON text."""
    found = trigger.get("triggerConfig") or {}
    try:
        read = json.loads(found) if isinstance(found, str) else found
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _topic_of(trigger: Body) -> str:
    return str(trigger.get("sourceArn") or "").rpartition("/topics/")[2]


def _hears_hooks(trigger: Body) -> bool:
    """Whether an EventBridge trigger is enabled and lets events of lifecycle hooks through."""
    config = _config(trigger)
    if trigger.get("triggerType") != EVENTBRIDGE or config.get("triggerEnable") is False:
        return False
    try:
        pattern = json.loads(str(config.get("eventRuleFilterPattern") or "{}"))
    except ValueError:
        return False
    return admits(pattern, "source", SOURCES) and admits(pattern, "type", (HOOK_EVENT,))


def admits(pattern: Body, field: str, values: tuple[str, ...]) -> bool:
    """Whether a field of an event pattern lets one of the values through.

    Of the matchers that are objects, prefix and suffix are looked at; any other is trusted.
    """
    rules = pattern.get(field)
    if not isinstance(rules, list):
        return True
    return any(_fits(rule, value) for rule in rules for value in values)


def _fits(rule: object, value: str) -> bool:
    if not isinstance(rule, dict):
        return rule == value
    start, end = str(rule.get("prefix", "")), str(rule.get("suffix", ""))
    return value.startswith(start) and value.endswith(end)


def _together(triggers: Rows, seen: Seen) -> Iterator[Finding]:
    """What no trigger shows by itself."""
    kinds = {each.get("triggerType") for each in triggers}
    advice = deploy_command(seen.names)
    if not kinds & {EVENTBRIDGE, TOPIC}:
        found = "none of EventBridge or of a topic: the function hears of no launch"
        yield failure(Row.TRIGGER, "", found, advice)
    if TIMER not in kinds:
        found = "no timer: nothing finds what no event reported"
        yield warning(Row.TRIGGER, "", found, f"add drift to TRIGGERS: {advice}")
    qualifiers = sorted({each.get("qualifier") or LATEST for each in triggers})
    if len(qualifiers) > 1:
        found = f"they invoke different qualifiers: {', '.join(qualifiers)}"
        names = " ".join(f"--trigger {it.get('triggerName')}" for it in triggers)
        advice = f"s remove {names}; then: {_deploy(qualifiers[-1], seen)}"
        yield failure(Row.TRIGGER, "", found, advice)


# --- whether they invoke asynchronously -----------------------------------------------------------


def _heard(triggers: Rows, seen: Seen) -> Iterator[Finding]:
    """Only tasks show it: the pages about `asyncInvocationType` contradict each other."""
    tasks = seen.function.tasks
    ours = [each for each in triggers if each.get("triggerType") == EVENTBRIDGE]
    if not ours:
        return
    subject = ", ".join(str(each.get("triggerName")) for each in ours)
    if isinstance(tasks, Unread):
        yield unread(Row.HEARD, subject, tasks)
    elif any(_of_eventbridge(each) for each in tasks):
        yield ok(Row.HEARD, subject, "events of EventBridge are among the asynchronous tasks")
    else:
        looked_at = counted(len(tasks), "task")
        found = f"no event of EventBridge among {looked_at}: they may come synchronously"
        other = str(_config(ours[0]).get("asyncInvocationType") is not True).lower()
        mend = deploy_command(seen.names, EVENTBRIDGE_ASYNC=other)
        advice = f"launch an instance, and look again; if it stays so: {mend}"
        yield warning(Row.HEARD, subject, found, advice)


def _of_eventbridge(task: Body) -> bool:
    try:
        payload = json.loads(task.get("taskPayload") or "")
    except ValueError:
        return False
    return isinstance(payload, dict) and {"source", "type", "specversion"} <= set(payload)
