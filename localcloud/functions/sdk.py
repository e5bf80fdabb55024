"""Invoking functions through the real SDKs; for tests, and never imported by the server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import fc2
from alibabacloud_tea_openapi.client import Client as OpenApiClient
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from alibabacloud_tea_util.models import RuntimeOptions
from darabonba.exceptions import UnretryableException
from Tea.exceptions import TeaException

from localcloud.sdk import REGION
from localcloud.world import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.model import AccessKey
    from localcloud.testing import LocalCloud

VERSION = "2023-03-30"


class Answer(NamedTuple):
    """What came back; ``code`` is the error code of a refusal, or the type of a function error."""

    status: int
    code: str = ""
    body: Any = None

    @property
    def json(self) -> Any:
        """The body, taken for JSON."""
        return json.loads(self.body)


def asynchronous(task_id: str = "") -> dict[str, str]:
    """Return the headers of an asynchronous invocation of FC 3.0."""
    return {"x-fc-invocation-type": "Async", **({"x-fc-async-task-id": task_id} if task_id else {})}


def invoke(
    cloud: LocalCloud,
    function: str,
    payload: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    qualifier: str = "",
    key: AccessKey = DEFAULT_KEY,
) -> Answer:
    """Invoke a function of FC 3.0 by the generic call of the OpenAPI SDK."""
    params = Params(
        action="InvokeFunction",
        version=VERSION,
        protocol="HTTP",
        pathname=f"/{VERSION}/functions/{function}/invocations",
        method="POST",
        auth_type="AK",
        style="ROA",
        req_body_type="byte",
        body_type="string",
    )
    query = {"qualifier": qualifier} if qualifier else {}
    request = OpenApiRequest(headers=dict(headers or {}), query=query, body=payload)
    try:
        answer = _client(cloud, key).call_api(params, request, RuntimeOptions())
    except UnretryableException:
        raise
    except TeaException as error:
        return Answer(error.status_code, error.code)
    error_type = answer["headers"].get("x-fc-error-type", "")
    return Answer(answer["statusCode"], error_type, answer["body"])


def invoke_fc2(
    cloud: LocalCloud,
    service: str,
    function: str,
    payload: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    qualifier: str = "",
    key: AccessKey = DEFAULT_KEY,
) -> Answer:
    """Invoke a function of FC 2.0 with the client that PyPI calls aliyun-fc2."""
    client = fc2.Client(
        endpoint=cloud.url,
        accessKeyID=key.id,
        accessKeySecret=key.secret,
        securityToken=key.security_token,
    )
    try:
        answer = client.invoke_function(
            service, function, payload, dict(headers or {}), qualifier or None
        )
    except fc2.FcError as error:
        return Answer(error.status_code, error.err_code or "", error.message)
    # The client does not tell the status; only what was accepted for later has no body.
    return Answer(200 if answer.data else 202, body=answer.data)


def get_task(
    cloud: LocalCloud, function: str, task_id: str, *, service: str = "", qualifier: str = ""
) -> Answer:
    """Ask for an asynchronous task by the generic call: of FC 2.0 if there is a service."""
    if service:
        action, version, kind = (
            "GetStatefulAsyncInvocation",
            "2021-04-06",
            "stateful-async-invocations",
        )
        function = f"{service}/functions/{function}"
    else:
        action, version, kind = "GetAsyncTask", VERSION, "async-tasks"
    root = "services" if service else "functions"
    params = Params(
        action=action,
        version=version,
        protocol="HTTP",
        pathname=f"/{version}/{root}/{function}/{kind}/{task_id}",
        method="GET",
        auth_type="AK",
        style="ROA",
        req_body_type="json",
        body_type="json",
    )
    request = OpenApiRequest(query={"qualifier": qualifier} if qualifier else {})
    try:
        answer = _client(cloud, DEFAULT_KEY).call_api(params, request, RuntimeOptions())
    except TeaException as error:
        return Answer(error.status_code, error.code)
    return Answer(answer["statusCode"], "", answer["body"])


def _client(cloud: LocalCloud, key: AccessKey) -> OpenApiClient:
    return OpenApiClient(
        Config(
            access_key_id=key.id,
            access_key_secret=key.secret,
            security_token=key.security_token or None,
            endpoint=cloud.address,
            protocol="HTTP",
            region_id=REGION,
            read_timeout=60_000,
        )
    )
