"""Every product with all of its actions: importing the modules below is what registers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcloud import (
    ecs_addresses,
    ecs_describe,
    ecs_enis,
    ecs_instances,
    ecs_tags,
    ess,
    sts,
    vpc,
)
from localcloud.functions import wire
from localcloud.products import ECS, ESS, STS, VPC
from localcloud.queues import wire as queues

if TYPE_CHECKING:
    from localcloud.actions import Operation, Product

MODULES = (ecs_addresses, ecs_describe, ecs_enis, ecs_instances, ecs_tags, ess, sts, vpc)

PRODUCTS: dict[str, Product] = {product.version: product for product in (ECS, VPC, ESS, STS)}
"""By version: one port serves them all, and the version tells them apart."""

ACTIONS = {
    name: action for product in PRODUCTS.values() for name, action in product.actions.items()
}

OPERATIONS: dict[str, Operation] = {
    **ACTIONS,
    **{operation.name: operation for operation in (*wire.OPERATIONS, *queues.OPERATIONS)},
}
"""All that fault rules can be about."""
