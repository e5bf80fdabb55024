"""Scaling groups and their scale-out hooks: which are heard, ours, and wait long enough. Pure.

A hook without a recipient, or with one that nobody listens to, makes every launch wait for its
whole timeout, and then its DefaultResult applies.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from console.doctor.delivery import ears_of
from console.doctor.finding import Row, deploy_command, failure, ok, unread, warning
from console.doctor.function import settings_of, waits_of
from console.doctor.seen import Unread
from console.screen import counted
from console.setup.desired import Names
from console.setup.hooks import NAME, TIMEOUT_SECONDS, Via, arn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.doctor.delivery import Ears
    from console.doctor.finding import Finding
    from console.doctor.seen import Group, Rows, Seen
    from console.setup.desired import Body
    from handler.core.settings import Settings

SCALE_OUT = "SCALE_OUT"
# CreateLifecycleHook: lifecycle hooks of a scaling group.
MOST_HOOKS = 10
# Beside its waits, the function needs a minute to be delivered the event again.
AGAIN_SECONDS = 60
# https://api.aliyun.com, Ess 2022-02-22, CreateLifecycleHook, NotificationArn.
_ARN = re.compile(
    r"acs:(?P<service>mns|ess|eventbridge|oos):(?P<region>[^:]*):(?P<account>[^:]*)"
    r":(?P<kind>topic|queue|eventbus|template)/(?P<name>.+)"
)


@dataclass(frozen=True)
class Recipient:
    """Who is notified of a hook.

    Attributes:
        arn: as Auto Scaling has it; empty when it is nobody.
        amiss: why the function does not hear of it; empty when it does.
        old: the form of the ARN is one that no page gives any more.
    """

    arn: str
    amiss: str = ""
    old: bool = False


def hook_findings(seen: Seen) -> Iterator[Finding]:
    """Every row about scaling groups and their hooks; groups with nothing wrong in one."""
    groups = seen.fleet.groups
    if isinstance(groups, Unread):
        yield unread(Row.GROUP, "", groups)
        yield unread(Row.HOOK, "", groups)
        return
    settings = settings_of(seen)
    served = [it for it in groups if _served(it, settings)]
    found = {group.id: list(_group(group, seen)) for group in served}
    for each in found.values():
        yield from each
    fine = sum(not each for each in found.values())
    if fine:
        yield ok(Row.HOOK, "", f"{counted(fine, 'group')}: heard, ours, ABANDON, long enough")
    if groups and not served:
        said = f"none of {counted(len(groups), 'group')} is in ALLOWED_SCALING_GROUPS"
        yield warning(Row.GROUP, "", said, deploy_command(seen.names, ALLOWED_SCALING_GROUPS="''"))
    else:
        yield ok(Row.GROUP, "", f"{len(served)} of {counted(len(groups), 'group')} served")


def _served(group: Group, settings: Settings) -> bool:
    allowed = settings.policy.scaling_groups
    return not allowed or group.id in allowed


def _group(group: Group, seen: Seen) -> Iterator[Finding]:
    """What is wrong with one group; nothing when its hooks are as they should be."""
    if isinstance(group.hooks, Unread):
        yield unread(Row.HOOK, group.id, group.hooks)
        return
    out = tuple(it for it in group.hooks if it.get("LifecycleTransition") == SCALE_OUT)
    settings = settings_of(seen)
    ours = [it for it in out if _ours(it, settings)]
    if not ours:
        yield _without(group, out, seen)
    for hook in out:
        yield from _hook(hook, group, seen)
    if len(group.hooks) >= MOST_HOOKS:
        found = f"{len(group.hooks)} hooks: a group takes {MOST_HOOKS}"
        advice = "Auto Scaling console, Lifecycle Hooks: delete those that nobody needs"
        yield warning(Row.QUOTA, group.id, found, advice)


def _ours(hook: Body, settings: Settings) -> bool:
    texts = (hook.get("LifecycleHookName") or "", hook.get("LifecycleHookId") or "")
    return any(fnmatchcase(text, each) for each in settings.lifecycle_hooks for text in texts)


def _without(group: Group, out: Rows, seen: Seen) -> Finding:
    names = ", ".join(str(it.get("LifecycleHookName")) for it in out)
    patterns = ",".join(settings_of(seen).lifecycle_hooks)
    found = f"{group.name}: no scale-out hook, so instances serve before their addresses are there"
    if out:
        found = f"{group.name}: LIFECYCLE_HOOKS ({patterns}) matches none of {names}"
    return warning(Row.GROUP, group.id, found, _setup(group, seen))


def _setup(group: Group, seen: Seen, hook: Body | None = None) -> str:
    """The command that makes or corrects a hook, so that it is heard afterwards."""
    names = seen.names
    named = "" if names.topic == Names.topic else f" --topic {names.topic}"
    via = _via(hook or {}, ears_of(seen), names.topic)
    way = f" --via {via}" if via else ""
    return f"secondary-ips setup --region {names.region}{named} --scaling-group {group.id}{way}"


def _via(hook: Body, ears: Ears, topic: str) -> Via | None:
    """By which way a hook is to be heard; None where setup does that by itself."""
    on_the_bus = str(hook.get("NotificationArn") or "").endswith(":eventbus/default")
    if ears.bus and (on_the_bus or topic not in ears.topics):
        return Via.EVENTBRIDGE
    return Via.TOPIC if on_the_bus else None


def _mend(hook: Body, group: Group, seen: Seen, field: str, value: object) -> str:
    """Setup corrects the hook of its own name, and lets none wait longer than it does itself."""
    longer = isinstance(value, int) and value > TIMEOUT_SECONDS
    if hook.get("LifecycleHookName") == NAME and not longer:
        return _setup(group, seen, hook)
    metadata = hook.get("NotificationMetadata")
    rest = f" --NotificationMetadata {shlex.quote(str(metadata))}" if metadata else ""
    which = f"--RegionId {seen.names.region} --LifecycleHookId {hook.get('LifecycleHookId')}"
    return f"aliyun ess ModifyLifecycleHook {which} --{field} {value}{rest}"


def _mend_recipient(hook: Body, group: Group, seen: Seen) -> str:
    names = seen.names
    via = _via(hook, ears_of(seen), names.topic) or Via.TOPIC
    notified = arn(names.region, seen.account, via, names.topic)
    return _mend(hook, group, seen, "NotificationArn", notified)


def _hook(hook: Body, group: Group, seen: Seen) -> Iterator[Finding]:
    settings = settings_of(seen)
    name = str(hook.get("LifecycleHookName") or hook.get("LifecycleHookId"))
    subject = f"{group.id} {name}"
    recipient = _recipient(hook, seen, ears_of(seen))
    if not _ours(hook, settings):
        yield from _of_others(subject, name, recipient, settings, seen)
        return
    if (hook.get("LifecycleHookStatus") or "Active") != "Active":
        advice = f"Auto Scaling console, {group.id}, Lifecycle Hooks, {name}: Enable"
        yield failure(Row.HOOK, subject, f"{hook['LifecycleHookStatus']}: it never waits", advice)
    if recipient.amiss:
        yield failure(Row.HOOK, subject, recipient.amiss, _mend_recipient(hook, group, seen))
    elif recipient.old:
        found = f"it notifies {recipient.arn}, an old form: pages of today give acs:mns:..."
        yield warning(Row.HOOK, subject, found, _mend_recipient(hook, group, seen))
    yield from _end_of_wait(hook, subject, group, seen)


def _end_of_wait(hook: Body, subject: str, group: Group, seen: Seen) -> Iterator[Finding]:
    """How long a hook waits, and what becomes of instances then."""
    if hook.get("DefaultResult") != "ABANDON":
        found = f"DefaultResult {hook.get('DefaultResult')}: instances that come up short stay"
        mend = _mend(hook, group, seen, "DefaultResult", "ABANDON")
        yield warning(Row.HOOK, subject, found, mend)
    least = least_timeout(settings_of(seen))
    seconds = int(hook.get("HeartbeatTimeout") or 0)
    if seconds < least:
        found = f"timeout {seconds} s: the function may wait {least} s before it can extend it"
        mend = _mend(hook, group, seen, "HeartbeatTimeout", least)
        yield warning(Row.HOOK, subject, found, mend)


def least_timeout(settings: Settings) -> int:
    """Seconds that a launch may last with every wait of the function, and one delivery more."""
    waits = waits_of(settings) + settings.minute_seconds
    return int(waits) + AGAIN_SECONDS


def _of_others(
    subject: str, name: str, recipient: Recipient, settings: Settings, seen: Seen
) -> Iterator[Finding]:
    """A hook that the function does not complete; only what looks like a mistake is shown."""
    if not recipient.arn:
        found = "not ours, and it notifies nobody: every launch waits for its whole timeout"
        advice = "Auto Scaling console, Lifecycle Hooks: give it a recipient, or delete it"
        yield warning(Row.HOOK, subject, found, advice)
    elif not recipient.amiss:
        found = f"the function hears it, and completes only {','.join(settings.lifecycle_hooks)}"
        patterns = ",".join([*settings.lifecycle_hooks, name])
        advice = deploy_command(seen.names, LIFECYCLE_HOOKS=f"'{patterns}'")
        yield warning(Row.HOOK, subject, found, f"if it is meant for the function: {advice}")


def _recipient(hook: Body, seen: Seen, ears: Ears) -> Recipient:
    arn = str(hook.get("NotificationArn") or "")
    if not arn or arn.endswith("null/null"):
        return Recipient("", "it notifies nobody: the function never hears of it")
    match = _ARN.fullmatch(arn)
    if match is None:
        return Recipient(arn, f"it notifies {arn}, which is not a form that Auto Scaling knows")
    here = (seen.names.region, seen.account)
    if (match["region"], match["account"]) != here:
        return Recipient(arn, f"it notifies {arn}: another region or account")
    return Recipient(arn, _unheard(match["kind"], match["name"], ears), match["service"] == "ess")


def _unheard(kind: str, name: str, ears: Ears) -> str:
    """Why a recipient does not pass it on to the function; empty when it does."""
    if kind == "topic":
        return (
            "" if name in ears.topics else f"it notifies the topic {name}, which no trigger hears"
        )
    if kind == "eventbus":
        bus = "no enabled EventBridge trigger lets events of hooks through"
        return "" if ears.bus else bus
    return f"it notifies the {kind} {name}, which the function does not hear"
