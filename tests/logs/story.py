"""A day of the function, delivered for real: the rows that its Logstore would hold.

Each scene is one world, its faults, and the events that are delivered to the function there. The
rows of a scene are received in one minute, one minute after the scene before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handler.core.guests import Heard
from handler.core.settings import read_settings
from handler.shell.app import App
from tests.logs.engine import Logged
from tests.stage import SharedClock, Stage, environment
from tests.worlds import eni, hook_event, instance, world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.shell.probe import Knock

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
    knock: Knock | None = None

    def lines(self) -> list[str]:
        """What the function wrote."""
        with Stage(self.world, TARGET | self.settings, self.faults) as stage:
            environ = environment(stage.cloud.url, **stage.settings)
            app = App(read_settings(environ), environ, SharedClock(stage.time), knock=self.knock)
            delivered = [stage.deliver(event, app) for event in self.events]
            app.close()
        return [line for each in delivered for line in each.output.splitlines()]


def sample(name: str) -> bytes:
    """A payload of events/."""
    return (ROOT / f"events/{name}.json").read_bytes()


def refusal(code: str, times: int = 1) -> dict[str, Any]:
    """A fault: a write is refused."""
    return {"action": WRITE, "fault": "error", "code": code, "times": times}


def _small(name: str, held: object = 0) -> dict[str, Any]:
    """One instance in a vSwitch of its own that is nearly full, and its hook."""
    vswitch = {"id": f"vsw-{name}", "cidr": "10.9.0.0/28", "zone": "cn-hangzhou-h", "vpc": "vpc-a"}
    launched = instance(name, eni(f"eni-{name}", held, vswitch=f"vsw-{name}"))
    return world(launched, vswitches=[vswitch])


def _knock(addresses: Sequence[str], _port: int, _seconds: float) -> Heard:
    """A network in which 10.9.0.0/16 and 172.29.0.0/16 are not reached; 10.0.3.0/24 has nobody."""
    silent = ("10.9.", "10.0.3.", "172.29.")
    return Heard(
        frozenset(addresses), frozenset(it for it in addresses if not it.startswith(silent))
    )


def _guests() -> dict[str, Any]:
    """An instance that answers, one on whose addresses nobody does, and one behind a wall."""
    dark = _small("dark", ["10.9.0.5", "10.9.0.6"])
    heard, mute = (
        instance(name, eni(f"eni-{name}", [f"{net}.21", f"{net}.22"]))
        for name, net in (("heard", "10.0.1"), ("mute", "10.0.3"))
    )
    vswitches = [*dark["vswitches"], *world()["vswitches"]]
    mute |= {"type": "ecs.g7.large", "image": "m-old"}
    return world(heard | {"image": "m-new"}, mute, *dark["instances"], vswitches=vswitches)


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
    "guests that were asked": Scene(
        _guests(),
        ({"backfill": {"all": True, "ask_guests": True}},),
        settings={"GUEST_PORT": "22", "TARGET_SECONDARY_IPS": "2"},
        knock=_knock,
    ),
}

# A large region: 60 vSwitches, and in each an ENI that is to hold 100 addresses. The first vSwitch
# is a /26, which has 57 of them: 4 are the cloud's own, 1 is the primary address, 2 the reserve.
AT_SIZE = [f"i-bp1fleet00000000{number:02}" for number in range(60)]
_FLEET_SETTINGS = {"TARGET_SECONDARY_IPS": "100", "ON_SHORTFALL": "abandon"}


def _fleet() -> dict[str, Any]:
    numbers = range(len(AT_SIZE))
    launched = [
        instance(
            f"bp1fleet00000000{number:02}",
            eni(f"eni-bp1fleet00000000{number:02}", vswitch=f"vsw-bp1fleet00000000{number:02}"),
            type="ecs.wide",
        )
        for number in numbers
    ]
    vswitches = [
        {
            "id": f"vsw-bp1fleet00000000{number:02}",
            "cidr": f"172.30.{100 + number}.128/{25 if number else 26}",
            "zone": "cn-hangzhou-h",
            "vpc": "vpc-a",
        }
        for number in numbers
    ]
    return world(*launched, vswitches=vswitches, instance_types={"ecs.wide": [2, 101]})


def _quiet() -> dict[str, Any]:
    """An instance that holds all that it shall, and on no address of which anybody answers."""
    vswitch = {"id": "vsw-quiet", "cidr": "172.29.0.0/24", "zone": "cn-hangzhou-h", "vpc": "vpc-a"}
    held = [f"172.29.0.{last}" for last in range(101, 201)]
    quiet = instance("quiet", eni("eni-quiet", held, vswitch="vsw-quiet"), type="ecs.wide")
    return world(quiet, vswitches=[vswitch], instance_types={"ecs.wide": [2, 101]})


def _refused(number: int, code: str) -> dict[str, Any]:
    return refusal(code, 99) | {"where": {"NetworkInterfaceId": f"eni-bp1fleet00000000{number:02}"}}


LARGE_SCENES = {
    "a launch in which one is short, one is refused, one call is throttled": Scene(
        _fleet(),
        (hook_event(*AT_SIZE), sample("ess-lifecycle-hook-without-token")),
        (refusal("Throttling.User"), _refused(7, "InvalidOperation.Unsupported")),
        _FLEET_SETTINGS,
    ),
    "a guest that does not answer": Scene(
        _quiet(),
        ({"backfill": {"all": True, "ask_guests": True}},),
        settings={"GUEST_PORT": "22"} | _FLEET_SETTINGS,
        knock=_knock,
    ),
    "a permission is lost": Scene(
        _fleet(), (hook_event(*AT_SIZE),), (_refused(8, "Forbidden.RAM"),), _FLEET_SETTINGS
    ),
    "a hook of somebody else": Scene(
        _fleet(), (hook_event(*AT_SIZE, lifecycleHookName="warm-up"),), settings=_FLEET_SETTINGS
    ),
    "a limit": Scene(
        _fleet(), ({"backfill": {"all": True, "limit": 59}},), settings=_FLEET_SETTINGS
    ),
}


def told_at_size() -> list[Logged]:
    """All rows of a large region."""
    return [
        Logged(NOON + 60 * minute, line)
        for minute, scene in enumerate(LARGE_SCENES.values())
        for line in scene.lines()
    ]


def told() -> list[Logged]:
    """All rows; those of the first scene twice, as when an answer of Function Compute is lost."""
    rows = []
    for minute, scene in enumerate(SCENES.values()):
        lines = scene.lines() * (2 if minute == 0 else 1)
        rows += [Logged(NOON + 60 * minute, line) for line in lines]
    return rows
