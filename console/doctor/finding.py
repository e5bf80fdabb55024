"""What a finding is, and the rows that the doctor has: one table, which docs/operating.md shows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.doctor.seen import Unread
    from console.setup.desired import Names

# What the default of a project begins with; the account's id follows.
PREFIX = "secondary-ips-"
DEPLOY = "s deploy -y, with your other variables"
_OPTIONS = ("logstore", "topic", "queue", "role", "policy", "function")


class Level(str, Enum):
    """How a row stands; the worst of all decides the exit status."""

    OK = "ok"
    UNREAD = "unread"
    WARNING = "warning"
    FAILURE = "failure"


class Row(str, Enum):
    """What is looked at, in the order in which it is shown."""

    FUNCTION = "function"
    RUNTIME = "runtime"
    HANDLER = "handler"
    INITIALIZER = "initializer"
    TIMEOUT = "timeout"
    CONCURRENCY = "instance concurrency"
    RESERVED = "reserved concurrency"
    SETTINGS = "settings"
    VERSION = "version"
    ROLE = "role"
    POLICY = "policy"
    DELIVERY = "retries"
    DESTINATION = "failure destination"
    TRIGGER = "trigger"
    HEARD = "asynchronous"
    TOPIC = "topic"
    QUEUE = "queue"
    WAITING = "failed events"
    LOGS = "logs"
    INDEX = "index"
    ALERT = "alert"
    GROUP = "scaling group"
    HOOK = "lifecycle hook"
    ROOM = "vSwitch"
    QUOTA = "quota"


# What each row is about, and the RAM actions without which it is not read.
ROWS: dict[Row, tuple[str, tuple[str, ...]]] = {
    Row.FUNCTION: ("it is there, and active", ("fc:GetFunction",)),
    Row.RUNTIME: ("python3.10 or python3.12", ("fc:GetFunction",)),
    Row.HANDLER: ("`index.handler`", ("fc:GetFunction",)),
    Row.INITIALIZER: ("`index.initialize` and `index.pre_stop`", ("fc:GetFunction",)),
    Row.TIMEOUT: ("long enough for a throttled minute and for its waits", ("fc:GetFunction",)),
    Row.CONCURRENCY: ("one event at a time in an instance", ("fc:GetFunction",)),
    Row.RESERVED: ("instances at most, and at least one", ("fc:GetConcurrencyConfig",)),
    Row.SETTINGS: ("its environment, read as the function reads it", ("fc:GetFunction",)),
    Row.VERSION: ("the version in its description is that of this checkout", ("fc:GetFunction",)),
    Row.ROLE: ("the function has it, and Function Compute may take it", ("ram:GetRole",)),
    Row.POLICY: (
        "attached, and allows what `deploy/ram/function-policy.json` does; no Deny",
        ("ram:GetPolicy", "ram:ListPoliciesForRole"),
    ),
    Row.DELIVERY: (
        "the asynchronous configuration of each qualifier in use: retries, age, task mode",
        ("fc:GetFunctionAsyncInvokeConfig",),
    ),
    Row.DESTINATION: (
        "what failed in every try goes to the queue",
        ("fc:GetFunctionAsyncInvokeConfig",),
    ),
    Row.TRIGGER: ("there, enabled, one qualifier, and never its own calls", ("fc:ListTriggers",)),
    Row.HEARD: ("events of EventBridge are seen among the tasks", ("fc:ListAsyncTasks",)),
    Row.TOPIC: ("the topic that lifecycle hooks notify", ("mns:GetTopicAttributes",)),
    Row.QUEUE: (
        "the queue of the failure destination, kept for 7 days",
        ("mns:GetQueueAttributes",),
    ),
    Row.WAITING: ("how many failed events wait in it", ("mns:GetQueueAttributes",)),
    Row.LOGS: (
        "project and logstore, and the function writes there",
        ("log:GetProject", "log:GetLogStore"),
    ),
    Row.INDEX: ("as `deploy/sls/index.json`", ("log:GetIndex",)),
    Row.ALERT: (
        "each there, enabled, as `deploy/sls/alerts.json`, and somebody hears of it",
        ("log:GetAlert", "log:GetJob"),
    ),
    Row.GROUP: (
        "every group of ECS instances that is served has a hook of ours",
        ("ess:DescribeScalingGroups",),
    ),
    Row.HOOK: (
        "heard, ours, active, ABANDON, and long enough",
        ("ess:DescribeLifecycleHooks",),
    ),
    Row.ROOM: (
        "room above the reserve for one more instance of the kind that is in it",
        (
            "vpc:DescribeVSwitches",
            "ecs:DescribeNetworkInterfaces",
            "ecs:DescribeInstances",
            "ecs:DescribeInstanceTypes",
        ),
    ),
    Row.QUOTA: (
        "environment of 4 KB, 10 hooks a group, targets against instance types",
        ("fc:GetFunction", "ecs:DescribeInstances", "ecs:DescribeInstanceTypes"),
    ),
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        row: what kind of thing.
        subject: which one: a name or id; empty where there is one only.
        found: what was found.
        advice: the command or click that mends it; empty when nothing is wrong.
    """

    row: Row
    level: Level
    subject: str
    found: str
    advice: str = ""


def ok(row: Row, subject: str, found: str) -> Finding:
    """As it should be."""
    return Finding(row, Level.OK, subject, found)


def warning(row: Row, subject: str, found: str, advice: str) -> Finding:
    """It works, but not as well as it should, or not always."""
    return Finding(row, Level.WARNING, subject, found, advice)


def failure(row: Row, subject: str, found: str, advice: str) -> Finding:
    """Launches are missed, or what failed is lost."""
    return Finding(row, Level.FAILURE, subject, found, advice)


def unread(row: Row, subject: str, found: Unread) -> Finding:
    """Nothing can be said: a read was refused."""
    advice = f"allow {found.permission}: deploy/ram/doctor-policy.json"
    return Finding(row, Level.UNREAD, subject, f"could not be read: {found.why}", advice)


def setup_command(names: Names) -> str:
    """The run of `setup` that makes what is missing, with the names that are not the defaults."""
    said = [f"secondary-ips setup --region {names.region}"]
    if not names.project.startswith(PREFIX):
        said.append(f"--project {names.project}")
    given = {each.name: (getattr(names, each.name), each.default) for each in fields(names)}
    said += [f"--{it} {given[it][0]}" for it in _OPTIONS if given[it][0] != given[it][1]]
    return " ".join(said)


def deploy_command(names: Names, **variables: str) -> str:
    """The deployment that puts a variable in place; what is not set goes back to its default."""
    given = {"ALIBABA_CLOUD_REGION_ID": names.region, **variables}
    if names.function != "secondary-ips":
        given["FUNCTION_NAME"] = names.function
    return " ".join([*(f"{name}={value}" for name, value in given.items()), DEPLOY])


def published(advice: str, qualifier: str) -> str:
    """Advice to deploy, where triggers invoke a version or an alias: a deployment is only LATEST.

    Without QUALIFIER, it would turn the triggers to LATEST.
    """
    if DEPLOY not in advice:
        return advice
    then = f"s alias publish --alias-name {qualifier} --version-id N"
    if qualifier.isdecimal():
        then = "deploy again with the new version as QUALIFIER"
    before, _, after = advice.partition(DEPLOY)
    given = "" if "QUALIFIER=" in before else f"QUALIFIER={qualifier} "
    return f"{before}{given}{DEPLOY}; then s version publish, and {then}{after}"
