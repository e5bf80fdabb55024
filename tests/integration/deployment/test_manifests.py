"""Both manifests: what they deploy, what can be changed about it, which mistakes are refused."""

from __future__ import annotations

import copy
import itertools
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from deploy.cron import is_cron
from handler.core.settings import read_settings
from tests.integration.deployment import tool
from tests.integration.deployment.checks import is_in_order, problems
from tests.integration.deployment.manifests import FC2, FC3, ROOT, fc2, fc3

if TYPE_CHECKING:
    from collections.abc import Callable

TRIGGERS = ("ess-events", "ecs-events", "hooks", "drift")
SETTINGS = {
    "TARGET_SECONDARY_IPS": "max-2",
    "TARGET_RULES": '[{"eni_type": "primary", "target": "skip"}]',
    "TARGET_TAG": "ips",
    "ENI_SCOPE": "secondary",
    "ALLOWED_SCALING_GROUPS": "asg-bp1webfleet00000001",
    "ALLOWED_VSWITCHES": "vsw-bp1pod0000000000001",
    "EXCLUDED_TAGS": "team=dba",
    "VSWITCH_RESERVE": "16",
    "AVAILABLE_ENI_LIMIT": "20",
    "LIFECYCLE_HOOKS": "ips-*,ash-bp1other",
    "GUEST_PORT": "22",
    "GUEST_SECONDS": "60",
    "ON_SILENT": "short",
    "ON_SHORTFALL": "abandon",
    "ASSIGN_PER_MINUTE": "100",
    "BACKFILL_SHARE": "0.25",
    "MAX_CONCURRENCY": "4",
    "DRY_RUN": "true",
    "SETTLE_SECONDS": "10",
    "VISIBILITY_SECONDS": "20",
    "MINUTE_SECONDS": "30",
    "ECS_ENDPOINT": "https://ecs.cn-beijing.aliyuncs.com",
    "VPC_ENDPOINT": "https://vpc.cn-beijing.aliyuncs.com",
    "ESS_ENDPOINT": "https://ess.cn-beijing.aliyuncs.com",
    "FUNCTIONS_ENDPOINT": "https://fc.cn-beijing.aliyuncs.com",
    "ENDPOINT_NETWORK": "vpc",
    "LOG_LEVEL": "DEBUG",
}
DEPLOYMENT = {
    "ALIBABA_CLOUD_REGION_ID": "ap-southeast-1",
    "FUNCTION_NAME": "ips-staging",
    "QUALIFIER": "live",
    "RUNTIME": "python3.12",
    "TRIGGERS": "ecs-events, drift, hooks",
    "EVENTBRIDGE_ASYNC": "false",
    "HOOK_TOPIC": "scaling-hooks",
    "DRIFT_CRON": "0 30 4 * * *",
    "DRIFT_REQUEST": '{"plan": {"all": true}}',
    "CPU": "0.5",
    "MEMORY_MB": "1024",
    "TIMEOUT_SECONDS": "900",
    "RESERVED_CONCURRENCY": "3",
    "ROLE": "ips-staging",
    "LOG_PROJECT": "platform-logs",
    "LOG_STORE": "ips-staging",
    "RETRIES": "8",
    "EVENT_AGE_SECONDS": "7200",
    "FAILURE_QUEUE": "ips-failures",
    "ASYNC_TASK": "false",
    "LOG_METRICS": "true",
    "VPC_ID": "vpc-bp1fleet",
    "VSWITCH_IDS": "vsw-bp1one, vsw-bp1two",
    "SECURITY_GROUP_ID": "sg-bp1function",
}
EVERYTHING = SETTINGS | DEPLOYMENT
CHOICES = [some for count in range(1, 5) for some in itertools.combinations(TRIGGERS, count)]


# --- what is deployed -------------------------------------------------------------------------


@pytest.mark.parametrize("environ", [{}, EVERYTHING], ids=["defaults", "everything set"])
def test_manifest_for_fc3_is_what_its_schema_allows(environ: dict[str, str]) -> None:
    """With every default, and with every variable set, nothing is unknown, missing or too much."""
    assert [] == problems("fc3", fc3(**environ))


@pytest.mark.parametrize("edited", [{}, {"memory_mb": 1024, "async_task": False}])
def test_manifest_for_fc2_is_what_its_schema_allows(edited: dict[str, Any]) -> None:
    """As it stands, and with some of its values edited."""
    assert [] == problems("fc2", fc2(**edited))


