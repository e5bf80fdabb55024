"""`backfill`: a fleet is brought to its target from here, and can be stopped and resumed."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from localcloud.testing import LocalCloud
from tests.integration.command.driving import (
    PATIENCE,
    WRITE,
    Terminal,
    finish,
    held,
    run,
    start,
    written,
)
from tests.worlds import GROUP, TYPE, VSWITCH, instance, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.forked import Forked
    from tests.integration.command.driving import Done

FLEET = 60
# A minute of one second, and ten writes in it.
SLOWLY = {"ASSIGN_PER_MINUTE": "10", "BACKFILL_SHARE": "1", "MINUTE_SECONDS": "1"}


def fleet(count: int = FLEET) -> dict[str, Any]:
    """Instances with one empty ENI each."""
    return world(*(instance(f"n{number:03}") for number in range(count)), lifecycle_actions=[])


def until(question: Callable[[], bool], process: Forked) -> None:
    """Wait for something to be so while the command runs."""
    end = time.monotonic() + PATIENCE
    while not question():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_fleet_reaches_its_target() -> None:
    """Status 0, and one write per ENI."""
    with LocalCloud(fleet(3)) as cloud:
        done = run(cloud, "backfill", "--all", "--yes")

        assert (0, {2}, 3) == (done.status, held(cloud), len(written(cloud)))
        assert "3 ENIs: 3 assigned" in done.out
        assert "assigned 6 addresses in 3 calls" in done.out


def test_a_fleet_without_room_ends_short() -> None:
    """Status 3, and the ENI that lacks something is shown."""
    tight = world(instance("a"), cidr="10.0.0.0/28")
    with LocalCloud(tight) as cloud:
        done = run(cloud, "backfill", "--all", "--target", "9", "--yes")

        assert (3, {3}) == (done.status, held(cloud))
        assert ["eni-a", "i-a", TYPE, "0", "9", "request", "3", "3", "6", "vswitch"] in [
            line.split() for line in done.out.splitlines()
        ]


def test_limit_that_is_used_up_may_hide_enis() -> None:
    """Nothing after it is read: status 3 where others may be left, and 0 where none can be."""
    with LocalCloud(fleet(101)) as cloud:
        plan = run(cloud, "plan", "--scaling-group", GROUP, "--limit", "100")
        named = run(cloud, "plan", "--eni-id", "eni-n000", "--limit", "1")

    assert ([3, 0], True, False) == (
        [plan.status, named.status],
        "--limit is used up, and what comes after was not looked at" in plan.err,
        "--limit" in named.err,
    )
    assert "100 ENIs: 100 planned" in plan.out


def test_repeated_until_it_is_0_it_reaches_all() -> None:
    """As a rollout in batches does."""
    with LocalCloud(fleet(3)) as cloud:
        again = ["backfill", "--all", "--limit", "1", "--yes"]
        statuses = [run(cloud, *again).status for _ in range(4)]

        assert ([3, 3, 3, 0], {2}) == (statuses, held(cloud))


def test_nobody_to_ask_and_no_yes() -> None:
    """Without a terminal nothing is assigned unless `--yes` is given."""
    with LocalCloud(fleet(1)) as cloud:
        done = run(cloud, "backfill", "--all")

        assert (2, []) == (done.status, cloud.calls(WRITE))
        assert "--yes" in done.err


def test_backfills_can_be_switched_off() -> None:
    """BACKFILL_SHARE=0 is refused here as in the function."""
    with LocalCloud(fleet(1)) as cloud:
        done = run(cloud, "backfill", "--all", "--yes", BACKFILL_SHARE="0")

        assert (2, []) == (done.status, cloud.calls(WRITE))
        assert "BACKFILL_SHARE: found 0" in done.err


def test_json_lines_end_with_the_sum() -> None:
    """The function's own records, and the command's as the last one."""
    with LocalCloud(fleet(2)) as cloud:
        done = run(cloud, "backfill", "--all", "--yes", "--json")
    kinds = [line["record_type"] for line in done.lines]
    last = done.lines[-1]

    assert ["settings", "eni_result", "eni_result", "run_summary", "command"] == kinds
    assert (0, 2, 4, 2, None) == tuple(
        last[name] for name in ("exit_status", "enis", "addresses", "calls", "resume")
    )
    free = 1024 - 4 - 2 - 8
    assert [
        {
            "vswitch_id": VSWITCH,
            "room_before": free,
            "given": 4,
            "room_after": free - 4,
            "reserve": 8,
        }
    ] == last["vswitches"]


def test_a_dry_run_writes_nothing() -> None:
    """It is a plan, and says so."""
    with LocalCloud(fleet(1)) as cloud:
        done = run(cloud, "backfill", "--all", "--dry-run")

        assert (0, []) == (done.status, cloud.calls(WRITE))
        assert "would assign 2 addresses in 1 call\n" in done.out


def stopped_midway(cloud: LocalCloud, folder: Path) -> Done:
    """A slow backfill of the fleet, stopped by Ctrl-C when some of it is written."""
    process = start(cloud, "backfill", "--all", "--yes", folder=folder, **SLOWLY)
    until(lambda: len(written(cloud)) >= 12, process)
    process.send_signal(signal.SIGINT)
    return finish(process)


def test_ctrl_c_stops_and_the_printed_command_resumes(tmp_path: Path) -> None:
    """What was in flight is confirmed; the rest is done later; nothing is written twice."""
    with LocalCloud(fleet(), minute=1.0) as cloud:
        stopped = stopped_midway(cloud, tmp_path)
        first = written(cloud)
        *_, resume = stopped.err.splitlines()
        resumed = run(cloud, *shlex.split(resume)[3:], "--yes", folder=tmp_path, **SLOWLY)

        assert (130, 0) == (stopped.status, resumed.status)
        assert f"assigned {2 * len(first)} addresses in {len(first)} calls" in stopped.out
        assert f"{len(first)} ENIs done, the rest was not reached" in stopped.err
        assert len(first) < FLEET
        assert {2} == held(cloud)
        assert sorted(set(written(cloud))) == sorted(written(cloud))


def test_the_bar_moves_with_the_calls_that_are_granted() -> None:
    """Although no read confirms them yet, so that no record is written."""
    stale = [{"action": "DescribeNetworkInterfaces", "fault": "stale", "seconds": 50, "times": 100}]
    with (
        LocalCloud(fleet(4), faults=stale) as cloud,
        Terminal(cloud, "backfill", "--all", "--yes") as terminal,
    ):
        terminal.until("4/4 ENIs")
        assert "  0 addresses confirmed" in terminal.shown  # the bar alone counts ENIs
        assert 1 == terminal.end()
        assert {2} == held(cloud)


def test_a_stop_after_a_plan_says_what_it_did_not_reach(tmp_path: Path) -> None:
    """Of the ENIs that the plan had: a person has seen how many there are."""
    with (
        LocalCloud(fleet(), minute=1.0) as cloud,
        Terminal(cloud, "backfill", "--all", "--yes", folder=tmp_path, **SLOWLY) as terminal,
    ):
        until(lambda: len(written(cloud)) >= 12, terminal.process)
        terminal.interrupt()
        assert 130 == terminal.end()
        done = len(written(cloud))
    said = " ".join(terminal.shown.split())

    assert f"{done} of {FLEET} ENIs done, {FLEET - done} not reached" in said


def test_the_printed_command_can_be_pasted_whatever_the_file_is_called(tmp_path: Path) -> None:
    """Where the folder is gone, the file is in one for temporary files, which may have any name."""
    folder, other = tmp_path / "gone", tmp_path / "it's; $(touch owned) [red]"
    folder.mkdir()
    other.mkdir()
    slow = [{"action": "DescribeInstances", "fault": "slow", "seconds": 2, "times": 1}]
    with LocalCloud(fleet(1), faults=slow) as cloud:
        process = start(cloud, "backfill", "--all", "--yes", folder=folder, TMPDIR=str(other))
        cloud.wait_for_call(PATIENCE)
        folder.rmdir()
        process.send_signal(signal.SIGINT)
        stopped = finish(process)
    (rest,) = other.iterdir()
    *_, resume = stopped.err.splitlines()
    pasted = subprocess.run(  # noqa: S603  (a shell, and what the command printed)
        ["/bin/sh", "-c", f"printf '%s\\n' {resume}"],
        check=True,
        capture_output=True,
        cwd=tmp_path,
        text=True,
    )

    assert 130 == stopped.status
    assert ["python", "-m", "console", "backfill", str(rest)] == pasted.stdout.splitlines()
    assert [other] == list(tmp_path.iterdir())


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    """Even while a call is in flight that is not answered yet; the command to go on is printed."""
    slow = [{"action": WRITE, "fault": "slow", "seconds": PATIENCE * 10}]
    with LocalCloud(fleet(1), faults=slow) as cloud:
        process = start(cloud, "backfill", "--all", "--yes", folder=tmp_path)
        until(lambda: len(cloud.calls("DescribeVSwitches")) > 0, process)
        time.sleep(2)  # what is under way then is no read of the plan, but the write
        cloud.wait_for_call()
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        process.send_signal(signal.SIGINT)

        ended = finish(process)
        *_, resume = ended.err.splitlines()
        (rest,) = tmp_path.iterdir()

        assert (130, "") == (ended.status, ended.out)
        assert ["python", "-m", "console", "backfill", rest.name] == shlex.split(resume)
    with LocalCloud(fleet(1)) as cloud:
        done = run(cloud, *shlex.split(resume)[3:], "--yes", folder=tmp_path)
        assert (0, {2}) == (done.status, held(cloud))


def test_a_second_ctrl_c_leaves_the_screen_whole(tmp_path: Path) -> None:
    """The cursor is back, and nothing stands in the line of the progress bar."""
    slow = [{"action": WRITE, "fault": "slow", "seconds": PATIENCE * 10}]
    with (
        LocalCloud(fleet(1), faults=slow) as cloud,
        Terminal(cloud, "backfill", "--all", "--yes", folder=tmp_path) as terminal,
    ):
        terminal.until("backfill in")
        cloud.wait_for_call(PATIENCE)
        terminal.until("0/1 ENIs")
        terminal.interrupt()
        terminal.until("Ctrl-C again ends at once")
        terminal.interrupt()
        assert 130 == terminal.end()
    hidden, shown = terminal.shown.rfind("\x1b[?25l"), terminal.shown.rfind("\x1b[?25h")
    after = terminal.shown[shown:]

    assert -1 < hidden < shown
    assert "stopped at once" in after
    assert "go on with:" in after


def test_a_person_is_shown_the_plan_and_asked() -> None:
    """On a terminal; a yes sets it going."""
    with (
        LocalCloud(fleet(2)) as cloud,
        Terminal(cloud, "backfill", "--all", COLUMNS="100") as terminal,
    ):
        terminal.until("[y/N]")
        before = cloud.calls(WRITE)
        terminal.type(b"y\n")
        status = terminal.end()

        assert ([], 0, {2}) == (before, status, held(cloud))
    assert "Assign 4 addresses to 2 ENIs?" in terminal.shown
    assert "assigned 4 addresses in 2 calls" in terminal.shown


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (lambda terminal: terminal.type(b"n\n"), 4, "nothing was assigned"),
        (Terminal.interrupt, 130, "stopped"),
    ],
    ids=["no", "ctrl-c"],
)
def test_a_person_may_say_no(answer: Callable[[Terminal], None], status: int, said: str) -> None:
    """A status of its own; Ctrl-C at the question is a Ctrl-C. Nothing is assigned."""
    with (
        LocalCloud(fleet(2)) as cloud,
        Terminal(cloud, "backfill", "--all", COLUMNS="100") as terminal,
    ):
        terminal.until("[y/N]")
        answer(terminal)

        assert (status, []) == (terminal.end(), cloud.calls(WRITE))
    _, after = terminal.shown.split("[y/N]")
    assert said in after


@pytest.mark.parametrize("asked", [["--yes"], []], ids=["yes", "to be asked"])
@pytest.mark.parametrize("call", ["DescribeInstances", "DescribeVSwitches"], ids=["first", "last"])
def test_ctrl_c_during_the_plan_assigns_nothing(
    call: str, asked: list[str], tmp_path: Path
) -> None:
    """Nor does it ask, though the call in flight was the plan's last; there is no rest to save."""
    slow = [{"action": call, "fault": "slow", "seconds": 4, "times": 1}]
    with (
        LocalCloud(fleet(2), faults=slow) as cloud,
        Terminal(cloud, "backfill", "--all", *asked, folder=tmp_path) as terminal,
    ):
        terminal.until("plan in")
        cloud.wait_for_call(PATIENCE)
        terminal.interrupt()

        assert (130, []) == (terminal.end(), cloud.calls(WRITE))
    assert "stopped; nothing was assigned" in terminal.shown
    assert "[y/N]" not in terminal.shown
    assert [] == list(tmp_path.iterdir())


