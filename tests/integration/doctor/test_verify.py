"""`doctor --verify`: each way in which ECS may behave is known from the others; nothing stays."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from console.doctor.account import connection_to
from console.doctor.facts import of_limit, of_refusal, of_tokens
from console.doctor.local import healthy, leading_to
from console.doctor.trial_ecs import TrialEcs
from console.doctor.trials import MORE, OLD, CannotTry, Place, limit, refusal, tokens
from localcloud.account.server import RecordedAccount
from localcloud.clock import ManualClock
from localcloud.limits import Limits
from localcloud.testing import LocalCloud
from tests.forked import Forked
from tests.integration.deployment.manifests import ROOT
from tests.integration.doctor.looking import VERSION
from tests.stage import environment
from tests.worlds import QUANTITY, REGION, eni, instance, world

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ATTACHED, ALONE = "eni-a", "eni-alone"
HELD = ["10.0.0.50", "10.0.0.51"]
WORLD = world(instance("a", eni(ATTACHED, HELD))) | {
    "enis": [{"id": ALONE, "vswitch": eni("eni-x")["vswitch"], "secondary": ["10.0.0.60"]}]
}
MISMATCH = "refused: IdempotentParameterMismatch"


class Stand:
    """A local cloud with a clock that sleeping moves, and an ENI in it to be tried."""

    def __init__(self, eni_id: str = ATTACHED, patience: float = 100, **variant: Any) -> None:
        self.clock, faults = ManualClock(), variant.pop("faults", [])
        limits = Limits(variant.pop("unattached", 49))
        self.cloud = LocalCloud(WORLD | variant, clock=self.clock, faults=faults, limits=limits)
        self._eni, self._patience = eni_id, patience

    def __enter__(self) -> Place:
        self.cloud.__enter__()
        ecs = TrialEcs(connection_to(REGION, environment(self.cloud.url)))
        return Place(self._eni, ecs, self.clock.now, self.clock.advance, self._patience)

    def __exit__(self, *_details: object) -> None:
        self.clock.advance(60)
        self.left = held(self.cloud.state())
        self.cloud.__exit__(None, None, None)


def held(state: Mapping[str, Any]) -> list[list[str]]:
    """What the two ENIs hold."""
    enis = [state["instances"][0]["enis"][0], state["enis"][0]]
    return [each["secondary"] for each in enis]


UNTOUCHED = [HELD, ["10.0.0.60"]]


@pytest.mark.parametrize(
    ("variant", "told"),
    [
        ({}, (0, 0, OLD, MISMATCH, False)),
        ({"mismatch_refused": False}, (0, 0, OLD, OLD, False)),
        ({"token_seconds": 0}, (0, 0, MORE, MORE, True)),
        ({"token_seconds": 20}, (0, 0, OLD, MISMATCH, True)),
        ({"read_lag_seconds": 20}, (20, 20, OLD, MISMATCH, False)),
        ({"read_lag_seconds": 20, "mismatch_refused": False}, (20, 20, OLD, OLD, False)),
    ],
    ids=["as documented", "old answer", "no tokens", "tokens of 20 s", "lag", "lag, old answer"],
)
def test_each_way_to_treat_a_token_is_told_apart(
    variant: dict[str, Any], told: tuple[float, float, str, str, bool]
) -> None:
    """Lag, same ask, other ask, memory; and the ENI holds what it held."""
    stand = Stand(**variant)
    with stand as place:
        found = tokens(place)
    seen = (found.shown, found.gone, found.same, found.other, found.forgotten is not None)
    assert told == seen
    assert UNTOUCHED == stand.left


def test_memory_of_a_token_is_bounded_from_both_sides() -> None:
    """It is remembered so long at least, and not longer."""
    with Stand(token_seconds=40) as place:
        found = tokens(place)
    assert found.remembered is not None
    assert found.forgotten is not None
    assert found.remembered < 40 <= found.forgotten


def test_lag_longer_than_patience_is_said_so() -> None:
    """And what is not seen is taken back all the same."""
    stand = Stand(read_lag_seconds=50, patience=10)
    with stand as place:
        found = tokens(place)
    assert (None, None) == (found.shown, found.gone)
    assert "more than 10 s" == of_tokens(found, 10)[0].answer
    assert UNTOUCHED == stand.left


@pytest.mark.parametrize(
    ("variant", "told"),
    [
        ({}, "not repeated: it is performed"),
        ({"remember_failures": True}, "repeated: "),
        ({"remember_failures": True, "read_lag_seconds": 20}, "repeated: "),
    ],
    ids=["forgotten", "remembered", "remembered, with a lag"],
)
def test_repeated_refusal_is_told_apart(variant: dict[str, Any], told: str) -> None:
    """A refusal for want of quota, asked again under its token when there is quota again."""
    stand = Stand(**variant)
    with stand as place:
        found = refusal(place, QUANTITY - 1)
    assert found.startswith(told)
    assert UNTOUCHED == stand.left


@pytest.mark.parametrize("most", [10, 32, 49, 50])
def test_limit_of_an_unattached_eni_is_found(most: int) -> None:
    """Exactly, whichever of the documented numbers it is; and its addresses are given back."""
    stand = Stand(ALONE, unattached=most)
    with stand as place:
        found, code = limit(place)
    assert most == found
    assert code is not None
    assert f"AVAILABLE_ENI_LIMIT={most}" == of_limit(found, code).setting
    assert UNTOUCHED == stand.left


def test_lost_answer_is_asked_again_and_taken_back() -> None:
    """Whether it was done, only the same token tells; nothing stays."""
    lost = {"action": "AssignPrivateIpAddresses", "fault": "no_reply", "times": 1}
    stand = Stand(faults=[lost])
    with stand as place:
        found = tokens(place)
    assert OLD == found.same
    assert UNTOUCHED == stand.left


def test_refused_first_ask_ends_the_trials() -> None:
    """Where nothing can be assigned, nothing can be learnt."""
    refused = {"action": "AssignPrivateIpAddresses", "fault": "error", "code": "Forbidden.RAM"}
    with Stand(faults=[refused]) as place, pytest.raises(CannotTry, match=r"Forbidden\.RAM"):
        tokens(place)


def test_facts_name_the_settings_that_follow() -> None:
    """A longer lag asks for a longer wait; tokens that do not compare, for one instance only."""
    with Stand(read_lag_seconds=40) as place:
        lagging = of_tokens(tokens(place), 100)
    with Stand(token_seconds=0) as place:
        forgetful = of_tokens(tokens(place), 100)
    assert {"SETTLE_SECONDS=60"} == {each.setting for each in lagging if each.setting}
    said = [each.setting for each in forgetful if each.setting]
    assert ["RESERVED_CONCURRENCY=1, and tell the project"] * 2 == said
    assert "" == of_refusal("not repeated: it is performed").setting


# --- the command ----------------------------------------------------------------------------------

MADE_UP, SPARE = "eni-bp1web000000000001", "eni-bp1spare"
ASSIGN = "ecs:AssignPrivateIpAddresses"
BOTH = ("--eni-id", MADE_UP, "--eni-id", SPARE)


def started(
    home: Path, account: RecordedAccount, *arguments: str, stdin: int = subprocess.DEVNULL
) -> Forked:
    """The command against an account, in a process of its own."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(home)} | leading_to(account.url)
    command = ["doctor", "--region", REGION, "--verify", "--patience", "3", *arguments]
    return Forked("console", *command, env=environ, stdin=stdin)


