"""The documentation says what the code does: tables, examples, commands and links are compared."""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.core import TyperArgument, TyperGroup, TyperOption
from typer.main import get_command
from typer.testing import CliRunner

from console.chain import Reply, Task
from console.ending import conclude
from console.exits import Exit
from console.main import app
from console.manual import Options, manual_request
from console.progress import Progress
from console.sending import Sending
from console.session import Ended
from console.settings import InForce
from console.work import RunResult
from handler.cloud import ports
from handler.cloud.faults import FAULTS
from handler.core import errors
from handler.core.errors import BadSettings
from handler.core.model import Eni, EniResult, Outcome, Reason, Request, Treatment, Wish
from handler.core.planner import decide, demand
from handler.core.settings import Settings, read_settings
from handler.core.target import GRAMMAR, parse_target
from handler.events import parse
from handler.shell.records import COUNTS
from localcloud.faults import KINDS
from localcloud.instance_types import built_in_types
from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY
from tests.stage import Queue, Stage, context

if TYPE_CHECKING:
    from collections.abc import Callable

    Capture = pytest.CaptureFixture[str]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# The README and the pages that go on where it stops.
GUIDE_PAGES = (
    *("settings", "targets", "events", "permissions", "command", "requests"),
    *("outcomes", "errors", "localcloud", "promises"),
)
GUIDE = "\n".join(
    [
        README,
        *((ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in GUIDE_PAGES),
    ]
)
INTERFACES = (ROOT / "docs/interfaces.md").read_text(encoding="utf-8")
DEMO = json.loads((ROOT / "localcloud/worlds/demo.json").read_text(encoding="utf-8"))
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        ROOT / "events/README.md",
        *(ROOT / "docs").rglob("*.md"),
    ]
)
PAGE_NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

COMMANDS = ("plan", "backfill", "invoke")

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IN_LINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)|\b(?:src|srcset|href)=\"([^\"]+)\"")
PICTURE = re.compile(r"!\[([^\]]*)\]\(|<img\b([^>]*)>")
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)+\.(?:json|md|py|toml|txt)")

GETTERS: dict[str, Callable[[Settings], object]] = {
    "TARGET_SECONDARY_IPS": lambda it: it.policy.default,
    "TARGET_RULES": lambda it: list(it.policy.rules),
    "TARGET_TAG": lambda it: it.policy.tag,
    "ENI_SCOPE": lambda it: it.policy.scope,
    "ALLOWED_SCALING_GROUPS": lambda it: it.policy.scaling_groups or None,
    "ALLOWED_VSWITCHES": lambda it: it.policy.vswitches or None,
    "EXCLUDED_TAGS": lambda it: it.policy.excluded_tags or None,
    "VSWITCH_RESERVE": lambda it: it.vswitch_reserve,
    "AVAILABLE_ENI_LIMIT": lambda it: it.available_eni_limit,
    "LIFECYCLE_HOOKS": lambda it: ",".join(it.lifecycle_hooks),
    "GUEST_PORT": lambda it: it.guest_port,
    "GUEST_SECONDS": lambda it: it.guest_seconds,
    "ON_SILENT": lambda it: it.on_silent,
    "ON_SHORTFALL": lambda it: it.on_shortfall,
    "ASSIGN_PER_MINUTE": lambda it: it.assign_per_minute,
    "BACKFILL_SHARE": lambda it: it.backfill_share,
    "MAX_CONCURRENCY": lambda it: it.max_concurrency,
    "DRY_RUN": lambda it: it.dry_run,
    "SETTLE_SECONDS": lambda it: it.settle_seconds,
    "VISIBILITY_SECONDS": lambda it: it.visibility_seconds,
    "MINUTE_SECONDS": lambda it: it.minute_seconds,
    "ECS_ENDPOINT": lambda it: it.endpoints.ecs,
    "VPC_ENDPOINT": lambda it: it.endpoints.vpc,
    "ESS_ENDPOINT": lambda it: it.endpoints.ess,
    "FUNCTIONS_ENDPOINT": lambda it: it.endpoints.functions,
    "ENDPOINT_NETWORK": lambda it: it.endpoints.network,
    "LOG_LEVEL": lambda it: it.log_level,
}


