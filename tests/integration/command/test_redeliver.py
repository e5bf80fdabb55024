"""`redeliver`: failed events out of their queue, to the deployed function, over HTTP."""

from __future__ import annotations

import base64
import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from localcloud.certificate import read_certificate
from localcloud.clock import ScaledClock
from localcloud.testing import LocalCloud
from tests.certificate import self_signed
from tests.integration.command.driving import (
    PATIENCE,
    ROOT,
    SETTINGS,
    Done,
    Terminal,
    finish,
    held,
    run,
    shown_calls,
    start,
)
from tests.permissions import ROOT as PROJECT
from tests.worlds import hook_event, instance, running_event, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.forked import Forked

NAME, OLD, SERVICE, QUEUE = "secondary-ips", "old", "network", "secondary-ips-failures"
GENERATIONS = [[], ["--function", OLD, "--service", SERVICE]]
OFTEN = ["--poll", "0.1", "--patience", "3"]
# Two minutes of the queue are four seconds here.
SPEED = 30.0
REFUSED = {"fault": "error", "code": "Forbidden.RAM", "status": 403, "times": 1000}


def record(event: Any, function: str = f"functions/{NAME}") -> dict[str, Any]:
    """What Function Compute writes of an event that failed in every try."""
    return {
        "timestamp": "2026-03-02T09:25:11.000Z",
        "requestContext": {
            "requestId": "1-69a559f7-1",
            "functionArn": f"acs:fc:cn-hangzhou:1690700000000030:{function}",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 4,
        },
        "requestPayload": event if isinstance(event, str) else json.dumps(event),
        "responseContext": {"statusCode": 200, "functionError": "UnhandledInvocationError"},
        "responsePayload": '{"errorType": "NotPermitted", "errorMessage": "ecs:DescribeInstances"}',
    }


def packed(message: Any) -> str:
    """The same in base64, as MNS's own SDKs send it."""
    return base64.b64encode(json.dumps(message).encode()).decode()


def region(*messages: Any, **more: Any) -> dict[str, Any]:
    """Two instances, the function in both generations, and a queue with these messages."""
    common = {
        "code": str(ROOT),
        "handler": "index.handler",
        "initializer": "index.initialize",
        "timeout": 30,
        "grace": 60,
        "retries": 0,
        "on_failure": f"mns:{QUEUE}",
        "env": SETTINGS,
    }
    functions = [
        {"name": NAME, "runtime": "python3.12", **common},
        {"name": OLD, "service": SERVICE, "runtime": "python3.10", **common},
    ]
    queues = {QUEUE: list(messages)}
    return world(instance("a"), instance("b"), functions=functions, queues=queues, **more)


def redeliver(
    cloud: LocalCloud, *arguments: str, endpoint: str | None = None, **settings: str
) -> Done:
    """Run the command to its end."""
    words = ["redeliver", "--region", "cn-hangzhou", *OFTEN, *arguments]
    url = cloud.url if endpoint is None else endpoint
    return finish(start(cloud, *words, folder=ROOT, QUEUE_ENDPOINT=url, **settings))


def options_in(done: Done) -> list[str]:
    """The options that its errors name."""
    return [line.split(": ")[1] for line in done.err.splitlines()]


def started(cloud: LocalCloud) -> Forked:
    """The command, while it runs."""
    arguments = ["redeliver", "--region", "cn-hangzhou", "--json", *OFTEN]
    return start(cloud, *arguments, QUEUE_ENDPOINT=cloud.url)


def ends(done: Done) -> list[str]:
    """What became of each event, of --json."""
    return [line["end"] for line in done.lines if line["record_type"] == "failed_event"]