def test_variables_that_are_set_here_are_those_of_the_manifest() -> None:
    """The tests set every variable that the manifest reads, but the alias of the account."""
    read = set(re.findall(r"env\('(\w+)'", FC3.read_text(encoding="utf-8")))
    assert {"ACCESS", *EVERYTHING} == read


def test_every_setting_is_offered_with_the_default_of_the_code() -> None:
    """The manifests' own values make the same settings as no values at all."""
    for variables in (fc3()["environmentVariables"], fc2()["function"]["environmentVariables"]):
        assert set(SETTINGS) == set(variables)
        assert read_settings({}) == read_settings(variables)


def test_settings_reach_the_function() -> None:
    """Every setting can be given in the environment of the deployment."""
    assert SETTINGS == fc3(**SETTINGS)["environmentVariables"]


def test_runtime_is_one_variable() -> None:
    """RUNTIME changes the runtime, and nothing else of what is deployed."""
    assert fc3() | {"runtime": "python3.12"} == fc3(RUNTIME="python3.12")


def test_settings_are_checked_and_the_package_is_built_before_a_deployment() -> None:
    """`pre-deploy` refuses bad settings first, then builds for the manifest's runtime."""
    content = yaml.safe_load(FC3.read_text(encoding="utf-8"))
    actions = content["resources"]["secondary-ips"]["actions"]
    run = ["make check-settings", "make package RUNTIME=${vars.runtime}"]
    assert {"pre-deploy": [{"run": each} for each in run]} == actions


@pytest.mark.parametrize("named", CHOICES, ids=",".join)
def test_triggers_are_those_that_are_named(named: tuple[str, ...]) -> None:
    """Both kinds of events come through one trigger, the last, which lets only them through."""
    chosen = fc3(TRIGGERS=",".join(named))["triggers"]
    expected = [name for name in named if not name.endswith("-events")]
    sources = [f"acs.{name[:3]}" for name in named if name.endswith("-events")]
    assert expected + ["events"] * bool(sources) == [each["triggerName"] for each in chosen]
    assert is_in_order(chosen)
    if sources:
        pattern = json.loads(chosen[-1]["triggerConfig"]["eventRuleFilterPattern"])
        assert sources == pattern["source"][::2]
        assert {source[4:] for source in sources} == {each[:3] for each in pattern["type"]}


def test_network_is_the_vpcs_only_where_one_is_named() -> None:
    """Without the three variables the field is left out; with them it has all three."""
    names = ("VPC_ID", "VSWITCH_IDS", "SECURITY_GROUP_ID")
    inside = fc3(**{name: DEPLOYMENT[name] for name in names})["vpcConfig"]
    assert "vpcConfig" not in fc3()
    assert {
        "vpcId": "vpc-bp1fleet",
        "vSwitchIds": ["vsw-bp1one", "vsw-bp1two"],
        "securityGroupId": "sg-bp1function",
    } == inside


def deployed(local: list[Any], remote: list[Any]) -> set[str]:
    """Names of the triggers that the component makes or updates, by the rule of fc3 0.1.22."""
    there = {each["triggerName"]: each for each in remote}
    done: set[str] = set()
    for trigger in local:
        if trigger["triggerType"] == "eventbridge" and there.get(trigger["triggerName"]) == trigger:
            return done
        done.add(trigger["triggerName"])
    return done


def changed(triggers: list[Any], names: set[str]) -> list[Any]:
    """The triggers as they were before these were changed, or made."""
    return [
        each | ({"qualifier": "before"} if each["triggerName"] in names else {})
        for each in triggers
    ]


@pytest.mark.parametrize("named", CHOICES, ids=",".join)
def test_every_changed_trigger_is_deployed(named: tuple[str, ...]) -> None:
    """Whichever of them changed, none stands behind one that ends the component's loop."""
    local = fc3(TRIGGERS=",".join(named))["triggers"]
    names = [each["triggerName"] for each in local]
    for count in range(len(names) + 1):
        for some in itertools.combinations(names, count):
            assert set(some) <= deployed(local, changed(local, set(some)))


def test_two_eventbridge_triggers_would_hide_the_others() -> None:
    """In the order of earlier manifests an unchanged trigger hides the rest: it is refused."""
    hooks, drift, events = fc3()["triggers"]
    earlier = [events, events | {"triggerName": "ecs-events"}, hooks, drift]
    assert set() == deployed(earlier, changed(earlier, {"hooks", "drift"}))
    found = problems("fc3", fc3() | {"triggers": earlier})
    assert [True] == ["trigger-order" in each for each in found]


