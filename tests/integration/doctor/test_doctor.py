"""`python -m console doctor` over HTTP: whole accounts, permissions that are missing, `--local`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from console.doctor.command import version_of
from console.doctor.finding import ROWS, Level, Row
from console.doctor.local import ACCOUNT, NAMES, PLANTED, healthy
from console.setup.desired import DEPLOY
from localcloud.world import DEFAULT_KEY
from tests.integration.deployment.manifests import ROOT, fc2, fc3
from tests.integration.doctor.faults import TOGETHER
from tests.integration.doctor.looking import VERSION, Json, doctor, looked

if TYPE_CHECKING:
    from pathlib import Path

# A call about an alert rule is authorised as one about a job, too; who one is, everybody may ask.
JOB, WHO = "log:GetJob", "sts:GetCallerIdentity"
# Fields of the manifest that are not of GetFunction.
OF_THE_TOOL = ("region", "code", "concurrencyConfig", "asyncInvokeConfig", "triggers")
READS = [(row, action) for row, (_, actions) in ROWS.items() for action in actions if action != JOB]


def test_healthy_account_is_all_ok(tmp_path: Path) -> None:
    """Every row is there, each is ok, and the status is 0."""
    ran = doctor(tmp_path, healthy(VERSION), "--json")
    assert (0, "") == (ran.status, ran.err)
    assert {"ok"} == {line["level"] for line in ran.lines}
    assert [row.value for row in Row] == list(dict.fromkeys(line["row"] for line in ran.lines))
    assert {None} == {line["advice"] for line in ran.lines}
    fields = {"row", "subject", "level", "found", "advice"}
    assert [fields] * len(ran.lines) == [set(line) for line in ran.lines]


def test_many_faults_are_found_in_one_run(tmp_path: Path) -> None:
    """More than twenty at once: each is said with its mend, and the status is 1."""
    document = healthy(VERSION)
    for fault in TOGETHER:
        fault.plant(document)
    ran = doctor(tmp_path, document, "--json")
    said = [
        (line["row"], line["level"], f"{line['subject'] or ''}: {line['found']}", line["advice"])
        for line in ran.lines
    ]
    unfound = [
        fault.name
        for fault in TOGETHER
        if not any(
            row == fault.row.value
            and level == fault.level.value
            and fault.says in found
            and fault.mends in (advice or "")
            for row, level, found, advice in said
        )
    ]
    assert (1, []) == (ran.status, unfound)
    assert len(TOGETHER) > 20


def test_permissions_that_are_missing_stop_nothing(tmp_path: Path) -> None:
    """The rows that were not read say so and name the permission; the others are as ever: 3."""
    refused = ["ram:GetPolicy", "log:GetAlert", "ess:DescribeLifecycleHooks", "fc:ListTriggers"]
    ran = doctor(tmp_path, healthy(VERSION) | {"refused": refused}, "--json")
    unread = [line for line in ran.lines if line["level"] == "unread"]
    assert (3, "") == (ran.status, ran.err)
    rows = {"policy", "alert", "lifecycle hook", "trigger", "asynchronous"}
    assert rows == {line["row"] for line in unread}
    assert {f"allow {action}: deploy/ram/doctor-policy.json" for action in refused} == {
        line["advice"] for line in unread
    }
    assert {"ok", "unread"} == {line["level"] for line in ran.lines}


@pytest.mark.parametrize(("row", "action"), READS, ids=str)
def test_every_row_says_which_permission_it_lacks(row: Row, action: str) -> None:
    """Refused any of the actions that the table gives a row, the row is unread and names it."""
    found = looked(healthy(VERSION) | {"refused": [action]})
    said = {each.advice for each in found if each.row is row and each.level is Level.UNREAD}
    assert {f"allow {action}: deploy/ram/doctor-policy.json"} == said
    assert not {each for each in found if each.level in {Level.FAILURE, Level.WARNING}}


def test_policy_of_the_doctor_is_what_it_calls(tmp_path: Path) -> None:
    """deploy/ram/doctor-policy.json and the table of rows name every action; none writes."""
    ran = doctor(tmp_path, healthy(VERSION))
    called = set(ran.actions) - {WHO}
    statements = json.loads((DEPLOY / "ram/doctor-policy.json").read_text("utf-8"))["Statement"]
    actions = [each["Action"] for each in statements]
    named = [it for each in actions for it in ([each] if isinstance(each, str) else each)]
    assert called | {JOB} == set(named)
    assert called | {JOB} == {action for _, needed in ROWS.values() for action in needed}
    assert all(it.partition(":")[2].startswith(("Get", "List", "Describe")) for it in ran.actions)


def test_table_fits_a_terminal(tmp_path: Path) -> None:
    """Of 80 columns: no line is longer, what mends stands below, and the sum is the last line."""
    document = healthy(VERSION)
    for fault in TOGETHER:
        fault.plant(document)
    ran = doctor(tmp_path, document)
    lines = ran.out.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert any(line.strip().startswith("-> ") for line in lines)
    assert " to mend, " in lines[-1]


def test_local_account_shows_three_faults(tmp_path: Path) -> None:
    """Without an account, whatever proxy is set: three rows are wrong, and it is said which."""
    ran = doctor(tmp_path, None, "--local", "--json", HTTP_PROXY="http://127.0.0.1:1")
    amiss = [(line["row"], line["level"]) for line in ran.lines if line["level"] != "ok"]
    expected = [("trigger", "failure"), ("failed events", "warning"), ("lifecycle hook", "failure")]
    assert (1, expected) == (ran.status, amiss)
    assert "a made-up account with three things wrong" in ran.err
    assert 3 == len(PLANTED)


@pytest.mark.parametrize(
    ("arguments", "more", "said"),
    [
        ([], {}, "no credentials in variables, "),
        (["--local", "--region", "cn-beijing"], {}, "--region: found 'cn-beijing'; allowed with"),
        (["--queue", "a b"], {}, "--queue: found 'a b'; allowed: "),
        (["--local", "--verify"], {}, "--eni-id: not given; allowed with --verify: "),
        (["--eni-id", "eni-1"], {}, "--eni-id: found eni-1; allowed only with --verify"),
    ],
    ids=["no credentials", "another region", "bad name", "nothing to try", "no trial"],
)
def test_bad_request_looks_at_nothing(
    tmp_path: Path, arguments: list[str], more: dict[str, str], said: str
) -> None:
    """Status 2, what was found and what is allowed; nothing on standard output."""
    ran = doctor(tmp_path, None, *arguments, **more)
    assert (2, "") == (ran.status, ran.out)
    assert said in ran.err
    assert "a made-up account" not in ran.err.partition("error:")[0]  # nothing was started
    assert "Traceback" not in ran.err


def test_wrong_key_ends_it_and_is_not_repeated(tmp_path: Path) -> None:
    """Refused credentials are status 1; neither key nor signature stands in what is said."""
    wrong = "not-" + DEFAULT_KEY.secret
    ran = doctor(tmp_path, healthy(VERSION), ALIBABA_CLOUD_ACCESS_KEY_SECRET=wrong)
    assert (1, "") == (ran.status, ran.out)
    assert "the account's id could not be read: SignatureDoesNotMatch" in ran.err
    assert wrong not in ran.err


def test_other_names_are_looked_for_and_advised(tmp_path: Path) -> None:
    """What is called otherwise is looked for by that name, and so says the advice."""
    ran = doctor(
        tmp_path, healthy(VERSION), "--json", "--topic", "hooks-blue", FUNCTION_NAME="ips-blue"
    )
    (function,) = [line for line in ran.lines if line["row"] == "function"]
    (topic,) = [line for line in ran.lines if line["row"] == "topic"]
    assert ("ips-blue", "failure") == (function["subject"], function["level"])
    assert function["advice"].startswith(
        "ALIBABA_CLOUD_REGION_ID=cn-hangzhou FUNCTION_NAME=ips-blue s deploy -y, with"
    )
    setup = "secondary-ips setup --region cn-hangzhou --topic hooks-blue --function ips-blue"
    assert ("hooks-blue", setup) == (topic["subject"], topic["advice"])


# --- what the manifest deploys --------------------------------------------------------------------


def deployed(**environ: str) -> Json:
    """A healthy account in which the function is what `s.yaml` deploys, as its API shows that."""
    document, props = healthy(VERSION), fc3(**environ)
    triggers = [
        each | {"triggerConfig": json.dumps(each["triggerConfig"])} for each in props["triggers"]
    ]
    config = {name: it for name, it in props["asyncInvokeConfig"].items() if name != "qualifier"}
    qualifier = props["asyncInvokeConfig"]["qualifier"]
    about = props | {"role": f"acs:ram::{ACCOUNT}:role/{props['role']}"}
    row = {name: it for name, it in about.items() if name not in OF_THE_TOOL}
    document["functions"][NAMES.function] |= {
        "function": row,
        "published": {qualifier: row},
        "concurrency": props["concurrencyConfig"],
        "async": {qualifier: config},
        "triggers": triggers,
    }
    return document


@pytest.mark.parametrize(
    ("environ", "amiss"),
    [
        ({"TARGET_SECONDARY_IPS": "8"}, []),
        ({"QUALIFIER": "live", "RUNTIME": "python3.12"}, []),
        ({"DRY_RUN": "true"}, [Row.SETTINGS]),
        ({"HOOK_TOPIC": "others"}, [Row.TRIGGER, Row.HOOK]),
        ({"FAILURE_QUEUE": "others"}, [Row.DESTINATION]),
        ({"TRIGGERS": "hooks"}, [Row.TRIGGER, Row.HOOK]),
        ({"RETRIES": "0", "TIMEOUT_SECONDS": "60"}, [Row.TIMEOUT, Row.DELIVERY]),
    ],
    ids=lambda it: ",".join(it) if isinstance(it, dict) else "",
)
def test_what_the_manifest_deploys_is_in_order(environ: dict[str, str], amiss: list[Row]) -> None:
    """With the defaults nothing is amiss; a variable at odds with what is around it is found."""
    found = looked(deployed(**environ))
    assert amiss == [each.row for each in found if each.level is not Level.OK]


@pytest.mark.parametrize(
    "description", [fc3()["description"], fc2()["function"]["description"]], ids=["fc3", "fc2"]
)
def test_manifest_deploys_the_version_of_the_checkout(description: str) -> None:
    """Its description ends with it: by that the doctor knows what is deployed."""
    assert description.endswith(f"({version_of(ROOT / 'pyproject.toml')})")
