"""A day of the function, delivered for real: the rows that its Logstore would hold.

Each scene is one world, its faults, and the events that are delivered to the function there. The
rows of a scene are received in one minute, one minute after the scene before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.logs.engine import Logged
from tests.stage import Stage
from tests.worlds import eni, hook_event, instance, world

ROOT = Path(__file__).parents[2]
DEMO = json.loads((ROOT / "localcloud/worlds/demo.json").read_text(encoding="utf-8"))
NOON = 1_795_435_200  # 2026-11-23 12:00 UTC
WRITE = "AssignPrivateIpAddresses"
TARGET = {"TARGET_SECONDARY_IPS": "8", "VSWITCH_RESERVE": "2"}
GREEDY = {"TARGET_SECONDARY_IPS": "14"}


@dataclass(frozen=True)
class Scene:
    """Events that are delivered to a function in one world."""

    world: dict[str, Any]
    events: tuple[object, ...]
    faults: tuple[dict[str, Any], ...] = ()
    settings: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """What the function wrote."""
        with Stage(self.world, TARGET | self.settings, self.faults) as stage:
            delivered = [stage.deliver(event) for event in self.events]
        return [line for each in delivered for line in each.output.splitlines()]


def sample(name: str) -> bytes:
    """A payload of events/."""
    return (ROOT / f"events/{name}.json").read_bytes()


def refusal(code: str, times: int = 1) -> dict[str, Any]:
    """A fault: a write is refused."""
    return {"action": WRITE, "fault": "error", "code": code, "times": times}


def _small(name: str) -> dict[str, Any]:
    """One instance in a vSwitch of its own that is nearly full, and its hook."""
    vswitch = {"id": f"vsw-{name}", "cidr": "10.9.0.0/28", "zone": "cn-hangzhou-h", "vpc": "vpc-a"}
    launched = instance(name, eni(f"eni-{name}", vswitch=f"vsw-{name}"))
    return world(launched, vswitches=[vswitch])


HOOK = sample("ess-lifecycle-hook-scale-out")
SCENES = {
    # Four ENIs gain 7 + 5 + 8 + 6; the same event again finds them satisfied.
    "a launch, delivered twice": Scene(DEMO, (HOOK, HOOK)),
    # A /28 has 16 addresses; 4 are the cloud's own, 1 is the primary address, 2 are the reserve.
    "a full vSwitch, given up": Scene(
        _small("full"), (hook_event("i-full"),), settings={"ON_SHORTFALL": "abandon"} | GREEDY
    ),
    "a full vSwitch, the hook's default": Scene(
        _small("default"), (hook_event("i-default"),), settings=GREEDY
    ),
    "refused for good": Scene(
        world(instance("refused")),
        ({"backfill": {"instance_ids": ["i-refused"]}},),
        (refusal("InvalidOperation.Unsupported"),),
    ),
    "throttled twice": Scene(
        world(instance("busy")),
        (hook_event("i-busy"),),
        (refusal("Throttling.User"), refusal("Throttling.User")),
    ),
    "a permission is lost": Scene(
        world(instance("denied")), (hook_event("i-denied"),), (refusal("Forbidden.RAM", 9),)
    ),
    "ECS says that the vSwitch is full": Scene(
        world(instance("told")),
        ({"backfill": {"instance_ids": ["i-told"]}},),
        (refusal("InvalidVSwitchId.IpNotEnough", 9),),
    ),
    "never ready": Scene(
        world(instance("slow")),
        ({"backfill": {"instance_ids": ["i-slow"]}},),
        (refusal("InvalidOperation.InvalidEniState", 99),),
    ),
    "a limit, and one that opted out": Scene(
        world(instance("one"), instance("two"), instance("out", tags={"secondary-ips": "skip"})),
        ({"backfill": {"all": True, "limit": 1}},),
    ),
    "a hook of somebody else, heard twice": Scene(
        world(instance("theirs")), (hook_event("i-theirs", lifecycleHookName="warm-up"),) * 2
    ),
    "not acted on": Scene(
        DEMO,
        (
            sample("backfill-misspelt-field"),
            sample("ess-lifecycle-hook-scale-in"),
            sample("ess-lifecycle-hook-without-token"),
        ),
    ),
}


def told() -> list[Logged]:
    """All rows; those of the first scene twice, as when an answer of Function Compute is lost."""
    rows = []
    for minute, scene in enumerate(SCENES.values()):
        lines = scene.lines() * (2 if minute == 0 else 1)
        rows += [Logged(NOON + 60 * minute, line) for line in lines]
    return rows
