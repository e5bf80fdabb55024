"""The function in the command's own process: heard, stopped, and never losing what is left."""

from __future__ import annotations

import json
from typing import Any

from handler.command.session import Session
from handler.errors import OutOfTime
from tests.integration.command.driving import SETTINGS, WRITE
from tests.localcloud.testing import LocalCloud
from tests.stage import environment
from tests.worlds import instance, world

ALL = json.dumps({"backfill": {"region": "cn-hangzhou", "all": True}}).encode()


def test_every_record_is_heard() -> None:
    """As the function writes it."""
    heard: list[dict[str, Any]] = []
    with LocalCloud(world(instance("a"))) as cloud:
        ended = Session(environment(cloud.url) | SETTINGS, heard.append).work(ALL)

    assert ["eni_result", "run_summary"] == [record["record_type"] for record in heard]
    assert (None, None) == (ended.failure, ended.rest)


def test_a_stop_before_anything_was_done_leaves_the_whole_request() -> None:
    """Nothing is written, and what is left is what was asked."""
    with LocalCloud(world(instance("a"))) as cloud:
        session = Session(environment(cloud.url) | SETTINGS, lambda _record: None)
        session.stop.set()
        ended = session.work(ALL)

        assert ([], ALL) == (cloud.calls(WRITE), ended.rest)
    assert isinstance(ended.failure, OutOfTime)
