"""What a command has that people like: help, version, completion, profiles, calls, formats."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from console.examples import EXAMPLES
from console.main import app
from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY
from tests import forked
from tests.integration.command.driving import (
    PATIENCE,
    ROOT,
    SCREEN,
    Terminal,
    finish,
    run,
    start,
)
from tests.worlds import REGION, TYPE, VSWITCH, eni, instance, world

if TYPE_CHECKING:
    from collections.abc import Iterator

WORLD = world(instance("a"), instance("b", eni("eni-b", 2)), lifecycle_actions=[])
COMMANDS = sorted(EXAMPLES)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """One ENI that lacks two addresses, and one that lacks none."""
    with LocalCloud(WORLD) as running:
        yield running


def shown(*arguments: str) -> str:
    """What `python -m console` writes to standard output, with success."""
    done = forked.run("console", *arguments, env=os.environ | SCREEN)
    done.check_returncode()
    return done.stdout


def test_the_version_is_that_of_the_package() -> None:
    """As `pyproject.toml` has it."""
    assert f"secondary-ips {_version()}\n" == shown("--version")


def _version() -> str:
    lines = Path(ROOT, "pyproject.toml").read_text(encoding="utf-8").splitlines()
    (found,) = [line for line in lines if line.startswith("version = ")]
    return found.split('"')[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_help_ends_with_examples(name: str) -> None:
    """`-h` is `--help`, and what it shows last can be pasted."""
    text = shown(name, "-h")
    assert [line in text for line in EXAMPLES[name]] == [True] * len(EXAMPLES[name])


def test_each_subcommand_has_examples_and_the_common_options() -> None:
    """Whatever is added to the command; a page is drawn without a call."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    options = {
        name: {spelt for option in command.params for spelt in option.opts}
        for name, command in group.commands.items()
    }
    common = {"--profile", "--verbose", "-v"}

    assert [] == sorted(group.commands.keys() - EXAMPLES.keys())
    assert {"report"} == {name for name, found in options.items() if not common <= found}


