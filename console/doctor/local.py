"""`--local`: a made-up account, served on this machine, with three things wrong.

What is deployed and set up is what `s.yaml` and `deploy/` say; its fleet is two scaling groups.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.local import KEY, KEY_ID, check, forget_proxies, running
from console.setup.desired import Kind, Names, desired

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

REGION, ACCOUNT = "cn-hangzhou", "1690700000000030"
PROJECT = f"secondary-ips-{ACCOUNT}"
NAMES = Names(REGION, PROJECT, action_policy="on-call")
PLANTED = (
    "the hook of the group asg-bp1api notifies nobody",
    "the trigger events is disabled",
    "two failed events wait in the queue",
)
_HOOKS = f"acs:mns:{REGION}:{ACCOUNT}:topic/{NAMES.topic}"
_BUS = f"acs:eventbridge:{REGION}:{ACCOUNT}:eventbus/default"


def healthy(version: str) -> Json:
    """An account with nothing wrong, as `localcloud.account` serves it.

    Args:
        version: of the function that is deployed there.
    """
    bodies = {kind: [it for it in desired(NAMES) if it.kind is kind] for kind in Kind}
    index = bodies[Kind.INDEX][0].body
    store = {"logstoreName": NAMES.logstore, "ttl": 30, "shardCount": 2, "index": index}
    alerts = {it.name: {**it.body, "status": "ENABLED"} for it in bodies[Kind.ALERT]}
    document = {
        "account": ACCOUNT,
        "refused": [],
        "world": _world(),
        "functions": {NAMES.function: _function(version)},
        "roles": {NAMES.role: bodies[Kind.ROLE][0].body["document"]},
        "policies": {NAMES.policy: bodies[Kind.POLICY][0].body["document"]},
        "attached": {NAMES.role: [["Custom", NAMES.policy]]},
        "topics": {NAMES.topic: {"TopicName": NAMES.topic}},
        "queues": {NAMES.queue: {"QueueName": NAMES.queue, "MessageRetentionPeriod": 604_800}},
        "projects": {PROJECT: {"logstores": {NAMES.logstore: store}, "alerts": alerts}},
        "scaling_groups": [_group("web", "app"), _group("api", "data")],
        "lifecycle_hooks": [_hook("web", _HOOKS), _hook("api", _BUS)],
    }
    return copy.deepcopy(document)


def planted(version: str) -> Json:
    """The same with what `PLANTED` says."""
    document = healthy(version)
    document["lifecycle_hooks"][1]["NotificationArn"] = ""
    _configured(document["functions"][NAMES.function]["triggers"][0], triggerEnable=False)
    document["queues"][NAMES.queue]["ActiveMessages"] = 2
    return document


def _configured(trigger: Json, **changed: object) -> None:
    """Change the configuration of a trigger, which is a JSON text."""
    trigger["triggerConfig"] = json.dumps(json.loads(trigger["triggerConfig"]) | changed)


def _function(version: str) -> Json:
    queue = f"acs:mns:{REGION}:{ACCOUNT}:/queues/{NAMES.queue}/messages"
    return {
        "function": _row(version),
        "concurrency": {"reservedConcurrency": 10},
        "async": {
            "LATEST": {
                "maxAsyncRetryAttempts": 3,
                "maxAsyncEventAgeInSeconds": 86_400,
                "asyncTask": True,
                "destinationConfig": {"onFailure": {"destination": queue}},
            }
        },
        "triggers": _triggers(),
        "tasks": [_task()],
    }


def _row(version: str) -> Json:
    return {
        "functionName": NAMES.function,
        "description": f"Keeps every ENI of a launched instance at its target ({version})",
        "runtime": "python3.10",
        "handler": "index.handler",
        "timeout": 600,
        "instanceLifecycleConfig": {
            "initializer": {"handler": "index.initialize", "timeout": 60},
            "preStop": {"handler": "index.pre_stop", "timeout": 10},
        },
        "role": f"acs:ram::{ACCOUNT}:role/{NAMES.role}",
        "logConfig": {"project": PROJECT, "logstore": NAMES.logstore, "logBeginRule": "None"},
        "environmentVariables": {"TARGET_SECONDARY_IPS": "8", "LIFECYCLE_HOOKS": "*secondary-ips*"},
        "state": "Active",
        "lastUpdateStatus": "Successful",
        "lastModifiedTime": "2026-11-01T08:00:00Z",
    }


def _triggers() -> list[Json]:
    launches = ["ess:LifecycleHook:ScaleOut", "ess:ScalingActivity:ScaleOutSuccess"]
    events = {"source": ["acs.ess", "acs.ecs"], "type": [*launches, "ecs:Instance:StateChange"]}
    topic = f"acs:mns:{REGION}:{ACCOUNT}:/topics/{NAMES.topic}"
    payload = json.dumps({"backfill": {"all": True}})
    timer = {"cronExpression": "CRON_TZ=Asia/Shanghai 0 0 3 * * *", "enable": True}
    return [
        _trigger("events", "eventbridge", _rule(events)),
        _trigger("hooks", "mns_topic", {"notifyContentFormat": "JSON"}, sourceArn=topic),
        _trigger("drift", "timer", {**timer, "payload": payload}),
    ]


def _rule(pattern: Json) -> Json:
    return {
        "triggerEnable": True,
        "asyncInvocationType": True,
        "eventSourceConfig": {"eventSourceType": "Default"},
        "eventRuleFilterPattern": json.dumps(pattern),
    }


def _trigger(name: str, kind: str, config: Json, **more: str) -> Json:
    about = {"triggerName": name, "triggerType": kind, "qualifier": "LATEST"}
    return {**about, "triggerConfig": json.dumps(config), **more}


def _task() -> Json:
    event = {
        "id": "45ef4dewdwe1-7c35-447a-bd93-fab****",
        "specversion": "1.0",
        "source": "acs.ess",
        "type": "ess:LifecycleHook:ScaleOut",
        "data": {},
    }
    return {"taskId": "event-1", "status": "Succeeded", "taskPayload": json.dumps(event)}


def _world() -> Json:
    """A local cloud with one instance of each group."""
    cidrs = {"app": "10.0.0.0/22", "data": "10.64.0.0/22"}
    return {
        "region": REGION,
        "vswitches": [
            {"id": f"vsw-bp1{name}", "cidr": cidr, "zone": f"{REGION}-h", "vpc": "vpc-bp1local"}
            for name, cidr in cidrs.items()
        ],
        "instances": [_instance("web", "app"), _instance("api", "data")],
        # For --verify.
        "enis": [{"id": "eni-bp1spare", "vswitch": "vsw-bp1app"}],
    }


def _instance(group: str, vswitch: str) -> Json:
    name = f"bp1{group}000000000001"
    eni = {"id": f"eni-{name}", "type": "Primary", "vswitch": f"vsw-bp1{vswitch}", "secondary": 8}
    return {
        "id": f"i-{name}",
        "type": "ecs.g7.xlarge",
        "status": "Running",
        "scaling_group": f"asg-bp1{group}",
        "enis": [eni],
    }


def _group(name: str, vswitch: str) -> Json:
    return {
        "ScalingGroupId": f"asg-bp1{name}",
        "ScalingGroupName": name,
        "GroupType": "ECS",
        "LifecycleState": "Active",
        "VSwitchId": f"vsw-bp1{vswitch}",
        "VSwitchIds": [f"vsw-bp1{vswitch}"],
    }


def _hook(group: str, arn: str) -> Json:
    return {
        "ScalingGroupId": f"asg-bp1{group}",
        "LifecycleHookId": f"ash-bp1{group}",
        "LifecycleHookName": "secondary-ips",
        "LifecycleTransition": "SCALE_OUT",
        "LifecycleHookStatus": "Active",
        "DefaultResult": "ABANDON",
        "HeartbeatTimeout": 600,
        "NotificationArn": arn,
    }


# --- serving it -----------------------------------------------------------------------------------


@contextlib.contextmanager
def served(version: str, region: str | None) -> Iterator[None]:
    """Serve the account with its faults; this process's environment leads to it meanwhile.

    Raises:
        BadRequest: another region, or no checkout.
    """
    check(region)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "account.json")
        path.write_text(json.dumps(planted(version)), encoding="utf-8")
        with running("localcloud.account", str(path)) as url, reaching(url):
            yield


@contextlib.contextmanager
def reaching(url: str) -> Iterator[None]:
    """Have this process's environment lead to an account, for a while."""
    before = dict(os.environ)
    forget_proxies()
    os.environ.pop("ALIBABA_CLOUD_SECURITY_TOKEN", None)
    os.environ.update(leading_to(url))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def leading_to(url: str) -> dict[str, str]:
    """The environment in which the SDKs reach the account, as a proxy, under its own key."""
    hosts = {
        "SLS": f"{REGION}.log.aliyuncs.com",
        "MNS": f"mns-open.{REGION}.aliyuncs.com",
        "RAM": "ram.aliyuncs.com",
        "STS": f"sts.{REGION}.aliyuncs.com",
        "FUNCTIONS": f"{ACCOUNT}.{REGION}.fc.aliyuncs.com",
        **{name: f"{name.lower()}.{REGION}.aliyuncs.com" for name in ("ECS", "VPC", "ESS")},
    }
    return {
        "HTTP_PROXY": url,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY_ID,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY,
        **{f"{name}_ENDPOINT": f"http://{host}" for name, host in hosts.items()},
    }