def test_both_generations_are_given_the_same() -> None:
    """Triggers, settings, retries and sizes agree, each in the words of its generation."""
    new, old = fc3(), fc2()
    triggers = [
        {"name": each["triggerName"], "type": each["triggerType"], "config": each["triggerConfig"]}
        for each in new["triggers"]
    ]
    kept = ("name", "type", "config")
    function = old["function"]
    same = ("description", "runtime", "handler", "cpu", "memorySize", "timeout")
    assert triggers == [{key: each[key] for key in kept} for each in old["triggers"]]
    assert new["environmentVariables"] == function["environmentVariables"]
    assert [new[key] for key in same] == [function[key] for key in same]
    assert new["logConfig"] == old["service"]["logConfig"]
    assert [3, 86_400] == [
        function["asyncConfiguration"][key] == new["asyncInvokeConfig"][key]
        and new["asyncInvokeConfig"][key]
        for key in ("maxAsyncRetryAttempts", "maxAsyncEventAgeInSeconds")
    ]


@pytest.mark.parametrize("props", [fc3(), fc3(**EVERYTHING), fc2()["function"]])
def test_cpu_fits_the_memory(props: dict[str, Any]) -> None:
    """A multiple of 0.05 cores, and 1 to 4 GB for each (Function Compute, "Instance types")."""
    cpu, gigabytes = props["cpu"], props["memorySize"] / 1024
    assert round(cpu * 20) == pytest.approx(cpu * 20)
    assert cpu <= gigabytes <= 4 * cpu


# --- mistakes ---------------------------------------------------------------------------------


def put(path: str, value: Any) -> Callable[[Any], None]:
    """A mistake: the field at a path (`triggers.0.name`) gets a value."""

    def make(props: Any) -> None:
        *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        for part in parents:
            props = props[part]
        props[last] = value

    return make


def drop(path: str) -> Callable[[Any], None]:
    """A mistake: a field is missing."""

    def make(props: Any) -> None:
        *parents, last = path.split(".")
        for part in parents:
            props = props[part]
        del props[last]

    return make