@pytest.mark.parametrize("line", [each for lines in EXAMPLES.values() for each in lines])
def test_examples_are_command_lines_of_the_command(line: str) -> None:
    """Each is understood: no option is misspelt, and none is missing its value."""
    program, name, *arguments = shlex.split(line.partition("|")[0].partition(">")[0])
    group = get_command(app)
    assert isinstance(group, TyperGroup)

    assert "secondary-ips" == program
    with group.commands[name].make_context(name, arguments) as context:
        assert [] == context.args


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_subcommands(shell: str) -> None:
    """As the script that `--install-completion` installs asks for it."""
    asked = {"COMP_WORDS": "secondary-ips pl", "COMP_CWORD": "1"}
    asked |= {"_TYPER_COMPLETE_ARGS": "secondary-ips pl", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = subprocess.run(  # noqa: S603  (the command that make setup installs)
        [Path(sys.executable).parent / "secondary-ips"],
        check=False,
        capture_output=True,
        env=dict(os.environ) | asked | {"_SECONDARY_IPS_COMPLETE": f"complete_{shell}"},
        text=True,
        timeout=PATIENCE,
    )
    assert "plan" in done.stdout, done.stderr
    assert "backfill" not in done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home where the aliyun CLI has a profile that works, and the default, which does not."""
    key = {"mode": "AK", "region_id": "cn-hangzhou"}
    good = key | {"name": "good", "access_key_id": DEFAULT_KEY.id}
    bad = key | {"name": "default", "access_key_id": "LTAInone", "access_key_secret": "wrong"}
    profiles = [good | {"access_key_secret": DEFAULT_KEY.secret}, bad]
    config = tmp_path / ".aliyun/config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"current": "default", "profiles": profiles}))
    return tmp_path


def test_a_profile_comes_before_variables(cloud: LocalCloud, home: Path) -> None:
    """Of the aliyun CLI, by its name; the key in the variables is not used."""
    named, without = (
        run(
            cloud,
            *("plan", "--all", *profile),
            HOME=str(home),
            ALIBABA_CLOUD_ACCESS_KEY_ID="LTAIother",
            ALIBABA_CLOUD_ACCESS_KEY_SECRET="other",
        )
        for profile in (["--profile", "good"], [])
    )

    assert (0, 1) == (named.status, without.status), named.err


def test_the_variable_of_the_sdk_names_a_profile_too(cloud: LocalCloud, home: Path) -> None:
    """Where no key stands in variables."""
    done = run(
        cloud,
        *("plan", "--all"),
        HOME=str(home),
        ALIBABA_CLOUD_ACCESS_KEY_ID="",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET="",
        ALIBABA_CLOUD_PROFILE="good",
    )
    assert 0 == done.status, done.err


def test_a_profile_that_there_is_not(cloud: LocalCloud, home: Path) -> None:
    """The names that there are, and nothing else of their file."""
    done = run(cloud, "plan", "--all", "--profile", "none", HOME=str(home))

    assert (2, "error: --profile: found 'none'; allowed: default, good\n") == (
        done.status,
        done.err,
    )


def test_calls_are_shown_with_their_ids(cloud: LocalCloud) -> None:
    """On standard error, each in a line; a refused one too; never what is signed."""
    since = len(cloud.calls())
    done = run(cloud, "plan", "--all", "-v")
    lines = [line for line in done.err.splitlines() if "request id" in line]
    made = [call["action"] for call in cloud.calls(since=since)]

    assert made == [line.split()[0] for line in lines]
    assert [True] * len(made) == [len(line.split()[-1]) == 36 for line in lines]
    assert "Signature" not in done.err
    refused = run(cloud, "plan", "--all", "-v", ALIBABA_CLOUD_ACCESS_KEY_SECRET="wrong")
    assert "DescribeNetworkInterfaces 400" in refused.err


def test_on_a_terminal_calls_stand_above_what_moves() -> None:
    """Each on a line of its own, which is never drawn over."""
    slow = [{"action": "*", "fault": "slow", "seconds": 0.5, "times": 9}]
    with LocalCloud(WORLD, faults=slow) as slowly, Terminal(slowly, "plan", "--all", "-v") as shown:
        assert 0 == shown.end()
        calls = [call["action"] for call in slowly.calls()]
    drawn = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown.shown.split("\n")]
    lines = [line for line in drawn if "request id" in line]
    # What follows the last erasure of the moving lines.
    assert calls == [re.split(r"\x1b\[2K|\r", line.rstrip("\r"))[-1].split()[0] for line in lines]


def test_a_slow_call_shows_how_long_it_was() -> None:
    """The seconds of each, not of the SDK's own doing."""
    slow = [{"action": "DescribeInstances", "fault": "slow", "seconds": 1}]
    with LocalCloud(WORLD, faults=slow) as slowly:
        done = run(slowly, "plan", "--all", "-v")
    (line,) = [line for line in done.err.splitlines() if "DescribeInstances " in line]

    assert float(line.split()[2]) >= 1


@pytest.mark.parametrize("order", [["-v", "--profile", "good"], ["--profile", "good", "-v"]])
def test_a_profile_counts_whatever_stands_before_it(
    cloud: LocalCloud, home: Path, order: list[str]
) -> None:
    """`-v` does not make the SDK look for credentials too early."""
    done = run(
        cloud,
        *("plan", "--all", *order),
        HOME=str(home),
        ALIBABA_CLOUD_ACCESS_KEY_ID="LTAIother",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET="other",
    )

    assert 0 == done.status, done.err


def test_a_plan_as_csv_has_every_eni(cloud: LocalCloud) -> None:
    """With the words of the tables; the sums are for people, on standard error."""
    done = run(cloud, "plan", "--all", "--rows", "1", "--output", "csv")
    rows = {row["eni"]: row for row in csv.DictReader(io.StringIO(done.out))}
    names = ("instance", "instance_type", "vswitch", "had", "target", "set_by", "got", "has")

    assert {"eni-a", "eni-b"} == set(rows)
    assert ["i-a", TYPE, VSWITCH, "0", "2", "default", "2", "2"] == [
        rows["eni-a"][name] for name in names
    ]
    assert "2 ENIs: 1 satisfied, 1 planned" in done.err


def test_one_output_is_chosen(cloud: LocalCloud) -> None:
    """Not both of them: status 2, with what else is wrong."""
    done = run(cloud, "plan", "--json", "--output", "csv")
    names = [line.split(": ")[1] for line in done.err.splitlines()]
    assert (2, "", ["options", "--output"]) == (done.status, done.out, names)


ENDPOINTS = ("ECS", "VPC", "ESS", "FUNCTIONS", "QUEUE", "STS")
CALLING = [
    ["plan", "--all"],
    ["plan", "--all", "--function", "f"],
    ["backfill", "--all", "--yes"],
    ["invoke", "--all", "--function", "f"],
    ["redeliver"],
    ["setup"],
    ["doctor"],
    ["doctor", "--verify", "--eni-id", "eni-a"],
]


@pytest.mark.parametrize("asked", CALLING, ids=" ".join)
def test_a_cause_has_one_status_everywhere(
    cloud: LocalCloud, tmp_path: Path, asked: list[str]
) -> None:
    """No credentials: 2, in one sentence. A key that is refused, or no answer: 1, with advice."""
    common = {"HOME": str(tmp_path), "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"}
    key = dict.fromkeys(("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"), "")
    there = common | {f"{name}_ENDPOINT": cloud.url for name in ENDPOINTS}
    nowhere = common | {f"{name}_ENDPOINT": "http://127.0.0.1:9" for name in ENDPOINTS}
    none, wrong, silent = (
        finish(start(cloud, *asked, "--region", REGION, folder=Path(ROOT), **settings))
        for settings in (there | key, there | {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"}, nowhere)
    )
    (sentence,) = [line for line in none.err.splitlines() if line.startswith("error: ")]

    assert (2, 1, 1) == (none.status, wrong.status, silent.status), wrong
    assert "error: no credentials in variables" in sentence
    assert ". " not in sentence
    assert "this machine's network" in silent.err
    assert ["", "", ""] == [done.out for done in (none, wrong, silent)]


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_shows_no_type_where_nothing_is_written(name: str) -> None:
    """Beside a flag."""
    text = shown(*filter(None, [name]), "-h")
    assert "<bool>" not in text
    assert "--help" in text


def test_json_is_an_output_too(cloud: LocalCloud) -> None:
    """`--output json` is `--json`."""
    assert "command" == run(cloud, "plan", "--all", "--output", "json").lines[-1]["record_type"]


@pytest.mark.parametrize("verb", ["plan", "report"])
def test_reading_from_a_terminal_says_so(cloud: LocalCloud, verb: str) -> None:
    """Nobody is to wait for a command that waits for them."""
    with Terminal(cloud, verb, "-") as terminal:
        terminal.until("Ctrl-D ends the input")
        terminal.type(b"\x04")
        assert 2 == terminal.end()


def test_advice_is_for_this_machine(cloud: LocalCloud) -> None:
    """An endpoint that nobody listens at: the network of the operator is meant."""
    done = run(cloud, "plan", "--all", ECS_ENDPOINT="http://127.0.0.1:9", SETTLE_SECONDS="0")

    assert 1 == done.status
    assert "this machine's network" in " ".join(done.err.split())
    assert "the function's" not in done.err


def test_an_old_python_can_read_what_says_that_it_is_too_old() -> None:
    """The start of the command has no newer syntax, and looks at the version first."""
    source = Path(ROOT, "console/__main__.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 7))
    (main,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]

    assert "sys.version_info < (3, 10)" in ast.unparse(main.body[1])
