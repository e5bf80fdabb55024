"""The comparison of RAM actions that ends a run of the whole suite."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from localcloud.sdk import call
from tests.permissions import (
    COMMAND,
    FUNCTION,
    ROOT,
    allowed,
    called,
    differences,
    documented,
    is_whole,
    wrong,
)
from tests.stage import Stage
from tests.worlds import hook_event, instance, world

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_called_and_not_allowed_is_named() -> None:
    """And what is allowed and never called; equal sets have no difference."""
    assert [] == differences({"ecs:A", "vpc:B"}, {"vpc:B", "ecs:A"}, "the table")
    missing, idle = differences({"ecs:A"}, {"ecs:B"}, "the table")
    assert "ecs:B is called and is not in the table" == missing
    assert "ecs:A is in the table and is never called" == idle


def test_documented_actions_are_found() -> None:
    """The table is read: the work itself stands in it."""
    assert "ecs:AssignPrivateIpAddresses" in documented()
    assert len(documented()) >= 10


def test_actions_of_a_policy_are_found() -> None:
    """Single ones and lists; without those that Function Compute makes use of."""
    assert {"ecs:AssignPrivateIpAddresses", "vpc:DescribeVSwitches"} <= allowed("function")
    assert {each.partition(":")[0] for each in allowed("function")} == {"ecs", "vpc", "ess", "fc"}


def test_only_the_calls_of_the_function_count() -> None:
    """Another client of the same cloud, with the same SDK, leaves no trace in the policy."""
    with Stage(world(instance("a")), {"TARGET_SECONDARY_IPS": "1"}) as stage:
        stage.deliver(hook_event("i-a"))
        call(stage.cloud, "StopInstance", {"InstanceId": "i-a"})
        notes = stage.cloud.notes()
    assert "action=Ecs:StopInstance" in notes
    assert {
        "ecs:DescribeInstances",
        "ecs:DescribeNetworkInterfaces",
        "ecs:DescribeInstanceTypes",
        "vpc:DescribeVSwitches",
        "ecs:AssignPrivateIpAddresses",
        "ess:CompleteLifecycleAction",
    } == called(notes, FUNCTION)


def noted(actions: set[str], agent: str) -> str:
    """What a local cloud notes of these calls."""
    return "".join(f"action={each} agent=TeaDSL/2 {agent}\n" for each in actions)


def test_each_is_compared_with_its_own_policy() -> None:
    """The function with the page and its role, the command with the operator's policy."""
    operators = {each for each in allowed("operator") if each.startswith("fc:")}
    assert [] == wrong(noted(documented(), FUNCTION) + noted(operators, COMMAND))


def test_call_of_either_that_its_policy_lacks_is_told() -> None:
    """The command's calls do not count as the function's, nor the other way round."""
    told = wrong(noted({"fc:A"}, COMMAND) + noted({"ecs:B"}, FUNCTION))
    assert {
        "fc:A is called and is not in deploy/ram/operator-policy.json",
        "ecs:B is called and is not in deploy/ram/function-policy.json",
        "ecs:B is called and is not in the table of docs/permissions.md",
    } == {each for each in told if " is called and " in each}
    assert "fc:InvokeFunction is in deploy/ram/operator-policy.json and is never called" in told


@pytest.mark.parametrize(
    ("chosen", "whole"),
    [
        ({}, True),
        ({"markexpr": "not slow"}, True),
        ({"file_or_dir": ["tests/unit"]}, False),
        ({"keyword": "chaos"}, False),
        ({"markexpr": "slow"}, False),
        ({"deselect": ["tests/unit"]}, False),
        ({"ignore": ["tests/unit"]}, False),
        ({"lf": True}, False),
        ({"collectonly": True}, False),
    ],
)
def test_part_of_the_suite_proves_nothing(chosen: dict[str, object], whole: bool) -> None:
    """The comparison is made only when no test was left out; slow ones call nothing new."""
    nothing: dict[str, object] = {
        "file_or_dir": [],
        "keyword": "",
        "markexpr": "",
        "deselect": None,
        "lf": False,
    }
    assert whole == is_whole(SimpleNamespace(**nothing | chosen))


def options_of_make_test() -> list[str]:
    """What `make test` gives to pytest."""
    (line,) = re.findall(
        r"^test:.*\n\t\$\(PY\) -m pytest (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M
    )
    given = {"$(SEED)": "0", "$(IGNORED)": "", "$(SPREAD)": "-n 2"}
    for name, value in given.items():
        line = line.replace(name, value)
    return shlex.split(line)


PART = ["-k", "calls", "-n", "0", "--no-cov"]  # without workers and coverage: they cost seconds


@pytest.mark.parametrize(("part", "status"), [([], 1), (PART, 0)], ids=["all", "part"])
def test_run_that_calls_nothing_fails_if_it_is_whole(
    part: list[str], status: int, tmp_path: Path
) -> None:
    """A suite that passes, under this one's conftest and the options of `make test`."""
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    (tmp_path / "test_nothing.py").write_text("def test_calls_nothing(): pass\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / ".coveragerc").write_text("[run]\ninclude = nothing\n")
    done = subprocess.run(  # noqa: S603  (this interpreter)
        [sys.executable, "-m", "pytest", *options_of_make_test(), *part],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert status == done.returncode, done.stdout + done.stderr
    assert len(documented()) * status == done.stdout.count("table of docs/permissions.md and is")
