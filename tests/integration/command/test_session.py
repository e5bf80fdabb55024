"""The function in the command's own process: heard, stopped, and never losing what is left."""

from __future__ import annotations

import json
from typing import Any

from console.session import Session
from handler.core.errors import OutOfTime
from handler.shell.reading import IDS_PER_CALL
from localcloud.clock import ManualClock
from localcloud.testing import LocalCloud
from tests.integration.command.driving import SETTINGS, WRITE, written
from tests.stage import SharedClock, environment
from tests.worlds import instance, world

# Five writes an hour: a day, after which an invocation ends, is enough for the first chunk only.
SLOWLY = {"ASSIGN_PER_MINUTE": "5", "BACKFILL_SHARE": "1", "MINUTE_SECONDS": "3600"}
ALL = json.dumps({"backfill": {"region": "cn-hangzhou", "all": True}}).encode()


def test_every_record_is_heard() -> None:
    """As the function writes it."""
    heard: list[dict[str, Any]] = []
    with LocalCloud(world(instance("a"))) as cloud:
        ended = Session(environment(cloud.url) | SETTINGS, heard.append).work(ALL)

    assert ["eni_result", "run_summary"] == [record["record_type"] for record in heard]
    assert (None, None) == (ended.failure, ended.rest)


def test_a_failure_costs_nothing_of_the_rest() -> None:
    """What an invocation handed over before it failed is done, and the failure is told."""
    failing = {"action": WRITE, "fault": "error", "code": "ServiceUnavailable", "times": 1000}
    names = [f"n{number:03}" for number in range(IDS_PER_CALL + 40)]
    named = {"region": "cn-hangzhou", "instance_ids": [f"i-{name}" for name in names]}
    heard: list[dict[str, Any]] = []
    with LocalCloud(
        world(*map(instance, names)),
        faults=[failing | {"where": {"NetworkInterfaceId": f"eni-{names[0]}"}}],
    ) as cloud:
        settings = environment(cloud.url) | SETTINGS | SLOWLY
        session = Session(settings, heard.append, clock=SharedClock(ManualClock()))
        ended = session.work(json.dumps({"backfill": named}).encode())

        assert [f"eni-{name}" for name in names[1:]] == sorted(written(cloud))
    raised = "Retryable: 1 undecided: eni-n000 (transient)"
    assert [raised, None] == [
        record["raised"] for record in heard if record["record_type"] == "run_summary"
    ]
    assert ("1 undecided: eni-n000 (transient)", None) == (str(ended.failure), ended.rest)


def test_a_stop_before_anything_was_done_leaves_the_whole_request() -> None:
    """Nothing is written, and what is left is what was asked."""
    with LocalCloud(world(instance("a"))) as cloud:
        session = Session(environment(cloud.url) | SETTINGS, lambda _record: None)
        session.stop.set()
        ended = session.work(ALL)

        assert ([], ALL) == (cloud.calls(WRITE), ended.rest)
    assert isinstance(ended.failure, OutOfTime)
