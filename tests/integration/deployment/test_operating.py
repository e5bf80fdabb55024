"""docs/operating.md: the commands of a night are run, and each way to stop does what it says."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from alibabacloud_tea_openapi.utils import Utils
from alibabacloud_tea_util.models import RuntimeOptions

from handler.core.model import Reason
from localcloud.catalog import ACTIONS
from localcloud.products import ESS
from localcloud.sdk import call
from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY
from tests.account.hooks import SCALING
from tests.account.running import setup
from tests.account.server import REGION, Account
from tests.integration.command.driving import ROOT, SETTINGS, finish, start
from tests.integration.deployment.test_documented import OPERATING, commands, options
from tests.stage import Stage
from tests.unit.test_docs import section, table
from tests.worlds import GROUP, HOOK_ID, eni, hook_event, instance, running_event, world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NIGHT, STOP = section(OPERATING, "The first two minutes"), section(OPERATING, "How to stop it")
SHOWN = [*commands(NIGHT), *commands(STOP)]
QUEUE = "secondary-ips-failures"
LAST = re.compile(r"Of the commands in this section .+? The others are run", re.DOTALL)


def of(*beginning: str) -> list[list[str]]:
    """The commands that begin so, each once."""
    found = [words for _, words in SHOWN if words[: len(beginning)] == list(beginning)]
    return [list(each) for each in dict.fromkeys(map(tuple, found))]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """The group and the hook of the page; a launch whose event has failed."""
    function = {
        "name": "secondary-ips",
        "code": str(ROOT),
        "handler": "index.handler",
        "initializer": "index.initialize",
        "runtime": "python3.12",
        "timeout": 30,
        "grace": 60,
        "env": SETTINGS,
    }
    failed = {"requestContext": {}, "requestPayload": json.dumps(running_event("i-a"))}
    with LocalCloud(
        world(instance("a"), instance("b"), functions=[function], queues={QUEUE: [failed]})
    ) as running:
        yield running


def test_every_command_is_run_or_said_not_to_be() -> None:
    """What no test here runs is named at the end, and nothing else is."""
    run = {"secondary-ips plan", "secondary-ips redeliver", "secondary-ips backfill"}
    run |= {"secondary-ips setup", "aliyun ess", "s deploy"}
    kinds = {" ".join(words[:2]) for _, words in SHOWN}
    (said,) = LAST.findall(STOP)
    named = set(re.findall(r"`([^`]+)`", said.partition(" were ")[0]))
    assert kinds - run == named
    assert run <= kinds


@pytest.mark.parametrize("words", of("secondary-ips"), ids=" ".join)
def test_commands_of_the_operator_run(cloud: LocalCloud, words: list[str], tmp_path: Path) -> None:
    """Against the local cloud; `setup` against an account."""
    if words[1] == "setup":
        with Account() as account:
            assert 0 == setup(tmp_path, account, *words[2:]).status
            assert [GROUP] == [hook["ScalingGroupId"] for hook in account.rpc.hooks.values()]
        return
    more = ["--yes"] if words[1] == "backfill" else []
    done = finish(start(cloud, *words[1:], *more, QUEUE_ENDPOINT=cloud.url))
    assert 0 == done.status, done.err
    assert done.out


def asked(words: list[str], cloud: LocalCloud, account: Account) -> dict[str, Any]:
    """What a call of `aliyun ess` is answered, by whichever of the two knows the action."""
    action, given = words[2], options(words[3:])
    if action in ACTIONS:
        return call(cloud, action, given, product=ESS)
    params = Params(
        action=action,
        version=SCALING,
        protocol="HTTP",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    config = Config(
        access_key_id=DEFAULT_KEY.id,
        access_key_secret=DEFAULT_KEY.secret,
        endpoint="ess.aliyuncs.com",
        protocol="HTTP",
        region_id=REGION,
    )
    request, through = OpenApiRequest(query=Utils.query(given)), RuntimeOptions()
    through.http_proxy = account.url
    answer: dict[str, Any] = Client(config).call_api(params, request, through)["body"]
    return answer


def test_calls_of_auto_scaling_do_what_is_said() -> None:
    """The hook is found by its group, switched off, completed for who waits, and deleted."""
    calls = {words[2]: words for words in of("aliyun", "ess")}
    with LocalCloud(world(instance("a"))) as cloud, Account() as account:
        account.rpc.hooks = {HOOK_ID: {"LifecycleHookId": HOOK_ID, "ScalingGroupId": GROUP}}
        answers = {name: asked(words, cloud, account) for name, words in calls.items()}
        (action,) = cloud.state()["lifecycle_actions"]
        assert {} == account.rpc.hooks
        assert ["ModifyLifecycleHook", "DeleteLifecycleHook"] == account.calls
    (hook,) = answers["DescribeLifecycleHooks"]["LifecycleHooks"]
    (waiting,) = answers["DescribeLifecycleActions"]["LifecycleActions"]
    completed = options(calls["CompleteLifecycleAction"][3:])
    assert (hook["LifecycleHookId"], waiting["LifecycleActionToken"]) == (
        completed["LifecycleHookId"],
        completed["LifecycleActionToken"],
    )
    assert "InActive" == options(calls["ModifyLifecycleHook"][3:])["LifecycleHookStatus"]
    assert "CONTINUE" == action["result"]


# Of each deployment that stops it, the settings; with an alias, they are the same.
ALIAS = {"QUALIFIER": "live"}
STOPS = [
    given
    for given, words in commands(STOP)
    if words[:2] == ["s", "deploy"] and given and not given.items() >= ALIAS.items()
]
REASONS = {
    "ALLOWED_VSWITCHES": Reason.VSWITCH_NOT_ALLOWED,
    "EXCLUDED_TAGS": Reason.EXCLUDED,
}


@pytest.mark.parametrize("given", STOPS, ids=lambda given: next(iter(given)))
def test_stopped_function_writes_nothing_and_completes_hooks(given: dict[str, str]) -> None:
    """With an ENI's own tag, too; the launch goes on at once, and the reason is the one said."""
    tagged = instance("a", eni("eni-a", tags={"secondary-ips": "4"}))
    with Stage(world(tagged), {"TARGET_SECONDARY_IPS": "2"} | given) as stage:
        done = stage.deliver(hook_event("i-a"))
        assert [] == stage.cloud.calls("AssignPrivateIpAddresses")
    (variable,) = given
    assert {"eni-a": ("skipped", REASONS[variable])} == done.ends
    assert ("CONTINUE", True) == (
        done.result["lifecycle"]["result"],
        done.result["lifecycle"]["completed"],
    )
    assert f"`{REASONS[variable].value}`" in STOP