def last_line(text: str) -> dict[str, Any]:
    """The last JSON line of a screen."""
    found: dict[str, Any] = json.loads(
        [line for line in text.splitlines() if line.startswith("{")][-1]
    )
    return found


@pytest.mark.parametrize(
    ("answer", "status"),
    [(lambda terminal: terminal.type(b"n\n"), 4), (Terminal.interrupt, 130)],
    ids=["no", "ctrl-c"],
)
def test_scripts_get_the_last_line_of_a_no(answer: Callable[[Terminal], None], status: int) -> None:
    """With the status of the command, and what the plan would have done."""
    with (
        LocalCloud(fleet(2)) as cloud,
        Terminal(cloud, "backfill", "--all", "--json", COLUMNS="100") as terminal,
    ):
        terminal.until("[y/N]")
        answer(terminal)
        ended = terminal.end()

    last = last_line(terminal.shown)
    assert (status, "command", status, 2) == (
        ended,
        last["record_type"],
        last["exit_status"],
        last["calls"],
    )


def test_scripts_get_the_last_line_and_nothing_else_of_a_plan_that_is_stopped() -> None:
    """The plan of a backfill is for people: no table is among the JSON lines."""
    slow = [{"action": "DescribeInstances", "fault": "slow", "seconds": 4, "times": 1}]
    with LocalCloud(fleet(2), faults=slow) as cloud:
        process = start(cloud, "backfill", "--all", "--json")
        cloud.wait_for_call(PATIENCE)
        process.send_signal(signal.SIGINT)
        stopped = finish(process)
        unasked = run(cloud, "backfill", "--all", "--json")

    for done, status in ((stopped, 130), (unasked, 2)):
        first, last = done.lines
        assert (status, "settings", "command", status) == (
            done.status,
            first["record_type"],
            last["record_type"],
            last["exit_status"],
        )
    assert "2 ENIs: 2 planned" in unasked.err


