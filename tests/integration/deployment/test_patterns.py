"""Which of the events that are known the EventBridge trigger lets through."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handler.core.model import Request
from handler.events import parse
from tests.integration.deployment.manifests import ROOT, fc3
from tests.integration.deployment.patterns import check_pattern, matches

EVENTS = sorted(path.stem for path in (ROOT / "events").glob("*.json"))
ROUTED = {
    "eventbridge-lifecycle-hook-content": "ess-events",
    "eventbridge-lifecycle-hook-scale-out": "ess-events",
    "eventbridge-scale-out-partial-success": "ess-events",
    "eventbridge-scale-out-success": "ess-events",
    "eventbridge-instance-running": "ecs-events",
}
# ActionTrail reports the same launches and attachments earlier, when they cannot be worked on yet:
# the function acts on its events where somebody routes them, and the manifests do not.
LEFT_TO_OTHERS = {"actiontrail-attach-network-interface", "actiontrail-run-instances"}


def event(name: str) -> Any:
    """A payload of `events/`."""
    return json.loads((ROOT / f"events/{name}.json").read_text(encoding="utf-8"))


def pattern(triggers: str) -> Any:
    """The pattern of the one EventBridge trigger, for a choice of TRIGGERS."""
    (bridge,) = [
        each for each in fc3(TRIGGERS=triggers)["triggers"] if each["triggerType"] == "eventbridge"
    ]
    return json.loads(bridge["triggerConfig"]["eventRuleFilterPattern"])


PATTERNS = {name: pattern(name) for name in ("ess-events", "ecs-events")}
BOTH = pattern("ess-events,ecs-events")


def routed(payload: Any) -> list[str]:
    """Which names of TRIGGERS let a payload through."""
    return [name for name, each in PATTERNS.items() if matches(each, payload)]


@pytest.mark.parametrize("name", EVENTS)
def test_event_is_routed_or_not(name: str) -> None:
    """Every payload of `events/` passes the name that it is listed with, and no other."""
    expected = [ROUTED[name]] if name in ROUTED else []
    assert expected == routed(event(name))
    assert (name in ROUTED) == matches(BOTH, event(name))


def test_exactly_the_launches_of_eventbridge_are_routed() -> None:
    """Of the CloudEvents in `events/`, those acted on pass one trigger; ignored ones pass none."""
    services = [name for name in EVENTS if _is_of_a_service(event(name))]
    launches = {name for name in services if _is_acted_on(name)}
    assert launches - LEFT_TO_OTHERS == set(ROUTED), "edit ROUTED or LEFT_TO_OTHERS here"
    assert launches >= LEFT_TO_OTHERS


def _is_of_a_service(payload: Any) -> bool:
    return isinstance(payload, dict) and str(payload.get("source", "")).startswith(("acs.", "acs:"))


def _is_acted_on(name: str) -> bool:
    raw = (ROOT / f"events/{name}.json").read_bytes()
    return isinstance(parse(raw, home_region="cn-hangzhou"), Request)


@pytest.mark.parametrize(
    "kind",
    [
        "ecs:NetworkInterface:PrivateIPAssigned",
        "ecs:NetworkInterface:PrivateIPUnassigned",
        "ecs:NetworkInterface:PrivateIPv6Assigned",
        "ecs:Instance:StateChanged",
        "ess:LifecycleHook:ScaleIn",
        "ess:LifecycleHook:Test",
    ],
)
def test_type_is_never_routed(kind: str) -> None:
    """What the function's own calls cause, and what is no launch, passes no trigger."""
    for source in ("acs.ecs", "acs:ecs", "acs.ess", "acs:ess"):
        payload: dict[str, Any] = {"source": source, "type": kind, "data": {}}
        assert ([], False) == (routed(payload), matches(BOTH, payload))


@pytest.mark.parametrize(
    ("pattern", "payload", "expected"),
    [
        ({"type": ["a"]}, {"type": "a"}, True),
        ({"type": ["a", "b"]}, {"type": "b", "more": 1}, True),
        ({"type": ["a"]}, {"type": "A"}, False),
        ({"type": ["a"]}, {"type": "ab"}, False),
        ({"type": ["a"]}, {}, False),
        ({"type": ["a"], "source": ["s"]}, {"type": "a"}, False),
        ({"data": {"state": ["Running"]}}, {"data": {"state": "Running"}}, True),
        ({"data": {"state": ["Running"]}}, {"data": {"content": {"state": "Running"}}}, False),
        ({"data": {"state": ["Running"]}}, {"data": "Running"}, False),
        ({"ids": ["i-1"]}, {"ids": ["i-0", "i-1"]}, True),
    ],
)
def test_pattern_is_evaluated(pattern: Any, payload: Any, expected: bool) -> None:
    """Every field, at its depth, exactly; of several values one is enough."""
    assert expected == matches(pattern, payload)


@pytest.mark.parametrize(
    "pattern", [{}, [], {"type": "a"}, {"type": []}, {"type": [{"prefix": "a"}]}, {"data": {}}]
)
def test_pattern_is_refused(pattern: Any) -> None:
    """What is not evaluated here is refused, rather than taken for a match or for none."""
    with pytest.raises(ValueError, match=r"pattern is an object|stand in a list|only exact values"):
        check_pattern(pattern)
