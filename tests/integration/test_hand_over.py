"""What an invocation hands over, and what happens when it cannot: one hop at a time, no processes.

The clock is the cloud's own, so that waiting for the next minute is free; the next invocation is
not run but kept, to be looked at and run by the test.
"""

from __future__ import annotations

import io
import json
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from handler.cloud.connect import Connector
from handler.cloud.ports import Place
from handler.core.errors import CloudFault, OutOfTime, Retryable, Unexpected
from handler.core.ledger import Ledger
from handler.core.model import Request, Treatment
from handler.core.pacing import Pacer
from handler.core.settings import read_settings
from handler.core.value import replace
from handler.events import parse
from handler.shell.continuation import MAX_PAYLOAD
from handler.shell.hook import Hooks
from handler.shell.invocation import Invocation
from handler.shell.job import Delivery, Job
from handler.shell.log import RecordLog
from handler.shell.reading import Reader
from handler.shell.records import Tally
from handler.shell.run import Run
from localcloud.clock import ManualClock
from localcloud.testing import LocalCloud
from tests.stage import Queue, SharedClock, environment
from tests.worlds import REGION, eni, instance, world

if TYPE_CHECKING:
    from collections.abc import Iterator

INVOKE = "fc:InvokeFunction"
# Two writes a minute, one after the other; a hop that has 100 s gets as far as the second minute.
SETTINGS = {"TARGET_SECONDARY_IPS": "1", "SETTLE_SECONDS": "5", "VISIBILITY_SECONDS": "5"}
PER_MINUTE, TIME = 2, 100.0


@dataclass
class Hops:
    """Runs invocations, each in a function instance of its own."""

    cloud: LocalCloud
    time: ManualClock
    queue: Queue = field(default_factory=Queue)
    per_minute: int = PER_MINUTE
    records: list[dict[str, Any]] = field(default_factory=list)

    def run(self, event: object, request_id: str = "first") -> dict[str, Any]:
        """One invocation that begins with a minute."""
        self.time.advance(60 - self.time.now() % 60)
        request = parse(
            event if isinstance(event, bytes) else json.dumps(event), home_region=REGION
        )
        assert isinstance(request, Request)
        environ = environment(self.cloud.url, **SETTINGS)
        settings = read_settings(environ)
        found = Connector(settings.endpoints, environ).cloud(REGION)
        clock, output = SharedClock(self.time), io.StringIO()
        now = clock.now()
        with redirect_stdout(output), ThreadPoolExecutor(1) as threads:
            log = RecordLog({"request_id": request_id})
            pacer = Pacer({"*": 100, "ecs:AssignPrivateIpAddresses": self.per_minute})
            invocation = Invocation(clock, now + TIME, pacer, threads, log)
            reader = Reader(found, invocation, {})
            delivery = Delivery(request_id, REGION, now, now + TIME)
            services = replace(found, functions=self.queue)
            ledger = Ledger(settings.vswitch_reserve, settings.settle_seconds)
            job = Job(
                request, delivery, settings, services, reader, invocation, Tally(log), Hooks(())
            )
            try:
                return Run(job, log, ledger).perform()
            finally:
                self.records = [json.loads(line) for line in output.getvalue().splitlines()]

    def held(self) -> list[int]:
        """Secondary addresses on every ENI."""
        return list(self.cloud.held().values())


@pytest.fixture
def hops() -> Iterator[Hops]:
    """Eight instances without addresses: four are reached by a hop."""
    fleet = world(*(instance(f"n{number}") for number in range(8)), lifecycle_actions=[])
    time = ManualClock()
    with LocalCloud(fleet, clock=time) as cloud:
        yield Hops(cloud, time)


ALL = {"backfill": {"all": True}}


def throttled(action: str) -> dict[str, Any]:
    """Every call of it is refused until another minute, which never comes."""
    refusal = {"code": "Throttling.User", "status": 400, "times": 500}
    return {"action": action, "fault": "error"} | refusal


def test_what_time_was_too_short_for_is_handed_over_once_under_its_task_id(hops: Hops) -> None:
    """Four ENIs of eight; the next hop finds them done and finishes the others."""
    assert {"task_id": "bf_first_1", "hop": 1} == hops.run(ALL)["continuation"]
    assert 4 == sum(hops.held())
    assert ["bf_first_1"] == list(hops.queue.taken)
    result = hops.run(hops.queue.taken["bf_first_1"], "second")
    assert (4, 4) == (result["counts"]["satisfied"], result["counts"]["assigned"])
    assert result["continuation"] is None
    assert [1] * 8 == hops.held()