class AskedFor(dict[str, str]):
    """An empty environment that remembers which variables were looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def get(self, key: str, default: Any = None) -> Any:
        """Note the name; nothing is ever set."""
        self.names.append(key)
        return default


# --- reading Markdown -------------------------------------------------------------------------


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next heading of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#+ |\Z)", text, re.M | re.S)
    assert found is not None, f"no heading {heading!r}"
    return found[1]


def table(text: str, *header: str) -> list[tuple[str, ...]]:
    """The rows of the one table with this header; cells without code marks around them."""
    lines = [line.strip() for line in text.splitlines()]
    title = "| " + " | ".join(header) + " |"
    assert lines.count(title) == 1, f"{lines.count(title)} tables {title}"
    rows = []
    for line in lines[lines.index(title) + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(tuple(_plain(cell) for cell in line.strip("| ").split(" | ")))
    return rows


def _plain(cell: str) -> str:
    only_code = re.fullmatch(r"`([^`]*)`", cell.strip())
    return only_code[1] if only_code else cell.strip()


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [body for found, body in FENCED.findall(text) if found == language]


def json_blocks() -> list[Any]:
    """Every JSON example of the guide."""
    return [json.loads(body) for body in blocks(GUIDE, "json")]


def code(text: str) -> str:
    """Everything that stands in code marks."""
    inline = IN_LINE.findall(FENCED.sub("", text))
    return "\n".join([*inline, *(body for _, body in FENCED.findall(text))])


def anchors(text: str) -> set[str]:
    """The fragments by which a page's headings are linked to."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


# --- the tables of the guide -----------------------------------------------------------------


def test_readme_is_one_read() -> None:
    """It has at most 220 lines: reference tables stand in docs/."""
    assert len(README.splitlines()) <= 220


def test_readme_fits_its_page() -> None:
    """No line of an example is cut off where a page of GitHub ends, at 96 letters or so."""
    lines = [line for _, body in FENCED.findall(README) for line in body.splitlines()]
    assert [line for line in lines if len(line) > 96] == []


def test_readme_opens_with_one_sentence() -> None:
    """The first paragraph after the title is one sentence."""
    first = README.split("\n\n")[1]
    assert first.count(".") == 1
    assert first.endswith(".")


def test_settings_table_has_every_variable_with_its_default() -> None:
    """The table names the variables that the code looks up, each with the default it gives."""
    environ = AskedFor()
    settings = read_settings(environ)
    rows = table(GUIDE, "variable", "default", "allowed", "meaning")
    expected = {name: _default(GETTERS[name](settings)) for name in environ.names}
    assert {row[0]: row[1] for row in rows} == expected, "edit docs/settings.md"
    assert len(rows) == len(expected), "edit docs/settings.md"


def _default(value: object) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def test_settings_table_says_what_is_allowed() -> None:
    """What the table allows is what the error about a bad value of that variable allows."""
    rows = table(GUIDE, "variable", "default", "allowed", "meaning")
    with pytest.raises(BadSettings) as raised:
        read_settings({row[0]: "?" * 200 for row in rows})
    allowed = {
        problem.partition(": ")[0]: problem.partition("; allowed: ")[2]
        for problem in raised.value.problems
    }
    assert {row[0]: row[2] for row in rows} == allowed, "edit docs/settings.md"


def test_every_kind_of_target_is_documented() -> None:
    """Each form of the grammar has a row, and the help of `--target` names it."""
    without_ranges = re.sub(r" \([0-9.]+\)", "", GRAMMAR)
    forms = re.split(r", (?![^(]*\))| or ", without_ranges)
    rows = table((ROOT / "docs/targets.md").read_text(encoding="utf-8"), "target", "meaning")
    assert sorted(row[0] for row in rows) == sorted(forms), "edit docs/targets.md"
    (shown,) = [row[2] for row in table(GUIDE, "option", "of", "meaning") if row[0] == "--target"]
    missing = [form for form in forms if form != "skip" and form not in shown]
    assert missing == [], "edit console/options.py and docs/command.md"


