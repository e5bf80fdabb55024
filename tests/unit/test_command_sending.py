"""One request to the deployed function: what is sent, and how to go on without an end."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from console.chain import Reply, Task
from console.exits import Exit
from console.manual import BACKFILL, ManualRequest, Options, manual_request
from console.sending import Sending
from handler.core.errors import CloudFault
from handler.core.model import Treatment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Capture = pytest.CaptureFixture[str]

REGION = "cn-hangzhou"
UNANSWERED = CloudFault("fc:InvokeFunction", "no_answer", Treatment.TRANSIENT)
DENIED = CloudFault("fc:InvokeFunction", "AccessDenied", Treatment.CREDENTIALS)
DONE = {"action": "assign", "counts": {"assigned": 1}, "continuation": None}
HANDED_OVER = DONE | {"continuation": {"task_id": "bf_op_1", "hop": 1}}


def request(folder: Path, **fields: Any) -> ManualRequest:
    """A backfill of everything, from a file."""
    path = folder / "request.json"
    path.write_text(json.dumps({BACKFILL: {"all": True} | fields}))
    return manual_request(BACKFILL, str(path), Options(), REGION, None)


def interrupted() -> Reply:
    """Ctrl-C while an answer is waited for."""
    raise KeyboardInterrupt


class Function:
    """A deployed function that answers from a script.

    Args:
        tasks: the state of each task that there is.
        answer: to a synchronous call.
        faults: of asynchronous calls, in turn; None is none.
    """

    def __init__(
        self,
        tasks: dict[str, Task] | None = None,
        answer: Callable[[], Reply] = lambda: Reply(HANDED_OVER),
        faults: tuple[CloudFault | None, ...] = (),
    ) -> None:
        self._tasks, self._answer, self._faults = tasks or {}, answer, iter(faults)
        self.sent: list[tuple[str, Any]] = []

    def invoke_later(self, payload: bytes, task_id: str) -> None:
        """Note it, and refuse it if the script says so."""
        self.sent.append((task_id, json.loads(payload)))
        if (fault := next(self._faults, None)) is not None:
            raise fault

    def invoke(self, payload: bytes) -> Reply:
        """As the script says."""
        self.sent.append(("(sync)", json.loads(payload)))
        return self._answer()

    def task(self, task_id: str) -> Task | None:
        """The state of a task."""
        return self._tasks.get(task_id)


def sending(function: Function, *, as_json: bool = False, local: bool = False) -> Sending:
    """The chain "op"; no time passes."""
    calm = lambda _seconds: None  # noqa: E731  (a sleep)
    return Sending(function, "op", 1.0, as_json, patience=2.0, local=local, sleep=calm)


def test_a_cursor_begins_a_chain_of_its_own(tmp_path: Path) -> None:
    """The task ids of the chain that it comes from are taken; where it stands is kept."""
    function = Function()
    cursor = {"version": 1, "chain": "old", "hop": 3, "remaining": 7, "after": "i-a"}
    sending(function).deliver(request(tmp_path, cursor=cursor), sync=False, following=False)

    ((task_id, sent),) = function.sent
    assert ("bf_op_0", cursor | {"chain": "op", "hop": 0, "page": None}) == (
        task_id,
        sent[BACKFILL]["cursor"],
    )


def test_an_unanswered_request_is_sent_again_under_the_same_task_id(tmp_path: Path) -> None:
    """Function Compute runs it once."""
    function = Function(faults=(UNANSWERED, None))
    status = sending(function).deliver(request(tmp_path), sync=False, following=False)

    assert (Exit.AT_TARGET, ["bf_op_0"] * 2) == (status, [task_id for task_id, _ in function.sent])


def test_what_may_have_been_accepted_can_be_looked_for(tmp_path: Path, capsys: Capture) -> None:
    """After the last try the chain's id is told."""
    function = Function(faults=(UNANSWERED,) * 9)
    status = sending(function).deliver(request(tmp_path), sync=False, following=False)

    assert (Exit.FAILED, 3) == (status, len(function.sent))
    assert "--chain op" in capsys.readouterr().err


