"""Reads an account through the SDKs: one value after the other, each for itself.

What is refused becomes an `Unread` that names the permission, and the next value is read.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from alibabacloud_fc20230330 import models as fc
from alibabacloud_fc20230330.client import Client as FcClient
from alibabacloud_ram20150501 import models as ram
from alibabacloud_ram20150501.client import Client as RamClient

from console.doctor.seen import LATEST, Fleet, Function, Group, Room, Seen, Unread
from console.setup.access import Refused, told
from console.setup.desired import Kind, desired
from console.setup.services import Services
from handler.cloud import ports
from handler.cloud.credentials import RoleCredentials
from handler.cloud.ecs import EcsOpenApi
from handler.cloud.openapi import USER_AGENT, Connection, OpenApi
from handler.cloud.ports import EniQuery, InstanceQuery
from handler.cloud.vpc import VpcOpenApi
from handler.core.settings import Endpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from console.doctor.seen import Read, Rows
    from console.setup.access import Access
    from console.setup.desired import Body, Names
    from handler.core.model import Eni, Instance

T = TypeVar("T")

# Per kind of resource, what RAM calls the read of it. Nothing goes wrong without a saved query or
# a dashboard: `setup --dry-run` tells.
PERMISSIONS = {
    Kind.PROJECT: "log:GetProject",
    Kind.LOGSTORE: "log:GetLogStore",
    Kind.INDEX: "log:GetIndex",
    Kind.ALERT: "log:GetAlert",
    Kind.TOPIC: "mns:GetTopicAttributes",
    Kind.QUEUE: "mns:GetQueueAttributes",
    Kind.ROLE: "ram:GetRole",
    Kind.POLICY: "ram:GetPolicy",
}
ATTACHED = "ram:ListPoliciesForRole"
FUNCTION, RESERVED = "fc:GetFunction", "fc:GetConcurrencyConfig"
DELIVERY, TRIGGERS, TASKS = (
    "fc:GetFunctionAsyncInvokeConfig",
    "fc:ListTriggers",
    "fc:ListAsyncTasks",
)
GROUPS, HOOKS = "ess:DescribeScalingGroups", ports.DESCRIBE_HOOKS
ESS_VERSION, ESS_PAGE = "2022-02-22", 50
# One page of either listing of Function Compute, and so many instances of a vSwitch.
FC_PAGE, INSTANCES, TYPES = 100, 100, 10


def seen(
    names: Names, account: str, access: Access, environ: Mapping[str, str], version: str
) -> Seen:
    """Everything that the rows are about; `account` is the id, `version` of this checkout."""
    services = Services(names, access)
    wanted = [each for each in desired(names) if each.kind in PERMISSIONS]
    return Seen(
        names=names,
        account=account,
        version=version,
        function=_Functions(names.function, account, access).seen(),
        resources=tuple(
            (each, read(PERMISSIONS[each.kind], partial(services.read, each.kind, each.name)))
            for each in wanted
        ),
        attached=_attached(names.role, access),
        fleet=_Fleet(names.region, environ).seen(),
    )


def read(permission: str, call: Callable[[], T | None]) -> Read[T]:
    """What a call answers; None when what it asks for is not there."""
    try:
        return told(call)
    except Refused as refused:
        return None if refused.missing else Unread(permission, str(refused))


def listed(permission: str, call: Callable[[], Iterable[T]]) -> tuple[T, ...] | Unread:
    """The same of a listing; what does not exist has nothing to list."""
    found = read(permission, lambda: tuple(call()))
    return () if found is None else found


def connection_to(region: str, environ: Mapping[str, str]) -> Connection:
    """The services that the function talks to, as the operator."""
    given = {name: environ.get(f"{name.upper()}_ENDPOINT") for name in ("ecs", "vpc", "ess")}
    endpoints = Endpoints(**{name: url for name, url in given.items() if url})
    return Connection(region, endpoints, RoleCredentials(environ), f"{USER_AGENT}-doctor")


def _attached(role: str, access: Access) -> tuple[str, ...] | Unread | None:
    client = RamClient(access.config("RAM", "ram.aliyuncs.com"))

    def call() -> tuple[str, ...]:
        request = ram.ListPoliciesForRoleRequest(role_name=role)
        body = client.list_policies_for_role(request).body
        return tuple(each.policy_name for each in body.policies.policy or [])

    return read(ATTACHED, call)


class _Functions:
    """One function of Function Compute 3.0."""

    def __init__(self, name: str, account: str, access: Access) -> None:
        self._name = name
        host = f"{account}.{access.region}.fc.aliyuncs.com"
        self._client = FcClient(access.config("FUNCTIONS", host))

    def seen(self) -> Function:
        """The function as its triggers invoke it, and what is kept of each of their qualifiers."""
        triggers = listed(TRIGGERS, self._triggers)
        rows = () if isinstance(triggers, Unread) else triggers
        qualifiers = sorted({row.get("qualifier") or LATEST for row in rows}) or [LATEST]
        return Function(
            row=read(FUNCTION, partial(self._row, qualifiers[-1])),
            reserved=read(RESERVED, self._reserved),
            triggers=triggers,
            tasks=listed(TASKS, self._tasks),
            delivery={each: read(DELIVERY, partial(self._delivery, each)) for each in qualifiers},
            qualifier=qualifiers[-1],
        )

    def _row(self, qualifier: str) -> Body:
        request = fc.GetFunctionRequest(qualifier=None if qualifier == LATEST else qualifier)
        return _map(self._client.get_function(self._name, request))

    def _reserved(self) -> int | None:
        found = _map(self._client.get_concurrency_config(self._name))
        reserved: int | None = found.get("reservedConcurrency")
        return reserved

    def _delivery(self, qualifier: str) -> Body:
        request = fc.GetAsyncInvokeConfigRequest(qualifier=qualifier)
        return _map(self._client.get_async_invoke_config(self._name, request))

    def _triggers(self) -> Iterator[Body]:
        token = None
        while True:
            request = fc.ListTriggersRequest(limit=FC_PAGE, next_token=token)
            body = _map(self._client.list_triggers(self._name, request))
            yield from body.get("triggers") or []
            token = body.get("nextToken")
            if not token:
                return

    def _tasks(self) -> Rows:
        request = fc.ListAsyncTasksRequest(
            include_payload=True, limit=FC_PAGE, sort_order_by_time="desc"
        )
        return tuple(_map(self._client.list_async_tasks(self._name, request)).get("tasks") or [])


class _Fleet:
    """The scaling groups of a region, and the vSwitches that they launch into."""

    def __init__(self, region: str, environ: Mapping[str, str]) -> None:
        self._region, connection = region, connection_to(region, environ)
        self._ess = OpenApi("ess", ESS_VERSION, connection)
        self._ecs, self._vpc = EcsOpenApi(connection), VpcOpenApi(connection)

    def seen(self) -> Fleet:
        """All groups of ECS instances, and of each vSwitch a page of ENIs."""
        groups = listed(GROUPS, self._groups)
        if isinstance(groups, Unread):
            return Fleet(groups)
        rooms = tuple(map(self._room, sorted({it for each in groups for it in each.vswitches})))
        enis = [eni for room in rooms if not isinstance(room.enis, Unread) for eni in room.enis]
        instances = self._instances(enis)
        known = () if isinstance(instances, Unread) else instances.values()
        return Fleet(groups, rooms, instances, self._capacities({each.type for each in known}))

    def _groups(self) -> Iterator[Group]:
        for row in self._pages("DescribeScalingGroups", "ScalingGroups"):
            if (row.get("GroupType") or "ECS") == "ECS":
                yield self._group(row)

    def _group(self, row: Body) -> Group:
        group = row["ScalingGroupId"]
        vswitches = row.get("VSwitchIds") or [row.get("VSwitchId")]
        hooks = listed(
            HOOKS,
            lambda: self._pages("DescribeLifecycleHooks", "LifecycleHooks", ScalingGroupId=group),
        )
        name = row.get("ScalingGroupName") or group
        return Group(group, name, tuple(filter(None, vswitches)), hooks)

    def _pages(self, action: str, name: str, **more: str) -> Iterator[Body]:
        number = 1
        while True:
            paging = {"RegionId": self._region, "PageNumber": number, "PageSize": ESS_PAGE}
            rows = self._ess.call(action, {**paging, **more})[name]
            yield from rows
            if len(rows) < ESS_PAGE:
                return
            number += 1

    def _room(self, vswitch: str) -> Room:
        query = EniQuery(vswitch_id=vswitch, attached=True)
        return Room(
            vswitch,
            read(ports.DESCRIBE_VSWITCHES, lambda: self._vpc.available_addresses(vswitch)),
            listed(ports.DESCRIBE_ENIS, lambda: self._ecs.network_interfaces(query).items),
        )

    def _instances(self, enis: list[Eni]) -> Mapping[str, Instance] | Unread:
        ids = tuple(dict.fromkeys(each.instance_id for each in enis if each.instance_id))
        found: dict[str, Instance] = {}
        for batch in _batches(tuple(it for it in ids if it.startswith("i-")), INSTANCES):
            page = read(
                ports.DESCRIBE_INSTANCES, partial(self._ecs.instances, InstanceQuery(batch))
            )
            if isinstance(page, Unread):
                return page
            found |= {each.id: each for each in page.items} if page else {}
        return found

    def _capacities(self, types: set[str]) -> Mapping[str, int] | Unread:
        found: dict[str, int] = {}
        for batch in _batches(tuple(sorted(types)), TYPES):
            known = read(ports.DESCRIBE_TYPES, partial(self._ecs.addresses_per_eni, batch))
            if isinstance(known, Unread):
                return known
            found |= known or {}
        return found


def _batches(items: tuple[T, ...], size: int) -> Iterator[tuple[T, ...]]:
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch


def _map(answer: Any) -> Body:  # noqa: ANN401  (the SDK is untyped)
    found: Body = answer.body.to_map()
    return found
