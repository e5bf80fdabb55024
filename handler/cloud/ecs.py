"""Elastic Compute Service 2014-05-26 through its typed SDK client, in our nouns."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeVar

from alibabacloud_ecs20140526 import models
from alibabacloud_ecs20140526.client import Client
from darabonba.runtime import RuntimeOptions

from handler.cloud import ports
from handler.cloud.failures import timed_out
from handler.cloud.faults import NO_ANSWER
from handler.cloud.openapi import CheckedAnswers, attempt, bad_answer, text_of
from handler.cloud.ports import Page
from handler.core.errors import CloudFault
from handler.core.model import NO_TYPE, Answer, AskKind, Eni, Instance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from handler.cloud.openapi import Connection
    from handler.cloud.ports import EniQuery, InstanceQuery
    from handler.core.model import Ask

T = TypeVar("T")

# The most that one page may hold (DescribeNetworkInterfaces, DescribeInstances references).
ENI_PAGE, INSTANCE_PAGE = 500, 100
# A page that is not answered in time is asked for so much smaller, down to the least.
SMALLER, LEAST_PAGE = 5, 20
# What this adapter calls. Their models are loaded with the client, so that no event waits for them.
OPERATIONS = (
    "AssignPrivateIpAddresses",
    "DescribeInstances",
    "DescribeInstanceTypes",
    "DescribeNetworkInterfaces",
)
_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
_PREFIX = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}")
_HOW = {
    AskKind.COUNT: "secondary_private_ip_address_count",
    AskKind.ADDRESSES: "private_ip_address",
    AskKind.PREFIX_COUNT: "ipv_4prefix_count",
    AskKind.PREFIXES: "ipv_4prefix",
}


class _Client(CheckedAnswers, Client):
    """The ECS client with checked answers."""


class EcsOpenApi:
    """ECS of one region; see `ports.Ecs`."""

    def __init__(self, connection: Connection) -> None:
        self._region = connection.region
        self._client = _Client(connection.config("ecs"))
        self._runtime = RuntimeOptions()
        # What this function instance has learnt of what can be answered in time.
        self._rows = {ports.DESCRIBE_ENIS: ENI_PAGE, ports.DESCRIBE_INSTANCES: INSTANCE_PAGE}
        for name in OPERATIONS:
            _load_models(name)

    def network_interfaces(self, query: EniQuery, token: str | None = None) -> Page[Eni]:
        """See `ports.Ecs.network_interfaces`."""
        request = models.DescribeNetworkInterfacesRequest(
            region_id=self._region,
            network_interface_id=list(query.ids) or None,
            instance_id=query.instance_id,
            v_switch_id=query.vswitch_id,
            status="InUse" if query.attached else None,
            max_results=self._rows[ports.DESCRIBE_ENIS],
            next_token=token,
        )

        def call() -> Page[Eni]:
            body = self._client.describe_network_interfaces_with_options(
                request, self._runtime
            ).body
            rows = _rows(body, "network_interface_sets", "network_interface_set")
            return Page(tuple(map(_eni, rows)), _next_page(body, ports.DESCRIBE_ENIS))

        return self._listed(ports.DESCRIBE_ENIS, call)

    def instances(self, query: InstanceQuery, token: str | None = None) -> Page[Instance]:
        """See `ports.Ecs.instances`."""
        request = models.DescribeInstancesRequest(
            region_id=self._region,
            instance_ids=json.dumps(query.ids) if query.ids else None,
            tag=[models.DescribeInstancesRequestTag(key=k, value=v) for k, v in query.tags] or None,
            max_results=self._rows[ports.DESCRIBE_INSTANCES],
            next_token=token,
        )

        def call() -> Page[Instance]:
            body = self._client.describe_instances_with_options(request, self._runtime).body
            rows = _rows(body, "instances", "instance")
            return Page(tuple(map(_instance, rows)), _next_page(body, ports.DESCRIBE_INSTANCES))

        return self._listed(ports.DESCRIBE_INSTANCES, call)

    def _listed(self, operation: str, call: Callable[[], Page[T]]) -> Page[T]:
        """A page; where it is not answered in time, the next ones are smaller."""
        try:
            return attempt(operation, call)
        except CloudFault as fault:
            if fault.code == NO_ANSWER and timed_out(fault.message):
                self._rows[operation] = max(LEAST_PAGE, self._rows[operation] // SMALLER)
            raise

    def addresses_per_eni(self, types: Sequence[str]) -> Mapping[str, int]:
        """See `ports.Ecs.addresses_per_eni`."""
        request = models.DescribeInstanceTypesRequest(instance_types=list(types))

        def call() -> Mapping[str, int]:
            body = self._client.describe_instance_types_with_options(request, self._runtime).body
            return {
                row.instance_type_id: row.eni_private_ip_address_quantity
                for row in _rows(body, "instance_types", "instance_type")
                if isinstance(row.eni_private_ip_address_quantity, int)
                and row.eni_private_ip_address_quantity > 0
            }

        return attempt(ports.DESCRIBE_TYPES, call)

    def assign(self, eni_id: str, ask: Ask, client_token: str) -> Answer:
        """See `ports.Ecs.assign`."""
        request = models.AssignPrivateIpAddressesRequest(
            region_id=self._region,
            network_interface_id=eni_id,
            client_token=client_token,
            **{_HOW[ask.kind]: list(ask.values) or ask.count},
        )

        def call() -> Answer:
            return _answer(
                self._client.assign_private_ip_addresses_with_options(request, self._runtime).body,
                eni_id,
            )

        return attempt(ports.ASSIGN, call)


def _load_models(operation: str) -> None:
    """Touch what the client asks the package of models for (`handler.cloud.deferred`)."""
    for part in ("Request", "ResponseBody", "Response"):
        getattr(models, operation + part)


def _answer(body: Any, eni_id: str) -> Answer:
    """Older regions answer with a RequestId alone; then the next reading must tell."""
    assigned = body.assigned_private_ip_addresses_set
    if assigned is None:
        return Answer(request_id=_text(body.request_id))
    if assigned.network_interface_id not in {None, "", eni_id}:
        raise bad_answer(ports.ASSIGN, "the answer is about another ENI")
    addresses = _items(assigned.private_ip_set, "private_ip_address")
    prefixes = _items(assigned.ipv_4prefix_set, "ipv_4prefixes")
    return Answer(
        tuple(_checked(each, _ADDRESS) for each in addresses),
        tuple(_checked(each, _PREFIX) for each in prefixes),
        _text(body.request_id),
    )


def _eni(row: Any) -> Eni:
    """An ENI; one that cannot be understood is not a reading, and does not spoil its page."""
    eni_id = _required(row.network_interface_id)
    try:
        return _read_eni(row, eni_id)
    except (AttributeError, TypeError, ValueError):
        return Eni(eni_id, NO_TYPE, "unknown", "unknown", complete=False)


def _read_eni(row: Any, eni_id: str) -> Eni:
    """A row that shows its one primary address, and no address twice, shows all of them."""
    sets = _items(row.private_ip_sets, "private_ip_set")
    held = {_checked(each.private_ip_address, _ADDRESS) for each in sets}
    primary = [each.private_ip_address for each in sets if each.primary]
    prefixes = _items(row.ipv_4prefix_sets, "ipv_4prefix_set")
    attachment = _text(row.attachment.instance_id) if row.attachment else None
    return Eni(
        id=eni_id,
        type=_required(row.type),
        status=_required(row.status),
        vswitch_id=_required(row.v_switch_id),
        instance_id=_text(row.instance_id) or attachment,
        secondary=frozenset(held.difference(primary)),
        prefixes=frozenset(_checked(each.ipv_4prefix, _PREFIX) for each in prefixes),
        tags=_tags(row.tags),
        service_managed=bool(row.service_managed),
        complete=len(primary) == 1 and len(held) == len(sets),
        primary=next(iter(primary), None),
        traffic_mode=_text(row.network_interface_traffic_mode) or "Standard",
    )


def _instance(row: Any) -> Instance:
    enis = _items(row.network_interfaces, "network_interface")
    return Instance(
        id=_required(row.instance_id),
        type=_required(row.instance_type),
        status=_required(row.status),
        tags=_tags(row.tags),
        eni_ids=tuple(_required(each.network_interface_id) for each in enis),
        image_id=_text(row.image_id) or "",
    )


def _next_page(body: Any, operation: str) -> str | None:
    return text_of(body.next_token, operation, "NextToken")


def _rows(body: Any, outer: str, inner: str) -> list[Any]:
    """The rows of a listing; a listing without its container is not one."""
    container = getattr(body, outer, None)
    if container is None:
        raise ValueError(outer)
    return _items(container, inner)


def _items(container: Any, name: str) -> list[Any]:
    """`{"Tag": null}` and missing containers happen; both are empty."""
    found = getattr(container, name, None) if container is not None else None
    if found is None:
        return []
    if not isinstance(found, list):
        raise TypeError(name)
    return found


def _tags(container: Any) -> dict[str, str]:
    pairs = ((_text(tag.tag_key), _text(tag.tag_value)) for tag in _items(container, "tag"))
    return {key: value or "" for key, value in pairs if key}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _required(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("empty")
    return value


def _checked(value: Any, form: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError("not an address")
    return value
