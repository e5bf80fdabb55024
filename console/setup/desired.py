"""What is to be there around the function: pure, from the documents of `deploy/` and some names."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from console.manual import BadRequest
from console.setup import hooks

Body = dict[str, Any]

DEPLOY = Path(__file__).parents[2] / "deploy"
# What an SLS project and logstore, an MNS topic and queue, a RAM role and policy, and a function
# may be called.
_ROLE = r"[A-Za-z0-9.-]{1,64}"
_ALLOWED = {
    "region": (r"[a-z]{2}(-[a-z0-9]+)+", "a region such as cn-hangzhou"),
    "project": (
        r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
        "3 to 63 small letters, digits and hyphens, no hyphen first or last",
    ),
    "logstore": (
        r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]",
        "3 to 63 small letters, digits, hyphens and _, a letter or digit first and last",
    ),
    "topic": (r"[A-Za-z0-9][A-Za-z0-9-]{0,119}", "1 to 120 letters, digits and hyphens"),
    "queue": (r"[A-Za-z0-9][A-Za-z0-9-]{0,119}", "1 to 120 letters, digits and hyphens"),
    "role": (_ROLE, "1 to 64 letters, digits, dots and hyphens, or an ARN"),
    "policy": (r"[A-Za-z0-9-]{1,128}", "1 to 128 letters, digits and hyphens"),
    "function": (
        r"[A-Za-z_][A-Za-z0-9_-]{0,63}",
        "1 to 64 letters, digits, hyphens and _, no digit or hyphen first",
    ),
    "vpc": (r"(vpc-[A-Za-z0-9-]{1,64})?", "vpc- and 1 to 64 letters, digits or hyphens"),
}
_GROUP = re.compile(r"asg-[A-Za-z0-9-]{1,64}")
_GROUP_ALLOWED = "asg- and 1 to 64 letters, digits or hyphens"
_ROLE_ARN = re.compile(rf"acs:ram::([0-9]+):role/({_ROLE})")
# The resources in deploy/ram/function-policy.json that have names of ours.
_LOGSTORE = "project/secondary-ips-*/logstore/secondary-ips"
_QUEUE = "/queues/secondary-ips-failures/messages"
_FUNCTION = "functions/secondary-ips"
# The action policy that every account has (SLS's own samples name it).
FALLBACK_POLICY = "sls.builtin"
# With it, Function Compute may make ENIs in a VPC in the role's name.
NETWORK_POLICY = "AliyunECSNetworkInterfaceManagementAccess"
# Failed events wait in the queue for a person: the longest that MNS keeps a message, 7 days.
QUEUE_SECONDS = 604_800


class Kind(str, Enum):
    """The kinds of resources, in the order in which they are made."""

    PROJECT = "SLS project"
    LOGSTORE = "SLS logstore"
    INDEX = "SLS index"
    SAVED_SEARCH = "SLS saved query"
    DASHBOARD = "SLS dashboard"
    ALERT = "SLS alert rule"
    TOPIC = "MNS topic"
    QUEUE = "MNS queue"
    ROLE = "RAM role"
    POLICY = "RAM policy"
    ATTACHMENT = "RAM attachment"
    NETWORK = "RAM system policy"
    HOOK = "ESS lifecycle hook"

    def __str__(self) -> str:
        """The words, on every Python version."""
        return self.value


# What must be there first.
NEEDS: dict[Kind, tuple[Kind, ...]] = {
    Kind.LOGSTORE: (Kind.PROJECT,),
    Kind.INDEX: (Kind.LOGSTORE,),
    Kind.SAVED_SEARCH: (Kind.INDEX,),
    Kind.DASHBOARD: (Kind.INDEX,),
    Kind.ALERT: (Kind.INDEX,),
    Kind.ATTACHMENT: (Kind.ROLE, Kind.POLICY),
    Kind.NETWORK: (Kind.ROLE,),
    Kind.HOOK: (Kind.TOPIC,),
}


@dataclass(frozen=True)
class Names:
    """What things are called; s.yaml has the same defaults.

    Attributes:
        project: unique in its region, over all accounts: the default ends with the account.
        action_policy: id of the SLS action policy that says who hears of an alert; "": that of
            every account for a new rule, and existing ones are left as they are.
        function: as it is deployed; its role may hand over to it.
        vpc: the VPC that the function is deployed into; "": none.
        retention_days: how long records are kept; None leaves an existing logstore as it is.
        scaling_groups: whose hook notifies the function.
        via: by which way; None: by the topic for a new hook, and one that a function may hear is
            left as it is.
        account: its id, which stands in the name of whom a hook notifies.
    """

    region: str
    project: str
    logstore: str = "secondary-ips"
    topic: str = "secondary-ips-hooks"
    queue: str = "secondary-ips-failures"
    role: str = "secondary-ips"
    policy: str = "secondary-ips"
    action_policy: str = ""
    retention_days: int | None = None
    function: str = "secondary-ips"
    vpc: str = ""
    scaling_groups: tuple[str, ...] = ()
    via: hooks.Via | None = None
    account: str = "account-id"

    def __post_init__(self) -> None:
        """Check every name.

        Raises:
            BadRequest: naming every option that cannot be used.
        """
        given = [(name, getattr(self, name), *_ALLOWED[name]) for name in _ALLOWED]
        problems = [
            f"--{name}: found {value!r}; allowed: {allowed}"
            for name, value, form, allowed in given
            if not re.fullmatch(form, value)
        ]
        problems += [
            f"--scaling-group: found {group!r}; allowed: {_GROUP_ALLOWED}"
            for group in self.scaling_groups
            if not _GROUP.fullmatch(group)
        ]
        if problems:
            raise BadRequest(*problems)


def role_of(text: str) -> tuple[str, str | None]:
    """The name of a role that is given as a name or an ARN, and the account of an ARN.

    Raises:
        BadRequest: it begins like an ARN and is none.
    """
    if not text.startswith("acs:"):
        return text, None
    arn = _ROLE_ARN.fullmatch(text)
    if arn is None:
        allowed = "a name, or acs:ram::<account id>:role/<name>"
        raise BadRequest(f"--role: found {text!r}; allowed: {allowed}")
    return arn[2], arn[1]


@dataclass(frozen=True)
class Resource:
    """One thing that is to be there.

    Attributes:
        body: as its API takes it; what it does not say is left as it is.
        first: fields that only count when it is made.
        least: fields whose number may be larger.
        either: fields that may have other values, too.
    """

    kind: Kind
    name: str
    body: Body = field(hash=False)
    first: Body = field(default_factory=dict, hash=False)
    least: tuple[str, ...] = ()
    either: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


def desired(names: Names, folder: Path = DEPLOY) -> list[Resource]:
    """Every resource, in the order in which they are made."""
    return [
        *_logs(names, folder / "sls"),
        *_messages(names),
        *_role(names, folder / "ram"),
        *_hooks(names),
    ]


def _logs(names: Names, folder: Path) -> list[Resource]:
    kept = {"ttl": names.retention_days} if names.retention_days else {}
    purpose = {"projectName": names.project, "description": "Records of the function"}
    shards = {"logstoreName": names.logstore, "shardCount": 2, "autoSplit": True}
    dashboard = _filled(_document(folder, "dashboard"), names)
    searches = _filled(_document(folder, "savedsearches"), names)
    alerts = _filled(_document(folder, "alerts"), names)
    return [
        Resource(Kind.PROJECT, names.project, {}, purpose),
        Resource(Kind.LOGSTORE, names.logstore, kept, {"maxSplitShard": 8, "ttl": 30} | shards),
        Resource(Kind.INDEX, names.logstore, _document(folder, "index")),
        *(Resource(Kind.SAVED_SEARCH, each["savedsearchName"], each) for each in searches),
        Resource(Kind.DASHBOARD, dashboard["dashboardName"], dashboard),
        *(_alert(each, names) for each in alerts),
    ]


def _alert(rule: Body, names: Names) -> Resource:
    """An alert rule; who hears of an existing one is left as it is, unless that is given."""
    body = copy.deepcopy(rule)
    if not names.action_policy:
        del body["configuration"]["policyConfiguration"]
    return Resource(Kind.ALERT, rule["name"], body, rule)


def _messages(names: Names) -> list[Resource]:
    kept = {"MessageRetentionPeriod": QUEUE_SECONDS}
    return [Resource(Kind.TOPIC, names.topic, {}), Resource(Kind.QUEUE, names.queue, kept)]


def _hooks(names: Names) -> list[Resource]:
    """Whom a hook notifies is only changed where that is asked for, or nobody could hear it."""
    arns = {via: hooks.arn(names.region, names.account, via, names.topic) for via in hooks.Via}
    body = hooks.wanted(arns[names.via or hooks.Via.TOPIC])
    either = {} if names.via else {"NotificationArn": tuple(arns.values())}
    return [
        Resource(Kind.HOOK, group, body, least=("HeartbeatTimeout",), either=either)
        for group in dict.fromkeys(names.scaling_groups)
    ]


def _role(names: Names, folder: Path) -> list[Resource]:
    attachment = f"{names.policy} to {names.role}"
    network = Resource(Kind.NETWORK, f"{NETWORK_POLICY} to {names.role}", {})
    return [
        Resource(Kind.ROLE, names.role, {"document": _document(folder, "trust-policy")}),
        Resource(Kind.POLICY, names.policy, {"document": _allowed(names, folder)}),
        Resource(Kind.ATTACHMENT, attachment, {}),
        *([network] if names.vpc else []),
    ]


def _allowed(names: Names, folder: Path) -> Body:
    """The function's policy, for the logstore, queue and function of these names."""
    text = json.dumps(_document(folder, "function-policy"))
    for example, meant in (
        (_LOGSTORE, f"project/{names.project}/logstore/{names.logstore}"),
        (_QUEUE, f"/queues/{names.queue}/messages"),
        (_FUNCTION, f"functions/{names.function}"),
    ):
        if example not in text:
            raise ValueError(f"function-policy.json lacks {example}")
        text = text.replace(example, meant)
    found: Body = json.loads(text)
    return found


def _document(folder: Path, name: str) -> Any:  # noqa: ANN401  (any JSON)
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def _filled(value: Any, names: Names) -> Any:  # noqa: ANN401  (any JSON)
    """A document with the names that its files only give examples of."""
    given = {
        "region": names.region,
        "project": names.project,
        "store": names.logstore,
        "logstore": names.logstore,
        "actionPolicyId": names.action_policy or FALLBACK_POLICY,
    }
    if isinstance(value, dict):
        return {key: given.get(key, _filled(it, names)) for key, it in value.items()}
    return [_filled(each, names) for each in value] if isinstance(value, list) else value