def test_worked_example_of_quotas_is_what_the_planner_does() -> None:
    """On an `ecs.g7.xlarge`, each target gives the numbers of the table."""
    rows = table(GUIDE, "target", "no prefixes", "two prefixes", "why")
    capacity = built_in_types()["ecs.g7.xlarge"].addresses_per_eni - 1
    for target, without, beside, _ in rows:
        expected = [_planned(target, capacity, held) for held in (0, 2)]
        assert [without, beside] == expected, "edit docs/targets.md"


def _planned(target: str, capacity: int, prefixes: int) -> str:
    """What an empty ENI ends with, as the table says it."""
    held = frozenset(f"10.0.9.{16 * each}/28" for each in range(prefixes))
    eni = Eni("eni-a", "Primary", "InUse", "vsw-a", "i-a", prefixes=held)
    wanted = demand(eni, Wish(parse_target(target), "default"), capacity)
    (decision,) = decide([wanted], {"vsw-a": 100})
    count = decision.ask.count if decision.ask else 0
    return f"{count}, and `short`" if decision.outcome is Outcome.SHORT else str(count)


def test_example_rules_are_accepted() -> None:
    """Every JSON list of rules can be used as TARGET_RULES."""
    lists = [each for each in json_blocks() if isinstance(each, list) and "target" in each[0]]
    accepted = [read_settings({"TARGET_RULES": json.dumps(each)}).policy.rules for each in lists]
    assert [len(rules) for rules in accepted] == [len(each) for each in lists] != []


def test_outcomes_table_lists_every_outcome() -> None:
    """One row per outcome, in the order of the enum."""
    header = ("outcome", "meaning", "what to do", "what the hook is told")
    found = [row[0] for row in table(GUIDE, *header)]
    assert found == [each.value for each in Outcome], "edit docs/outcomes.md"


def test_reasons_table_lists_every_reason() -> None:
    """One row per reason, in the order of the enum, and with outcomes that exist."""
    rows = table(GUIDE, "reason", "outcome", "meaning", "what to do")
    assert [row[0] for row in rows] == [each.value for each in Reason], "edit docs/outcomes.md"
    outcomes = {word.strip("` ") for row in rows for word in row[1].split(",")}
    assert outcomes == {each.value for each in Outcome}


def test_error_table_is_the_table_of_the_code() -> None:
    """Every code with its treatment and advice, word for word and in the code's order."""
    expected = [(name, it.treatment.value, it.advice) for name, it in FAULTS.items()]
    assert table(GUIDE, "code", "treatment", "advice") == expected, "edit docs/errors.md"


def test_treatments_table_lists_every_treatment() -> None:
    """One row per treatment."""
    rows = table(GUIDE, "treatment", "what the function does")
    assert sorted(row[0] for row in rows) == sorted(each.value for each in Treatment)


def test_ram_actions_are_those_that_the_code_calls() -> None:
    """The table names exactly the operations that `ports` has; the policy has its own test."""
    calls = [value for value in vars(ports).values() if re.match(r"(ecs|ess|fc|vpc):", str(value))]
    rows = [row[0] for row in table(GUIDE, "action", "why", "when")]
    assert sorted(rows) == sorted(calls), "edit docs/permissions.md"


def test_exceptions_table_names_exceptions_that_exist() -> None:
    """Each exception of the table is one of `handler.core.errors`, or Python's own."""
    known = {*vars(errors), "SystemExit"}
    assert {row[0] for row in table(GUIDE, "exception", "meaning")} <= known


# --- requests, records and results ------------------------------------------------------------


def requests() -> list[dict[str, Any]]:
    """The manual requests among the JSON examples."""
    objects = [each for each in json_blocks() if isinstance(each, dict)]
    return [each for each in objects if "backfill" in each or "plan" in each]


def test_example_requests_are_accepted() -> None:
    """Every example of a manual request is one, in the region of the examples."""
    raw = [json.dumps(each).encode() for each in requests()]
    parsed = [parse(each, home_region="cn-hangzhou") for each in raw]
    assert [each for each in parsed if not isinstance(each, Request)] == []


