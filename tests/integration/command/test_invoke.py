"""`invoke`: a request is sent to the deployed function, and its chain is followed to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from localcloud.testing import LocalCloud
from localcloud.world import DEFAULT_KEY
from tests.integration.command.driving import (
    PATIENCE,
    ROOT,
    SETTINGS,
    Terminal,
    held,
    run,
    shown_calls,
)
from tests.worlds import instance, world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEW, OLD, SERVICE = "new", "old", "service"
GENERATIONS = [["--function", NEW], ["--function", OLD, "--service", SERVICE]]
IDS = ["3.0", "2.0"]
# Ten writes in a second, and an invocation that begins nothing after 3 s: 60 ENIs take several.
# With its grace nothing is killed because the machine has stalled.
PACE = {"ASSIGN_PER_MINUTE": "10", "BACKFILL_SHARE": "1", "MINUTE_SECONDS": "1"}
FLEET, TIMEOUT, REPEATS = 60, 4, 5
OFTEN = ["--poll", "0.1", "--patience", "1"]
# Of what signs a call, `-v` shows none.
SILENT = ["Signature", "Authorization", "FC LTAI", DEFAULT_KEY.secret, "?"]
PATIENTLY = ["--poll", "0.1", "--patience", str(PATIENCE)]


def region(count: int, **more: Any) -> dict[str, Any]:
    """A fleet and the function, in both generations."""
    common = {
        "code": str(ROOT),
        "handler": "index.handler",
        "initializer": "index.initialize",
        "timeout": 30,
        "grace": 60,
        "env": SETTINGS | PACE,
    } | more
    functions = [
        {"name": NEW, "runtime": "python3.12", **common},
        {"name": OLD, "service": SERVICE, "runtime": "python3.10", **common},
    ]
    broken = {"env": {"MAX_CONCURRENCY": "0"}, "retries": 0}
    functions += [each | broken | {"name": f"{each['name']}-broken"} for each in functions]
    fleet = [instance(f"n{number:03}") for number in range(count)]
    return world(*fleet, lifecycle_actions=[], functions=functions)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A small fleet, and the function in both generations."""
    with LocalCloud(region(2)) as running:
        yield running


@pytest.mark.parametrize("named", GENERATIONS, ids=IDS)
def test_a_synchronous_answer_is_shown(cloud: LocalCloud, named: list[str]) -> None:
    """The result as a JSON line, and a sum of it."""
    done = run(cloud, "invoke", "--all", "--dry-run", "--sync", "--json", *named)
    hop, last = done.lines

    assert ("plan", "(sync)") == (hop["result"]["action"], hop["task_id"])
    assert (0, 0, 2) == (done.status, last["exit_status"], last["counts"]["enis"])


def test_an_asynchronous_one_is_accepted(cloud: LocalCloud) -> None:
    """Its task id is printed, and how to follow it."""
    done = run(cloud, "invoke", "--all", "--dry-run", *GENERATIONS[0])
    (accepted,) = cloud.calls("InvokeFunction")[-1:]

    assert 0 == done.status
    assert f"accepted as task {accepted['parameters']['taskId']}" in done.out


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("named", GENERATIONS, ids=IDS)
def test_a_chain_is_followed_to_its_end(named: list[str]) -> None:
    """From hop to hop by the ids of their tasks; what was returned is added up where it is told.

    Where the machine stalls, retries of the first hop may do it all: then it is tried again.
    """
    hops: list[Any] = []
    for _ in range(REPEATS):
        with LocalCloud(region(FLEET, timeout=TIMEOUT, return_payload=True), minute=1.0) as cloud:
            done = run(cloud, "invoke", "--all", "--follow", "--json", *named, *PATIENTLY)
            *hops, last = done.lines
            assert (0, {2}) == (done.status, held(cloud))
        if len(hops) > 1:
            break
    assert len(hops) > 1
    assert [f"bf_{last['chain']}_{number}" for number in range(len(hops))] == [
        hop["task_id"] for hop in hops
    ]
    assert {"Succeeded"} == {hop["status"] for hop in hops}
    told = [hop["result"]["counts"]["addresses_assigned"] for hop in hops]
    assert sum(told) == last["counts"]["addresses_assigned"]
    assert max(told) > 0