def until(met: Callable[[], object]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("named", GENERATIONS, ids=["3.0", "2.0"])
def test_what_settled_is_deleted(named: list[str]) -> None:
    """Plain and base64; each is hidden for longer, delivered, followed, and then deleted."""
    of = f"services/{SERVICE}.LATEST/functions/{OLD}" if named else f"functions/{NAME}"
    messages = [record(hook_event("i-a"), of), packed(record(running_event("i-b"), of))]
    with LocalCloud(region(*messages)) as cloud:
        done = redeliver(cloud, "--json", *named)
        calls = [call["action"] for call in cloud.calls() if call["product"] in {"FC", "Mns"}]
        assert (0, ["settled"] * 2) == (done.status, ends(done))
        assert ([], {2}) == (cloud.queue(QUEUE), held(cloud))
    order = ["ReceiveMessage", "ChangeMessageVisibility", "InvokeFunction", "DeleteMessage"]
    assert order == [each for each in dict.fromkeys(calls) if each in order]
    (last,) = done.lines[-1:]
    assert ("command", 0, QUEUE) == (last["record_type"], last["exit_status"], last["queue"])
    assert "what was taken out of the queue has settled" == last["meaning"]


@pytest.mark.parametrize("named", GENERATIONS, ids=["3.0", "2.0"])
def test_calls_are_shown(named: list[str]) -> None:
    """With `-v`: those to the queue too, each with its id, without the handle of a message."""
    of = f"services/{SERVICE}.LATEST/functions/{OLD}" if named else f"functions/{NAME}"
    with LocalCloud(region(record(running_event("i-a"), of))) as cloud:
        done = redeliver(cloud, "-v", *named)
        calls = [call for call in cloud.calls() if call["product"] in {"FC", "Mns"}]
    assert (0, {"FC", "Mns"}) == (done.status, {call["product"] for call in calls})
    assert {call["request_id"] for call in calls} == {*shown_calls(done)}
    assert "ReceiptHandle" not in done.err


def test_calls_are_what_the_operators_policy_allows() -> None:
    """The actions on the queue, no more and no less."""
    text = (PROJECT / "deploy/ram/operator-policy.json").read_text(encoding="utf-8")
    listed = [each["Action"] for each in json.loads(text)["Statement"]]
    named = {it for each in listed for it in ([each] if isinstance(each, str) else each)}
    with LocalCloud(region(record(running_event("i-a")), "no record")) as cloud:
        redeliver(cloud)
        called = {f"mns:{it['action']}" for it in cloud.calls() if it["product"] == "Mns"}
    assert {each for each in named if each.startswith("mns:")} == called


def test_dry_run_shows_and_delivers_nothing() -> None:
    """When, which event, why; and everything can be received again at once."""
    messages = [record(hook_event("i-a", instanceIds=["i-a", "i-b"])), "no record"]
    with LocalCloud(region(*messages)) as cloud:
        done = redeliver(cloud, "--dry-run")
        assert (3, messages) == (done.status, cloud.queue(QUEUE))
        assert [] == cloud.calls("InvokeFunction") + cloud.calls("DeleteMessage")
        until(lambda: len(ends(redeliver(cloud, "--dry-run", "--json"))) == 2)
    text = " ".join(done.out.split())
    for shown in (
        "2026-03-02 09:25:11",
        "ess.lifecycle_hook i-a,",
        "NotPermitted:",
        "would be delivered",
        "left, hopeless",
        "2 failed events in secondary-ips-failures: 1 would be delivered; 1 left, hopeless",
    ):
        assert shown in text, shown


def test_hopeless_ones_are_left_and_shown() -> None:
    """Cut, no JSON, of another function: they stay, and the others are delivered."""
    event = json.dumps(running_event("i-a"))
    hopeless = [record(event[:50]), "text", record(event, "functions/payments")]
    with LocalCloud(region(*hopeless, record(event))) as cloud:
        done = redeliver(cloud, "--json")
        assert (3, hopeless) == (done.status, cloud.queue(QUEUE))
    assert ["hopeless"] * 3 + ["settled"] == ends(done)
    reasons = [str(line["reason"]) for line in done.lines[:3]]
    said = ["the function would reject it", "no record of a failure", "of another function"]
    assert [True] * 3 == [text in reason for text, reason in zip(said, reasons, strict=True)]


def test_failed_again_is_left_once_and_settles_later() -> None:
    """What still fails is in the queue once; when the cause is gone, it settles."""
    with LocalCloud(region(record(running_event("i-a")))) as cloud:
        cloud.faults([{"action": "DescribeInstances"} | REFUSED])
        failed = redeliver(cloud, "--json")
        assert (3, ["failed_again"]) == (failed.status, ends(failed))
        assert 1 == len(cloud.queue(QUEUE))
        cloud.faults([])
        until(lambda: ends(redeliver(cloud, "--json")) == ["settled"])
        assert [] == cloud.queue(QUEUE)
        assert 2 == len(cloud.invocations())
    assert "Failed: UnhandledInvocationError" == failed.lines[0]["reason"]


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("ended", [False, True], ids=["while it ran", "after its end"])
def test_killed_between_delivery_and_deletion(*, ended: bool) -> None:
    """Nothing is lost, and the next run does not deliver again what it finds delivered."""
    slow = {"fault": "slow", "seconds": 2 * SPEED}
    # While `redeliver` waits for a reply it cannot learn of the end, and deletes nothing.
    silent = {"fault": "slow", "seconds": 20 * SPEED, "times": 1000}
    with LocalCloud(region(record(running_event("i-a"))), clock=ScaledClock(SPEED)) as cloud:
        cloud.faults(
            [
                {"action": "GetAsyncTask", "fault": "error", "code": "AsyncTaskNotFound"}
                | {"status": 404},
                {"action": "GetAsyncTask"} | silent,
                {"action": "DescribeInstances"} | slow,
            ]
        )
        process = started(cloud)
        until(lambda: cloud.calls("InvokeFunction"))
        if ended:
            until(lambda: [it for it in cloud.invocations() if it["outcome"]])
        os.killpg(process.pid, signal.SIGKILL)
        assert -signal.SIGKILL == finish(process).status
        cloud.faults([])
        assert ([], 1) == (cloud.calls("DeleteMessage"), len(cloud.queue(QUEUE)))
        until(lambda: ends(redeliver(cloud, "--json")) == ["settled"])
        assert ([], 1) == (cloud.queue(QUEUE), len(cloud.invocations()))
        assert 1 == len(cloud.calls("AssignPrivateIpAddresses"))


@pytest.mark.usefixtures("undisturbed")
def test_ctrl_c_leaves_every_record() -> None:
    """Status 130; what is under way is said, and the next run deletes it."""
    slow = {"action": "DescribeInstances", "fault": "slow", "seconds": 3 * SPEED}
    with (
        LocalCloud(region(record(running_event("i-a"))), clock=ScaledClock(SPEED)) as cloud,
        Terminal(
            cloud, "redeliver", "--region", "cn-hangzhou", *OFTEN, QUEUE_ENDPOINT=cloud.url
        ) as terminal,
    ):
        cloud.faults([slow])
        terminal.until("under way")
        until(lambda: cloud.calls("InvokeFunction"))
        terminal.interrupt()
        assert 130 == terminal.end()
        assert "the next run follows it" in " ".join(terminal.shown.split())
        assert 1 == len(cloud.queue(QUEUE))
        until(lambda: ends(redeliver(cloud, "--json")) == ["settled"])
        assert ([], 1) == (cloud.queue(QUEUE), len(cloud.invocations()))


@pytest.mark.parametrize("action", ["ReceiveMessage", "InvokeFunction", "DeleteMessage"])
def test_answer_that_is_lost_harms_nothing(action: str) -> None:
    """The call was carried out, and nobody heard: still each event runs once, and none is lost."""
    messages = [record(running_event("i-a")), record(running_event("i-b"))]
    with LocalCloud(region(*messages), clock=ScaledClock(SPEED)) as cloud:
        cloud.faults([{"action": action, "fault": "no_reply"}])
        redeliver(cloud)
        until(lambda: redeliver(cloud).status == 0 and not cloud.queue(QUEUE))
        assert (2, {2}) == (len(cloud.invocations()), held(cloud))


def test_temporary_credentials_are_taken() -> None:
    """With their security token, for queue and function."""
    key = {"id": "STS.operator", "secret": "its-secret", "security_token": "its-token"}
    settings = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": key["id"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key["secret"],
        "ALIBABA_CLOUD_SECURITY_TOKEN": key["security_token"],
    }
    with LocalCloud(region(record(running_event("i-a")), access_keys=[key])) as cloud:
        done = redeliver(cloud, **settings)
        assert (0, []) == (done.status, cloud.queue(QUEUE))