def on_enis(account: RecordedAccount) -> list[int]:
    """How many addresses the ENIs hold that are tried."""
    state = account.state()
    enis = [state["instances"][0]["enis"][0], state["enis"][0]]
    return [len(each["secondary"]) for each in enis]


def test_command_tries_says_and_takes_back(tmp_path: Path) -> None:
    """One line per answer; it calls what its policies allow, and the ENIs hold what they held."""
    with RecordedAccount(healthy(VERSION)) as account:
        process = started(tmp_path, account, *BOTH, "--yes", "--json")
        out, err = process.communicate(timeout=120)
        held_now = on_enis(account)
    lines = [json.loads(line) for line in out.splitlines()]
    assert (0, [8, 0], 7) == (process.returncode, held_now, len(lines)), err
    assert {MADE_UP, SPARE} == {line["eni"] for line in lines}
    assert ["AVAILABLE_ENI_LIMIT=50"] == [line["setting"] for line in lines if line["setting"]]
    documents = {
        name: json.loads((ROOT / f"deploy/ram/{name}-policy.json").read_text("utf-8"))
        for name in ("doctor", "verify")
    }
    allowed = {name: json.dumps(it["Statement"]) for name, it in documents.items()}
    assert all(f'"{action}"' in "".join(allowed.values()) for action in account.actions)
    actions = [it["Action"] for it in documents["verify"]["Statement"]]
    flat = {it for each in actions for it in ([each] if isinstance(each, str) else each)}
    assert flat <= set(account.actions)


