"""ECS: the reads, with the filters and both paging styles of their reference pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.ecs_rows import eni_row, instance_row, type_row
from localcloud.model import (
    ENI_STATUSES,
    ENI_TYPES,
    INSTANCE_STATUSES,
    SECURITY_GROUP,
    Eni,
    Instance,
    Tags,
)
from localcloud.paging import Page, PageWish, by_either, by_token
from localcloud.products import ECS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from localcloud.actions import Json
    from localcloud.parameters import Given
    from localcloud.state import View

MOST_NAMED = 100
"""Ids or addresses in one query (DescribeNetworkInterfaces, DescribeInstances)."""

MOST_TAGGED = 1_000
"""Resources a query by tag or resource group answers with (DescribeNetworkInterfaces, Tag.N)."""

ENI_PAGE = (10, 500)
INSTANCE_PAGE = (10, 100)
"""MaxResults is limited to these bounds (DescribeNetworkInterfaces, DescribeInstances)."""

NUMBERED_PAGE = 100
"""Most PageSize (DescribeNetworkInterfaces, DescribeInstances)."""

MOST_TYPES = 10
TYPE_PAGE = 100
"""InstanceTypes.N and MaxResults (DescribeInstanceTypes)."""

TagPairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Query:
    """A question for entities: which ones to look at, what they must fulfil, which page."""

    page: PageWish
    ids: tuple[str, ...]
    tags: TagPairs
    instance_id: str = ""
    texts: tuple[tuple[str, str], ...] = ()
    addresses: tuple[str, ...] = ()
    service_managed: bool | None = None


def _read_eni_query(given: Given) -> Query:
    given.region()
    service_managed = given.flag("ServiceManaged")
    texts = (
        ("VSwitchId", given.text("VSwitchId")),
        ("VpcId", given.text("VpcId")),
        ("Type", given.choice("Type", ENI_TYPES)),
        ("Status", given.choice("Status", ENI_STATUSES)),
        ("PrimaryIpAddress", given.text("PrimaryIpAddress")),
        ("SecurityGroupId", given.text("SecurityGroupId")),
        ("ResourceGroupId", given.text("ResourceGroupId")),
        ("NetworkInterfaceName", given.text("NetworkInterfaceName")),
    )
    return Query(
        page=by_either(given, *ENI_PAGE, NUMBERED_PAGE),
        ids=given.many("NetworkInterfaceId", MOST_NAMED),
        tags=given.tags(),
        instance_id=given.text("InstanceId"),
        texts=tuple((name, wanted) for name, wanted in texts if wanted),
        addresses=given.many("PrivateIpAddress", MOST_NAMED),
        service_managed=service_managed,
    )


@ECS.reads("DescribeNetworkInterfaces", _read_eni_query)
def describe_network_interfaces(view: View, query: Query) -> Json:
    """List ENIs; unknown ids are silently absent."""
    found = [eni for eni in _candidates(view, query) if _eni_matches(view, eni, query)]
    page = query.page.cut(found[:MOST_TAGGED] if query.tags else found)
    rows = [eni_row(view, eni) for eni in page.items]
    return {**_page_fields(page), "NetworkInterfaceSets": {"NetworkInterfaceSet": rows}}


def _candidates(view: View, query: Query) -> Iterable[Eni]:
    """Return the ENIs worth looking at: going through thousands for one id would be slow."""
    if query.ids:
        return view.enis_by_id(dict.fromkeys(query.ids))
    if query.instance_id:
        return view.enis_of(query.instance_id)
    return view.enis()


def _eni_matches(view: View, eni: Eni, query: Query) -> bool:
    if query.instance_id and eni.instance_id != query.instance_id:
        return False
    if query.service_managed is not None and eni.service_managed != query.service_managed:
        return False
    if query.addresses and not set(query.addresses) & {eni.primary, *eni.secondary}:
        return False
    return _bears(eni.tags, query.tags) and all(
        _ENI_TEXTS[name](view, eni) == wanted for name, wanted in query.texts
    )


_ENI_TEXTS: dict[str, Callable[[View, Eni], str]] = {
    "VSwitchId": lambda _, eni: eni.vswitch_id,
    "VpcId": lambda view, eni: view.vswitch(eni.vswitch_id).vpc,
    "Type": lambda _, eni: eni.type,
    "Status": lambda _, eni: eni.status,
    "PrimaryIpAddress": lambda _, eni: eni.primary,
    "SecurityGroupId": lambda _view, _eni: SECURITY_GROUP,
    "ResourceGroupId": lambda _view, _eni: "",
    "NetworkInterfaceName": lambda _, eni: eni.name,
}


def _read_instance_query(given: Given) -> Query:
    given.region()
    texts = (
        ("Status", given.choice("Status", INSTANCE_STATUSES)),
        ("VpcId", given.text("VpcId")),
        ("VSwitchId", given.text("VSwitchId")),
        ("ZoneId", given.text("ZoneId")),
        ("InstanceType", given.text("InstanceType")),
    )
    return Query(
        page=by_either(given, *INSTANCE_PAGE, NUMBERED_PAGE),
        ids=given.json_list("InstanceIds", MOST_NAMED),
        tags=given.tags(),
        texts=tuple((name, wanted) for name, wanted in texts if wanted),
    )


@ECS.reads("DescribeInstances", _read_instance_query)
def describe_instances(view: View, query: Query) -> Json:
    """List instances; unknown ids are silently absent."""
    if query.ids:
        named = (view.instance(instance_id) for instance_id in dict.fromkeys(query.ids))
        candidates: Iterable[Instance] = (instance for instance in named if instance)
    else:
        candidates = view.instances()
    shown = (instance for instance in candidates if instance.of_ecs)
    found = [instance for instance in shown if _instance_matches(view, instance, query)]
    page = query.page.cut(found[:MOST_TAGGED] if query.tags else found)
    rows = [instance_row(view, instance) for instance in page.items]
    return {**_page_fields(page), "Instances": {"Instance": rows}}


def _instance_matches(view: View, instance: Instance, query: Query) -> bool:
    return _bears(instance.all_tags, query.tags) and all(
        _INSTANCE_TEXTS[name](view, instance) == wanted for name, wanted in query.texts
    )


def _home(view: View, instance: Instance) -> tuple[str, str, str]:
    """Return VPC, vSwitch and zone of an instance: those of its primary ENI."""
    enis = sorted(view.enis_of(instance.id), key=lambda eni: eni.type != "Primary")
    if not enis:
        return "", "", ""
    vswitch = view.vswitch(enis[0].vswitch_id)
    return vswitch.vpc, vswitch.id, vswitch.zone


_INSTANCE_TEXTS: dict[str, Callable[[View, Instance], str]] = {
    "Status": lambda _, instance: instance.status,
    "InstanceType": lambda _, instance: instance.type,
    "VpcId": lambda view, instance: _home(view, instance)[0],
    "VSwitchId": lambda view, instance: _home(view, instance)[1],
    "ZoneId": lambda view, instance: _home(view, instance)[2],
}


@dataclass(frozen=True)
class TypeQuery:
    """A question for instance types."""

    page: PageWish
    ids: tuple[str, ...]


def _read_type_query(given: Given) -> TypeQuery:
    # The page knows no RegionId, but older SDKs send one with every call.
    given.region(required=False)
    return TypeQuery(
        by_token(given, 1, TYPE_PAGE, default=TYPE_PAGE), given.many("InstanceTypes", MOST_TYPES)
    )


@ECS.reads("DescribeInstanceTypes", _read_type_query)
def describe_instance_types(view: View, query: TypeQuery) -> Json:
    """List instance types; unknown ones are silently absent."""
    named = dict.fromkeys(query.ids) or view.types
    page = query.page.cut([view.types[name] for name in named if name in view.types])
    rows = [type_row(kind) for kind in page.items]
    return {"NextToken": page.next_token, "InstanceTypes": {"InstanceType": rows}}


def _bears(tags: Tags, wanted: TagPairs) -> bool:
    return all(key in tags and value in ("", tags[key]) for key, value in wanted)


def _page_fields(page: Page[Eni] | Page[Instance]) -> Json:
    return {
        "TotalCount": page.total,
        "PageNumber": page.number,
        "PageSize": page.size,
        "NextToken": page.next_token,
    }
