"""What the documentation says of the suite is what the suite has written, and can be repeated."""

from __future__ import annotations

import signal
import socket
from collections import Counter

import pytest
from hypothesis import find

from handler.events.decode import MAX_BYTES, MAX_CONTAINERS, MAX_ENCODINGS, MAX_NESTING
from handler.events.fields import MAX_IDS
from handler.events.unwrap import MAX_ELEMENTS, MAX_WRAPPERS
from localcloud.faults import KINDS
from localcloud.testing import LocalCloud
from tests.chaos.__main__ import table
from tests.chaos.audit import Audit
from tests.chaos.chunks import run_chunk
from tests.chaos.processes import ENDS, Job, Processes
from tests.chaos.report import ROOT, read_table
from tests.chaos.trouble import CALLED, faults
from tests.chaos.turns import CloudTime
from tests.permissions import documented
from tests.stage import environment
from tests.worlds import hook_event, instance, world


def test_chunk_is_the_same_whenever_it_is_run() -> None:
    """Seed and number decide all that is drawn: deliveries, faults, kills, and in which order."""
    first, again, other = (run_chunk((1, number, 3)) for number in (7, 7, 8))
    assert first == again
    assert first != other
    assert (7, "") == (first[0], first[2])
    assert first[1]["deliveries"] > first[1]["examples"] >= 3


def test_table_has_every_count_and_how_to_repeat_it() -> None:
    """Faults by kind, deliveries, kills; the seed and the number of violations, as counted."""
    counts = Counter({"deliveries": 12_345, "fault stale": 6})
    assert "| **violations** | **3** |" in table(counts + Counter(violations=3), 42, 100)
    lines = table(counts, 42, 100).splitlines()
    assert "| deliveries | 12 345 |" in lines
    assert "| fault stale | 6 |" in lines
    assert "| **violations** | **0** |" in lines
    assert lines[-1].startswith("`make chaos SEED=42 EXAMPLES=100`, ")


def test_breach_is_counted_as_a_violation() -> None:
    """Every look at a promise counts; one that finds it broken is a violation, and is told."""
    with LocalCloud(world(instance("a"))) as cloud:
        audit = Audit(cloud, CloudTime(), {}, (), Counter())
        audit.check(1, "")
        audit.check(1, "eni-a holds 5, more than 4")
        assert {"checks of promise 1": 2, "violations": 1} == audit.counts
        assert ["promise 1: eni-a holds 5, more than 4"] == audit.breaches


def test_documentation_holds_a_run_of_the_suite() -> None:
    """The table that was written last counts every kind of fault, deliveries and kills."""
    written = read_table("chaos")
    for name in KINDS:
        assert f"| fault {name} |" in written
    for name in ("deliveries", "deliveries cut off", "retries", "operators' changes"):
        assert f"| {name} |" in written
    for promise in range(1, 7):
        assert f"| checks of promise {promise} |" in written
    assert "| lies about a ClientToken |" in written
    for name in ("SIGABRT", "SIGFPE", "SIGKILL", "SIGSEGV"):
        assert f"| processes ended by {name} |" in written


def test_faults_hit_every_operation_that_the_function_calls() -> None:
    """But the hand-over: chains in trouble are `tests/integration/test_chain.py`'s."""
    called = {action.partition(":")[2] for action in documented()}
    assert called - {"InvokeFunction"} == {*CALLED} - {"*"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_is_drawn(kind: str) -> None:
    """Of those that a faults file knows."""
    assert kind == find(faults(), lambda rule: rule["fault"] == kind)["fault"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_processes_are_counted_by_what_ended_them(how: signal.Signals) -> None:
    """The signal is the one that the system tells of, also where nobody meant to kill."""
    before = Counter(ENDS)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        waits = Job(hook_event("i-a"), environment(url, TARGET_SECONDARY_IPS="1"))
        with Processes([waits, Job({}, {})]) as processes:
            processes.go()
            processes.kill(how=how)
            processes.ended()
    both = {f"processes ended by {how.name}": 1, "processes that ended by themselves": 1}
    assert both == ENDS - before


def test_bounds_of_input_are_those_of_the_code() -> None:
    """The page on security repeats them."""
    said = (
        f"{MAX_BYTES // 1024**2} MB of text in all, {MAX_CONTAINERS:,} arrays and objects, "
        f"{MAX_NESTING} levels, {MAX_WRAPPERS} wrappers, {MAX_ENCODINGS} encodings, "
        f"{MAX_ELEMENTS:,} events and {MAX_IDS:,} ids"
    )
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    assert said.replace(",0", " 0") in page
