"""Refuses a deployment whose values cannot work: `python -m deploy.check`, before it begins.

Serverless Devs deploys whatever it is given, and a bad setting is then told by an initializer that
nobody sees. This reads the settings with the function's own reader, checks the variables of the
deployment, and finds names that are misspelt: nobody would read those.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from deploy.cron import is_cron
from handler.core.errors import BadSettings
from handler.core.model import Request
from handler.core.settings import read_settings
from handler.events import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ROOT = Path(__file__).parents[1]
FC3, FC2 = ROOT / "s.yaml", ROOT / "deploy/fc2/s.yaml"
# All names and values together (Function Compute, "Limits").
LARGEST_ENVIRONMENT = 4_096
# https://www.alibabacloud.com/help/en/functioncompute/fc/python, 2026-10-26.
PYTHON_3_12 = frozenset({
    "cn-hangzhou", "cn-shanghai", "cn-qingdao", "cn-beijing", "cn-zhangjiakou", "cn-huhehaote",
    "cn-shenzhen", "cn-chengdu", "cn-hongkong", "ap-northeast-1", "ap-northeast-2",
    "ap-southeast-7", "eu-central-1", "eu-west-1", "us-east-1", "us-west-1",
})  # fmt: skip
# https://help.aliyun.com/en/functioncompute/regions, 2026-11.
ASYNC_TASKS = frozenset({
    "cn-hangzhou", "cn-shanghai", "cn-qingdao", "cn-beijing", "cn-zhangjiakou", "cn-wulanchabu",
    "cn-shenzhen", "cn-chengdu", "cn-hongkong", "ap-northeast-1", "ap-northeast-2",
    "ap-southeast-1", "ap-southeast-3", "ap-southeast-5", "ap-southeast-7", "eu-central-1",
    "eu-west-1", "us-east-1", "us-west-1",
})  # fmt: skip
TRIGGERS = ("ess-events", "ecs-events", "hooks", "drift")
NETWORK = ("VPC_ID", "VSWITCH_IDS", "SECURITY_GROUP_ID")
# How alike a name must be to one of ours to be taken for it: one letter of ten.
ALIKE = 0.9


class Rule(NamedTuple):
    """What a variable may be."""

    allows: Callable[[str], bool]
    allowed: str


def _whole(low: int, high: int, step: int = 1) -> Rule:
    def allows(text: str) -> bool:
        return bool(re.fullmatch(r"[0-9]{1,9}", text)) and int(text) in range(low, high + 1, step)

    return Rule(allows, f"a whole number, {low}..{high}" + (f", by {step}" if step > 1 else ""))


def _like(pattern: str, allowed: str) -> Rule:
    return Rule(lambda text: bool(re.fullmatch(pattern, text)), allowed)


def _one_of(*words: str) -> Rule:
    return Rule(lambda text: text in words, " or ".join(words))


def _request_in(region: str) -> Rule:
    """A manual request that a function in this region accepts."""

    def allows(text: str) -> bool:
        parsed = parse(text.encode(), home_region=region)
        return isinstance(parsed, Request) and parsed.manual

    return Rule(allows, f"a manual request for {region}; see docs/requests.md")


def _are_triggers(text: str) -> bool:
    names = [name.strip() for name in text.split(",")]
    return set(names) <= set(TRIGGERS) and len(set(names)) == len(names)


_NAME = _like(r"[A-Za-z0-9][A-Za-z0-9-]{0,119}", "letters, digits and hyphens")
# The SDKs' own name, which the command reads too.
REGION = "ALIBABA_CLOUD_REGION_ID"
HOME = "cn-hangzhou"
# What was read once, and is easily left in a pipeline.
RENAMED = {"REGION": REGION}
RULES = {
    REGION: _like(r"[a-z]{2}(-[a-z0-9]+)+", "a region like cn-hangzhou"),
    "FUNCTION_NAME": _like(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", "a name of a function"),
    "QUALIFIER": _like(r"LATEST|[0-9]+|[A-Za-z_][A-Za-z0-9_-]*", "LATEST, a version or an alias"),
    "RUNTIME": _one_of("python3.10", "python3.12"),
    "TRIGGERS": Rule(_are_triggers, f"once each, with commas between: {', '.join(TRIGGERS)}"),
    "EVENTBRIDGE_ASYNC": _one_of("true", "false"),
    "ASYNC_TASK": _one_of("true", "false"),
    "LOG_METRICS": _one_of("true", "false"),
    "HOOK_TOPIC": _NAME,
    "FAILURE_QUEUE": _NAME,
    "DRIFT_CRON": Rule(is_cron, "six fields, seconds first, or an interval like @every 12h"),
    "DRIFT_REQUEST": _request_in(HOME),
    "CPU": _like(r"(0|[1-9][0-9]?)(\.[0-9]?[05])?", "cores, a multiple of 0.05"),
    "MEMORY_MB": _whole(128, 32_768, 64),
    "TIMEOUT_SECONDS": _whole(1, 86_400),
    "RESERVED_CONCURRENCY": _whole(1, 300),
    "RETRIES": _whole(0, 8),
    "EVENT_AGE_SECONDS": _whole(1, 2_592_000),
    "ROLE": _like(
        r"(acs:ram::[0-9]+:role/)?[a-z0-9][a-z0-9-]{0,63}", "a name or ARN in lower case"
    ),
    "LOG_PROJECT": _like(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "a name of a Log Service project"),
    "LOG_STORE": _like(r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]", "a name of a logstore"),
    "VPC_ID": _like(r"vpc-[A-Za-z0-9-]{1,64}", "an id like vpc-bp1example"),
    "VSWITCH_IDS": _like(
        r"vsw-[A-Za-z0-9-]{1,64}( *, *vsw-[A-Za-z0-9-]{1,64})*", "ids like vsw-bp1example"
    ),
    "SECURITY_GROUP_ID": _like(r"sg-[A-Za-z0-9-]{1,64}", "an id like sg-bp1example"),
}


def main() -> int:
    """Check one manifest; 2 when the deployment must not begin."""
    parser = argparse.ArgumentParser(prog="python -m deploy.check")
    parser.add_argument("--manifest", type=Path, default=FC3, help="default: s.yaml")
    manifest = parser.parse_args().manifest.resolve()
    found = of_fc2(manifest) if manifest == FC2 else of_fc3(os.environ, manifest)
    for each in found:
        sys.stderr.write(f"{each}\n")
    if found:
        sys.stderr.write("Nothing was deployed.\n")
    return 2 if found else 0


def of_fc3(environ: Mapping[str, str], manifest: Path = FC3) -> list[str]:
    """What is wrong with the environment in which `s.yaml` would be deployed."""
    text = manifest.read_text(encoding="utf-8")
    known = set(re.findall(r"env\('(\w+)'", text))
    props = yaml.safe_load(text)["resources"]["secondary-ips"]["props"]
    given = {name: value for name, value in environ.items() if name in known and value}
    settings = {name: given.get(name, "") for name in props["environmentVariables"]}
    return [
        *_misspelt(environ, known),
        *_deployment(given),
        *_settings(settings),
        *_without_network(given, settings),
    ]


def of_fc2(manifest: Path = FC2) -> list[str]:
    """What is wrong with the values that were edited in the manifest for FC 2.0."""
    content = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    props = content["services"]["secondary-ips"]["props"]
    upper = {name.upper(): _text(value) for name, value in content["vars"].items()}
    variables = {RENAMED.get(name, name): value for name, value in upper.items()}
    variables |= _network_of_fc2(props["service"].get("vpcConfig", {}))
    given = {name: value for name, value in variables.items() if name in RULES and value}
    settings = {
        name: _text(value) for name, value in props["function"]["environmentVariables"].items()
    }
    return [
        *_unknown(settings, _settings_of(FC3)),
        *_deployment(given),
        *_settings(settings),
        *_without_network(given, settings),
        *_aliases(props["triggers"]),
    ]


def _settings_of(manifest: Path) -> set[str]:
    content = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    return set(content["resources"]["secondary-ips"]["props"]["environmentVariables"])


def _network_of_fc2(given: Mapping[str, Any]) -> dict[str, str]:
    """The network of the service, by the names of the variables for FC 3.0."""
    found = given.get("vpcId"), given.get("vswitchIds"), given.get("securityGroupId")
    shown = {name: value for name, value in zip(NETWORK, found, strict=True) if value}
    return {
        name: ",".join(map(str, value)) if isinstance(value, list) else _text(value)
        for name, value in shown.items()
    }


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _misspelt(environ: Iterable[str], known: set[str]) -> list[str]:
    """Names that are not ours, and so much like one of ours that it is meant."""
    alike = {
        name: [RENAMED[name]]
        if name in RENAMED
        else difflib.get_close_matches(name.upper(), known, 1, ALIKE)
        for name in sorted(set(environ) - known)
    }
    return [
        f"{name}: nothing reads it; {found[0]} is meant? Rename it, or unset it"
        for name, found in alike.items()
        if found
    ]


def _unknown(settings: Iterable[str], known: set[str]) -> list[str]:
    """Names among the settings that the function does not read."""
    return [
        f"{name}: the function does not read it; allowed: {', '.join(sorted(known))}"
        for name in sorted(set(settings) - known)
    ]


def _deployment(given: Mapping[str, str]) -> list[str]:
    """What is wrong with the variables of the deployment, each by itself and together."""
    rules = RULES | {"DRIFT_REQUEST": _request_in(given.get(REGION, HOME))}
    alone = [
        f"{name}: found {value!r}; allowed: {rules[name].allowed}"
        for name, value in given.items()
        if name in rules and not rules[name].allows(value)
    ]
    return alone or [*_of_region(given), *_of_network(given), *_of_size(given)]


def _of_region(given: Mapping[str, str]) -> list[str]:
    region = given.get(REGION, HOME)
    found = []
    if given.get("RUNTIME") == "python3.12" and region not in PYTHON_3_12:
        found.append(f"RUNTIME: found 'python3.12'; allowed in {region}: python3.10")
    if given.get("ASYNC_TASK", "true") == "true" and region not in ASYNC_TASKS:
        found.append(
            f"ASYNC_TASK: found 'true'; allowed in {region}, which has no asynchronous tasks: false"
        )
    return found


def _of_network(given: Mapping[str, str]) -> list[str]:
    missing = [name for name in NETWORK if name not in given]
    if not missing or len(missing) == len(NETWORK):
        return []
    return [f"{name}: not set; allowed: all or none of {', '.join(NETWORK)}" for name in missing]


def _without_network(given: Mapping[str, str], settings: Mapping[str, str]) -> list[str]:
    """What reaches nothing unless the function is in a network of yours."""
    if given.keys() & set(NETWORK):
        return []
    inside = {"GUEST_PORT": settings.get("GUEST_PORT", "")}
    inside |= {"ENDPOINT_NETWORK": "vpc"} if settings.get("ENDPOINT_NETWORK") == "vpc" else {}
    return [
        f"{name}: found {value!r} without a network; allowed: with {', '.join(NETWORK)}, or unset"
        for name, value in inside.items()
        if value
    ]


def _of_size(given: Mapping[str, str]) -> list[str]:
    """1 to 4 GB for each core (Function Compute, "Instance types")."""
    cpu, gigabytes = float(given.get("CPU", "0.35")), int(given.get("MEMORY_MB", "512")) / 1024
    if cpu and cpu <= gigabytes <= 4 * cpu:
        return []
    return [
        f"CPU: found {cpu:g} with {gigabytes:g} GB; allowed: a quarter to all of the memory in GB"
    ]


def _settings(settings: Mapping[str, str]) -> list[str]:
    """What the function itself would say, and whether there is room for so many letters."""
    size = sum(len(f"{name}{value}".encode()) for name, value in settings.items())
    most = f"at most {LARGEST_ENVIRONMENT} bytes, names and values together"
    large = [f"the settings: found {size} bytes; allowed: {most}"] * (size > LARGEST_ENVIRONMENT)
    try:
        read_settings(settings)
    except BadSettings as bad:
        return [*bad.problems, *large]
    return large


def _aliases(triggers: Iterable[Mapping[str, Any]]) -> list[str]:
    """FC 2.0: the component gives asynchronous configuration to LATEST only."""
    return [
        f"triggers: {each['name']} invokes {each['qualifier']!r}; allowed: LATEST, because nothing "
        "else has retries and a failure queue"
        for each in triggers
        if each["qualifier"] != "LATEST"
    ]


if __name__ == "__main__":
    sys.exit(main())
