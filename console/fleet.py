"""The made-up fleet of `--local`: everything that a plan can say about an ENI occurs in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from console.redeliver.planted import failures

REGION = "cn-hangzhou"
MINUTE_SECONDS = 2
FAILURE_QUEUE = "secondary-ips-failures"
FUNCTION, SERVICE_FUNCTION, SERVICE = "secondary-ips", "secondary-ips-2", "network"
# What the operator does not set. A fifth of the fleet's pace, so that there is something to watch.
FUNCTION_SETTINGS = {
    "TARGET_SECONDARY_IPS": "8",
    "ASSIGN_PER_MINUTE": "80",
    "MINUTE_SECONDS": str(MINUTE_SECONDS),
    "SETTLE_SECONDS": "2",
    "VISIBILITY_SECONDS": "2",
}
# vSwitch, zone, and how many in a hundred ENIs are in it; the last one runs dry.
_VSWITCHES = (("app", "h", 70), ("data", "i", 20), ("edge", "j", 10))
_TYPES = ("ecs.g7.xlarge", "ecs.c7.2xlarge", "ecs.r7.xlarge")
# One with room for 5 secondary addresses only; every twelfth instance is of it.
_SMALL_TYPE, _SMALL_HOLDS = "ecs.g7.large", 5
_GROUPS = ("web", "api", "batch")
# Addresses that an ENI takes where there is room, and where there is too little.
_ROOMY, _TIGHT = 16, 5
_LOST, _RESERVE = 4, 8

World = dict[str, Any]


def fleet(enis: int) -> World:
    """A world file with so many ENIs, two to an instance."""
    instances = [_instance(number, enis) for number in range((enis + 1) // 2)]
    return {
        "region": REGION,
        "vswitches": [_vswitch(order, enis) for order in range(len(_VSWITCHES))],
        "instances": instances,
        "functions": [_function(FUNCTION, "python3.12"), _function(SERVICE_FUNCTION, "python3.10")],
        "queues": {FAILURE_QUEUE: failures(REGION, FUNCTION, [_named(0), _named(1)])},
    }


def _vswitch(order: int, enis: int) -> World:
    """Large enough for its ENIs, but for the last one."""
    name, zone, percent = _VSWITCHES[order]
    each = _ROOMY if order + 1 < len(_VSWITCHES) else _TIGHT
    size = max(16, enis * percent // 100 * each + _LOST + _RESERVE)
    prefix = 32 - (size - 1).bit_length() if each == _ROOMY else 33 - size.bit_length()
    cidr = f"10.{order * 64}.0.0/{prefix}"
    return {"id": f"vsw-bp1{name}", "cidr": cidr, "zone": f"{REGION}-{zone}", "vpc": "vpc-bp1local"}


def _named(number: int) -> str:
    return f"i-bp1{_GROUPS[number % 3]}{number:012d}"


def _instance(number: int, enis: int) -> World:
    name = _named(number).removeprefix("i-")
    count = min(2, enis - 2 * number)
    kind = _SMALL_TYPE if number % 12 == 5 else _TYPES[number % len(_TYPES)]
    tags = {"secondary-ips": "max"} if number % 10 == 3 else {}
    tags |= {"secondary-ips": "skip"} if number % 20 == 7 else {}
    return {
        "id": f"i-{name}",
        "type": kind,
        "status": "Running",
        "scaling_group": f"asg-bp1{_GROUPS[number % 3]}",
        "tags": tags,
        "enis": [_eni(2 * number + place, name, kind, place) for place in range(count)],
    }


def _eni(number: int, instance: str, kind: str, place: int) -> World:
    """Of a hundred, so many are in each vSwitch; every third holds something already."""
    spot = number * 37 % 100
    order = 0 if spot < _VSWITCHES[0][2] else (1 if spot < 90 else 2)
    held = (0, 2, 8)[number % 3] if order < 2 and number % 8 else 0
    found: World = {
        "id": f"eni-{instance}{place}",
        "type": "Secondary" if place else "Primary",
        "vswitch": f"vsw-bp1{_VSWITCHES[order][0]}",
        "secondary": min(held, _SMALL_HOLDS) if kind == _SMALL_TYPE else held,
    }
    if place and number % 30 == 29:
        found["tags"] = {"creator": "terway"}
    return found


def _function(name: str, runtime: str) -> World:
    """The function itself, from the checkout; it hands over every few seconds."""
    found: World = {
        "name": name,
        "code": str(Path(__file__).parents[1]),
        "handler": "index.handler",
        "initializer": "index.initialize",
        "runtime": runtime,
        "timeout": 6,
        "retries": 1,
        "on_failure": f"mns:{FAILURE_QUEUE}",
        "return_payload": True,
        "env": FUNCTION_SETTINGS,
    }
    return found | ({"service": SERVICE} if name == SERVICE_FUNCTION else {})
