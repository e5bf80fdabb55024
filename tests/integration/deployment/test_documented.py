"""docs/deploying.md and the README's quick start: names, defaults, commands and sums."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from console.main import app
from console.setup import hooks
from deploy.check import ASYNC_TASKS, PYTHON_3_12
from handler.core.model import Request
from handler.events import parse
from tests.integration.deployment import tool
from tests.integration.deployment.checks import problems
from tests.integration.deployment.manifests import ACCOUNT, FC2, FC3, ROOT, fc2, fc3
from tests.integration.deployment.test_manifests import DEPLOYMENT, TRIGGERS
from tests.unit.test_docs import README, blocks, section, table

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (ROOT / "docs/deploying.md").read_text(encoding="utf-8")
OPERATING = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
ACCOUNT_ID = "<account id>"


def commands(text: str) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The commands of a page's shell blocks, each with the variables set for it."""
    for block in blocks(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            given = [word for word in words if re.match(r"[A-Z_]+=", word)]
            yield dict(word.split("=", 1) for word in given), words[len(given) :]


def options(words: list[str]) -> dict[str, str]:
    """The options of a command, `--name value`."""
    return {name[2:]: value for name, value in pairwise(words) if name.startswith("--")}


def deployments(text: str) -> list[dict[str, str]]:
    """The variables of every `s deploy` of a page, for FC 3.0."""
    return [given for given, words in commands(text) if words == ["s", "deploy", "-y"]]


@pytest.mark.parametrize(
    "text", [README, PAGE, OPERATING], ids=["README", "deploying", "operating"]
)
def test_nothing_that_a_pipeline_runs_asks(text: str) -> None:
    """What changes something has the option not to ask: nobody answers in a pipeline."""
    words = [words for _, words in commands(text) if words[0] == "s"]
    changing = [each for each in words if each[1] in {"deploy", "remove"}]
    assert [] == [each for each in changing if "-y" not in each]
    assert changing


def test_variables_are_those_of_the_manifest() -> None:
    """The table has every variable of the deployment, with the default of `s.yaml`."""
    rows = table(PAGE, "variable", "default", "meaning")
    default = r"'[^']*'(?: \+ [\w.]+)?|vars\.\w+"
    calls = dict(re.findall(rf"env\('(\w+)', ({default})\)", FC3.read_text(encoding="utf-8")))
    written = yaml.safe_load(FC3.read_text(encoding="utf-8"))["vars"]
    others = {
        "vars.drift_request": written["drift_request"],
        "'secondary-ips-' + vars.account": f"secondary-ips-{ACCOUNT_ID}",
    }
    defaults = {name: others.get(text, text.strip("'") or "unset") for name, text in calls.items()}
    assert ["ACCESS", *DEPLOYMENT] == [row[0] for row in rows]
    assert {name: defaults[name] for name in ("ACCESS", *DEPLOYMENT)} == {
        row[0]: row[1] for row in rows
    }


def test_triggers_are_those_of_the_manifest() -> None:
    """The table names every trigger with its type."""
    kinds = {"eventbridge": "EventBridge", "mns_topic": "MNS topic", "timer": "timer"}
    rows = table(PAGE, "name", "trigger", "type", "delivers")
    offered = {name: fc3(TRIGGERS=name)["triggers"] for name in TRIGGERS}
    assert list(offered) == [row[0] for row in rows]
    assert [row[1:3] for row in rows] == [
        (each["triggerName"], kinds[each["triggerType"]]) for (each,) in offered.values()
    ]


def test_what_must_exist_is_what_the_manifests_name() -> None:
    """Role, log, topic and queue have the names that are deployed."""
    new, old = fc3(), fc2()
    names = [
        row[1].replace(ACCOUNT_ID, ACCOUNT) for row in table(PAGE, "what", "default name", "why")
    ]
    queue = new["asyncInvokeConfig"]["destinationConfig"]["onFailure"]["destination"].split("/")
    topic = new["triggers"][0]["sourceArn"].rpartition("/")[2]
    log = new["logConfig"]
    assert [new["role"], log["project"], log["logstore"], topic, queue[2]] == names
    assert [f"role/{names[0]}", names[1], names[2]] == [
        old["service"]["role"].rpartition(":")[2],
        old["service"]["logConfig"]["project"],
        old["service"]["logConfig"]["logstore"],
    ]


@pytest.mark.parametrize(
    ("heading", "regions"), [("Which Python", PYTHON_3_12), ("Regions", ASYNC_TASKS)]
)
def test_regions_are_those_that_are_checked(heading: str, regions: frozenset[str]) -> None:
    """The page names the regions by which a deployment is refused, and how many there are."""
    _, _, rest = PAGE.partition(f"# {heading}\n")
    text = rest.partition("\n#")[0]
    assert regions == set(re.findall(r"`((?:ap|cn|eu|us)-[a-z0-9-]+)`", text))
    assert re.search(rf"\b{len(regions)}\b", text)


def test_policies_are_listed() -> None:
    """Each file of deploy/ram has its row."""
    rows = [row[0] for row in table(PAGE, "file", "for whom")]
    assert sorted(f"deploy/ram/{path.name}" for path in (ROOT / "deploy/ram").iterdir()) == sorted(
        rows
    )


def test_role_that_is_created_is_the_one_that_is_deployed() -> None:
    """The commands make the manifest's role and give it a policy of its own name."""
    ram = [options(words) for _, words in commands(PAGE) if words[:2] == ["aliyun", "ram"]]
    ours = [each for each in ram if each.get("PolicyType") != "System"]
    named = {value for each in ours for name, value in each.items() if name.endswith("Name")}
    assert {fc3()["role"]} == named


def test_setup_comes_first_and_reads_the_deployments_variables() -> None:
    """One command before those by hand; the page names every variable that both know, no other."""
    prerequisites = section(PAGE, "What must exist")
    words = [words for _, words in commands(prerequisites)]
    assert ["secondary-ips", "setup"] == words[0][:2]
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    options = group.commands["setup"].params
    read = {str(each.envvar) for each in options if each.envvar}
    helps = " ".join(str(getattr(each, "help", "")) for each in options)
    read |= {name for name in DEPLOYMENT if name in helps}  # where the profile may tell it, too
    (told,) = re.findall(r"reads the variables of the deployment: ([^.]+)\.", prerequisites)
    assert sorted(read & set(DEPLOYMENT)) == sorted(re.findall(r"`([A-Z_]+)`", told))
    given = {name for variables, words in commands(prerequisites) for name in variables}
    assert given <= read


def test_hook_notifies_the_topic_and_is_abandoned_by_default() -> None:
    """The command names the manifest's topic; short instances do not go into service."""
    (hook,) = [options(words) for _, words in commands(PAGE) if words[:2] == ["aliyun", "ess"]]
    topic = fc3()["triggers"][0]["sourceArn"].rpartition("/")[2]
    assert hooks.arn(hook["RegionId"], ACCOUNT, hooks.Via.TOPIC, topic) == hook["NotificationArn"]
    assert ("ABANDON", "SCALE_OUT", "600") == (
        hook["DefaultResult"],
        hook["LifecycleTransition"],
        hook["HeartbeatTimeout"],
    )


def test_forms_of_whom_a_hook_notifies_are_those_of_setup() -> None:
    """One row for each way, with the ARN that is made and a trigger that there is."""
    rows = table(PAGE, "`--via`", "`NotificationArn`", "heard with, in `TRIGGERS`")
    made = [
        (via.value, hooks.arn("<region>", ACCOUNT_ID, via, "secondary-ips-hooks"))
        for via in hooks.Via
    ]
    assert made == [(row[0], row[1]) for row in rows]
    defaults = {row[0]: row[1] for row in table(PAGE, "variable", "default", "meaning")}
    assert {row[2] for row in rows} <= set(defaults["TRIGGERS"].split(","))


@pytest.mark.parametrize(
    "text", [README, PAGE, OPERATING], ids=["README", "deploying", "operating"]
)
def test_deployments_that_are_shown_are_valid(text: str) -> None:
    """Each `s deploy`, with the variables before it, is what the schema allows."""
    shown = deployments(text)
    assert [[]] * len(shown) == [problems("fc3", fc3(**given)) for given in shown] != []


def test_requests_that_are_shown_are_accepted() -> None:
    """What `s invoke -e` sends is a manual request."""
    sent = [words[3] for _, words in commands(PAGE) if words[:3] == ["s", "invoke", "-e"]]
    parsed = [parse(each.encode(), home_region="cn-hangzhou") for each in sent]
    assert [True] == [isinstance(each, Request) for each in parsed]


@pytest.mark.usefixtures("serverless_devs")
@pytest.mark.parametrize(
    "text", [README, PAGE, OPERATING], ids=["README", "deploying", "operating"]
)
def test_deployments_that_are_shown_run(text: str) -> None:
    """Serverless Devs takes them, up to the door of the component."""
    for given in deployments(text):
        assert fc3(**given) == tool.deploy(FC3, given)[0]


@pytest.mark.usefixtures("serverless_devs")
def test_commands_of_the_tool_exist() -> None:
    """`s config` and `s preview` are commands of it; the others are its component's."""
    used = {
        words[1]
        for text in (README, PAGE, OPERATING)
        for _, words in commands(text)
        if words[0] == "s"
    }
    own = {"config", "preview"}
    component = {"deploy", "invoke", "version", "alias", "remove"}
    assert own | component == used
    for name in own:
        assert f"Usage: s {name}" in tool.explained(name)


def test_manifest_for_fc2_is_named_in_its_commands() -> None:
    """Each command for FC 2.0 names the manifest, from the project's folder."""
    named = {words[words.index("-t") + 1] for _, words in commands(PAGE) if "-t" in words}
    assert {str(FC2.relative_to(ROOT))} == named


def test_cost_example_is_what_the_formula_gives() -> None:
    """The sums of the example follow from the formula and the manifest's sizes."""
    props: dict[str, Any] = fc3()
    text = section(PAGE, "What it costs").replace("\n", " ")
    formula = r"invocations \* (\d+) / 10 000 \+ seconds \* \(cores \+ ([\d.]+) \* GB of memory\)"
    found = re.search(formula + r".*?USD = CU \* ([\d.]+),", text)
    assert found is not None
    per_ten_thousand, per_gb, price = map(float, found.groups())
    invocations, seconds = 10_000 * 5, 10_000 * 5
    by_call = invocations * per_ten_thousand / 10_000
    by_time = seconds * (props["cpu"] + per_gb * props["memorySize"] / 1024)
    total = (by_call + by_time) * price
    said = f"make {by_call:g} CU, 50 000 s make {by_time:_.0f} CU, and both {total:.2f} USD"
    assert said.replace("_", " ") in text


def test_commands_are_read_with_their_variables() -> None:
    """Commands are read with their variables, and without the lines' backslashes."""
    page = "```sh\nA=1 s deploy --x 1 \\\n  --y 2\n```\n"
    assert [({"A": "1"}, ["s", "deploy", "--x", "1", "--y", "2"])] == list(commands(page))
    assert {"x": "1", "y": "2"} == options(["s", "deploy", "--x", "1", "--y", "2"])
