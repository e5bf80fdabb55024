"""A chain of invocations is followed by the ids of its tasks."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from console.chain import LOST, Chain, Hop, Task, follow
from console.exits import Exit
from console.tables import chain_table
from handler.core.errors import CloudFault
from handler.core.model import Treatment
from handler.shell.continuation import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST, PATIENCE = Cursor("c"), 8
TRANSIENT = CloudFault("fc:GetAsyncTask", "Throttling", Treatment.TRANSIENT)
DENIED = CloudFault("fc:GetAsyncTask", "AccessDenied", Treatment.CREDENTIALS)


def returned(hop: int | None = None, **counts: int) -> dict[str, Any]:
    """What the function returns; `hop` is the one it handed over to."""
    continuation = None if hop is None else {"task_id": f"bf_c_{hop}", "hop": hop}
    return {"action": "assign", "counts": counts, "continuation": continuation}


def planned(target: int) -> dict[str, Any]:
    """What a plan returns of one ENI that would get three addresses."""
    row = {"outcome": "planned", "target": target, "before": 0, "requested": 3, "addresses": []}
    return returned(planned=1) | {"action": "plan", "enis": [row]}


class Script:
    """Function Compute, answering in turn for each task id; what is left out is not there."""

    def __init__(self, **answers: list[Task | CloudFault | None]) -> None:
        self._answers: dict[str, Iterator[Task | CloudFault | None]] = {
            task_id: iter(found) for task_id, found in answers.items()
        }
        self.pauses = 0

    def ask(self, task_id: str) -> Task | None:
        """The next answer."""
        found = next(self._answers.get(task_id, iter(())), None)
        if isinstance(found, CloudFault):
            raise found
        return found

    def pause(self) -> None:
        """Count it."""
        self.pauses += 1

    def ended(self) -> list[tuple[int, str]]:
        """The hops that are seen to end."""
        hops = follow(self.ask, FIRST, self.pause, PATIENCE)
        return [(hop.number, hop.task.status) for hop in hops if hop.task.ended]


def test_a_hop_that_says_it_is_the_last_ends_the_chain() -> None:
    """No other one is asked for."""
    script = Script(
        bf_c_0=[Task("Enqueued"), Task("Running"), Task("Succeeded", result=returned(1))],
        bf_c_1=[Task("Succeeded", result=returned())],
    )
    assert [(0, "Succeeded"), (1, "Succeeded")] == script.ended()
    assert 2 == script.pauses


def test_where_nothing_is_told_the_next_one_is_looked_for() -> None:
    """A task may be shown late; one that does not appear is not there."""
    script = Script(bf_c_0=[Task("Succeeded")], bf_c_1=[None, None, Task("Succeeded")])
    assert [(0, "Succeeded"), (1, "Succeeded")] == script.ended()
    assert 2 + PATIENCE == script.pauses


@pytest.mark.parametrize(
    "answers",
    [
        {"bf_c_0": [Task("Succeeded", result=returned(1))]},
        {"bf_c_0": [Task("Succeeded")], "bf_c_1": [Task("Running"), None]},
    ],
    ids=["handed over to", "seen before"],
)
def test_a_hop_that_was_there_is_not_forgotten(answers: dict[str, Any]) -> None:
    """What is certain to be there and is not shown ends the chain as lost."""
    assert [(0, "Succeeded"), (1, LOST)] == Script(**answers).ended()


def test_the_first_hop_may_be_certain_too() -> None:
    """Where a synchronous call said that it handed over."""
    hops = follow(Script().ask, FIRST, lambda: None, PATIENCE, handed_over=True)
    assert [LOST] == [hop.task.status for hop in hops]


@pytest.mark.parametrize("status", ["Failed", "Stopped", "Expired", "Invalid"])
def test_a_hop_that_fails_ends_the_chain(status: str) -> None:
    """It handed nothing over."""
    assert [(0, status)] == Script(bf_c_0=[Task("Retrying"), Task(status)]).ended()


def test_a_question_may_go_unanswered() -> None:
    """Transient errors are asked again."""
    script = Script(bf_c_0=[TRANSIENT, TRANSIENT, Task("Succeeded", result=returned())])
    assert [(0, "Succeeded")] == script.ended()


@pytest.mark.parametrize("faults", [[DENIED], [TRANSIENT] * PATIENCE], ids=["denied", "endless"])
def test_refused_questions_end_it(faults: list[Task | CloudFault | None]) -> None:
    """At once, or when they do not end."""
    with pytest.raises(CloudFault):
        Script(bf_c_0=faults).ended()


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ([], Exit.FAILED),
        ([Task("Succeeded")], Exit.UNKNOWN),
        ([Task("Succeeded", result=returned(assigned=3))], Exit.AT_TARGET),
        ([Task("Succeeded", result=returned(short=1))], Exit.SHORT),
        ([Task("Succeeded", result=returned(assigned=3, deferred=9))], Exit.SHORT),
        ([Task("Succeeded", result=returned(short=1)), Task("Succeeded")], Exit.UNKNOWN),
        ([Task("Succeeded", result=returned(1, assigned=3))], Exit.UNKNOWN),
        ([Task("Succeeded", result=returned(1, assigned=3)), Task(LOST)], Exit.FAILED),
        ([Task("Succeeded", result=planned(target=3))], Exit.AT_TARGET),
        ([Task("Succeeded", result=planned(target=4))], Exit.SHORT),
        ([Task("Succeeded", result=planned(target=3) | {"enis_left_out": 1})], Exit.UNKNOWN),
        ([Task("Succeeded", result=returned(failed=1, short=1))], Exit.FAILED),
        ([Task("Succeeded"), Task("Failed")], Exit.FAILED),
        ([Task("Succeeded", result={"action": "rejected"})], Exit.BAD_REQUEST),
        ([Task("Succeeded", result={"action": "ignored"})], Exit.BAD_REQUEST),
    ],
)
def test_exit_statuses(tasks: list[Task], expected: Exit) -> None:
    """The worst hop decides."""
    assert expected == Chain([Hop(0, "bf_c_0", task) for task in tasks]).exit


COUNTS = {"assigned": 1}
PLANNED = planned(target=3)
(ROW,) = PLANNED["enis"]
ODD: list[Any] = [
    "",
    "hello",
    [1, 2],
    [],
    7,
    0,
    False,
    {},
    {"action": "assign"},
    {"action": ["rejected"], "reason": {}},
    {"action": "rejected", "counts": 5},
    {"counts": None},
    {"counts": [1]},
    {"counts": {"assigned": "1"}},
    {"counts": {"assigned": None}},
    {"counts": {"assigned": True}},
    {"counts": {"assigned": 1.5}},
    {"counts": {"assigned": -1}},
    {"counts": {"assigned": 10**400}},
    {"counts": COUNTS, "enis": 1},
    {"counts": COUNTS, "enis": {}},
    {"counts": COUNTS, "enis": [1]},
    {"counts": COUNTS, "enis": [None]},
    {"counts": COUNTS, "enis": [{}]},
    {"counts": COUNTS, "enis": [{"outcome": ["planned"]}]},
    {"counts": COUNTS, "enis": [{"outcome": "planned"}]},
    *(
        {"counts": COUNTS, "enis": [ROW | {name: "x"}]}
        for name in ("target", "before", "requested")
    ),
    {"counts": COUNTS, "continuation": 1},
    {"counts": COUNTS, "continuation": []},
    {"counts": COUNTS, "continuation": {}},
    {"counts": COUNTS, "continuation": {"hop": "x"}},
    {"counts": COUNTS, "continuation": {"hop": None}},
    {"counts": COUNTS, "continuation": {"hop": 1.0}},
    {"counts": COUNTS, "continuation": {"hop": -1}},
]


def seen(result: Any) -> Chain:
    """A chain whose only hop returned this."""
    return Chain([Hop(0, "bf_c_0", Task("Succeeded", result=result))])


@pytest.mark.parametrize("result", ODD, ids=lambda it: repr(it)[:60])
def test_an_answer_that_is_no_result_is_shown_and_is_no_success(result: Any) -> None:
    """Another function may have this name: what it says is not taken for ENIs."""
    chain = seen(result)
    (hop,) = chain.hops

    assert (Exit.FAILED, False, False) == (chain.exit, chain.known, chain.told)
    assert ({}, None, 0, True) == (hop.counts, hop.next_number, hop.short, hop.last)
    assert hop.trouble is not None
    assert hop.trouble.startswith("bf_c_0 answered what is not a result of the function: ")
    assert hop.row()["error"] == hop.trouble
    assert isinstance(hop.row()["result"], (dict, type(None)))


@pytest.mark.parametrize(
    ("result", "said"),
    [("hello", '"hello"'), ([1], "[1]"), ({"a": 1}, '{"a": 1}'), ([0] * 999, "[0, 0, ")],
)
def test_what_was_answered_is_shown(result: Any, said: str) -> None:
    """As JSON; the beginning of it where it is long."""
    (hop,) = seen(result).hops
    assert said in str(hop.trouble)
    assert len(str(hop.trouble)) < 600


def test_what_may_be_a_secret_is_not_shown() -> None:
    """Whoever answers may quote what it was called with."""
    (hop,) = seen(["x" * 40]).hops
    assert "xxx" not in str(hop.trouble)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"counts": COUNTS, "enis": None, "continuation": None}, Exit.AT_TARGET),
        ({"counts": COUNTS, "enis": [{"outcome": "assigned"}]}, Exit.AT_TARGET),
        (PLANNED | {"enis": None}, Exit.UNKNOWN),
        (PLANNED | {"counts": {"planned": 2}}, Exit.UNKNOWN),
        ({"counts": COUNTS, "action": {}, "reason": []}, Exit.AT_TARGET),
    ],
)
def test_what_is_left_out_of_a_result(result: Any, expected: Exit) -> None:
    """Is not told; an ENI of a plan that has no row may end short."""
    assert expected == seen(result).exit


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["counts", "enis", "continuation", "hop", "outcome", "action"]),
                inner | st.sampled_from(["planned", "rejected", ROW]),
                max_size=4,
            )
        ),
        max_leaves=6,
    )
)
def test_no_answer_stops_the_command(result: Any) -> None:
    """Whatever was returned, there is a status, a table and a JSON line."""
    chain = seen(result)
    (hop,) = chain.hops

    assert chain.exit in Exit
    assert isinstance(json.dumps([hop.row(), hop.trouble, chain.counts]), str)
    Console(file=io.StringIO()).print(chain_table(chain))


def test_sums_keep_their_zeros() -> None:
    """Scripts look for every count."""
    hops = [
        Hop(0, "a", Task("Succeeded", result=returned(short=0, assigned=1))),
        Hop(1, "b", Task("Succeeded", result=returned(short=0, assigned=2))),
    ]
    assert {"short": 0, "assigned": 3} == Chain(hops).counts


def row(eni_id: str, outcome: str, **more: Any) -> dict[str, Any]:
    """An ENI in a result."""
    found = {"network_interface_id": eni_id, "instance_id": f"i-{eni_id}", "outcome": outcome}
    return found | {"reason": "", "target": 2, "before": 0, "requested": 2} | more


def chain_of(*results: dict[str, Any]) -> Chain:
    """A chain of hops that succeeded with these results."""
    tasks = [Task("Succeeded", result=result) for result in results]
    return Chain([Hop(number, f"bf_c_{number}", task) for number, task in enumerate(tasks)])


def test_each_eni_counts_once() -> None:
    """As the last hop that met it tells; addresses are those that all hops assigned."""
    first = [row("eni-a", "assigned"), row("eni-b", "deferred"), row("eni-c", "deferred")]
    second = [row("eni-b", "assigned"), row("eni-c", "short")]
    counts = {"enis": 3, "instances": 3, "assigned": 1, "deferred": 2, "addresses_assigned": 2}
    more = {"enis": 2, "instances": 2, "assigned": 1, "short": 1, "addresses_assigned": 3}
    chain = chain_of(returned(1, **counts) | {"enis": first}, returned(**more) | {"enis": second})

    expected = {"enis": 3, "instances": 3, "assigned": 2, "deferred": 0, "short": 1}
    assert expected | {"addresses_assigned": 5} == dict(chain.counts)
    assert chain.counted_once


def test_what_results_leave_out_may_count_twice() -> None:
    """It is said so: the ENIs that are not listed cannot be told apart."""
    cut = returned(1, enis=2, assigned=2) | {"enis": [row("eni-a", "assigned")]}
    chain = chain_of(cut, returned(enis=1, assigned=1) | {"enis": [row("eni-a", "assigned")]})

    assert (3, False) == (chain.counts["enis"], chain.counted_once)