@pytest.mark.parametrize("trusted", [True, False])
def test_queue_is_reached_over_https(tmp_path: Path, *, trusted: bool) -> None:
    """With the certificate checked; nothing is sent to whoever has another one."""
    cert, key = self_signed(tmp_path)
    with LocalCloud(region("no record"), certificate=read_certificate(cert, key)) as cloud:
        who = {"SSL_CERT_FILE": str(cert)} if trusted else {}
        done = redeliver(cloud, "--dry-run", "--json", **who)
        called = cloud.calls("ReceiveMessage")
    assert (3 if trusted else 1, trusted) == (done.status, bool(called))
    assert trusted or "mns:ReceiveMessage failed with no_answer" in done.err


def test_limit_is_kept() -> None:
    """The others are not even received."""
    messages = [record(running_event("i-a")), record(running_event("i-b"))]
    with LocalCloud(region(*messages)) as cloud:
        done = redeliver(cloud, "--limit", "1", "--json")
        assert (0, ["settled"], messages[1:]) == (done.status, ends(done), cloud.queue(QUEUE))
        assert 1 == len(cloud.calls("ReceiveMessage"))


def test_function_whose_tasks_are_not_shown() -> None:
    """Nothing is deleted, and it is said why."""
    unknown = {"fault": "error", "code": "AsyncTaskNotFound", "status": 404, "times": 1000}
    with LocalCloud(region(record(running_event("i-a")))) as cloud:
        cloud.faults([{"action": "GetAsyncTask"} | unknown])
        done = redeliver(cloud, "--json", "--patience", "0.3")
        assert (1, ["unknown"], 1) == (done.status, ends(done), len(cloud.queue(QUEUE)))
    assert "the function's task mode (asyncTask) is off" in done.err