def test_what_cannot_be_told_is_said(cloud: LocalCloud) -> None:
    """Without the preview of returned payloads the chain is followed all the same: status 5."""
    done = run(cloud, "invoke", "--all", "--dry-run", "--follow", *GENERATIONS[0], *OFTEN)

    assert 5 == done.status
    assert "Succeeded" in done.out
    assert "does not tell what the function returned" in " ".join(done.err.split())


def test_ctrl_c_while_an_answer_is_waited_for() -> None:
    """Status 130; a synchronous call is no task, so nothing to follow is offered."""
    slow = [{"action": "DescribeInstances", "fault": "slow", "seconds": 3, "times": 1}]
    with (
        LocalCloud(region(1), faults=slow) as cloud,
        Terminal(cloud, "invoke", "--all", "--dry-run", "--sync", *GENERATIONS[0]) as terminal,
    ):
        cloud.wait_for_call(PATIENCE)
        terminal.interrupt()

        assert 130 == terminal.end()
    assert "may be sent again" in " ".join(terminal.shown.split())
    assert "--chain" not in terminal.shown


def test_a_plan_that_would_end_short_has_the_status_of_a_plan(cloud: LocalCloud) -> None:
    """3, as `plan` itself would have it."""
    short = ["--all", "--target", "500"]
    asked = run(cloud, "invoke", *short, "--dry-run", "--sync", *GENERATIONS[0])

    assert (3, 3) == (asked.status, run(cloud, "plan", *short).status)


@pytest.mark.parametrize("way", [["--sync"], ["--follow", *OFTEN]], ids=["answered", "followed"])
def test_what_a_limit_leaves_has_the_status_of_a_plan(way: list[str]) -> None:
    """3, and the same words on standard error."""
    asked = ["--all", "--target", "3", "--limit"]
    said = {"1": "--limit leaves 1 ENI", "2": "--limit is used up"}
    with LocalCloud(region(2, return_payload=True)) as cloud:
        for limit, words in said.items():
            planned = run(cloud, "plan", *asked, limit)
            sent = run(cloud, "invoke", *asked, limit, "--dry-run", *way, *GENERATIONS[0])

            found = [(each.status, words in each.err) for each in (planned, sent)]
            assert [(3, True), (3, True)] == found


@pytest.mark.parametrize(("limit", "status"), [("1", 3), ("3", 0)])
def test_what_a_limit_left_is_said_of_a_chain_that_is_followed_later(
    limit: str, status: int
) -> None:
    """The request is not known then, but what it left is; if that is nothing, nothing is said."""
    with LocalCloud(region(2, return_payload=True)) as cloud:
        asked = ["--all", "--target", "3", "--limit", limit, "--follow", *OFTEN, "--json"]
        chain = run(cloud, "invoke", *asked, *GENERATIONS[0]).lines[-1]["chain"]
        later = run(cloud, "invoke", "--chain", chain, *OFTEN, *GENERATIONS[0])

    said = "--limit leaves 1 ENI for another run of the same request" in later.err
    assert (status, status == 3) == (later.status, said)


def test_what_is_accepted_is_not_called_done(cloud: LocalCloud) -> None:
    """Status 0, and the meaning says of what."""
    (last,) = run(cloud, "invoke", "--all", "--dry-run", "--json", *GENERATIONS[0]).lines
    assert (
        0,
        "the request was accepted and is not followed; its end is in the function's log",
    ) == (
        last["exit_status"],
        last["meaning"],
    )


@pytest.mark.parametrize(
    "asked",
    [
        ["--follow", *OFTEN, *GENERATIONS[0]],
        ["--sync", *GENERATIONS[0]],
        ["--sync", *GENERATIONS[1]],
    ],
    ids=["followed", "answered", "answered by 2.0"],
)
def test_its_calls_can_be_told_from_those_of_the_function(
    cloud: LocalCloud, asked: list[str]
) -> None:
    """By their User-Agent, in the account's audit log."""
    since = len(cloud.calls())
    run(cloud, "invoke", "--all", "--dry-run", *asked)
    calls = [call for call in cloud.calls(since=since) if call["product"] == "FC"]

    assert {"eni-secondary-ips-command"} == {call["agent"].split()[-1] for call in calls}


ASKED = [["plan"], ["invoke", "--dry-run", "--sync"], ["invoke", "--dry-run", "--follow", *OFTEN]]