def test_all_stops_are_known() -> None:
    """Each deployment of the page has its reason here."""
    assert set(REASONS) == {name for given in STOPS for name in given}


def test_alias_is_published_after_a_deployment_that_stops() -> None:
    """Which alone changes LATEST: a version is published, and the alias that triggers invoke."""
    shown = list(commands(STOP))
    (place,) = [number for number, (given, _) in enumerate(shown) if given.items() >= ALIAS.items()]
    assert shown[place][0] in [ALIAS | given for given in STOPS]
    version, alias = (words for _, words in shown[place + 1 : place + 3])
    assert ["s", "version", "publish"] == version[:3]
    assert ["s", "alias", "publish", "--alias-name", ALIAS["QUALIFIER"]] == alias[:5]


@pytest.mark.parametrize("given", STOPS, ids=lambda given: next(iter(given)))
def test_request_that_names_an_eni_is_stopped_as_said(given: dict[str, str]) -> None:
    """By the vSwitch always; of a group that is excluded, what is named is meant."""
    request = {"backfill": {"network_interface_ids": ["eni-a"]}}
    with Stage(world(instance("a")), {"TARGET_SECONDARY_IPS": "2"} | given) as stage:
        outcome, _ = stage.deliver(request).ends["eni-a"]
    assert ("assigned" if "EXCLUDED_TAGS" in given else "skipped") == outcome


@pytest.mark.parametrize("given", [{"DRY_RUN": "true"}, {"ALLOWED_SCALING_GROUPS": "asg-other"}])
def test_what_is_no_way_to_stop_leaves_hooks_waiting(given: dict[str, str]) -> None:
    """The page warns of both: nobody completes the hook."""
    assert next(iter(given)) in STOP
    with Stage(world(instance("a")), {"TARGET_SECONDARY_IPS": "2"} | given) as stage:
        done = stage.deliver(hook_event("i-a"))
        assert [] == stage.cloud.calls("CompleteLifecycleAction")
    assert not done.result["lifecycle"]["completed"]


def test_alerts_say_what_the_page_shows() -> None:
    """Title and text of every rule; the text ends with the section of the runbook."""
    rules = json.loads((ROOT / "deploy/sls/alerts.json").read_text(encoding="utf-8"))
    annotations = [
        {it["key"]: it["value"] for it in rule["configuration"]["annotations"]} for rule in rules
    ]
    found = [(it["title"], it["desc"].partition(" Runbook: ")[0]) for it in annotations]
    assert found == table(
        NIGHT, "title", "text, with what the query found in the place of `${...}`"
    )


def test_charts_that_are_named_are_on_the_dashboard() -> None:
    """Whoever clicks finds them."""
    dashboard = json.loads((ROOT / "deploy/sls/dashboard.json").read_text(encoding="utf-8"))
    titles = {chart["display"]["displayName"] for chart in dashboard["charts"]}
    named = {" ".join(each.split()) for each in re.findall(r"\*\*([^*]+)\*\*", NIGHT)}
    assert {"Scaling Activities"} == named - titles
    assert 3 == len(named & titles)
