"""The comparison of RAM actions that ends a run of the whole suite."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.localcloud.sdk import call
from tests.permissions import called, differences, documented, is_whole
from tests.stage import Stage
from tests.worlds import hook_event, instance, world


def test_what_is_called_and_not_allowed_is_named() -> None:
    """And what is allowed and never called; equal sets have no difference."""
    assert [] == differences({"ecs:A", "vpc:B"}, {"vpc:B", "ecs:A"})
    missing, idle = differences({"ecs:A"}, {"ecs:B"})
    assert missing.startswith("ecs:B is called")
    assert idle.startswith("ecs:A is in")


def test_documented_actions_are_found() -> None:
    """The README's table is read: the work itself stands in it."""
    assert "ecs:AssignPrivateIpAddresses" in documented()
    assert len(documented()) >= 10


def test_only_the_calls_of_the_function_count() -> None:
    """Another client of the same cloud, with the same SDK, leaves no trace in the policy."""
    with Stage(world(instance("a")), {"TARGET_SECONDARY_IPS": "1"}) as stage:
        stage.deliver(hook_event("i-a"))
        call(stage.cloud, "StopInstance", {"InstanceId": "i-a"})
        notes = stage.cloud.notes()
    assert "action=Ecs:StopInstance" in notes
    assert {
        "ecs:DescribeInstances",
        "ecs:DescribeNetworkInterfaces",
        "ecs:DescribeInstanceTypes",
        "vpc:DescribeVSwitches",
        "ecs:AssignPrivateIpAddresses",
        "ess:CompleteLifecycleAction",
    } == called(notes)


@pytest.mark.parametrize(
    ("chosen", "whole"),
    [
        ({}, True),
        ({"file_or_dir": ["tests/unit"]}, False),
        ({"keyword": "chaos"}, False),
        ({"markexpr": "slow"}, False),
        ({"deselect": ["tests/unit"]}, False),
        ({"lf": True}, False),
    ],
)
def test_part_of_the_suite_proves_nothing(chosen: dict[str, object], whole: bool) -> None:
    """The comparison is made only when no test was left out."""
    nothing: dict[str, object] = {
        "file_or_dir": [],
        "keyword": "",
        "markexpr": "",
        "deselect": None,
        "lf": False,
    }
    assert whole == is_whole(SimpleNamespace(**nothing | chosen))
