"""Faults that are planted in an account, each with what the doctor must say of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.doctor.finding import Level, Row
from console.doctor.local import ACCOUNT, NAMES, PROJECT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

OK, WARNING, FAILURE = Level.OK, Level.WARNING, Level.FAILURE
SETUP = f"secondary-ips setup --region {REGION}"
WHERE = f"ALIBABA_CLOUD_REGION_ID={REGION}"
DEPLOY = f"{WHERE} s deploy -y"
MODIFY = f"aliyun ess ModifyLifecycleHook --RegionId {REGION}"
WEB, API = "asg-bp1web", "asg-bp1api"


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        plant: changes the document of a healthy account.
        row: where it must be found.
        says: part of what must be found.
        mends: part of the advice: the command or click.
        alone: hides others, or is hidden by them.
        besides: other rows that say what follows from it.
    """

    name: str
    plant: Callable[[Json], object]
    row: Row
    level: Level
    says: str
    mends: str
    alone: bool = False
    besides: tuple[Row, ...] = ()


def function(document: Json) -> Json:
    """The row of GetFunction."""
    found: Json = document["functions"][NAMES.function]["function"]
    return found


def beside(document: Json) -> Json:
    """What Function Compute keeps beside the function."""
    found: Json = document["functions"][NAMES.function]
    return found


def delivery(document: Json) -> Json:
    """The asynchronous configuration of LATEST."""
    found: Json = beside(document)["async"]["LATEST"]
    return found


def setting(**variables: str) -> Callable[[Json], None]:
    """Set variables of the function."""
    return lambda document: function(document)["environmentVariables"].update(variables)


def row(**fields: Any) -> Callable[[Json], None]:
    """Change fields of the function."""
    return lambda document: function(document).update(fields)


def config(number: int, **fields: Any) -> Callable[[Json], None]:
    """Change the configuration of a trigger: events (0), hooks (1) or drift (2)."""

    def plant(document: Json) -> None:
        trigger = beside(document)["triggers"][number]
        trigger["triggerConfig"] = json.dumps(json.loads(trigger["triggerConfig"]) | fields)

    return plant


def hook(number: int, **fields: Any) -> Callable[[Json], None]:
    """Change the hook of web (0) or api (1)."""
    return lambda document: document["lifecycle_hooks"][number].update(fields)


def alert(name: str, **fields: Any) -> Callable[[Json], None]:
    """Change an alert rule."""
    return lambda document: document["projects"][PROJECT]["alerts"][name].update(fields)


def statement(number: int) -> Callable[[Json], Json]:
    """A statement of the role's policy."""
    return lambda document: document["policies"][NAMES.policy]["Statement"][number]


def lifecycle(document: Json) -> Json:
    """Initializer and PreStop."""
    found: Json = function(document)["instanceLifecycleConfig"]
    return found


def full_vswitch(document: Json) -> None:
    """Only a few addresses are left where web launches."""
    document["world"]["vswitches"][0]["cidr"] = "10.0.0.0/28"
    document["world"]["instances"][0]["enis"][0]["secondary"] = 2


def aliased(document: Json) -> None:
    """Triggers invoke an alias, whose version is as LATEST is; nothing else knows it."""
    beside(document)["published"] = {"live": dict(function(document))}
    for each in beside(document)["triggers"]:
        each["qualifier"] = "live"


def delivered_by_alias(document: Json) -> Json:
    """An alias with all that it needs; LATEST is another, with no target, and is not looked at."""
    aliased(document)
    found = beside(document)
    found["async"]["live"] = found["async"].pop("LATEST")
    function(document)["environmentVariables"] = {"GUEST_PORT": "none"}
    return found


def two_qualifiers(document: Json) -> None:
    """One trigger invokes the alias, the others LATEST."""
    aliased(document)
    for each in beside(document)["triggers"][::2]:
        each["qualifier"] = "LATEST"


