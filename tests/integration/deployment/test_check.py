"""What stops a deployment before it begins: bad values, misspelt names, what cannot go together."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from deploy.check import ASYNC_TASKS, PYTHON_3_12, RULES, TRIGGERS, of_fc2, of_fc3
from tests import forked
from tests.integration.deployment import test_manifests as manifests
from tests.integration.deployment import tool
from tests.integration.deployment.manifests import FC2, FC3, ROOT

if TYPE_CHECKING:
    from pathlib import Path

INSIDE = {"VPC_ID": "vpc-a", "VSWITCH_IDS": "vsw-a", "SECURITY_GROUP_ID": "sg-a"}


def request_for(region: str) -> str:
    """A backfill that names its region."""
    return json.dumps({"backfill": {"all": True, "region": region}})


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "a setting that the function refuses": (
        {"TARGET_SECONDARY_IPS": "ten"},
        "TARGET_SECONDARY_IPS: found 'ten'; allowed: N",
    ),
    "rules that are no JSON": ({"TARGET_RULES": "[{]"}, "TARGET_RULES: found '[{]'; allowed: "),
    "a letter too few": ({"VSWITCH_RESERV": "8"}, "VSWITCH_RESERV: nothing reads it; VSWITCH_RESE"),
    "a letter too many": ({"TRIGGERSS": "hooks"}, "TRIGGERSS: nothing reads it; TRIGGERS is"),
    "small letters": ({"dry_run": "true"}, "dry_run: nothing reads it; DRY_RUN is meant?"),
    "a trigger that does not exist": ({"TRIGGERS": "hooks,timer"}, "TRIGGERS: found 'hooks,timer'"),
    "a trigger twice": ({"TRIGGERS": "hooks,hooks"}, "TRIGGERS: found 'hooks,hooks'"),
    "a runtime that does not exist": ({"RUNTIME": "python3.11"}, "RUNTIME: found 'python3.11'"),
    "a runtime that is not there": (
        {"RUNTIME": "python3.12", "ALIBABA_CLOUD_REGION_ID": "ap-southeast-1"},
        "RUNTIME: found 'python3.12'; allowed in ap-southeast-1: python3.10",
    ),
    "a region without asynchronous tasks": (
        {"ALIBABA_CLOUD_REGION_ID": "cn-huhehaote"},
        "ASYNC_TASK: found 'true'; allowed in cn-huhehaote",
    ),
    "a region that is none": (
        {"ALIBABA_CLOUD_REGION_ID": "Hangzhou"},
        "ALIBABA_CLOUD_REGION_ID: found 'Hangzhou'",
    ),
    "the region's old name": (
        {"REGION": "cn-beijing"},
        "REGION: nothing reads it; ALIBABA_CLOUD_REGION_ID is meant?",
    ),
    "a switch": ({"EVENTBRIDGE_ASYNC": "yes"}, "EVENTBRIDGE_ASYNC: found 'yes'; allowed: true or"),
    "half a VPC": (
        {"VPC_ID": "vpc-a", "VSWITCH_IDS": "vsw-a"},
        "SECURITY_GROUP_ID: not set; allowed: all or none",
    ),
    "a vSwitch that is none": (INSIDE | {"VSWITCH_IDS": "vsw-a;vsw-b"}, "VSWITCH_IDS: found"),
    "a schedule of five fields": ({"DRIFT_CRON": "0 3 * * *"}, "DRIFT_CRON: found '0 3 * * *'"),
    "a request that is none": ({"DRIFT_REQUEST": '{"backfil": {}}'}, "DRIFT_REQUEST: found"),
    "a request for another region": (
        {"ALIBABA_CLOUD_REGION_ID": "us-west-1", "DRIFT_REQUEST": request_for("cn-hangzhou")},
        "DRIFT_REQUEST: found",
    ),
    "guests without a network": (
        {"GUEST_PORT": "22", "ON_SILENT": "short"},
        "GUEST_PORT: found '22' without a network; allowed: with VPC_ID",
    ),
    "endpoints of a network without one": (
        {"ENDPOINT_NETWORK": "vpc"},
        "ENDPOINT_NETWORK: found 'vpc' without a network; allowed: with VPC_ID",
    ),
    "a core too many": ({"CPU": "1"}, "CPU: found 1 with 0.5 GB"),
    "memory by the byte": ({"MEMORY_MB": "500"}, "MEMORY_MB: found '500'; allowed: a whole number"),
    "too many retries": ({"RETRIES": "9"}, "RETRIES: found '9'; allowed: a whole number, 0..8"),
    "more than 4 KB": (
        {"TARGET_RULES": str([{"target": 1}] * 400).replace("'", '"')},
        "the settings: found ",
    ),
}
ACCEPTED: list[dict[str, str]] = [
    {},
    manifests.EVERYTHING | {"ALIBABA_CLOUD_REGION_ID": "cn-shanghai"},
    INSIDE,
    INSIDE | {"GUEST_PORT": "22", "ENDPOINT_NETWORK": "vpc"},
    {"ALIBABA_CLOUD_REGION_ID": "us-west-1", "DRIFT_REQUEST": request_for("us-west-1")},
    {"ALIBABA_CLOUD_REGION_ID": "cn-huhehaote", "ASYNC_TASK": "false", "RUNTIME": "python3.12"},
    {"TARGET_SECONDARY_IPS": "", "RUNTIME": ""},
    # names of other programs
    {"PATH": "/bin", "AWS_REGION": "x", "LOG_FILE": "x", "VPC": "x", "CI_TRIGGER": "x"},
]


@pytest.mark.parametrize("name", REFUSED)
def test_bad_value_is_refused(name: str) -> None:
    """What is wrong is said once, with the variable's name, what was found, and what is allowed."""
    environ, said = REFUSED[name]
    (problem,) = of_fc3(environ)
    assert problem.startswith(said)


