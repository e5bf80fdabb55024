"""Talking to a local cloud through the real SDK; for tests, and never imported by the server."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, NamedTuple

from alibabacloud_ecs20140526.client import Client as EcsClient
from alibabacloud_tea_openapi.client import Client as OpenApiClient
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from alibabacloud_tea_openapi.utils import Utils
from alibabacloud_tea_util.models import RuntimeOptions
from Tea.exceptions import TeaException

from localcloud.products import ECS
from localcloud.samples import ENI
from localcloud.world import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.actions import Product
    from localcloud.model import AccessKey
    from localcloud.testing import LocalCloud

REGION = "cn-hangzhou"
COUNT = "SecondaryPrivateIpAddressCount"


class Refused(NamedTuple):
    """What a refusal says."""

    status: int
    code: str


def ecs_client(cloud: LocalCloud, key: AccessKey = DEFAULT_KEY) -> EcsClient:
    """Return the SDK's ECS client for a local cloud."""
    return EcsClient(_config(cloud, key))


def call(
    cloud: LocalCloud,
    action: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    product: Product = ECS,
    key: AccessKey = DEFAULT_KEY,
    method: str = "POST",
    form: Mapping[str, Any] | None = None,
    algorithm: str | None = None,
) -> dict[str, Any]:
    """Call any action through the SDK's generic call and return the body of the answer."""
    params = Params(
        action=action,
        version=product.version,
        protocol="HTTP",
        pathname="/",
        method=method,
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    client = OpenApiClient(_config(cloud, key, algorithm))
    query = Utils.query({"RegionId": REGION, **(parameters or {})})
    request = OpenApiRequest(query=query, body=form)
    body: dict[str, Any] = client.call_api(params, request, RuntimeOptions())["body"]
    return body


def refusal_of(
    cloud: LocalCloud,
    action: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    product: Product = ECS,
    key: AccessKey = DEFAULT_KEY,
) -> Refused:
    """Make a call that must be refused, and return how it was."""
    try:
        answer = call(cloud, action, parameters, product=product, key=key)
    except TeaException as error:
        return Refused(error.status_code, error.code)
    raise AssertionError(f"{action} was answered: {answer}")


def assign(cloud: LocalCloud, parameters: Mapping[str, Any], eni_id: str = ENI) -> list[str]:
    """Assign addresses to an ENI, and return those that were answered."""
    answer = call(cloud, "AssignPrivateIpAddresses", {"NetworkInterfaceId": eni_id, **parameters})
    found: list[str] = answer["AssignedPrivateIpAddressesSet"]["PrivateIpSet"]["PrivateIpAddress"]
    return found


def assign_refusal(cloud: LocalCloud, parameters: Mapping[str, Any], eni_id: str = ENI) -> Refused:
    """Assign addresses in a way that must be refused, and return how it was."""
    asked = {"NetworkInterfaceId": eni_id, **parameters}
    return refusal_of(cloud, "AssignPrivateIpAddresses", asked)


def control(cloud: LocalCloud, name: str, body: object = None) -> tuple[int, Any]:
    """Use a control endpoint: GET, or POST when there is a body; return status and answer."""
    connection = HTTPConnection(cloud.address)
    try:
        method, data = ("GET", None) if body is None else ("POST", json.dumps(body))
        connection.request(method, f"/_localcloud/{name}", data)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def _config(cloud: LocalCloud, key: AccessKey, algorithm: str | None = None) -> Config:
    return Config(
        access_key_id=key.id,
        access_key_secret=key.secret,
        security_token=key.security_token or None,
        endpoint=cloud.address,
        protocol="HTTP",
        region_id=REGION,
        signature_algorithm=algorithm,
    )