def metadata_and_a_long_wait(document: Json) -> None:
    """The function waits longer than setup makes a hook wait, and web's hook says more."""
    setting(VISIBILITY_SECONDS="600")(document)
    document["lifecycle_hooks"][0]["NotificationMetadata"] = "of others"


def on_the_bus_only(document: Json) -> None:
    """No trigger hears the topic, and web has no hook."""
    beside(document)["triggers"].pop(1)
    document["lifecycle_hooks"].pop(0)


def other_hook(document: Json, **fields: Any) -> None:
    """Somebody else's hook on web."""
    mine = document["lifecycle_hooks"][0]
    others = {"LifecycleHookName": "registry", "LifecycleHookId": "ash-bp1other", **fields}
    document["lifecycle_hooks"].append(mine | others)


def crowded(document: Json) -> None:
    """As many hooks on web as a group takes."""
    mine = document["lifecycle_hooks"][0]
    for number in range(9):
        scale_in = {"LifecycleHookName": f"bye-{number}", "LifecycleTransition": "SCALE_IN"}
        document["lifecycle_hooks"].append(mine | scale_in | {"LifecycleHookId": f"ash-{number}"})


def denied(document: Json) -> None:
    """A Deny that somebody added."""
    document["policies"][NAMES.policy]["Statement"].append(
        {"Effect": "Deny", "Action": "ecs:*", "Resource": "acs:ecs:*:*:eni/eni-precious"}
    )


def store(document: Json) -> Json:
    """The logstore."""
    found: Json = document["projects"][PROJECT]["logstores"][NAMES.logstore]
    return found


BAD_PATTERN = json.dumps(
    {"source": ["acs.ecs"], "type": ["ecs:NetworkInterface:PrivateIPAssigned"]}
)
ELSEWHERE = f"acs:mns:cn-beijing:{ACCOUNT}:topic/{NAMES.topic}"
OLD_FORM = f"acs:ess:{REGION}:{ACCOUNT}:topic/{NAMES.topic}"
UNHEARD = f"acs:mns:{REGION}:{ACCOUNT}:topic/payments"

