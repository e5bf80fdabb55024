"""Payloads that people reported of their fleets, each with what it asks of the function."""

from __future__ import annotations

from pathlib import Path

import pytest

from handler.core.model import Ignored, Request
from handler.events import parse

FOLDER = Path(__file__).parent / "reported_events"
HOOK, LAUNCH, ENI = ("ess.lifecycle_hook", "instance_ids"), "instance_ids", "network_interface_ids"
EXPECTED: dict[str, tuple[str, str] | None] = {
    "eb-eni-accomplished": ("ecs.eni_attached", ENI),
    "eb-hook-instanceIds-csv": HOOK,
    "eb-hook-pascal": HOOK,
    "eb-hook-transition-ScaleOut": HOOK,
    "eb-scaleout-instances-detail": ("ess.scaling_activity", "scaling_activity_id"),
    "eb-scheduled": ("manual", "everything"),
    "eci-group-hook": None,
    "failure-through-eventbridge": HOOK,
    "foreign-hook-same-group": HOOK,
    "notification-metadata-meta": HOOK,
    "region-with-vpc-suffix": HOOK,
    "running-instance-gone-old-event": ("ecs.instance_state_change", LAUNCH),
    "scaleout-instances-gone": ("ess.scaling_activity", LAUNCH),
    "topic-attr-collides2": HOOK,
    "trail-attach-eni-eni-only": ("ecs.action_trail", ENI),
}


def test_every_payload_is_expected() -> None:
    """The table and the folder name the same files."""
    assert sorted(EXPECTED) == sorted(path.stem for path in FOLDER.iterdir())


@pytest.mark.parametrize(("name", "expected"), EXPECTED.items())
def test_reported_payload(name: str, expected: tuple[str, str] | None) -> None:
    """Each is read as the launch or request that it is, in the function's own region."""
    parsed = parse((FOLDER / f"{name}.json").read_bytes(), home_region="cn-hangzhou")
    if expected is None:
        assert isinstance(parsed, Ignored)
        assert parsed.reason.endswith("ECS instances, and its hook is left to time out")
        return
    assert isinstance(parsed, Request)
    assert ("cn-hangzhou", expected[0]) == (parsed.region, parsed.source)
    assert getattr(parsed.selector, expected[1])
    assert (expected[0] == "ess.lifecycle_hook") == (parsed.hook is not None)
