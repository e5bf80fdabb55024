"""`plan`: a table of what would change, and nothing changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from localcloud.testing import LocalCloud
from tests.integration.command.driving import WRITE, Terminal, run
from tests.worlds import TYPE, VSWITCH, eni, instance, world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.command.driving import Done

# Of its 16 addresses ECS keeps 4 and ENIs 2; 8 are the reserve, so that 2 may be given.
TIGHT = world(instance("a"), instance("b", eni("eni-b", 1)), cidr="10.0.0.0/28")


def errors(done: Done) -> list[str]:
    """The lines about what went wrong; those about settings come before them."""
    return [line for line in done.err.splitlines() if line.startswith("error: ")]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A vSwitch with room for 1 of the 3 addresses that two ENIs lack."""
    with LocalCloud(TIGHT) as running:
        yield running


def test_a_plan_shows_each_eni_and_what_vswitches_have_left(cloud: LocalCloud) -> None:
    """Who, had, target and who set it, got, has, missing, why; then the room of each vSwitch."""
    done = run(cloud, "plan", "--all")
    rows = [line.split() for line in done.out.splitlines()]

    assert ["eni-a", "i-a", TYPE, "0", "2", "default", "1", "1", "1", "vswitch"] in rows
    assert ["eni-b", "i-b", TYPE, "1", "2", "default", "-", "1", "1", "vswitch"] in rows
    assert [VSWITCH, "1", "1", "0", "8"] in rows
    assert (3, []) == (done.status, cloud.calls(WRITE))


def test_a_narrow_screen_has_the_instance_below_its_eni(cloud: LocalCloud) -> None:
    """Nothing is wider than the screen, and nothing is cut away."""
    narrow, middle = (run(cloud, "plan", "--all", COLUMNS=each).out for each in ("80", "100"))

    assert [True, True] == [
        width >= max(map(len, out.splitlines())) for width, out in ((80, narrow), (100, middle))
    ]
    assert f"  i-a {TYPE}" in middle
    assert ["  i-a", f"  {TYPE}"] == [
        line[: line.index(each) + len(each)]
        for each in ("i-a", TYPE)
        for line in narrow.splitlines()
        if line.startswith(f"  {each}")
    ][:2]


def test_a_terminal_shows_in_colour_what_is_short(cloud: LocalCloud) -> None:
    """An ENI that a plan would leave short is yellow, as one that has ended short is."""
    with Terminal(cloud, "plan", "--all", TERM="xterm-256color") as terminal:
        assert 3 == terminal.end()
    rows = [line for line in terminal.shown.splitlines() if "eni-" in line]

    assert [True, True] == [row.startswith("\x1b[33meni-") for row in rows]


def test_what_is_piped_has_no_escape_codes(cloud: LocalCloud) -> None:
    """Neither on standard output nor on standard error, in any encoding."""
    done = run(cloud, "plan", "--all", PYTHONIOENCODING="ascii", COLUMNS="30")

    assert 3 == done.status
    assert done.out.isascii()
    assert "\x1b" not in done.out + done.err


@pytest.mark.parametrize("verb", ["plan", "backfill"])
def test_a_request_comes_from_standard_input_too(cloud: LocalCloud, verb: str) -> None:
    """`-` stands for it, and what it says is planned, whatever its verb."""
    request = {verb: {"instance_ids": ["i-b"], "target": 1}}
    done = run(cloud, "plan", "-", stdin=json.dumps(request))

    assert (0, []) == (done.status, cloud.calls(WRITE))
    assert "1 ENI: 1 satisfied" in done.out


def test_rows_are_limited_and_the_rest_is_counted(cloud: LocalCloud) -> None:
    """`--rows` keeps the worst ones."""
    done = run(cloud, "plan", "--all", "--rows", "1")

    assert "1 more ENI, the worst are listed first" in done.out
    assert "eni-a" in done.out
    assert "eni-b" not in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--all", "--vswitch", VSWITCH], "options: found --vswitch and --all"),
        (["nowhere.json"], "FILE: found nowhere.json, No such file or directory"),
    ],
)
def test_a_bad_request_is_refused_by_name(
    cloud: LocalCloud, arguments: list[str], said: str
) -> None:
    """On standard error, with status 2, and without a call."""
    before = len(cloud.calls())
    done = run(cloud, "plan", *arguments)

    assert (2, "", before) == (done.status, done.out, len(cloud.calls()))
    assert said in done.err


