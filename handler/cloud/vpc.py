"""Virtual Private Cloud 2016-04-28: how many addresses a vSwitch has left.

ECS has an operation of the same name, which is deprecated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud import ports
from handler.cloud.openapi import OpenApi, bad_answer

if TYPE_CHECKING:
    from handler.cloud.openapi import Connection


class VpcOpenApi:
    """VPC of one region; see `ports.Vpc`."""

    def __init__(self, connection: Connection) -> None:
        self._region = connection.region
        self._api = OpenApi("vpc", "2016-04-28", connection)

    def available_addresses(self, vswitch_id: str) -> int | None:
        """See `ports.Vpc.available_addresses`."""
        body = self._api.call(
            "DescribeVSwitches", {"RegionId": self._region, "VSwitchId": vswitch_id}
        )
        try:
            rows = body["VSwitches"]["VSwitch"]
            counts = {row["VSwitchId"]: row["AvailableIpAddressCount"] for row in rows}
        except (KeyError, TypeError):
            raise bad_answer(ports.DESCRIBE_VSWITCHES, "VSwitches is not a list") from None
        if vswitch_id not in counts:
            return None
        count = counts[vswitch_id]
        if isinstance(count, bool) or not isinstance(count, int):
            raise bad_answer(ports.DESCRIBE_VSWITCHES, f"no free count of {vswitch_id}")
        return count