EB, TIMER = "triggers.2.triggerConfig", "triggers.1.triggerConfig"
PATTERN = f"{EB}.eventRuleFilterPattern"
LOOP = '{"source": ["acs.ecs"], "type": ["ecs:NetworkInterface:PrivateIpAssigned"]}'
MISTAKES = {
    "a field that does not exist": (put("memory", 512), "'memory' was unexpected"),
    "a runtime that does not exist": (put("runtime", "python3.11"), "runtime: "),
    "another handler": (put("handler", "main.handler"), "handler: "),
    "sources instead of the package": (put("code", "."), "code: "),
    "no initializer": (drop("instanceLifecycleConfig.initializer"), "'initializer' is a required"),
    "no time": (put("timeout", 0), "timeout: "),
    "time as text": (put("timeout", "600"), "timeout: "),
    "too little memory": (put("memorySize", 100), "memorySize: "),
    "several requests at once": (put("instanceConcurrency", 2), "was unexpected"),
    "no bound on instances": (drop("concurrencyConfig"), "'concurrencyConfig' is a required"),
    "no instance": (put("concurrencyConfig.reservedConcurrency", 0), "reservedConcurrency: "),
    "a role in capitals": (put("role", "SecondaryIps"), "role: "),
    "a log that is made up": (put("logConfig", "auto"), "logConfig: "),
    "glued lines": (put("logConfig.logBeginRule", "DefaultRegex"), "logConfig.logBeginRule: "),
    "too many retries": (put("asyncInvokeConfig.maxAsyncRetryAttempts", 9), "RetryAttempts: "),
    "no task ids": (
        drop("asyncInvokeConfig.asyncTask"),
        "'asyncTask' is a required",
    ),
    "failures that are lost": (drop("asyncInvokeConfig.destinationConfig"), "is a required"),
    "failures to a topic": (
        put(
            "asyncInvokeConfig.destinationConfig.onFailure.destination",
            "acs:mns:cn-hangzhou:1:/topics/failures/messages",
        ),
        "onFailure.destination: ",
    ),
    "a trigger of another type": (put("triggers.0.triggerType", "oss"), "triggers.0: "),
    "a trigger with the configuration of another": (
        put("triggers.0.triggerConfig", {"cronExpression": "@every 5m", "enable": True}),
        "triggers.0: ",
    ),
    "a trigger behind that of EventBridge": (
        lambda props: props["triggers"].reverse(),
        "is not a 'trigger-order'",
    ),
    "a VPC without a security group": (
        put("vpcConfig", {"vpcId": "vpc-a", "vSwitchIds": ["vsw-a"]}),
        "'securityGroupId' is a required",
    ),
    "a VPC of empty names": (
        put("vpcConfig", {"vpcId": "vpc-a", "vSwitchIds": [""], "securityGroupId": "sg-a"}),
        "vpcConfig.vSwitchIds.0: ",
    ),
    "a misspelt field of a trigger": (
        put(f"{TIMER}.enabled", value=True),
        "'enabled' was unexpected",
    ),
    "a topic without a name": (put("triggers.0.sourceArn", "acs:mns:x:1:/topics/"), "triggers.0: "),
    "a switch that is no boolean": (put(f"{EB}.asyncInvocationType", "yes"), "triggers.2: "),
    "a pattern that is no JSON": (put(PATTERN, "{source: acs.ess}"), "is not a 'event-pattern'"),
    "a pattern that is not evaluated": (
        put(PATTERN, '{"type": [{"prefix": "ess:"}]}'),
        "is not a 'event-pattern'",
    ),
    "a pattern for everything": (put(PATTERN, "{}"), "is not a 'event-pattern'"),
    "a loop": (put(PATTERN, LOOP), "is not a 'event-pattern'"),
    "a schedule of five fields": (put(f"{TIMER}.cronExpression", "0 3 * * *"), "a 'fc-cron'"),
    "a payload that is no request": (put(f"{TIMER}.payload", "all"), "a 'manual-request'"),
    "a payload with a misspelt field": (
        put(f"{TIMER}.payload", '{"backfill": {"everything": true}}'),
        "a 'manual-request'",
    ),
    "a trigger twice": (
        lambda props: props["triggers"].insert(0, props["triggers"][0]),
        "non-unique elements",
    ),
    "no trigger at all": (put("triggers", []), "triggers: "),
    "a variable that does not exist": (put("environmentVariables.TARGET", "8"), "Variables: "),
    "a variable that is left out": (
        drop("environmentVariables.DRY_RUN"),
        "'DRY_RUN' is a required",
    ),
    "a number as a variable": (put("environmentVariables.VSWITCH_RESERVE", 8), "RESERVE: "),
    "a value that the function refuses": (
        put("environmentVariables.ON_SHORTFALL", "ignore"),
        "is not a 'fc-environment'",
    ),
    "more than 4 KB of variables": (
        put("environmentVariables.TARGET_RULES", json.dumps([{"target": 1}] * 300)),
        "is not a 'fc-environment'",
    ),
}


