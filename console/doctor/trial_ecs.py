"""ECS as the trials need it: the function's adapters, and the call that takes addresses away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alibabacloud_ecs20140526 import models
from alibabacloud_ecs20140526.client import Client

from console.doctor.trials import Answer
from handler.cloud.ecs import EcsOpenApi
from handler.cloud.openapi import attempt
from handler.cloud.ports import EniQuery
from handler.core.errors import CloudFault
from handler.core.model import Ask, AskKind, Treatment

if TYPE_CHECKING:
    from handler.cloud.openapi import Connection
    from handler.cloud.ports import InstanceQuery
    from handler.core.model import Eni

UNASSIGN = "ecs:UnassignPrivateIpAddresses"
# The address is not there: UnassignPrivateIpAddresses reference.
NOT_THERE = frozenset({"InvalidIp.IpUnassigned", "InvalidPrivateIpAddress.NotFound"})


class TrialEcs:
    """See `trials.Ecs`."""

    def __init__(self, connection: Connection) -> None:
        self._region = connection.region
        self._ecs = EcsOpenApi(connection)
        self._client = Client(connection.config("ecs"))

    def eni(self, eni: str) -> Eni | None:
        """One reading; None when it is not shown. Raises CloudFault."""
        return next(iter(self._ecs.network_interfaces(EniQuery(ids=(eni,))).items), None)

    def capacity_of(self, query: InstanceQuery) -> int | None:
        """Secondary addresses of an ENI on an instance; None where that is not told.

        Raises:
            CloudFault: a read was refused.
        """
        for instance in self._ecs.instances(query).items:
            quantity = self._ecs.addresses_per_eni([instance.type]).get(instance.type)
            return None if quantity is None else quantity - 1
        return None

    def held(self, eni: str) -> frozenset[str]:
        """See `trials.Ecs.held`. Raises CloudFault."""
        found = self.eni(eni)
        return found.secondary if found else frozenset()

    def assign(self, eni: str, count: int, token: str) -> Answer:
        """See `trials.Ecs.assign`. Raises CloudFault where the outcome is not known."""
        try:
            answer = self._ecs.assign(eni, Ask(AskKind.COUNT, count), token)
        except CloudFault as fault:
            if fault.treatment is Treatment.TRANSIENT:
                raise
            return Answer(code=fault.code)
        return Answer(frozenset(answer.addresses))

    def unassign(self, eni: str, address: str) -> None:
        """See `trials.Ecs.unassign`. Raises CloudFault."""
        request = models.UnassignPrivateIpAddressesRequest(
            region_id=self._region, network_interface_id=eni, private_ip_address=[address]
        )
        try:
            attempt(UNASSIGN, lambda: self._client.unassign_private_ip_addresses(request))
        except CloudFault as fault:
            if fault.code not in NOT_THERE:
                raise
