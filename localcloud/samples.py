"""Small worlds for tests: what a test does not say is plain and always the same."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

VSWITCH = "vsw-a"
"""The /24 of every sample world: 252 addresses."""

ENI = "eni-a"
"""The secondary ENI of the instance ``i-a``, in ``VSWITCH``."""

INSTANCE = "i-a"
TYPE = "ecs.g7.xlarge"
"""4 ENIs with 15 addresses each."""


def world(**changes: object) -> Json:
    """Return a world with one vSwitch and one running instance with two ENIs."""
    return {"region": "cn-hangzhou", "vswitches": [vswitch()], "instances": [instance()], **changes}


def vswitch(name: str = VSWITCH, cidr: str = "10.0.0.0/24", **more: object) -> Json:
    """Return a vSwitch."""
    return {"id": name, "cidr": cidr, "zone": "cn-hangzhou-h", "vpc": "vpc-a", **more}


def eni(name: str = ENI, kind: str = "Secondary", **more: object) -> Json:
    """Return an ENI."""
    return {"id": name, "type": kind, "vswitch": VSWITCH, "secondary": 0, **more}


def instance(name: str = INSTANCE, enis: list[Json] | None = None, **more: object) -> Json:
    """Return a running instance; without ``enis`` it has ``eni-p`` and ``ENI``."""
    default = [eni("eni-p", "Primary"), eni()]
    return {
        "id": name,
        "type": TYPE,
        "status": "Running",
        "enis": default if enis is None else enis,
        **more,
    }


def lifecycle_action(**changes: object) -> Json:
    """Return a lifecycle action that waits for ``INSTANCE``."""
    return {
        "hook_id": "ash-a",
        "token": "token-a",
        "scaling_group": "asg-a",
        "scaling_activity": "asa-a",
        "instance_ids": [INSTANCE],
        "timeout": 600,
        "default_result": "ABANDON",
        **changes,
    }


def secondary_of(state: Json, name: str = ENI) -> list[str]:
    """Return the secondary addresses of an ENI in a state."""
    enis = [*state["enis"], *(eni for instance in state["instances"] for eni in instance["enis"])]
    return next(list(eni["secondary"]) for eni in enis if eni["id"] == name)