OLD_MISTAKES = {
    "a VPC without vSwitches": (
        put("service.vpcConfig", {"vpcId": "vpc-a", "securityGroupId": "sg-a"}),
        "'vswitchIds' is a required",
    ),
    "python3.12, which FC 2.0 lacks": (put("function.runtime", "python3.12"), "function.runtime: "),
    "a field of FC 3.0": (put("function.concurrencyConfig", {}), "was unexpected"),
    "no task ids": (
        drop("function.asyncConfiguration.statefulInvocation"),
        "'statefulInvocation' is a required",
    ),
    "an alias, which has no asynchronous configuration": (
        put("triggers.0.qualifier", "live"),
        "'live' is not one of ['LATEST']",
    ),
    "a trigger behind that of EventBridge": (
        lambda props: props["triggers"].reverse(),
        "is not a 'trigger-order'",
    ),
    "glued lines": (put("service.logConfig.logBeginRule", "DefaultRegex"), "logBeginRule: "),
    "a topic that nobody may read": (
        lambda props: props["triggers"][0].pop("role"),
        "'role' is a required",
    ),
    "a trigger of FC 3.0": (put("triggers.0", fc3()["triggers"][0]), "triggers.0: "),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_refused(name: str) -> None:
    """Each kind of mistake in a manifest is found, and the finding says where."""
    assert_refused("fc3", fc3(), *MISTAKES[name])


@pytest.mark.parametrize("name", OLD_MISTAKES)
def test_mistake_is_refused_on_fc2(name: str) -> None:
    """The same for the older generation."""
    assert_refused("fc2", fc2(), *OLD_MISTAKES[name])


def assert_refused(component: str, good: Any, make: Callable[[Any], object], said: str) -> None:
    """With the mistake made, every problem that is found says so."""
    props = copy.deepcopy(good)
    make(props)
    assert {True} == {said in each for each in problems(component, props)}


@pytest.mark.parametrize(
    "text",
    [
        "0 0 3 * * *",
        "CRON_TZ=Asia/Shanghai 0 0 3 * * *",
        "TZ=Etc/GMT+8 0 */15 8-18 ? 1,7 1-5",
        "@every 5m",
    ],
)
def test_schedule_is_accepted(text: str) -> None:
    """Six fields, seconds first, with or without a time zone; or an interval."""
    assert is_cron(text)


@pytest.mark.parametrize(
    "text",
    [
        "0 3 * * *",  # no seconds
        "60 0 3 * * *",
        "0 60 3 * * *",
        "0 0 24 * * *",
        "0 0 3 0 * *",
        "0 0 3 * 13 *",
        "0 0 3 * * 7",
        "0 0 18-8 * * *",
        "0 */0 3 * * *",
        "0 0  3 * * *",
        "0 0 3 * * * 2026",
        "Asia/Shanghai 0 0 3 * * *",
        "CRON_TZ= 0 0 3 * * *",
        "@every 0m",
        "@every 5 minutes",
        "@daily",
        "",
    ],
)
def test_schedule_is_refused(text: str) -> None:
    """Anything that Function Compute would refuse or understand otherwise."""
    assert not is_cron(text)


# --- Serverless Devs itself -------------------------------------------------------------------


@pytest.mark.usefixtures("serverless_devs")
@pytest.mark.parametrize(
    "environ",
    [{}, EVERYTHING, *({"TRIGGERS": ",".join(named)} for named in CHOICES)],
    ids=["defaults", "everything set", *map(",".join, CHOICES)],
)
def test_serverless_devs_gives_the_component_the_same(environ: dict[str, str]) -> None:
    """`s deploy` hands to the component what these tests read out of the manifest."""
    given, printed = tool.deploy(FC3, environ)
    assert fc3(**environ) == given
    package = f"make package RUNTIME={given['runtime']}"
    ran = [line for line in printed.splitlines() if line.startswith("make ")]
    assert [f"{each} in the project's folder" for each in ("make check-settings", package)] == ran


@pytest.mark.usefixtures("serverless_devs")
def test_serverless_devs_gives_the_component_for_fc2_the_same() -> None:
    """The older format too; the package is built before, instances are bounded after."""
    given, printed = tool.deploy(FC2, {})
    put = "s cli fc ondemand put --region cn-hangzhou --service-name secondary-ips"
    assert fc2() == given
    assert "make check-settings MANIFEST=deploy/fc2/s.yaml in the project's folder\n" in printed
    assert "make package RUNTIME=python3.10 in the project's folder\n" in printed
    assert f"{put} --function-name secondary-ips --qualifier LATEST --max 10\n" in printed


@pytest.mark.usefixtures("serverless_devs")
def test_preview_shows_the_manifest() -> None:
    """`s preview` shows all but the account, which needs credentials."""
    shown = tool.preview(FC3, {})["resources"]["secondary-ips"]["props"]
    text = json.dumps(shown).replace("${config('AccountID')}", "1690700000000030")
    assert fc3() == json.loads(text)


@pytest.mark.usefixtures("serverless_devs")
def test_trigger_that_is_not_offered_stops_the_deployment() -> None:
    """A misspelt name in TRIGGERS is an error, not a trigger that is silently missing."""
    with pytest.raises(subprocess.CalledProcessError) as raised:
        tool.deploy(FC3, {"TRIGGERS": "hooks, drifts"})
    said = 'TRIGGERS: found "drifts"; allowed, with commas between: '
    assert said + ", ".join(TRIGGERS) in raised.value.stdout
    with pytest.raises(ValueError, match="drifts is not offered"):
        fc3(TRIGGERS="hooks,drifts")


def test_make_has_what_the_manifests_run() -> None:
    """The Makefile has the target that is run before a deployment."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert ["package", "check-settings"] == re.findall(
        r"^(package|check-settings): ", makefile, re.MULTILINE
    )
