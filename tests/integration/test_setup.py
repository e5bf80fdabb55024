"""`python -m console setup`: what it makes, leaves alone, mends, and says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from console.manual import BadRequest
from console.setup.access import Refused
from console.setup.applying import applied, compared
from console.setup.desired import DEPLOY, Kind, Names, desired
from localcloud.world import DEFAULT_KEY
from tests.account.hooks import GROUP
from tests.account.rpc import ACCOUNT
from tests.account.running import setup
from tests.account.server import REGION, Account, Fault
from tests.logs.documents import ALERTS, SAVED

if TYPE_CHECKING:
    from pathlib import Path

    from console.setup.services import Services

PROJECT = f"secondary-ips-{ACCOUNT}"
# Project, logstore, index, dashboard, topic, queue, role, policy and attachment, and the logs' own.
EVERYTHING = 9 + len(SAVED) + len(ALERTS)


def test_first_run_makes_everything_and_the_second_nothing(tmp_path: Path) -> None:
    """All of it is created once, in the project of the account; then every read finds it."""
    with Account() as account:
        first = setup(tmp_path, account, "--json")
        written = list(account.writes)
        second = setup(tmp_path, account, "--json")
        project = account.logs.projects[PROJECT]
    assert (0, {"create": EVERYTHING}) == (first.status, first.changes)
    assert (0, {"exists": EVERYTHING}) == (second.status, second.changes)
    assert written == account.writes
    views = {"savedsearches": len(SAVED), "alerts": len(ALERTS)}
    counts = {"dashboards": 1, "logstores": 1} | views
    assert counts == {name: len(project[name]) for name in counts}
    assert {("secondary-ips", "secondary-ips")} == account.rpc.attached
    assert ["secondary-ips-hooks"] == list(account.rpc.topics)
    assert "604800" == account.rpc.queues["secondary-ips-failures"]["MessageRetentionPeriod"]


def test_role_gets_the_networks_policy_only_where_a_vpc_is_named(tmp_path: Path) -> None:
    """A function in a VPC needs ENIs of its own; another one is not given the right to make any."""
    network = {("secondary-ips", "AliyunECSNetworkInterfaceManagementAccess")}
    with Account() as account:
        outside = setup(tmp_path, account, "--json")
        without = set(account.rpc.attached_of_system)
        inside = setup(tmp_path, account, "--json", "--vpc", "vpc-bp1fleet")
        again = setup(tmp_path, account, "--json", "--vpc", "vpc-bp1fleet")
    assert (EVERYTHING, set()) == (outside.changes["create"], without)
    assert {"create": 1, "exists": EVERYTHING} == inside.changes
    assert {"exists": EVERYTHING + 1} == again.changes
    assert network == account.rpc.attached_of_system


def test_dry_run_shows_and_writes_nothing(tmp_path: Path) -> None:
    """`--dry-run` reads, and says what it would do."""
    with Account() as account:
        shown = setup(tmp_path, account, "--dry-run")
    assert (0, []) == (shown.status, account.writes)
    assert EVERYTHING == shown.output.count("would create")
    assert f"{EVERYTHING} to create, 0 to update, nothing was changed" in shown.output


def test_drift_is_shown_and_mended(tmp_path: Path) -> None:
    """What somebody changed is shown with both values and put back; what they added stays."""
    with Account() as account:
        setup(tmp_path, account)
        project = account.logs.projects[PROJECT]
        keys = project["logstores"]["secondary-ips"]["index"]["keys"]
        keys["message"]["json_keys"]["target"]["type"] = "text"
        keys["functionName"] = {"type": "text", "token": [","]}
        del project["savedsearches"]["secondary-ips-short"]
        project["alerts"]["secondary-ips-failed"]["configuration"]["severityConfigurations"] = []
        account.rpc.policies["secondary-ips"] = ['{"Version": "1", "Statement": []}']
        shown = setup(tmp_path, account, "--dry-run", "--json")
        mended = setup(tmp_path, account, "--json")
        again = setup(tmp_path, account, "--json")
    assert {"create": 1, "update": 3, "exists": EVERYTHING - 4} == shown.changes == mended.changes
    assert [] == [line["error"] for line in mended.lines if line["error"]]
    assert {"exists": EVERYTHING} == again.changes
    (index,) = [line for line in shown.lines if line["kind"] == "SLS index"]
    assert ['keys.message.json_keys.target.type: "text" -> "long"'] == index["differences"]
    kept = project["logstores"]["secondary-ips"]["index"]["keys"]
    assert ("text", "long") == (
        kept["functionName"]["type"],
        kept["message"]["json_keys"]["target"]["type"],
    )


def added(account: Account) -> list[Any]:
    """Things that only others would add: to an alert, a dashboard, a role and its policy."""
    project, rpc = account.logs.projects[PROJECT], account.rpc
    notify: dict[str, str] = project["alerts"]["secondary-ips-failed"]["configuration"][
        "policyConfiguration"
    ]
    notify["actionPolicyId"] = "on-call"
    project["dashboards"]["secondary-ips"]["charts"].append({"title": "ours", "type": "table"})
    partner = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"RAM": "acs:ram::1:root"},
    }
    role = rpc.roles["secondary-ips"]
    trust = json.loads(role["AssumeRolePolicyDocument"])
    trust["Statement"].append(partner)
    role["AssumeRolePolicyDocument"] = json.dumps(trust)
    deny = {"Effect": "Deny", "Action": "ecs:*", "Resource": "acs:ecs:*:*:eni/eni-precious"}
    policy = json.loads(rpc.policies["secondary-ips"][-1])
    policy["Statement"].append(deny)
    rpc.policies["secondary-ips"] = [json.dumps(policy)]
    return found(account)


def found(account: Account) -> list[Any]:
    """What is there of what `added` adds."""
    project, rpc = account.logs.projects[PROJECT], account.rpc
    alert = project["alerts"]["secondary-ips-failed"]["configuration"]
    documents = (
        rpc.roles["secondary-ips"]["AssumeRolePolicyDocument"],
        rpc.policies["secondary-ips"][-1],
    )
    return [
        alert["policyConfiguration"]["actionPolicyId"],
        [it for it in project["dashboards"]["secondary-ips"]["charts"] if it["title"] == "ours"],
        *([it for it in json.loads(text)["Statement"] if of_others(it)] for text in documents),
    ]


def of_others(statement: dict[str, Any]) -> bool:
    """Whether a statement is none of ours."""
    return statement["Effect"] == "Deny" or "RAM" in statement.get("Principal", {})


def test_what_others_added_stays(tmp_path: Path) -> None:
    """Whoever is paged, charts, trusted accounts and denials: no run takes them away."""
    with Account() as account:
        setup(tmp_path, account, "--action-policy", "night-shift")
        expected = added(account)
        left = setup(tmp_path, account, "--json")
        assert {"exists": EVERYTHING} == left.changes
        project, rpc = account.logs.projects[PROJECT], account.rpc
        project["alerts"]["secondary-ips-failed"]["displayName"] = "Alert 1"
        del project["dashboards"]["secondary-ips"]["charts"][0]
        role = rpc.roles["secondary-ips"]
        trust = json.loads(role["AssumeRolePolicyDocument"])
        del trust["Statement"][0]
        role["AssumeRolePolicyDocument"] = json.dumps(trust)
        policy = json.loads(rpc.policies["secondary-ips"][-1])
        policy["Statement"][0]["Action"].pop()
        rpc.policies["secondary-ips"] = [json.dumps(policy)]
        mended = setup(tmp_path, account, "--json")
        again = setup(tmp_path, account, "--json")
    assert {"update": 4, "exists": EVERYTHING - 4} == mended.changes
    assert {"exists": EVERYTHING} == again.changes
    assert expected == found(account)
    assert ["on-call", 1, 1, 1] == [expected[0], *map(len, expected[1:])]


def test_policy_serves_every_region_and_function(tmp_path: Path) -> None:
    """RAM is one for all regions: what another run allowed stays allowed."""
    with Account() as account:
        setup(tmp_path, account, "--project", "logs-hz", "--function", "ips-blue")
        more = ("--project", "logs-bj", "--function", "ips-green", "--queue", "failures-bj")
        shown = setup(tmp_path, account, *more, "--dry-run", "--json")
        setup(tmp_path, account, *more)
        (policy,) = account.rpc.policies.values()
    for part in ("logs-hz", "logs-bj", "ips-blue", "ips-green", "secondary-ips-failures/", "-bj/"):
        assert part in policy[-1], part
    (line,) = [line for line in shown.lines if line["kind"] == "RAM policy"]
    assert [True] * 3 == [it.startswith("document.Statement: + {") for it in line["differences"]]


def test_policy_of_setup_names_what_it_calls(tmp_path: Path) -> None:
    """Whoever has deploy/ram/setup-policy.json may make everything and mend everything."""
    with Account() as account:
        setup(tmp_path, account, "--scaling-group", GROUP)
        project, rpc = account.logs.projects[PROJECT], account.rpc
        project["logstores"]["secondary-ips"]["index"]["keys"].clear()
        for views in ("savedsearches", "dashboards", "alerts"):
            next(iter(project[views].values()))["displayName"] = "another"
        rpc.queues["secondary-ips-failures"]["MessageRetentionPeriod"] = "60"
        rpc.roles["secondary-ips"]["AssumeRolePolicyDocument"] = '{"Statement": []}'
        rpc.policies["secondary-ips"] = ['{"Statement": []}']
        also = ("--scaling-group", GROUP, "--via", "eventbridge")
        mended = setup(tmp_path, account, "--retention-days", "90", "--json", *also)
    assert {"update": 9, "exists": EVERYTHING - 8} == mended.changes
    document = json.loads((DEPLOY / "ram/setup-policy.json").read_text(encoding="utf-8"))
    actions = [each["Action"] for each in document["Statement"]]
    named = [it for each in actions for it in ([each] if isinstance(each, str) else each)]
    # Everybody may ask who they are: the page of GetCallerIdentity has no authorization. A call
    # about an alert rule is authorised as one about a job, too.
    called = account.actions - {"sts:GetCallerIdentity"}
    jobs = {each.replace("Alert", "Job") for each in called if each.endswith("Alert")}
    assert sorted(called | jobs) == sorted(named)


def test_retention_is_changed_only_when_asked(tmp_path: Path) -> None:
    """A logstore keeps what somebody set, until `--retention-days` says otherwise."""
    with Account() as account:
        setup(tmp_path, account)
        store = account.logs.projects[PROJECT]["logstores"]["secondary-ips"]
        store["ttl"] = 7
        left = setup(tmp_path, account, "--json")
        changed = setup(tmp_path, account, "--json", "--retention-days", "90")
    assert ({"exists": EVERYTHING}, 1) == (left.changes, changed.changes["update"])
    assert ["ttl: 7 -> 90"] == changed.lines[1]["differences"]
    assert (90, 2) == (store["ttl"], store["shardCount"])


def test_partial_failure_is_reported_and_the_next_run_finishes(tmp_path: Path) -> None:
    """What fails is named, what needs it is not tried, the rest is made; a rerun makes the rest."""
    refused = Fault("CreateLogStore", 403, "Unauthorized")
    with Account([refused, Fault("CreateQueue", 500, "InternalError")]) as account:
        first = setup(tmp_path, account, "--json")
        second = setup(tmp_path, account, "--json")
        third = setup(tmp_path, account, "--json")
    errors = {line["kind"]: line["error"] for line in first.lines if line["error"]}
    assert (1, 0, 0) == (first.status, second.status, third.status)
    assert "Unauthorized: fault for CreateLogStore" == errors["SLS logstore"]
    assert "fault for CreateQueue" in errors["MNS queue"]
    assert "not tried: the SLS logstore is not there" == errors["SLS index"]
    assert "not tried: the SLS index is not there" == errors["SLS dashboard"]
    failed = sum(line["error"] is not None for line in first.lines)
    assert EVERYTHING - 5 == failed
    assert {"create": failed, "exists": EVERYTHING - failed} == second.changes
    assert {"exists": EVERYTHING} == third.changes


def test_wrong_key_changes_nothing(tmp_path: Path) -> None:
    """A refused signature ends the command with what to give instead."""
    with Account([Fault("GetCallerIdentity", 403, "SignatureDoesNotMatch")]) as account:
        ran = setup(tmp_path, account)
    assert (1, []) == (ran.status, account.writes)
    assert "--project: not given, and the account's id could not be read: Sign" in ran.errors
    assert DEFAULT_KEY.secret not in ran.errors + ran.output


@pytest.mark.parametrize("arguments", [["--dry-run"], ["--offline"]])
def test_plan_is_shown_without_an_account(tmp_path: Path, arguments: list[str]) -> None:
    """From a clean clone, without credentials, the plan is everything."""
    ran = setup(tmp_path, None, *arguments)
    assert (0, EVERYTHING) == (ran.status, ran.output.count("would create"))
    assert "nothing was read, so everything is shown as missing" in ran.errors
    assert "Traceback" not in ran.errors


def test_without_credentials_nothing_is_tried(tmp_path: Path) -> None:
    """No dry run, no credentials: refused."""
    ran = setup(tmp_path, None)
    assert (2, "") == (ran.status, ran.output)
    assert "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET" in ran.errors
    assert "or add --dry-run to see what would be made" in ran.errors
    assert [] == ran.errors.split(". ")[1:]  # one sentence


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    """In words, before any call."""
    wrong = ["--region", "X", "--role", "acs:x", "--topic", "a.b", "--scaling-group", "g"]
    with Account() as account:
        ran = setup(tmp_path, account, *wrong)
    assert (2, []) == (ran.status, account.writes)
    problems = dict(line.split(": ", 2)[1:] for line in ran.errors.splitlines())
    assert {"--region", "--role", "--topic", "--scaling-group"} == {*problems}
    assert "found 'a.b'; allowed: 1 to 120 letters, digits and hyphens" == problems["--topic"]


def test_role_may_be_an_arn(tmp_path: Path) -> None:
    """As `s.yaml` takes it: the role is made, and its policy attached, under its name."""
    with Account() as account:
        ran = setup(tmp_path, account, ROLE=f"acs:ram::{ACCOUNT}:role/ips-staging")
    assert (0, ["ips-staging"]) == (ran.status, list(account.rpc.roles))
    assert {("ips-staging", "secondary-ips")} == account.rpc.attached


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        (
            "acs:ram::1:role/ips",
            f"--role: found a role of account 1; allowed: a role of account {ACCOUNT},",
        ),
        (
            f"acs:ram::{ACCOUNT}:user/ips",
            f"--role: found 'acs:ram::{ACCOUNT}:user/ips'; allowed: a name, or acs:ram::",
        ),
    ],
    ids=["of another account", "of no role"],
)
def test_arn_that_is_no_role_of_the_account_is_refused(tmp_path: Path, arn: str, said: str) -> None:
    """With what was found and what is allowed; nothing is changed."""
    with Account() as account:
        ran = setup(tmp_path, account, "--role", arn, "--project", "logs")
    assert (2, []) == (ran.status, account.writes)
    assert said in ran.errors


# --- the pure parts ---------------------------------------------------------------------------


def named(**names: Any) -> Names:
    """Names with a project."""
    return Names(**{"region": REGION, "project": "fleet-logs"} | names)


def test_names_reach_every_document() -> None:
    """No document keeps an example's project, logstore, region or queue."""
    names = named(
        region="cn-beijing",
        logstore="enis",
        queue="dead",
        action_policy="on-call",
        function="ips-staging",
    )
    text = json.dumps([each.body | each.first for each in desired(names)])
    assert "cn-hangzhou" not in text
    assert "project/fleet-logs/logstore/enis" in text
    assert "/queues/dead/messages" in text
    assert "functions/secondary-ips" not in text
    assert 3 == text.count(":functions/ips-staging") + text.count("/*/functions/ips-staging")
    wanted = json.dumps([each.body for each in desired(names)])
    assert len(ALERTS) == wanted.count('"actionPolicyId": "on-call"')
    stores = {each.body["logstore"] for each in desired(names) if each.kind is Kind.SAVED_SEARCH}
    assert {"enis"} == stores


