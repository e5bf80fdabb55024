"""How much an ENI and an account may hold, and how long things take to become something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localcloud.model import Eni
    from localcloud.state import Cloud

UNATTACHED_LIMIT = 50
"""Secondary addresses of an Available ENI (AssignPrivateIpAddresses, "Usage notes")."""

ACCOUNT_ENIS = 50_000
"""ENIs of an account in a region: ours, real ones are shown in Quota Center only."""

TRANSITION_SECONDS = 3.0
"""How long Attaching, Stopping and the like last: ours, no page has a figure."""

CREATING_SECONDS = 0.0
"""How long a new ENI is Creating: not at all, it is Available at once (CreateNetworkInterface)."""


@dataclass(frozen=True)
class Limits:
    """What can be chosen about a cloud besides its world; times are in seconds of its clock."""

    unattached_addresses: int = UNATTACHED_LIMIT
    account_enis: int = ACCOUNT_ENIS
    transition: float = TRANSITION_SECONDS
    creating: float = CREATING_SECONDS


DEFAULT_LIMITS = Limits()


def secondary_capacity(cloud: Cloud, eni: Eni) -> int:
    """Return how many secondary addresses and prefixes together the ENI may hold.

    On an instance the type decides, and its figure counts the primary address.
    """
    instance = cloud.instances.get(eni.instance_id)
    if instance is None:
        return cloud.limits.unattached_addresses
    return cloud.types[instance.type].addresses_per_eni - 1
