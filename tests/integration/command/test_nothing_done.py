"""Nothing done is never a success in silence: the table of docs/command.md, walked."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localcloud.testing import LocalCloud
from tests.integration.command.driving import ROOT, SETTINGS, WRITE, finish, run, start
from tests.worlds import instance, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.command.driving import Done

FUNCTION = {
    "name": "f",
    "code": str(ROOT),
    "handler": "index.handler",
    "initializer": "index.initialize",
    "runtime": "python3.12",
    "timeout": 30,
    "grace": 60,
    "env": {
        **SETTINGS,
        "VSWITCH_RESERVE": "7",
        "EXCLUDED_TAGS": "not=this",
        "TARGET_SECONDARY_IPS": "",
    },
}
WORLD = world(
    instance("a", tags={"without": "target"}),
    instance("b", tags={"opted": "out", "secondary-ips": "skip"}),
    instance("c", tags={"secondary-ips": "2", "with": "target"}),
    lifecycle_actions=[],
    functions=[FUNCTION, FUNCTION | {"name": "g", "service": "s", "runtime": "python3.10"}],
)
ROWS = re.findall(
    r"^\| `(--[^`]+)` \| ((?:nothing|no|every) .+?) \|$",
    Path(ROOT, "docs/command.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """An ENI without a target, one that is opted out, one with a target, and the function."""
    with LocalCloud(WORLD) as running:
        yield running


def said(done: Done) -> str:
    """Standard error as one line."""
    return " ".join(done.err.split())


def test_the_table_has_every_selector() -> None:
    """Nobody walks an empty table."""
    options = {asked.split()[0] for asked, _ in ROWS}
    assert {"--instance-id", "--eni-id", "--scaling-group", "--vswitch", "--tag"} == options
    assert 7 == len(ROWS)


@pytest.mark.parametrize(("asked", "message"), ROWS, ids=[asked for asked, _ in ROWS])
def test_nothing_done_is_said(cloud: LocalCloud, asked: str, message: str) -> None:
    """By `plan`, `backfill` and `invoke --sync` alike: what was looked for and where, status 2."""
    selector = shlex.split(asked)
    verbs = (["plan"], ["backfill", "--yes"], ["invoke", "--sync", "--function", "f"])
    running = [start(cloud, *verb, *selector, TARGET_SECONDARY_IPS="") for verb in verbs]
    ended = [finish(process) for process in running]

    assert [2, 2, 2] == [done.status for done in ended], ended
    assert [True, True, True] == [message in said(done) for done in ended], ended
    assert [] == cloud.calls(WRITE)


def test_a_region_without_enis_is_said() -> None:
    """`--all` that matches nothing is no success either; scripts read it in the last line."""
    with LocalCloud(world(lifecycle_actions=[])) as empty:
        done = run(empty, "plan", "--all", "--json")

    assert 2 == done.status
    assert "nothing matched: found no ENI of all instances in cn-hangzhou" in said(done)
    assert (2, True) == (
        done.lines[-1]["exit_status"],
        str(done.lines[-1]["error"]).startswith("nothing matched"),
    )


def test_ids_that_do_not_exist_are_named_beside_others(cloud: LocalCloud) -> None:
    """The others are planned, with the status that they have."""
    done = run(cloud, "plan", "--instance-id", "i-c", "--instance-id", "i-none")

    assert 0 == done.status
    assert "not found in cn-hangzhou: i-none; the others are there" in said(done)


def test_it_begins_with_the_settings_in_force(cloud: LocalCloud) -> None:
    """Of the terminal, where no function is named."""
    here = run(cloud, "plan", "--instance-id", "i-c", VSWITCH_RESERVE="3")

    assert "settings from the environment of this terminal: TARGET_SECONDARY_IPS=2" in said(here)
    assert "VSWITCH_RESERVE=3" in said(here)


@pytest.mark.parametrize(
    "named", [["--function", "f"], ["--function", "g", "--service", "s"]], ids=["3.0", "2.0"]
)
def test_the_settings_of_a_deployed_function_are_taken(cloud: LocalCloud, named: list[str]) -> None:
    """Its reserve and its target, and not those of the terminal."""
    asked = ["plan", "--instance-id", "i-c", "--json", *named]
    there = run(cloud, *asked, VSWITCH_RESERVE="3")

    settings = f"settings from function {named[1]} in cn-hangzhou: EXCLUDED_TAGS=not=this"
    assert settings in said(there)
    first = there.lines[0]
    assert ("settings", "7") == (first["record_type"], first["settings"]["VSWITCH_RESERVE"])
    assert [7] == [each["reserve"] for each in there.lines[-1]["vswitches"]]


def test_a_function_that_there_is_not(cloud: LocalCloud) -> None:
    """It is named, with the status that `invoke` has for it."""
    asked = ["--instance-id", "i-c", "--function", "none"]
    done = [run(cloud, "plan", *asked), run(cloud, "invoke", "--sync", *asked)]

    assert [1, 1] == [each.status for each in done]
    assert all("FunctionNotFound" in each.err for each in done)


def test_everything_that_is_missing_is_said_at_once(cloud: LocalCloud) -> None:
    """Before a call, and before a local cloud is started."""
    done = run(
        cloud,
        "invoke",
        ALIBABA_CLOUD_REGION_ID="",
        FC_REGION="",
        FUNCTIONS_ENDPOINT="",
        FC_ACCOUNT_ID="",
        ALIBABA_CLOUD_ACCOUNT_ID="",
    )
    local = run(cloud, "plan", "--local", "--function", "a/b", "--region", "cn-beijing")

    names = [line.split(": ")[1] for line in done.err.splitlines()]
    assert (2, ["options", "--region", "--function", "--account"]) == (done.status, names)
    names = [line.split(": ")[1] for line in local.err.splitlines()]
    assert (2, ["options", "--function", "--region"]) == (local.status, names)


def test_with_dry_run_in_force_a_backfill_is_a_plan(cloud: LocalCloud) -> None:
    """It neither asks nor says that anything was assigned."""
    done = run(cloud, "backfill", "--instance-id", "i-c", DRY_RUN="true")

    assert (0, []) == (done.status, cloud.calls(WRITE))
    assert "nothing will be assigned" in said(done)
    assert "would assign 2 addresses in 1 call" in done.out


def test_a_synchronous_plan_is_shown(cloud: LocalCloud) -> None:
    """`invoke --sync --dry-run` shows each ENI, as `plan` does."""
    asked = ["--instance-id", "i-c", "--function", "f", "--sync", "--dry-run"]
    done = run(cloud, "invoke", *asked)

    assert 0 == done.status
    assert ["eni-c", "i-c"] in [line.split()[:2] for line in done.out.splitlines()]
    assert "would assign 2 addresses in 1 invocation" in done.out