@pytest.mark.parametrize(
    ("names", "option"),
    [
        ({"project": "Fleet"}, "--project"),
        ({"region": "hangzhou"}, "--region"),
        ({"queue": "a b"}, "--queue"),
        ({"function": "ips.staging"}, "--function"),
    ],
)
def test_bad_name_is_refused(names: dict[str, str], option: str) -> None:
    """The error names the option, what was found and what is allowed."""
    with pytest.raises(BadRequest, match=f"{option}: found .*; allowed: "):
        named(**names)


class Shy:
    """Services that do not know a new project at first."""

    def __init__(self, refusals: int) -> None:
        self.left = refusals

    def read(self, _kind: Kind, _name: str) -> None:
        """Nothing is there."""

    def create(self, kind: Kind, _name: str, _body: dict[str, Any]) -> None:
        """What belongs to the project is refused a few times."""
        if kind is not Kind.PROJECT and self.left:
            self.left -= 1
            raise Refused("ProjectNotExist", "not yet")


@pytest.mark.parametrize(("refusals", "failed", "pauses"), [(3, 0, 3), (99, 1, 20)])
def test_new_project_is_waited_for(refusals: int, failed: int, pauses: int) -> None:
    """What belongs to a new project is tried again, for a minute."""
    shy: Services = Shy(refusals)  # type: ignore[assignment]
    slept: list[float] = []
    wanted = [each for each in desired(named()) if each.kind in {Kind.PROJECT, Kind.LOGSTORE}]
    done = list(applied([compared(each, shy) for each in wanted], shy, slept.append))
    assert (failed, [3.0] * pauses) == (sum(each.error is not None for each in done), slept)