DENIED = {"fault": "error", "code": "AccessDenied", "status": 403, "message": "token=abc"}


@pytest.mark.parametrize(
    ("fault", "arguments", "status", "said"),
    [
        ({"action": "ReceiveMessage"} | DENIED, [], 1, "mns:ReceiveMessage failed with Acc"),
        ({"action": "InvokeFunction"} | DENIED, [], 1, "fc:InvokeFunction failed with Acces"),
        (None, ["--queue", "none"], 2, "--queue: found 'none'; allowed: a queue of this account"),
        (None, ["--queue", "a/b"], 2, "--queue: found 'a/b'; allowed: letters, digits and -"),
        (None, ["--function", "a/b"], 2, "--function: found 'a/b'; allowed: letters"),
        (None, ["--region", "hangzhou"], 2, "--region: found 'hangzhou'; allowed: "),
    ],
)
def test_what_is_refused_is_told(
    fault: dict[str, Any] | None, arguments: list[str], status: int, said: str
) -> None:
    """With the operation or the option; nothing is lost, and nothing that may be a secret shown."""
    with LocalCloud(region(record(running_event("i-a")))) as cloud:
        cloud.faults([fault] if fault else [])
        done = redeliver(cloud, *arguments)
        assert (status, 1) == (done.status, len(cloud.queue(QUEUE)))
    assert said in done.err
    assert "failed event" not in done.out  # how many there are was not seen
    assert "token=abc" not in done.err + done.out
    assert "Traceback" not in done.err


def test_account_is_needed_for_its_host() -> None:
    """Without an endpoint, the host is that of an account."""
    with LocalCloud(region()) as cloud:
        done = redeliver(cloud, endpoint="")
    assert (2, "--account: not given") == (done.status, done.err[7:27])


def test_everything_that_is_wrong_is_said_at_once() -> None:
    """Before a local cloud is started, and before any call."""
    wrong = ["--queue", "a/b", "--function", "c/d"]
    with LocalCloud(region()) as cloud:
        local = run(cloud, "redeliver", "--local", "--region", "cn-beijing", *wrong)
        away = run(cloud, "redeliver", *wrong, FC_REGION="", FUNCTIONS_ENDPOINT="")
        assert [] == cloud.calls()
    assert [2, 2] == [local.status, away.status]
    assert ["--queue", "--function", "--region"] == options_in(local)
    assert ["--queue", "--region", "--function", "--account"] == options_in(away)


def test_made_up_failures_can_be_tried() -> None:
    """`--local` has one of every kind."""
    with LocalCloud() as cloud:
        done = run(cloud, "redeliver", "--local", "--json", *OFTEN)
    assert 3 == done.status
    assert {"settled": 2, "hopeless": 3, "failed_again": 1} == {
        end: number for end, number in done.lines[-1]["counts"].items() if number
    }