@pytest.mark.parametrize("verb", ["plan", "backfill"])
@pytest.mark.parametrize("file", [False, True])
def test_guests_are_not_asked_without_a_port(cloud: LocalCloud, verb: str, *, file: bool) -> None:
    """Status 2 and nothing done: nobody takes silence for an answer."""
    words = ["-"] if file else ["--all", "--ask-guests"]
    request = json.dumps({verb: {"all": True, "ask_guests": True}}) if file else ""
    done = run(cloud, verb, *words, stdin=request)
    said = "GUEST_PORT: found none in the environment of this terminal; allowed: a port"

    assert (2, "", []) == (done.status, done.out, cloud.calls(WRITE))
    assert [True] == [said in each for each in errors(done)]


def test_guests_are_asked_from_here() -> None:
    """What they did stands below the table; without the option they are not asked."""
    held = world(instance("a", eni("eni-a", 1)), cidr="198.51.100.0/24")
    with LocalCloud(held) as cloud:
        asked, silent = (
            run(cloud, "plan", "--all", *more, GUEST_PORT="9", TARGET_SECONDARY_IPS="1")
            for more in (["--ask-guests"], [])
        )
    assert (0, 0) == (asked.status, silent.status)
    assert (True, False) == tuple("asked 1 guest: 1 " in each.out for each in (asked, silent))


def test_bad_settings_are_all_named(cloud: LocalCloud) -> None:
    """Each on a line of its own."""
    done = run(cloud, "plan", "--all", DRY_RUN="perhaps", MAX_CONCURRENCY="0")
    named = [line.split(":")[1].strip() for line in errors(done)]

    assert (2, ["MAX_CONCURRENCY", "DRY_RUN"]) == (done.status, named)


@pytest.mark.parametrize(
    "arguments",
    [["plan", "--all"], ["invoke", "--all", "--function", "f"]],
    ids=["plan", "invoke"],
)
def test_missing_credentials_are_one_clear_line(
    cloud: LocalCloud, arguments: list[str], tmp_path: Path
) -> None:
    """Where they were looked for, how to give some, and how to do without; status 2."""
    done = run(
        cloud,
        *arguments,
        HOME=str(tmp_path),
        ALIBABA_CLOUD_ACCESS_KEY_ID="",
        ALIBABA_CLOUD_ECS_METADATA_DISABLED="true",
    )

    assert (2, "", 1) == (done.status, done.out, len(errors(done)))
    assert "set ALIBABA_CLOUD_ACCESS_KEY_ID and" in done.err
    for said in ("~/.aliyun/config.json", "run `aliyun configure`", "add --local"):
        assert said in done.err


DEAD_PROXY = "http://someone:hush-hush@127.0.0.1:1"


def test_a_host_that_no_proxy_names_is_reached_without_the_proxy(cloud: LocalCloud) -> None:
    """The command honours NO_PROXY as the function does."""
    excepted = "example.com,127.0.0.1"
    plain = run(cloud, "plan", "--all")
    done = run(cloud, "plan", "--all", HTTP_PROXY=DEAD_PROXY, NO_PROXY=excepted)
    assert (plain.status, plain.out) == (done.status, done.out)
    assert "eni-" in done.out


def test_a_proxy_that_does_not_answer_is_named_without_its_password(cloud: LocalCloud) -> None:
    """The mirror: no call arrives, and the operator reads where they went."""
    before = len(cloud.calls())
    done = run(cloud, "plan", "--all", HTTP_PROXY=DEAD_PROXY)
    assert (1, before) == (done.status, len(cloud.calls()))
    assert "127.0.0.1:1" in done.err + done.out
    assert "hush" not in done.err + done.out


def test_refused_credentials_are_one_clear_line(cloud: LocalCloud) -> None:
    """Status 1; the secret is in neither stream."""
    secret = "not-the-right-secret"
    done = run(cloud, "plan", "--all", ALIBABA_CLOUD_ACCESS_KEY_SECRET=secret)

    assert (1, 1) == (done.status, len(errors(done)))
    assert "SignatureDoesNotMatch" in done.err
    assert secret not in done.out + done.err
