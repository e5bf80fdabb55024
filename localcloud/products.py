"""The products whose APIs are served; versions as in their references."""

from __future__ import annotations

from localcloud.actions import Product

ECS = Product("Ecs", "2014-05-26")
VPC = Product("Vpc", "2016-04-28")
ESS = Product("Ess", "2022-02-22")
STS = Product("Sts", "2015-04-01")