def test_what_is_undecided_is_raised_although_the_rest_is_handed_over(hops: Hops) -> None:
    """The next hop begins behind it: nobody else comes back to it."""
    fleet = [instance(f"n{number:03}", eni(f"eni-n{number:03}", 1)) for number in range(100)]
    fleet[0]["enis"] = [eni("eni-n000", 0, status="Attaching")]
    late = [instance(f"z{number}") for number in range(8)]
    hops.cloud.restart(world(*fleet, *late, lifecycle_actions=[]), hops.time)
    named = [each["id"] for each in (*fleet, *late)]
    with pytest.raises(Retryable, match="not_ready"):
        hops.run({"backfill": {"instance_ids": named}})
    rest = json.loads(hops.queue.taken["bf_first_1"])["backfill"]
    assert "i-n000" not in rest["instance_ids"]


def test_what_is_written_last_is_still_confirmed(hops: Hops) -> None:
    """Writes of 14 s each: the eighth would begin after 98 s of 100 and leave no time to read."""
    hops.per_minute = 100
    hops.cloud.faults(
        [{"action": "AssignPrivateIpAddresses", "fault": "slow", "seconds": 14, "times": 8}]
    )
    result = hops.run(ALL)
    assert (7, 1) == (result["counts"]["assigned"], result["counts"]["deferred"])
    assert {"task_id": "bf_first_1", "hop": 1} == result["continuation"]


def test_limit_holds_for_the_chain_as_a_whole(hops: Hops) -> None:
    """Six of eight are changed: four by the first hop, and no more than two by the next."""
    hops.run({"backfill": {"all": True, "limit": 6}})
    payload = hops.queue.taken["bf_first_1"]
    assert 2 == json.loads(payload)["backfill"]["cursor"]["remaining"]
    result = hops.run(payload, "second")
    assert 6 == sum(hops.held())
    assert (2, 2) == (result["counts"]["assigned"], result["counts"]["deferred"])
    assert {"limit"} == {row["reason"] for row in result["enis"] if row["outcome"] == "deferred"}


def test_hand_over_by_an_earlier_try_is_told_from_a_new_one(hops: Hops) -> None:
    """It happens once; what is deferred may lie before where the chain goes on: a warning."""
    fleet = [instance(f"n{number:02}") for number in range(12)]
    hops.cloud.restart(world(*fleet, lifecycle_actions=[]), hops.time)
    for level in ("info", "warning"):
        assert {"task_id": "bf_first_1", "hop": 1} == hops.run(ALL)["continuation"]
        (record,) = (row for row in hops.records if row["record_type"] == "continuation")
        assert (level, "bf_first_1", 1) == (record["level"], record["task_id"], record["hop"])


def busy(treatment: Treatment = Treatment.TRANSIENT) -> CloudFault:
    """A refused invocation."""
    return CloudFault(INVOKE, "ServiceBusy", treatment)


def test_hand_over_is_tried_again_while_its_errors_are_transient(hops: Hops) -> None:
    """Twice refused, then taken: the chain goes on, and each refusal is on record."""
    hops.queue.faults = [busy(), busy()]
    assert hops.run(ALL)["continuation"]
    errors = [row["operation"] for row in hops.records if row["record_type"] == "api_error"]
    assert [INVOKE, INVOKE] == errors


@pytest.mark.parametrize(
    ("faults", "tries"), [([busy()] * 3, 3), ([busy(Treatment.CREDENTIALS)], 1)]
)
def test_failed_hand_over_raises(hops: Hops, faults: list[CloudFault], tries: int) -> None:
    """So that the event is delivered again: nothing would be left to do the rest."""
    hops.queue.faults = list(faults)
    with pytest.raises(Retryable, match=INVOKE):
        hops.run(ALL)
    assert (tries, {}) == (hops.queue.tries, hops.queue.taken)
    assert hops.run(ALL)["continuation"] is None
    assert [1] * 8 == hops.held()


def test_defect_is_raised_without_what_it_says(hops: Hops) -> None:
    """Whatever happens leaves as something to be retried, on record, and its text stays inside."""
    hops.queue.faults = [ValueError("PLANTED")]
    with pytest.raises(Unexpected, match="ValueError in invoke_later, tests/stage") as raised:
        hops.run(ALL)
    everything = "".join(traceback.format_exception(raised.value)) + json.dumps(hops.records)
    assert "PLANTED" not in everything
    assert ["Unexpected"] == [
        row["raised"].partition(":")[0]
        for row in hops.records
        if row["record_type"] == "run_summary"
    ]


def test_hop_that_could_finish_nothing_raises(hops: Hops) -> None:
    """Handing over what nobody gets ahead with would go on for ever."""
    hops.cloud.faults([throttled("DescribeNetworkInterfaces")])
    with pytest.raises(OutOfTime):
        hops.run(ALL)
    assert {} == hops.queue.taken


