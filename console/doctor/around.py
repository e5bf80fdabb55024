"""What `setup` makes around the function: role, policy, topic, queue, logs. Pure.

What is to be there is what `setup` would make, and what differs is what it would change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.doctor.finding import Row, deploy_command, failure, ok, setup_command, unread, warning
from console.doctor.function import settings_of
from console.doctor.seen import Unread
from console.setup.changes import Change, change, holds
from console.setup.desired import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.doctor.finding import Finding
    from console.doctor.seen import Read, Seen
    from console.setup.desired import Body, Resource

# What a function in a VPC needs besides, to have an ENI there.
OF_A_VPC = "AliyunECSNetworkInterfaceManagementAccess"
# How much of what differs is shown.
SHOWN = 2


def around_findings(seen: Seen) -> Iterator[Finding]:
    """Every row about what is around the function."""
    yield from _role(seen)
    yield from _policy(seen)
    yield from _messages(seen)
    yield from _logs(seen)
    for resource, actual in seen.resources:
        if resource.kind is Kind.ALERT:
            yield _alert(resource, actual, seen)


def _of(kind: Kind, seen: Seen) -> tuple[Resource, Read[Body]]:
    return next(each for each in seen.resources if each[0].kind is kind)


def _row_of_function(seen: Seen) -> Body:
    """The function; empty where it cannot be told."""
    row = seen.function.row
    return {} if row is None or isinstance(row, Unread) else row


def _differences(found: Change) -> str:
    more = len(found.differences) - SHOWN
    shown = "; ".join(found.differences[:SHOWN])
    return f"{shown}; and {more} more" if more > 0 else shown


# --- the role -----------------------------------------------------------------------------------


def _role(seen: Seen) -> Iterator[Finding]:
    resource, actual = _of(Kind.ROLE, seen)
    name, setup = resource.name, setup_command(seen.names)
    arn = f"acs:ram::{seen.account}:role/{name}"
    used = _row_of_function(seen).get("role", arn)
    if used.lower() != arn.lower():
        found = f"the function has {used or 'no role'}, not this one"
        advice = deploy_command(seen.names, ROLE=name)
        yield failure(Row.ROLE, name, found, f"{advice}, or look with --role {used or 'ROLE'}")
    if isinstance(actual, Unread):
        yield unread(Row.ROLE, name, actual)
    elif actual is None:
        yield failure(Row.ROLE, name, "there is no such role", setup)
    elif change(resource, actual).differences:
        found = "Function Compute may not take it: its trust policy lacks fc.aliyuncs.com"
        yield failure(Row.ROLE, name, found, setup)
    elif used.lower() == arn.lower():
        yield ok(Row.ROLE, name, "Function Compute may take it")


def _policy(seen: Seen) -> Iterator[Finding]:
    resource, actual = _of(Kind.POLICY, seen)
    attached, name = seen.attached, resource.name
    setup = setup_command(seen.names)
    vpc = (_row_of_function(seen).get("vpcConfig") or {}).get("vpcId")
    if isinstance(attached, Unread):
        yield unread(Row.POLICY, name, attached)
    elif name not in (attached or ()):
        yield failure(Row.POLICY, name, f"not attached to the role {seen.names.role}", setup)
    elif vpc and OF_A_VPC not in (attached or ()):
        found = "the function is in a VPC, and its role may not make the ENI that it needs there"
        yield failure(Row.POLICY, OF_A_VPC, found, f"{setup} --vpc {vpc}")
    if isinstance(actual, Unread):
        yield unread(Row.POLICY, name, actual)
    elif actual is None:
        yield failure(Row.POLICY, name, "there is no such policy", setup)
    else:
        yield from _document(resource.body["document"], actual["document"], name, setup)


def _document(wanted: Body, actual: Body, name: str, setup: str) -> Iterator[Finding]:
    statements = _listed(actual.get("Statement", []))
    lacking = [it for each in wanted["Statement"] for it in _lacking(each, statements)]
    denied = [
        it for each in statements if each.get("Effect") == "Deny" for it in _listed(each["Action"])
    ]
    if lacking:
        yield failure(Row.POLICY, name, f"does not allow {', '.join(lacking)}", setup)
    if denied:
        found = f"denies {', '.join(map(str, denied))}: setup leaves what others added"
        advice = (
            f"RAM console: look at the Deny in the policy {name}; take it out if nobody means it"
        )
        yield warning(Row.POLICY, name, found, advice)
    if not lacking and not denied:
        yield ok(Row.POLICY, name, "attached, and allows what the function calls")


def _lacking(wanted: Body, statements: list[Any]) -> list[str]:
    """The actions of a statement that no statement allows on all of its resources."""
    if holds(statements, wanted):
        return []
    allowing = [each for each in statements if each.get("Effect") == "Allow"]
    resource = {"Resource": wanted["Resource"]}
    return [
        action
        for action in _listed(wanted["Action"])
        if not any(holds(each, {"Action": action, **resource}) for each in allowing)
    ]


def _listed(value: Any) -> list[Any]:  # noqa: ANN401  (any JSON)
    return value if isinstance(value, list) else [value]


# --- messages -----------------------------------------------------------------------------------


def _messages(seen: Seen) -> Iterator[Finding]:
    topic, there = _of(Kind.TOPIC, seen)
    if isinstance(there, Unread):
        yield unread(Row.TOPIC, topic.name, there)
    elif there is None:
        found = "there is no such topic: hooks cannot notify it"
        yield failure(Row.TOPIC, topic.name, found, setup_command(seen.names))
    else:
        yield ok(Row.TOPIC, topic.name, "there")
    yield from _queue(seen)


def _queue(seen: Seen) -> Iterator[Finding]:
    queue, actual = _of(Kind.QUEUE, seen)
    setup = setup_command(seen.names)
    if isinstance(actual, Unread):
        yield unread(Row.QUEUE, queue.name, actual)
        yield unread(Row.WAITING, queue.name, actual)
        return
    if actual is None:
        yield failure(Row.QUEUE, queue.name, "there is no such queue: what fails is lost", setup)
        return
    differs = change(queue, actual)
    if differs.differences:
        yield warning(Row.QUEUE, queue.name, _differences(differs), setup)
    else:
        yield ok(Row.QUEUE, queue.name, "there, keeps messages for 7 days")
    yield _waiting(actual, queue.name, seen)


def _waiting(actual: Body, name: str, seen: Seen) -> Finding:
    kinds = ("ActiveMessages", "InactiveMessages", "DelayMessages")
    count = sum(int(actual.get(kind) or 0) for kind in kinds)
    if count == 0:
        return ok(Row.WAITING, name, "none waits")
    found = f"{count} failed {'event waits' if count == 1 else 'events wait'} for a person"
    advice = "docs/operating.md, Runbook: mend the cause, then deliver them again: "
    advice += f"secondary-ips redeliver --region {seen.names.region}"
    return warning(Row.WAITING, name, found, advice)


# --- logs ---------------------------------------------------------------------------------------


def _logs(seen: Seen) -> Iterator[Finding]:
    setup = setup_command(seen.names)
    for kind in (Kind.PROJECT, Kind.LOGSTORE):
        resource, actual = _of(kind, seen)
        if isinstance(actual, Unread):
            yield unread(Row.LOGS, resource.name, actual)
        elif actual is None:
            yield failure(Row.LOGS, resource.name, f"there is no such {kind}", setup)
        else:
            yield ok(Row.LOGS, resource.name, f"the {kind} is there")
    yield from _written(seen)
    resource, actual = _of(Kind.INDEX, seen)
    if isinstance(actual, Unread):
        yield unread(Row.INDEX, resource.name, actual)
    elif actual is None:
        yield failure(Row.INDEX, resource.name, "none: no query and no alert finds anything", setup)
    elif (differs := change(resource, actual)).differences:
        yield warning(Row.INDEX, resource.name, _differences(differs), setup)
    else:
        yield ok(Row.INDEX, resource.name, "as deploy/sls/index.json")


def _written(seen: Seen) -> Iterator[Finding]:
    """Where the function writes, and whether at all."""
    row, names = _row_of_function(seen), seen.names
    if not row:
        return
    config = row.get("logConfig") or {}
    place = (config.get("project"), config.get("logstore"))
    advice = deploy_command(names, LOG_PROJECT=names.project, LOG_STORE=names.logstore)
    if place != (names.project, names.logstore):
        found = f"the function writes to {'/'.join(map(str, place)) if any(place) else 'no log'}"
        yield failure(Row.LOGS, names.function, found, advice)
    elif config.get("logBeginRule") not in {None, "", "None"}:
        found = f"logBeginRule {config['logBeginRule']} glues records together"
        yield warning(Row.LOGS, names.function, found, advice)
    if settings_of(seen).log_level == "ERROR":
        found = "LOG_LEVEL=ERROR holds back refused calls and ignored events"
        advice = deploy_command(names, LOG_LEVEL="INFO")
        yield warning(Row.LOGS, names.function, found, advice)


def _alert(resource: Resource, actual: Read[Body], seen: Seen) -> Finding:
    name, setup = resource.name, setup_command(seen.names)
    if isinstance(actual, Unread):
        return unread(Row.ALERT, name, actual)
    if actual is None:
        return warning(Row.ALERT, name, "there is no such alert rule", setup)
    if (actual.get("status") or "ENABLED") != "ENABLED":
        found = f"status {actual['status']}: it fires for nobody"
        return warning(Row.ALERT, name, found, f"Log Service console, Alerts, {name}: Enable")
    differs = change(resource, actual)
    if differs.differences:
        return warning(Row.ALERT, name, _differences(differs), setup)
    policy = actual["configuration"].get("policyConfiguration") or {}
    if not policy.get("actionPolicyId"):
        found = "it names no action policy: only the alert centre shows it"
        return warning(Row.ALERT, name, found, f"{setup} --action-policy ID")
    return ok(Row.ALERT, name, f"enabled, as action policy {policy['actionPolicyId']} says")