def test_examples_show_every_selector_and_explicit_field() -> None:
    """The tables of selectors and options name all fields, and each selector has an example."""
    bodies = [body for each in requests() for body in each.values()]
    selectors = [row[0] for row in table(GUIDE, "selector", "means")]
    options = [row[0] for row in table(GUIDE, "option", "type", "meaning")]
    refused = parse(b'{"backfill": {"?": 1}}', home_region="cn-hangzhou")
    assert getattr(refused, "allowed", "").split(", ") == selectors + options
    assert {key for body in bodies for key in body if key in selectors} == set(selectors)


def test_quoted_rejection_is_what_the_function_says() -> None:
    """The example of a rejection is the reason that such a request gets."""
    request = {"backfill": {"all": True, "region": "cn-beijing"}}
    parsed = parse(json.dumps(request).encode(), home_region="cn-hangzhou")
    assert getattr(parsed, "reason", None) in {body.strip() for body in blocks(GUIDE, "")}


def test_interfaces_list_every_count() -> None:
    """The table of counts is the documented order of the code."""
    assert [row[0] for row in table(INTERFACES, "count", "meaning")] == list(COUNTS), (
        "edit docs/interfaces.md"
    )


def record_fields(record_type: str) -> list[str]:
    """The fields that docs/interfaces.md gives a record, the common ones left out."""
    rows = table(section(INTERFACES, f"`{record_type}`"), "field", "type", "meaning")
    return [row[0] for row in rows]


def written() -> dict[str, set[str]]:
    """The fields of every record that a few real deliveries write, by record type."""
    refusal = {"action": "AssignPrivateIpAddresses", "fault": "error", "code": "Throttling.User"}
    names = ("ess-lifecycle-hook-scale-out", "unknown-shape", "backfill-misspelt-field")
    found: dict[str, set[str]] = {}
    with Stage(DEMO, {"TARGET_SECONDARY_IPS": "8"}, [refusal]) as stage:
        hasty = stage.another_app(TARGET_SECONDARY_IPS="9", ASSIGN_PER_MINUTE="1")
        hasty.functions = Queue()
        deliveries = [
            *(stage.deliver((ROOT / f"events/{name}.json").read_bytes()) for name in names),
            stage.deliver({"backfill": {"all": True}}, hasty, timeout=1),
        ]
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            stage.another_app().warm_up(context(timeout=1))
        started = [json.loads(line) for line in output.getvalue().splitlines()]
        for record in [*started, *(record for each in deliveries for record in each.records)]:
            found.setdefault(record["record_type"], set()).update(record)
    return found


def test_records_have_the_documented_fields() -> None:
    """Each record type is documented with exactly the fields that it is written with."""
    common = {row[0] for row in table(section(INTERFACES, "Records"), "field", "type", "meaning")}
    records = written()
    found = {name: common | set(record_fields(name)) for name in records}
    assert found == records, "edit docs/interfaces.md"
    documented = {row[0] for row in table(GUIDE, "`record_type`", "when", "level")}
    assert documented == set(records)


def test_eni_result_is_documented_in_the_order_of_the_code() -> None:
    """The fields of an ENI's record stand in the table as in `EniResult`."""
    expected = [*EniResult.__struct_fields__]
    assert record_fields("eni_result") == expected, "edit docs/interfaces.md"


def test_result_has_the_documented_fields() -> None:
    """A result has the fields of the table; `enis_left_out` only when something is left out."""
    rows = table(section(INTERFACES, "Result out"), "field", "type", "meaning")
    with Stage(DEMO) as stage:
        result = stage.deliver({"plan": {"all": True}}).result
    assert [row[0] for row in rows if row[0] != "enis_left_out"] == list(result)


# --- the operator's command -------------------------------------------------------------------