def test_limit_is_not_used_up_by_calls_that_are_throttled(hops: Hops) -> None:
    """What is handed over may change as many as before, as nothing was changed."""
    done = [instance(f"n{number:03}", eni(f"eni-n{number:03}", 1)) for number in range(100)]
    hops.cloud.restart(world(*done, instance("z"), lifecycle_actions=[]), hops.time)
    hops.cloud.faults([throttled("AssignPrivateIpAddresses")])
    ids = sorted(each["id"] for each in hops.cloud.world["instances"])
    hops.run({"backfill": {"instance_ids": ids, "limit": 2}})
    cursor = json.loads(hops.queue.taken["bf_first_1"])["backfill"]["cursor"]
    assert 2 == cursor["remaining"]


ANSWERS: list[tuple[int, str, bool | str]] = [
    (202, "", True),
    (409, "StatefulAsyncInvocationAlreadyExists", False),
    (409, "AsyncTaskAlreadyExists", False),
    (409, "ResourceExhausted", "ResourceExhausted"),
    (429, "ResourceExhausted", "ResourceExhausted"),
    (200, "", "bad_answer"),
]


@pytest.mark.parametrize("service", ["", "network"])
@pytest.mark.parametrize(("status", "code", "expected"), ANSWERS)
def test_only_what_was_accepted_is_handed_over(
    status: int, code: str, expected: bool | str, service: str
) -> None:
    """202, or 409 about the task id; not another 409, and not an answer to something else.

    fc2 does not tell which status a success has.
    """
    if service and status == 200:
        expected = True
    body = json.dumps({"Code": code, "ErrorCode": code, "Message": "", "ErrorMessage": ""})
    answer = {"action": "InvokeFunction", "fault": "http", "status": status, "body": body}
    with LocalCloud(world(), faults=[answer]) as cloud:
        environ = environment(cloud.url)
        found = Connector(read_settings(environ).endpoints, environ)
        functions = found.cloud(REGION, Place("1", "secondary-ips", service)).functions
        assert functions is not None
        try:
            told: bool | str = functions.invoke_later(b"{}", "bf_a_1")
        except CloudFault as fault:
            told = fault.code
        assert expected == told


def test_what_is_handed_over_goes_to_the_alias_that_is_running() -> None:
    """One function instance serves several; what was running first does not stay."""
    with LocalCloud(world()) as cloud:
        environ = environment(cloud.url)
        found = Connector(read_settings(environ).endpoints, environ)
        for alias in ("blue", "green"):
            functions = found.cloud(REGION, Place("1", "secondary-ips", "", alias)).functions
            assert functions is not None
            with pytest.raises(CloudFault):
                functions.invoke_later(b"{}", "bf_a_1")
        asked = [call["parameters"].get("qualifier") for call in cloud.calls("InvokeFunction")]
        assert ["blue", "green"] == asked


@pytest.mark.parametrize("tag", ["skip", "nonsense", "99"])
def test_what_changes_nothing_does_not_keep_a_chain_going(hops: Hops, tag: str) -> None:
    """Skipped or short, an ENI ends alike in every hop: the chunk would be handed over for ever."""
    fleet = [instance(f"n{number}") for number in range(8)]
    fleet[0] |= {"tags": {"secondary-ips": tag}, "enis": [eni("eni-n0", secondary=14)]}
    hops.cloud.restart(world(*fleet, lifecycle_actions=[]), hops.time)
    hops.cloud.faults([throttled("AssignPrivateIpAddresses")])
    with pytest.raises(OutOfTime):
        hops.run(ALL)
    assert {} == hops.queue.taken


def test_rest_that_is_too_large_for_a_hand_over_goes_on_when_asked_again(hops: Hops) -> None:
    """Named with its size, nothing is lost, and the next try gets further."""
    absent = [f"eni-z{number:059}" for number in range(2 * MAX_PAYLOAD // 70)]
    present = [f"eni-n{number}" for number in range(8)]
    request = {"backfill": {"network_interface_ids": [*absent, *present]}}
    with pytest.raises(Retryable, match=f"backfill: .* allowed: {MAX_PAYLOAD} in a hand-over"):
        hops.run(request)
    assert ({}, 4) == (hops.queue.taken, sum(hops.held()))
    assert hops.run(request)["continuation"] is None
    assert [1] * 8 == hops.held()


@pytest.mark.parametrize("service", ["", "network"], ids=["3.0", "2.0"])
def test_hand_over_can_be_told_from_other_calls(service: str) -> None:
    """ActionTrail shows who called, in either generation."""
    with LocalCloud(world()) as cloud:
        environ = environment(cloud.url)
        connector = Connector(read_settings(environ).endpoints, environ)
        functions = connector.cloud(REGION, Place("1", "none", service)).functions
        assert functions is not None
        with pytest.raises(CloudFault):
            functions.invoke_later(b"{}", "bf_a_1")
        agents = [call["agent"].split()[-1] for call in cloud.calls("InvokeFunction")]
        assert ["eni-secondary-ips"] == agents