def test_command_does_nothing_after_a_no(tmp_path: Path) -> None:
    """The plan is shown, and a no ends it with the status of a no."""
    ours, theirs = pty.openpty()
    with RecordedAccount(healthy(VERSION)) as account:
        process = started(tmp_path, account, *BOTH, stdin=theirs)
        os.write(ours, b"n\n")
        _, err = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert 4 == process.returncode
    assert f"{MADE_UP}, attached to i-bp1web000000000001, holds 8: assigns up to 6" in err
    assert "nothing was assigned" in err
    assert ASSIGN not in account.actions


def test_command_does_nothing_where_nobody_can_be_asked(tmp_path: Path) -> None:
    """Without a terminal, a yes must be given."""
    with RecordedAccount(healthy(VERSION)) as account:
        process = started(tmp_path, account, *BOTH)
        out, err = process.communicate(timeout=120)
    assert (2, "") == (process.returncode, out)
    assert "--yes is not given, and there is no terminal to ask on: nothing was assigned" in err
    assert ASSIGN not in account.actions


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--eni-id: not given; allowed with --verify: ENIs of your own"),
        (["--eni-id", "eni-none"], "--eni-id: found 'eni-none', which ECS does not show"),
        (["--eni-id", "eni-service"], "found 'eni-service', which is of a service"),
        (["--eni-id", "eni-full"], "found 'eni-full', which has no room for an address"),
        (
            ["--eni-id", "eni-tight"],
            "vsw-tight has 11 free addresses, the trials on",
        ),
    ],
)
def test_eni_that_cannot_be_tried_is_refused(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    """Before anything is written."""
    document = healthy(VERSION)
    document["world"]["vswitches"].append(
        {"id": "vsw-tight", "cidr": "10.9.0.0/28", "zone": "cn-hangzhou-h", "vpc": "vpc-bp1local"}
    )
    document["world"]["enis"] += [
        {"id": "eni-service", "vswitch": "vsw-bp1app", "service_managed": True},
        {"id": "eni-tight", "vswitch": "vsw-tight"},
    ]
    full = {"id": "eni-full", "type": "Secondary", "vswitch": "vsw-bp1app", "secondary": 14}
    document["world"]["instances"][0]["enis"].append(full)
    with RecordedAccount(document) as account:
        process = started(tmp_path, account, "--yes", *arguments)
        out, err = process.communicate(timeout=120)
    assert (2, "") == (process.returncode, out)
    assert said in err
    assert ASSIGN not in account.actions


def test_missing_permission_is_told(tmp_path: Path) -> None:
    """Nothing can be learnt then: status 1."""
    with RecordedAccount(healthy(VERSION) | {"refused": [ASSIGN]}) as account:
        process = started(tmp_path, account, "--yes", "--eni-id", MADE_UP)
        _, err = process.communicate(timeout=120)
    assert 1 == process.returncode
    assert f"{MADE_UP}: one address was refused: Forbidden.RAM" in err


def test_stopped_in_the_middle_it_takes_back(tmp_path: Path) -> None:
    """Ctrl-C after the first addresses were assigned: none of them stays."""
    with RecordedAccount(healthy(VERSION)) as account:
        process = started(tmp_path, account, "--yes", "--eni-id", SPARE)
        while account.actions.count(ASSIGN) < 3:
            time.sleep(0.01)
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
        held_now = on_enis(account)
    assert (130, [8, 0]) == (process.returncode, held_now)