@pytest.mark.parametrize("faults", [(), (UNANSWERED,) * 9], ids=["accepted", "perhaps"])
def test_how_to_follow_can_be_pasted(
    tmp_path: Path, capsys: Capture, faults: tuple[CloudFault, ...]
) -> None:
    """Whatever the chain is called."""
    chain = sending(Function(faults=faults))
    chain.chain_id = "it's; $(x) [red]"
    chain.deliver(request(tmp_path), sync=False, following=False)

    assert f"--chain {shlex.quote(chain.chain_id)} " in " ".join(capsys.readouterr().err.split())


def test_what_was_refused_is_not_looked_for(tmp_path: Path, capsys: Capture) -> None:
    """Nor sent again."""
    function = Function(faults=(DENIED,) * 9)
    status = sending(function).deliver(request(tmp_path), sync=False, following=False)

    assert (Exit.FAILED, 1) == (status, len(function.sent))
    assert "--chain" not in capsys.readouterr().err


def test_the_chain_of_a_synchronous_call_can_be_followed() -> None:
    """It has no task for its first hop."""
    function = Function({"bf_op_1": Task("Succeeded", result=DONE)})
    chain = sending(function)

    assert Exit.AT_TARGET == chain.deliver(None, sync=False, following=True)
    assert [1] == [hop.number for hop in chain.chain.hops]


@pytest.mark.parametrize(
    ("following", "expected"), [(False, Exit.UNKNOWN), (True, Exit.FAILED)], ids=["left", "lost"]
)
def test_a_chain_that_goes_on_unseen_is_no_success(
    tmp_path: Path, following: bool, expected: Exit
) -> None:
    """Whether nobody looked, or the next hop was not shown."""
    found = sending(Function()).deliver(request(tmp_path), sync=True, following=following)
    assert expected == found


def test_a_synchronous_call_that_was_left_is_no_task(tmp_path: Path, capsys: Capture) -> None:
    """Ctrl-C: nothing can be followed, and that is said."""
    found = sending(Function(answer=interrupted)).deliver(
        request(tmp_path), sync=True, following=False
    )
    said = capsys.readouterr().err

    assert Exit.STOPPED == found
    assert ("--chain" in said, "may be sent again" in " ".join(said.split())) == (False, True)


class Interrupting(Function):
    """A function whose chain nobody follows for long."""

    def task(self, task_id: str) -> Task | None:  # noqa: ARG002  (the function's)
        """Ctrl-C."""
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("local", "said"),
    [(False, "The function goes on by itself."), (True, "The local cloud ends with this command")],
    ids=["deployed", "local"],
)
@pytest.mark.parametrize(
    ("following", "status"), [(True, Exit.STOPPED), (False, Exit.AT_TARGET)], ids=["ctrl-c", "sent"]
)
def test_a_function_that_ends_with_the_command_does_not_go_on(
    tmp_path: Path, capsys: Capture, local: bool, said: str, following: bool, status: Exit
) -> None:
    """Only of the deployed one it is said that it goes on and can be followed."""
    found = sending(Interrupting(), local=local).deliver(
        request(tmp_path), sync=False, following=following
    )
    told = " ".join(capsys.readouterr().err.split())

    assert status == found
    assert (True, local) == (said in told, "--chain" not in told)


@pytest.mark.parametrize(
    ("function", "status"),
    [(Interrupting(), Exit.STOPPED), (Function(faults=(DENIED,)), Exit.FAILED)],
    ids=["ctrl-c", "refused"],
)
def test_scripts_get_the_last_line_of_an_end_before_the_end(
    tmp_path: Path, capsys: Capture, function: Function, status: Exit
) -> None:
    """With the status of the command and the chain's id."""
    sending(function, as_json=True).deliver(request(tmp_path), sync=False, following=True)
    (last,) = map(json.loads, capsys.readouterr().out.splitlines())

    assert ("command", int(status), "op") == (
        last["record_type"],
        last["exit_status"],
        last["chain"],
    )