@pytest.mark.parametrize("environ", ACCEPTED)
def test_good_values_pass(environ: dict[str, str]) -> None:
    """Nothing at all, everything, and what does not concern us."""
    assert [] == of_fc3(environ)


def test_every_problem_is_named_at_once() -> None:
    """A setting, a misspelt name and a variable of the deployment in one go."""
    environ = {"VSWITCH_RESERVE": "-1", "LOG_LEVELS": "INFO", "RETRIES": "many"}
    assert ["LOG_LEVELS", "RETRIES", "VSWITCH_RESERVE"] == [
        problem.partition(":")[0] for problem in of_fc3(environ)
    ]


def test_every_variable_of_the_deployment_has_its_rule() -> None:
    """A variable without a rule would be deployed as it is; the account's alias is the tool's."""
    assert set(manifests.DEPLOYMENT) == set(RULES)
    assert manifests.TRIGGERS == TRIGGERS


def test_regions_are_as_many_as_the_pages_name() -> None:
    """16 with Python 3.12, none of them Singapore; 19 with asynchronous tasks."""
    assert (16, 19) == (len(PYTHON_3_12), len(ASYNC_TASKS))
    assert {"ap-southeast-1"} == {"ap-southeast-1", "cn-huhehaote"} & (ASYNC_TASKS - PYTHON_3_12)


# --- FC 2.0 -----------------------------------------------------------------------------------


EDITS = {
    "an alias": (
        "      qualifier: LATEST\n",
        "      qualifier: live\n",
        "triggers: hooks invokes 'l",
    ),
    "a setting": ("ON_SHORTFALL: default", "ON_SHORTFALL: ignore", "ON_SHORTFALL: found 'ignore'"),
    "a misspelt setting": ("DRY_RUN:", "DRYRUN:", "DRYRUN: the function does not read it"),
    "a variable": ("memory_mb: 512", "memory_mb: 500", "MEMORY_MB: found '500'"),
    "half a VPC": (
        "        # vpcConfig: {vpcId: vpc-..., vswitchIds: [vsw-...], securityGroupId: sg-...}\n",
        "        vpcConfig: {vpcId: vpc-a, vswitchIds: [vsw-a, vsw-b]}\n",
        "SECURITY_GROUP_ID: not set; allowed: all or none",
    ),
    "vSwitches that are none": (
        "        # vpcConfig: {vpcId: vpc-..., vswitchIds: [vsw-...], securityGroupId: sg-...}\n",
        "        vpcConfig: {vpcId: vpc-a, vswitchIds: [vsw-a, b], securityGroupId: sg-a}\n",
        "VSWITCH_IDS: found 'vsw-a,b'",
    ),
    "a region without tasks": ("region: cn-hangzhou", "region: cn-huhehaote", "ASYNC_TASK: found"),
}


def test_manifest_for_fc2_passes_as_it_stands() -> None:
    """Nothing is wrong with the values that are in it."""
    assert [] == of_fc2()


@pytest.mark.parametrize("name", EDITS)
def test_bad_edit_is_refused(tmp_path: Path, name: str) -> None:
    """The values of FC 2.0 are edited in the manifest: they are read there."""
    found, edited, said = EDITS[name]
    text = FC2.read_text(encoding="utf-8")
    assert found in text
    copy = tmp_path / "s.yaml"
    copy.write_text(text.replace(found, edited, 1), encoding="utf-8")
    (problem,) = of_fc2(copy)
    assert problem.startswith(said)


# --- the command ------------------------------------------------------------------------------


def check(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run it as `make check-settings` does."""
    return forked.run("deploy.check", *arguments, env={"PATH": os.environ["PATH"], **environ})


def test_command_stops_a_deployment() -> None:
    """Status 2 and one line for each problem; 0 and silence when there is none."""
    bad = check(VSWITCH_RESERVE="some", TARGET_RULE="[]")
    assert 2 == bad.returncode
    assert ["TARGET_RULE", "VSWITCH_RESERVE"] == re.findall(r"^(\w+):", bad.stderr, re.MULTILINE)
    good = check(), check("--manifest", "deploy/fc2/s.yaml")
    assert [(0, "", "")] * 2 == [(each.returncode, each.stdout, each.stderr) for each in good]


@pytest.mark.usefixtures("serverless_devs")
def test_serverless_devs_deploys_nothing_after_a_refusal() -> None:
    """`pre-deploy` fails, and so does `s deploy`, before its component is given anything."""
    command = f"cd {ROOT} && {sys.executable} -m deploy.check"
    with pytest.raises(subprocess.CalledProcessError) as raised:
        tool.deploy(FC3, {"VSWITCH_RESERV": "3", "CHECK_WITH": command})
    assert "VSWITCH_RESERVE is meant?" in raised.value.stdout + raised.value.stderr
    assert "PROPS " not in raised.value.stdout