def test_rows_of_a_stopped_run_say_that_it_was_stopped(tmp_path: Path) -> None:
    """Not that time ran out, which is what the function calls it in its records."""
    with LocalCloud(fleet(), minute=1.0) as cloud:
        stopped = stopped_midway(cloud, tmp_path)

    assert (130, True, False) == (
        stopped.status,
        " 2  stopped" in stopped.out,
        "out_of_time" in stopped.out,
    )


def test_a_file_keeps_its_cursor_and_region(tmp_path: Path) -> None:
    """A request that a stopped run wrote begins after what was finished."""
    cursor = {"version": 1, "chain": "c", "hop": 1, "remaining": 1, "after": "i-n000"}
    ids = ["i-n000", "i-n001", "i-n002"]
    rest = {"backfill": {"region": "cn-hangzhou", "instance_ids": ids, "cursor": cursor}}
    path = tmp_path / "rest.json"
    path.write_text(json.dumps(rest))
    with LocalCloud(fleet(3)) as cloud:
        done = run(cloud, "backfill", str(path), "--yes", FC_REGION="")

        assert (3, ["eni-n001"]) == (done.status, written(cloud))
        assert "--limit leaves 1 ENI for another run" in done.err
        assert "1 ENI below target, 2 addresses missing" in done.out
