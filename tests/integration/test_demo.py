"""`make run`, the first command of a newcomer, as a person uses it: right, and wrong."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests import forked

if TYPE_CHECKING:
    import subprocess

EVENT = "events/ess-lifecycle-hook-scale-out.json"


def run(event: str = EVENT, **environ: str) -> subprocess.CompletedProcess[str]:
    """Deliver a payload to the demo world."""
    return forked.run("tests.demo", event, env=os.environ | environ)


def test_second_delivery_assigns_nothing() -> None:
    """Four ENIs are brought to their target, once; the hook is told to go on."""
    shown = run()
    assert 0 == shown.returncode, shown.stderr
    assert "AssignPrivateIpAddresses: 4 calls in delivery 1" in shown.stdout
    assert "AssignPrivateIpAddresses: 0 calls in delivery 2" in shown.stdout
    assert "CONTINUE, completed" in shown.stdout


def test_a_plan_shows_what_each_eni_would_get() -> None:
    """How many it would be stands where a run shows which they were."""
    shown = run("events/plan-vswitch.json").stdout
    rows = [line.split() for line in shown.splitlines() if " planned " in line]
    assert rows
    for _eni, _instance, had, target, *_rest, got in rows:
        assert int(target) - int(had) == int(got)


def test_missing_payload_is_named() -> None:
    """One line says which file, and what would do."""
    shown = run("events/nope.json")
    assert 2 == shown.returncode
    assert (
        f"EVENT: found events/nope.json, No such file or directory; allowed: a file such as {EVENT}"
        == " ".join(shown.stdout.split())
    )


def test_bad_setting_is_named_once() -> None:
    """No second delivery can cure it, so there is not even a first one."""
    shown = run(TARGET_SECONDARY_IPS="lots")
    assert 2 == shown.returncode
    assert 1 == shown.stdout.count("TARGET_SECONDARY_IPS: found 'lots'")
    assert "delivery" not in shown.stdout
