"""How much an ENI may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.localcloud.model import Eni
    from tests.localcloud.state import Cloud

UNATTACHED_LIMIT = 50
"""Secondary addresses of an Available ENI (AssignPrivateIpAddresses, "Usage notes")."""


def secondary_capacity(cloud: Cloud, eni: Eni) -> int:
    """Return how many secondary addresses and prefixes together the ENI may hold.

    On an instance the type decides, and its figure counts the primary address.
    """
    instance = cloud.instances.get(eni.instance_id)
    if instance is None:
        return UNATTACHED_LIMIT
    return cloud.types[instance.type].addresses_per_eni - 1