@pytest.mark.parametrize("named", GENERATIONS, ids=IDS)
@pytest.mark.parametrize("asked", ASKED, ids=["settings", "answered", "followed"])
def test_its_calls_are_shown(cloud: LocalCloud, named: list[str], asked: list[str]) -> None:
    """With `-v`, those to Function Compute too: each with its id, and nothing that signs it."""
    since = len(cloud.calls())
    done = run(cloud, *asked, "--all", "-v", *named, ALIBABA_CLOUD_SECURITY_TOKEN="")
    calls = [call for call in cloud.calls(since=since) if call["product"] == "FC"]
    shown = shown_calls(done)

    assert calls
    assert [call["request_id"] for call in calls] == [
        id_ for id_ in shown if id_ in {call["request_id"] for call in calls}
    ]
    assert {*SILENT} == {word for word in SILENT if word not in done.err}
    assert [] == shown_calls(run(cloud, *asked, "--all", *named))


def test_a_call_that_is_refused_is_shown(cloud: LocalCloud) -> None:
    """On FC 2.0 too: its status and its id are what support asks for."""
    for named in GENERATIONS:
        done = run(cloud, "invoke", "--all", "--sync", "-v", *named[:1], "none", *named[2:])
        (line,) = [line for line in done.err.splitlines() if "request id" in line]
        (call,) = cloud.calls("InvokeFunction")[-1:]

        assert (1, "404", call["request_id"]) == (done.status, line.split()[-6], line.split()[-1])


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (["--sync", "--function", f"{NEW}-broken"], "MAX_CONCURRENCY"),
        (["--sync", "--function", f"{OLD}-broken", "--service", SERVICE], "MAX_CONCURRENCY"),
        (["--follow", *OFTEN, "--function", f"{NEW}-broken"], "UnhandledInvocationError"),
    ],
)
def test_a_function_that_fails_fails_the_command(
    cloud: LocalCloud, named: list[str], said: str
) -> None:
    """Status 1, and what Function Compute tells of it."""
    done = run(cloud, "invoke", "--all", "--dry-run", *named)

    assert 1 == done.status
    assert said in done.err


OTHER = """
import json

def initialize(context):
    pass

def handler(event, context):
    form = json.loads(event)["backfill"]
    return {"max": None, "1": {"counts": 5}, "2": ["[/]\\x1b[31m"]}[str(form["target"])]
"""


@pytest.mark.parametrize("way", [["--sync"], ["--follow", *OFTEN]], ids=["answered", "followed"])
@pytest.mark.parametrize("named", GENERATIONS, ids=IDS)
def test_another_function_of_that_name_is_no_success(
    tmp_path: Path, named: list[str], way: list[str]
) -> None:
    """What it answers is shown: status 1."""
    (tmp_path / "index.py").write_text(OTHER)
    answers = {"max": '"null"', "1": '{"counts": 5}', "2": "[/]"}
    with LocalCloud(region(1, code=str(tmp_path), return_payload=True)) as cloud:
        for target, answer in answers.items():
            done = run(cloud, "invoke", "--all", "--target", target, *way, *named)
            assert (1, 1) == (done.status, len(done.err.splitlines()))
            assert "answered what is not a result of the function: " in done.err
            assert answer in done.err
            assert "\x1b" not in done.err + done.out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--all"], 2, "--function: not given"),
        (["--all", "--function", "a/../b"], 2, "--function: found 'a/../b'; allowed: "),
        (["--all", "--function", "a?b"], 2, "--function: found 'a?b'; allowed: "),
        (["--all", "--function", "a", "--service", "b/c"], 2, "--service: found 'b/c'; allowed: "),
        (["--all", *GENERATIONS[0], "--patience", "inf"], 2, "'--patience': "),
        (["--all", *GENERATIONS[0], "--patience", "1e308"], 2, "'--patience': "),
        (["--all", *GENERATIONS[0], "--poll", "inf"], 2, "'--poll': "),
        (["--all", "--function", "none"], 1, "FunctionNotFound"),
        (["--chain", "none", *GENERATIONS[0], *OFTEN], 1, "no task bf_none_0"),
    ],
)
def test_what_there_is_not(cloud: LocalCloud, arguments: list[str], status: int, said: str) -> None:
    """It is named."""
    done = run(cloud, "invoke", *arguments)

    assert status == done.status
    assert said in done.err