def test_exit_statuses_of_the_command_are_documented() -> None:
    """The guide and `--help` say what each one means."""
    expected = [(str(int(status)), status.meaning) for status in Exit]
    assert table(GUIDE, "status", "meaning") == expected, "edit docs/command.md"
    shown = CliRunner().invoke(app, ["--help"]).stdout
    assert [text for text in shown.splitlines() if "too little room or quota" in text]
    assert {status for status, _ in expected} <= set(shown.split())


def test_options_of_the_command_are_documented() -> None:
    """One row per option: the subcommands that have it, and its help."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    found: dict[tuple[str, str], list[str]] = {}
    for name in COMMANDS:
        for option in group.commands[name].params:
            assert isinstance(option, TyperArgument | TyperOption)
            if isinstance(option, TyperOption) and "--help" not in option.opts:
                spelt = "/".join([option.opts[0], *option.secondary_opts])
                found.setdefault((spelt, str(option.help)), []).append(name)
    rows = table(GUIDE, "option", "of", "meaning")
    expected = {
        (spelt, "all" if len(names) == len(COMMANDS) else ", ".join(f"`{each}`" for each in names))
        for (spelt, _), names in found.items()
    }
    assert {(spelt, of if of == "all" or "`" in of else f"`{of}`") for spelt, of, _ in rows} == (
        expected
    )
    assert {(spelt, meaning) for spelt, _, meaning in rows} == set(found), "edit docs/command.md"


def test_each_option_is_explained_by_itself() -> None:
    """No help begins with a word that only the option before it explains."""
    helps = [row[2] for row in table(GUIDE, "option", "of", "meaning")]
    leaning = {"Repeatable.", "Its", "Else", "Of", "In", "The same"}
    assert [text for text in helps if text.split()[0] in leaning] == []


def test_the_last_line_of_a_plan_has_the_documented_fields(capsys: Capture) -> None:
    """In their order."""
    request = manual_request("plan", None, Options(all=True), "cn-hangzhou", None)
    conclude(RunResult(request, Progress(), Ended({"action": "plan"})), as_json=True)
    rows = table(section(INTERFACES, "Command"), "field", "type", "meaning of the sum")
    assert [row[0] for row in rows] == list(json.loads(capsys.readouterr().out))


def test_the_first_line_of_a_plan_has_the_documented_fields(capsys: Capture) -> None:
    """The settings in force."""
    InForce({"VSWITCH_RESERVE": "7", "HOME": "/"}, "somewhere").show(as_json=True)
    rows = table(section(INTERFACES, "Command"), "field", "type", "meaning of the settings")
    line = json.loads(capsys.readouterr().out)
    assert [row[0] for row in rows] == list(line)
    assert {"VSWITCH_RESERVE": "7"} == line["settings"]


def test_the_lines_of_an_invocation_have_the_documented_fields(capsys: Capture) -> None:
    """One per hop, and a last one."""
    sending = Sending(OneTask(), "c", 1.0, as_json=True)
    sending.deliver(None, sync=False, following=True)
    hop, last = map(json.loads, capsys.readouterr().out.splitlines())
    text = section(INTERFACES, "Command")
    hop_rows = table(text, "field", "type", "meaning")
    last_rows = table(text, "field", "type", "meaning of the end")
    assert [row[0] for row in hop_rows] == list(hop)
    assert [row[0] for row in last_rows] == list(last)


class OneTask:
    """A deployed function with a chain of one invocation."""

    def invoke_later(self, payload: bytes, task_id: str) -> None:
        """Nothing is sent."""

    def invoke(self, payload: bytes) -> Reply:
        """Nothing is sent."""
        raise NotImplementedError

    def task(self, task_id: str) -> Task | None:
        """The one that has ended."""
        return Task("Succeeded", result={"continuation": None}) if task_id == "bf_c_0" else None


# --- the local cloud --------------------------------------------------------------------------


def test_example_script_runs_against_the_local_cloud() -> None:
    """The Python example lists the ENIs of the demo world with the documented key."""
    (script,) = blocks(GUIDE, "python")
    assert (DEFAULT_KEY.id in script, DEFAULT_KEY.secret in script) == (True, True)
    with LocalCloud(DEMO) as cloud:
        here = script.replace("127.0.0.1:7070", cloud.address)
        shown = subprocess.run(  # noqa: S603  (this interpreter, and the guide's script)
            [sys.executable, "-c", here], check=True, capture_output=True, text=True
        )
    assert "eni-bp1web1primary00001 2\n" in shown.stdout


def test_example_world_and_faults_are_accepted() -> None:
    """The local cloud starts with the example world and the example faults."""
    (world,) = [each for each in json_blocks() if "vswitches" in each]
    (faults,) = [each for each in json_blocks() if isinstance(each, list) and "fault" in each[0]]
    with LocalCloud(world, faults=faults) as cloud:
        assert [each["id"] for each in cloud.state()["instances"]] == ["i-a"]


def test_every_field_of_a_fault_is_documented() -> None:
    """With the kinds that have it."""
    of = {"action": "every kind", "fault": "every kind", "times": "every kind"}
    of |= {"where": "every kind"}
    for name in sorted(set().union(*KINDS.values())):
        of[name] = ", ".join(f"`{kind}`" for kind, fields in KINDS.items() if name in fields)
    rows = table(GUIDE, "field of a fault", "of", "meaning")
    assert of == {row[0]: row[1] if " " in row[1] else f"`{row[1]}`" for row in rows}


# --- commands, files and links ----------------------------------------------------------------


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_commands_are_make_targets(name: str) -> None:
    """Every `make <target>` that a page tells people to use is in the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    used = set(re.findall(r"\bmake ([a-z-]+)", code((ROOT / name).read_text(encoding="utf-8"))))
    assert used - targets == set()


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link names a file or folder that exists, and a heading in it."""
    page = ROOT / name
    broken = []
    for link in map("".join, LINK.findall(page.read_text(encoding="utf-8"))):
        path, _, fragment = link.partition("#")
        target = page if not path else (page.parent / path).resolve()
        if link.startswith("https://"):
            continue
        known = anchors(target.read_text(encoding="utf-8")) if target.suffix == ".md" else set()
        if not target.exists() or (fragment and fragment not in known):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_pictures_are_described(name: str) -> None:
    """Who cannot see one reads in a sentence what it shows."""
    found = PICTURE.findall(FENCED.sub("", (ROOT / name).read_text(encoding="utf-8")))
    texts = [text or "".join(re.findall(r'alt="([^"]*)"', rest)) for text, rest in found]
    assert [text for text in texts if len(text.split()) < 5] == []


def test_every_picture_is_shown() -> None:
    """Whatever `make pictures` makes stands in the README."""
    shown = {Path(each).name for each in map("".join, LINK.findall(README))}
    made = {path.name for path in (ROOT / "docs/pictures").iterdir()}
    assert {name for name in made - shown if not name.endswith(".sha256")} == set()


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_files_that_are_named_exist(name: str) -> None:
    """Every path of the project that stands in code marks is a file."""
    mentioned = FILE.findall(code((ROOT / name).read_text(encoding="utf-8")))
    assert [path for path in mentioned if not (ROOT / path).is_file()] == []


def test_changelog_has_an_unreleased_section() -> None:
    """What is not released yet has its place, with what was added."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[Unreleased\]\n\n### Added\n\n- ", changelog, re.MULTILINE)


def test_every_decision_is_listed_in_the_architecture() -> None:
    """docs/architecture.md links every decision record, and each has the three parts."""
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    listed = re.findall(r"^- \[\d{4}\]\(decisions/([^)]+)\)", _architecture(), re.MULTILINE)
    assert listed == [record.name for record in records]
    for record in records:
        headings = re.findall(r"^## (.+)$", record.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"]


def _architecture() -> str:
    return (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def test_dependencies_are_each_explained() -> None:
    """The decision record has one row per runtime dependency of pyproject.toml."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert block is not None
    record = (ROOT / "docs/decisions/0002-dependencies.md").read_text(encoding="utf-8")
    rows = table(record, "package", "why it is there", "cost at import")
    assert sorted(row[0] for row in rows) == sorted(re.findall(r'"([^"]+)"', block[1]))