FAULTS = [
    # --- the function ---
    Fault(
        "there is no function",
        lambda it: it["functions"].clear(),
        Row.FUNCTION,
        FAILURE,
        "there is none of this name in cn-hangzhou",
        DEPLOY,
        alone=True,
    ),
    Fault(
        "an update failed",
        row(lastUpdateStatus="Failed", lastUpdateStatusReason="the code is gone"),
        Row.FUNCTION,
        FAILURE,
        "last update Failed: the code is gone",
        DEPLOY,
    ),
    Fault(
        "another runtime",
        row(runtime="python3.9"),
        Row.RUNTIME,
        FAILURE,
        "python3.9; the package runs on python3.10 and python3.12",
        "RUNTIME=python3.10 s deploy",
    ),
    Fault(
        "another handler",
        row(handler="main.handler"),
        Row.HANDLER,
        FAILURE,
        "main.handler, not index.handler",
        DEPLOY,
    ),
    Fault(
        "no initializer",
        lambda it: lifecycle(it).pop("initializer"),
        Row.INITIALIZER,
        WARNING,
        "none: the first event finds nothing connected",
        DEPLOY,
    ),
    Fault(
        "an initializer without time",
        lambda it: lifecycle(it)["initializer"].update(timeout=3),
        Row.INITIALIZER,
        WARNING,
        "timeout 3 s",
        DEPLOY,
        alone=True,
    ),
    Fault(
        "no PreStop",
        lambda it: lifecycle(it).pop("preStop"),
        Row.INITIALIZER,
        WARNING,
        "but no index.pre_stop",
        DEPLOY,
        alone=True,
    ),
    Fault(
        "a short timeout",
        row(timeout=60),
        Row.TIMEOUT,
        WARNING,
        "60 s: a throttled minute and the function's own waits need 120 s",
        "TIMEOUT_SECONDS=600",
    ),
    Fault(
        "a timeout shorter than the settings",
        setting(VISIBILITY_SECONDS="900"),
        Row.TIMEOUT,
        WARNING,
        "600 s: a throttled minute and the function's own waits need 960 s",
        "TIMEOUT_SECONDS=",
        alone=True,
        besides=(Row.HOOK,),
    ),
    Fault(
        "several events in an instance",
        row(instanceConcurrency=10),
        Row.CONCURRENCY,
        WARNING,
        "10 events share an instance",
        DEPLOY,
    ),
    Fault(
        "no reserved concurrency",
        lambda it: beside(it).pop("concurrency"),
        Row.RESERVED,
        WARNING,
        "none: as many instances as the account has",
        "RESERVED_CONCURRENCY=10 s deploy",
    ),
    Fault(
        "stopped by its concurrency",
        lambda it: beside(it).update(concurrency={"reservedConcurrency": 0}),
        Row.RESERVED,
        FAILURE,
        "0: the function never runs",
        "RESERVED_CONCURRENCY=10 s deploy",
        alone=True,
    ),
    Fault(
        "a setting that it cannot use",
        setting(ON_SHORTFALL="retry"),
        Row.SETTINGS,
        FAILURE,
        "ON_SHORTFALL: found 'retry'; allowed: default, continue, abandon",
        "ON_SHORTFALL=... s deploy",
    ),
    Fault(
        "a misspelt setting",
        setting(TARGET_SECONDARY_IP="9"),
        Row.SETTINGS,
        FAILURE,
        "TARGET_SECONDARY_IP: the function knows no such variable; TARGET_SECONDARY_IPS may",
        "TARGET_SECONDARY_IP=... s deploy",
    ),
    Fault(
        "guests that nobody can reach",
        setting(GUEST_PORT="22"),
        Row.SETTINGS,
        WARNING,
        "GUEST_PORT: the function is not in a VPC",
        "VPC_ID=vpc-... VSWITCH_IDS=vsw-... SECURITY_GROUP_ID=sg-... s deploy",
        alone=True,
    ),
    Fault(
        "a dry run that was left on",
        setting(DRY_RUN="true"),
        Row.SETTINGS,
        WARNING,
        "DRY_RUN: true: it decides and records, assigns nothing",
        "DRY_RUN=false s deploy",
    ),
    Fault(
        "another version",
        row(description="Keeps ENIs at their target (0.0.9)"),
        Row.VERSION,
        WARNING,
        "0.0.9 is deployed, this checkout is 0.1.0",
        "deploy this checkout",
    ),
    Fault(
        "a description without a version",
        row(description="ours"),
        Row.VERSION,
        WARNING,
        "its description does not tell; this checkout is 0.1.0",
        "deploy this checkout",
        alone=True,
    ),
    # --- role and policy ---
    Fault(
        "another role",
        row(role=f"acs:ram::{ACCOUNT}:role/admin"),
        Row.ROLE,
        FAILURE,
        "the function has acs:ram::1690700000000030:role/admin, not this one",
        "ROLE=secondary-ips s deploy",
    ),
    Fault(
        "no role",
        lambda it: it["roles"].clear(),
        Row.ROLE,
        FAILURE,
        "there is no such role",
        SETUP,
        alone=True,
        besides=(Row.POLICY,),
    ),
    Fault(
        "a role that Function Compute may not take",
        lambda it: it["roles"][NAMES.role]["Statement"][0]["Principal"].update(
            Service=["ecs.aliyuncs.com"]
        ),
        Row.ROLE,
        FAILURE,
        "its trust policy lacks fc.aliyuncs.com",
        SETUP,
    ),
    Fault(
        "an action that is not allowed",
        lambda it: statement(2)(it)["Action"].remove("ess:CompleteLifecycleAction"),
        Row.POLICY,
        FAILURE,
        "does not allow ess:CompleteLifecycleAction",
        SETUP,
    ),
    Fault(
        "a Deny",
        denied,
        Row.POLICY,
        WARNING,
        "denies ecs:*",
        "RAM console: look at the Deny in the policy secondary-ips",
    ),
    Fault(
        "a policy that is not attached",
        lambda it: it["attached"].clear(),
        Row.POLICY,
        FAILURE,
        "not attached to the role secondary-ips",
        SETUP,
    ),
    Fault(
        "a VPC without its policy",
        row(vpcConfig={"vpcId": "vpc-a", "vSwitchIds": ["vsw-a"], "securityGroupId": "sg-a"}),
        Row.POLICY,
        FAILURE,
        "AliyunECSNetworkInterfaceManagementAccess: the function is in a VPC",
        f"{SETUP} --vpc vpc-a",
        alone=True,
    ),
    # --- an alias ---
    Fault(
        "an alias whose version takes no time",
        lambda it: delivered_by_alias(it)["published"]["live"].update(timeout=60),
        Row.TIMEOUT,
        WARNING,
        "60 s: a throttled minute",
        f"{WHERE} TIMEOUT_SECONDS=600 QUALIFIER=live s deploy -y, with your other variables; "
        "then s version publish, and s alias publish --alias-name live --version-id N",
        alone=True,
    ),
    Fault(
        "an alias whose version assigns nothing",
        lambda it: delivered_by_alias(it)["published"]["live"].update(
            environmentVariables={"DRY_RUN": "true"}
        ),
        Row.SETTINGS,
        WARNING,
        "DRY_RUN: true: it decides and records",
        "DRY_RUN=false QUALIFIER=live s deploy -y",
        alone=True,
    ),
    Fault(
        "an alias that is not there",
        lambda it: delivered_by_alias(it)["published"].clear(),
        Row.FUNCTION,
        FAILURE,
        "secondary-ips, alias live: its triggers invoke it, and it is not there",
        "s alias publish --alias-name live --version-id N",
        alone=True,
    ),
    # --- how events come ---
    Fault(
        "no asynchronous configuration",
        lambda it: beside(it)["async"].clear(),
        Row.DELIVERY,
        FAILURE,
        "LATEST: no asynchronous configuration on this qualifier",
        DEPLOY,
        alone=True,
    ),
    Fault(
        "an alias without an asynchronous configuration",
        aliased,
        Row.DELIVERY,
        FAILURE,
        "live: no asynchronous configuration on this qualifier",
        "QUALIFIER=live s deploy",
        alone=True,
    ),
    Fault(
        "no retries",
        lambda it: delivery(it).update(maxAsyncRetryAttempts=0),
        Row.DELIVERY,
        FAILURE,
        "no retries",
        "RETRIES=3",
    ),
    Fault(
        "events that are discarded early",
        lambda it: delivery(it).update(maxAsyncEventAgeInSeconds=60),
        Row.DELIVERY,
        WARNING,
        "events are discarded after 60 s",
        "EVENT_AGE_SECONDS=86400",
        alone=True,
    ),
    Fault(
        "no task mode",
        lambda it: delivery(it).update(asyncTask=False),
        Row.DELIVERY,
        WARNING,
        "asyncTask is off",
        DEPLOY,
        alone=True,
    ),
    Fault(
        "no failure destination",
        lambda it: delivery(it).pop("destinationConfig"),
        Row.DESTINATION,
        FAILURE,
        "none: what fails is lost",
        "FAILURE_QUEUE=secondary-ips-failures",
    ),
    Fault(
        "another failure destination",
        lambda it: delivery(it)["destinationConfig"]["onFailure"].update(
            destination=f"acs:mns:{REGION}:{ACCOUNT}:/queues/dead/messages"
        ),
        Row.DESTINATION,
        FAILURE,
        "/queues/dead/messages, not the queue secondary-ips-failures",
        "FAILURE_QUEUE=secondary-ips-failures",
        alone=True,
    ),
    Fault(
        "a disabled trigger",
        config(0, triggerEnable=False),
        Row.TRIGGER,
        FAILURE,
        "events: disabled",
        "Function Compute console, Triggers, events: Enable",
        besides=(Row.HOOK,),
        alone=True,
    ),
    Fault(
        "a trigger that hears the function's own calls",
        config(0, eventRuleFilterPattern=BAD_PATTERN),
        Row.TRIGGER,
        FAILURE,
        "events: it subscribes PrivateIPAssigned",
        "s remove --trigger events",
        besides=(Row.HOOK,),
    ),
    Fault(
        "a trigger of another topic",
        lambda it: beside(it)["triggers"][1].update(
            sourceArn=f"acs:mns:{REGION}:{ACCOUNT}:/topics/payments"
        ),
        Row.TRIGGER,
        FAILURE,
        "hooks: it hears the topic payments, not secondary-ips-hooks",
        "s remove --trigger hooks",
        alone=True,
        besides=(Row.HOOK,),
    ),
    Fault(
        "a timer that asks for nothing",
        config(2, payload='{"backfil": {"all": true}}'),
        Row.TRIGGER,
        FAILURE,
        "drift: its payload asks for nothing",
        "DRIFT_REQUEST=",
    ),
    Fault(
        "a disabled timer",
        config(2, enable=False),
        Row.TRIGGER,
        WARNING,
        "drift: disabled",
        "Triggers, drift: Enable",
        alone=True,
    ),
    Fault(
        "no timer",
        lambda it: beside(it)["triggers"].pop(2),
        Row.TRIGGER,
        WARNING,
        "no timer: nothing finds what no event reported",
        "add drift to TRIGGERS",
        alone=True,
    ),
    Fault(
        "no trigger of a launch",
        lambda it: beside(it).update(triggers=beside(it)["triggers"][2:]),
        Row.TRIGGER,
        FAILURE,
        "the function hears of no launch",
        DEPLOY,
        alone=True,
        besides=(Row.HOOK,),
    ),
    Fault(
        "triggers of two qualifiers",
        two_qualifiers,
        Row.TRIGGER,
        FAILURE,
        "they invoke different qualifiers: LATEST, live",
        "QUALIFIER=live s deploy",
        alone=True,
        besides=(Row.DELIVERY,),
    ),
    Fault(
        "events that are no tasks",
        lambda it: beside(it)["tasks"].clear(),
        Row.HEARD,
        WARNING,
        "no event of EventBridge among 0 tasks: they may come synchronously",
        f"launch an instance, and look again; if it stays so: {WHERE} EVENTBRIDGE_ASYNC=",
    ),
    Fault(
        "only tasks of a person",
        lambda it: beside(it)["tasks"][0].update(taskPayload='{"backfill": {"all": true}}'),
        Row.HEARD,
        WARNING,
        "no event of EventBridge among 1 task:",
        f"launch an instance, and look again; if it stays so: {WHERE} EVENTBRIDGE_ASYNC=",
        alone=True,
    ),
    # --- messages ---
    Fault(
        "no topic",
        lambda it: it["topics"].clear(),
        Row.TOPIC,
        FAILURE,
        "there is no such topic",
        SETUP,
    ),
    Fault(
        "no queue",
        lambda it: it["queues"].clear(),
        Row.QUEUE,
        FAILURE,
        "there is no such queue: what fails is lost",
        SETUP,
        alone=True,
    ),
    Fault(
        "a queue that forgets",
        lambda it: it["queues"][NAMES.queue].update(MessageRetentionPeriod=3600),
        Row.QUEUE,
        WARNING,
        "MessageRetentionPeriod: 3600 -> 604800",
        SETUP,
    ),
    Fault(
        "failed events",
        lambda it: it["queues"][NAMES.queue].update(ActiveMessages=3, InactiveMessages=1),
        Row.WAITING,
        WARNING,
        "4 failed events wait for a person",
        "secondary-ips redeliver",
    ),
    # --- logs ---
    Fault(
        "no project",
        lambda it: it["projects"].clear(),
        Row.LOGS,
        FAILURE,
        "there is no such SLS project",
        SETUP,
        alone=True,
        besides=(Row.INDEX, Row.ALERT),
    ),
    Fault(
        "another logstore",
        row(logConfig={"project": "others", "logstore": "app"}),
        Row.LOGS,
        FAILURE,
        "the function writes to others/app",
        f"LOG_PROJECT={PROJECT} LOG_STORE=secondary-ips s deploy",
    ),
    Fault(
        "records that are glued together",
        lambda it: function(it)["logConfig"].update(logBeginRule="DefaultRegex"),
        Row.LOGS,
        WARNING,
        "logBeginRule DefaultRegex glues records together",
        "s deploy",
        alone=True,
    ),
    Fault(
        "refused calls that are not logged",
        setting(LOG_LEVEL="ERROR"),
        Row.LOGS,
        WARNING,
        "LOG_LEVEL=ERROR holds back refused calls",
        "LOG_LEVEL=INFO s deploy",
    ),
    Fault(
        "no index",
        lambda it: store(it).pop("index"),
        Row.INDEX,
        FAILURE,
        "none: no query and no alert finds anything",
        SETUP,
        alone=True,
    ),
    Fault(
        "an index of another type",
        lambda it: store(it)["index"]["keys"]["message"]["json_keys"]["target"].update(type="text"),
        Row.INDEX,
        WARNING,
        'keys.message.json_keys.target.type: "text" -> "long"',
        SETUP,
    ),
    Fault(
        "no alert",
        lambda it: it["projects"][PROJECT]["alerts"].pop("secondary-ips-failed"),
        Row.ALERT,
        WARNING,
        "secondary-ips-failed: there is no such alert rule",
        SETUP,
    ),
    Fault(
        "a disabled alert",
        alert("secondary-ips-hook-abandoned", status="DISABLED"),
        Row.ALERT,
        WARNING,
        "status DISABLED",
        "Log Service console, Alerts, secondary-ips-hook-abandoned: Enable",
    ),
    Fault(
        "an alert that was changed",
        alert("secondary-ips-vswitch-nearly-empty", displayName="Alert 1"),
        Row.ALERT,
        WARNING,
        'displayName: "Alert 1" -> ',
        SETUP,
    ),
    Fault(
        "an alert that nobody hears",
        lambda it: it["projects"][PROJECT]["alerts"]["secondary-ips-permission-lost"][
            "configuration"
        ]["policyConfiguration"].update(actionPolicyId=""),
        Row.ALERT,
        WARNING,
        "it names no action policy",
        "--action-policy ID",
    ),
    # --- groups and hooks ---
    Fault(
        "a group without a hook",
        lambda it: it["lifecycle_hooks"].pop(1),
        Row.GROUP,
        WARNING,
        "asg-bp1api: api: no scale-out hook",
        f"{SETUP} --scaling-group {API}",
        alone=True,
    ),
    Fault(
        "a group with a hook of another name",
        hook(1, LifecycleHookName="addresses"),
        Row.GROUP,
        WARNING,
        "LIFECYCLE_HOOKS (*secondary-ips*) matches none of addresses",
        f"{SETUP} --scaling-group {API}",
        alone=True,
        besides=(Row.HOOK,),
    ),
    Fault(
        "a hook that is heard and not completed",
        hook(1, LifecycleHookName="addresses"),
        Row.HOOK,
        WARNING,
        "the function hears it, and completes only *secondary-ips*",
        "LIFECYCLE_HOOKS='*secondary-ips*,addresses' s deploy",
        alone=True,
        besides=(Row.GROUP,),
    ),
    Fault(
        "no group is served",
        setting(ALLOWED_SCALING_GROUPS="asg-bp1gone"),
        Row.GROUP,
        WARNING,
        "none of 2 groups is in ALLOWED_SCALING_GROUPS",
        "ALLOWED_SCALING_GROUPS=",
        alone=True,
    ),
    Fault(
        "a hook that notifies nobody",
        hook(1, NotificationArn=""),
        Row.HOOK,
        FAILURE,
        "asg-bp1api secondary-ips: it notifies nobody",
        f"{SETUP} --scaling-group {API}",
        alone=True,
    ),
    Fault(
        "a hook that notifies null",
        hook(1, NotificationArn=f"acs:ess:{REGION}:{ACCOUNT}:null/null"),
        Row.HOOK,
        FAILURE,
        "asg-bp1api secondary-ips: it notifies nobody",
        f"{SETUP} --scaling-group {API}",
        alone=True,
    ),
    Fault(
        "a hook of the old form",
        hook(0, NotificationArn=OLD_FORM),
        Row.HOOK,
        WARNING,
        "topic/secondary-ips-hooks, an old form: pages of today give acs:mns:...",
        f"{SETUP} --scaling-group {WEB}",
        alone=True,
    ),
    Fault(
        "a hook that notifies another topic",
        hook(0, NotificationArn=UNHEARD),
        Row.HOOK,
        FAILURE,
        "it notifies the topic payments, which no trigger hears",
        f"{SETUP} --scaling-group {WEB}",
        alone=True,
    ),
    Fault(
        "a hook that notifies another region",
        hook(0, NotificationArn=ELSEWHERE),
        Row.HOOK,
        FAILURE,
        "another region or account",
        f"{SETUP} --scaling-group {WEB}",
    ),
    Fault(
        "a hook that notifies a queue",
        hook(0, NotificationArn=f"acs:mns:{REGION}:{ACCOUNT}:queue/q"),
        Row.HOOK,
        FAILURE,
        "it notifies the queue q, which the function does not hear",
        f"{SETUP} --scaling-group {WEB}",
        alone=True,
    ),
    Fault(
        "a hook on the bus, and no trigger there",
        config(0, eventRuleFilterPattern='{"source": ["acs.ess"], "type": ["ess:x"]}'),
        Row.HOOK,
        FAILURE,
        "no enabled EventBridge trigger lets events of hooks through",
        f"{SETUP} --scaling-group {API} --via topic",
        alone=True,
    ),
    Fault(
        "a disabled hook",
        hook(1, LifecycleHookStatus="InActive"),
        Row.HOOK,
        FAILURE,
        "InActive: it never waits",
        "Auto Scaling console, asg-bp1api, Lifecycle Hooks, secondary-ips: Enable",
    ),
    Fault(
        "a hook that lets instances go on",
        hook(0, DefaultResult="CONTINUE"),
        Row.HOOK,
        WARNING,
        "DefaultResult CONTINUE: instances that come up short stay",
        f"{SETUP} --scaling-group {WEB}",
    ),
    Fault(
        "a hook on the bus that lets instances go on",
        hook(1, DefaultResult="CONTINUE"),
        Row.HOOK,
        WARNING,
        "DefaultResult CONTINUE: instances that come up short stay",
        f"{SETUP} --scaling-group {API} --via eventbridge",
        alone=True,
    ),
    Fault(
        "a group without a hook where only the bus is heard",
        on_the_bus_only,
        Row.GROUP,
        WARNING,
        "asg-bp1web: web: no scale-out hook",
        f"{SETUP} --scaling-group {WEB} --via eventbridge",
        alone=True,
    ),
    Fault(
        "a hook that notifies the topic where only the bus is heard",
        lambda it: beside(it)["triggers"].pop(1),
        Row.HOOK,
        FAILURE,
        "it notifies the topic secondary-ips-hooks, which no trigger hears",
        f"{SETUP} --scaling-group {WEB} --via eventbridge",
        alone=True,
    ),
    Fault(
        "a hook that does not wait",
        hook(1, HeartbeatTimeout=60),
        Row.HOOK,
        WARNING,
        "timeout 60 s: the function may wait 210 s before it can extend it",
        f"{SETUP} --scaling-group {API}",
    ),
    Fault(
        "a hook that waits too little, as setup makes it",
        setting(VISIBILITY_SECONDS="600"),
        Row.HOOK,
        WARNING,
        "asg-bp1api secondary-ips: timeout 600 s: the function may wait 750 s",
        f"{MODIFY} --LifecycleHookId ash-bp1api --HeartbeatTimeout 750",
        alone=True,
        besides=(Row.TIMEOUT,),
    ),
    Fault(
        "a hook with metadata that waits too little",
        metadata_and_a_long_wait,
        Row.HOOK,
        WARNING,
        "asg-bp1web secondary-ips: timeout 600 s: the function may wait 750 s",
        "--HeartbeatTimeout 750 --NotificationMetadata 'of others'",
        alone=True,
        besides=(Row.TIMEOUT,),
    ),
    Fault(
        "a hook of ours by another name that lets instances go on",
        hook(0, DefaultResult="CONTINUE", LifecycleHookName="web-secondary-ips"),
        Row.HOOK,
        WARNING,
        "asg-bp1web web-secondary-ips: DefaultResult CONTINUE",
        f"{MODIFY} --LifecycleHookId ash-bp1web --DefaultResult ABANDON",
        alone=True,
    ),
    Fault(
        "a hook of ours by another name that notifies nobody",
        hook(0, NotificationArn="", LifecycleHookName="web-secondary-ips"),
        Row.HOOK,
        FAILURE,
        "asg-bp1web web-secondary-ips: it notifies nobody",
        f"{MODIFY} --LifecycleHookId ash-bp1web --NotificationArn "
        f"acs:mns:{REGION}:{ACCOUNT}:topic/secondary-ips-hooks",
        alone=True,
    ),
    Fault(
        "a hook of others that notifies nobody",
        lambda it: other_hook(it, NotificationArn=""),
        Row.HOOK,
        WARNING,
        "asg-bp1web registry: not ours, and it notifies nobody",
        "Auto Scaling console, Lifecycle Hooks: give it a recipient, or delete it",
    ),
    Fault(
        "as many hooks as a group takes",
        crowded,
        Row.QUOTA,
        WARNING,
        "asg-bp1web: 10 hooks: a group takes 10",
        "Auto Scaling console, Lifecycle Hooks: delete",
        alone=True,
    ),
    # --- room and quotas ---
    Fault(
        "a vSwitch without room",
        full_vswitch,
        Row.ROOM,
        WARNING,
        "vsw-bp1app: ",
        "Auto Scaling console: add a vSwitch with room to the group",
    ),
    Fault(
        "a vSwitch that is gone",
        lambda it: it["scaling_groups"][1]["VSwitchIds"].append("vsw-bp1gone"),
        Row.ROOM,
        WARNING,
        "vsw-bp1gone: a group launches into it, and VPC does not show it",
        "Auto Scaling console: take it out of the group",
    ),
    Fault(
        "an environment that is nearly full",
        setting(TARGET_RULES=json.dumps([{"target": "8", "vswitch": "v" * 3800}])),
        Row.QUOTA,
        WARNING,
        "environment: 3",
        "shorten TARGET_RULES",
    ),
    Fault(
        "a target that a type cannot hold",
        setting(TARGET_SECONDARY_IPS="30"),
        Row.QUOTA,
        WARNING,
        "instance types: TARGET_SECONDARY_IPS is 30: ecs.g7.xlarge holds ",
        "TARGET_SECONDARY_IPS=max s deploy",
    ),
]
TOGETHER = [each for each in FAULTS if not each.alone]
