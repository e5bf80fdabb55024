"""One API call at a time: where it goes, what an answer must look like, what its errors mean.

ECS goes through its typed SDK client, VPC and Auto Scaling through the generic call of the SDK's
core; both meet here, so that errors are translated once and nothing of the SDK leaves `cloud/`.
The SDK does not retry (its `retry_options` default to one attempt); retrying is the caller's.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, TypeVar

from alibabacloud_credentials.client import Client as Credential
from alibabacloud_tea_openapi.client import Client as OpenApiClient
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from alibabacloud_tea_openapi.utils import Utils
from darabonba.runtime import RuntimeOptions

from handler.cloud.credentials import NoCredentialsError
from handler.cloud.failures import failure_of
from handler.cloud.faults import BAD_ANSWER, NO_ANSWER, NO_CREDENTIALS, treatment_of
from handler.cloud.limits import CONNECT_SECONDS, READ_SECONDS
from handler.core.errors import CloudFault
from handler.core.model import Treatment
from handler.core.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.cloud.credentials import RoleCredentials
    from handler.core.settings import Endpoints

T = TypeVar("T")

CONNECT_MS, READ_MS = int(CONNECT_SECONDS * 1000), int(READ_SECONDS * 1000)
# Of what a refusal says; what is recorded of it is shorter, but secrets are looked for in it whole.
MOST_SAID = 10_000
_QUOTING = re.compile("signature|authorization|security-?token|accesskey", re.IGNORECASE)
# ActionTrail shows it, so that an account can tell the function's calls from others'.
USER_AGENT = "eni-secondary-ips"
# Where the service is reached centrally instead of under its regional name: the endpoint maps of
# alibabacloud_vpc20160428 7.2.2 and alibabacloud_ess20220222 1.13.3.
_CENTRAL = {
    "vpc": frozenset({"cn-hangzhou", "cn-shanghai-finance-1", "cn-shenzhen-finance-1"}),
    "ess": frozenset(
        {
            *("cn-qingdao", "cn-beijing", "cn-hangzhou", "cn-shanghai", "cn-shenzhen"),
            *("cn-hongkong", "cn-nanjing", "ap-southeast-1", "us-east-1", "us-west-1"),
            *("cn-shanghai-finance-1", "cn-shenzhen-finance-1", "cn-beijing-finance-1"),
            "cn-north-2-gov-1",
        }
    ),
}


class Connection(Value):
    """How to reach the services of one region under one identity.

    Attributes:
        agent: how the calls present themselves.
    """

    region: str
    endpoints: Endpoints
    credentials: RoleCredentials
    agent: str = USER_AGENT

    def config(self, product: str, account_id: str = "") -> Any:
        """The SDK's configuration for "ecs", "vpc", "ess" or "functions" (of an account)."""
        host, protocol = self._endpoint(product, account_id)
        return Config(
            credential=Credential(provider=self.credentials),
            region_id=self.region,
            endpoint=host,
            protocol=protocol,
            connect_timeout=CONNECT_MS,
            read_timeout=READ_MS,
            user_agent=self.agent,
        )

    def url(self, product: str, account_id: str = "") -> str:
        """The endpoint with its protocol."""
        host, protocol = self._endpoint(product, account_id)
        return f"{protocol.lower()}://{host}"

    def _endpoint(self, product: str, account_id: str) -> tuple[str, str]:
        """Host and protocol.

        In-VPC hosts are built here: the SDK's map silently gives public ones for some regions.
        """
        url: str | None = getattr(self.endpoints, product)
        if url:
            scheme, _, host = url.partition("://")
            return host, scheme.upper()
        if product == "functions":
            internal = "-internal" if self.endpoints.network == "vpc" else ""
            return f"{account_id}.{self.region}{internal}.fc.aliyuncs.com", "HTTPS"
        if self.endpoints.network == "vpc":
            return f"{product}-vpc.{self.region}.aliyuncs.com", "HTTPS"
        if self.region in _CENTRAL.get(product, ()):
            return f"{product}.aliyuncs.com", "HTTPS"
        return f"{product}.{self.region}.aliyuncs.com", "HTTPS"


class CheckedAnswers(OpenApiClient):
    """Refuses the answers that the SDK takes for good: no object, or an error with status 200."""

    def call_api(self, params: Any, request: Any, runtime: Any) -> Any:
        """The generic call, its answer checked.

        Raises:
            CloudFault: the answer is not what was asked for.
        """
        answer = super().call_api(params, request, runtime)
        body = answer.get("body") if isinstance(answer, dict) else None
        operation = str(params.action)
        if not isinstance(body, dict):
            raise bad_answer(operation, "the body is not an object")
        code = body.get("Code")
        if isinstance(code, str) and code.lower() not in {"", "200", "ok", "success"}:
            status = answer.get("statusCode")
            raise refused(operation, code, status, body.get("Message"), body.get("RequestId"))
        return answer


class OpenApi(CheckedAnswers):
    """A service of RPC style, called by the names of its operations."""

    def __init__(self, product: str, version: str, connection: Connection) -> None:
        super().__init__(connection.config(product))
        self.product = product
        self.version = version

    def call(self, action: str, query: dict[str, object]) -> dict[str, Any]:
        """Call an operation; parameters that are None are left out.

        Raises:
            CloudFault: refused, not answered, or answered with something else.
        """
        params = rpc(action, self.version)
        given = {name: value for name, value in query.items() if value is not None}
        request = OpenApiRequest(query=Utils.query(given))
        answer = attempt(
            f"{self.product}:{action}", lambda: self.call_api(params, request, RuntimeOptions())
        )
        body: dict[str, Any] = answer["body"]
        return body


def rpc(action: str, version: str) -> Params:
    """An operation of RPC style, for the generic call."""
    return Params(
        action=action,
        version=version,
        protocol="HTTPS",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )


def attempt(operation: str, call: Callable[[], T]) -> T:
    """Make one call and translate whatever the SDK raises.

    Raises:
        CloudFault: the call was refused, or its outcome is unknown. The SDK's exception is dropped
            entirely: its text can hold the string that was signed, security token included.
    """
    try:
        return call()
    except CloudFault as fault:
        translated = fault
        translated.operation = operation
    except Exception as error:  # noqa: BLE001  (whatever a transport raises, the outcome is unknown)
        translated = _translate(operation, error)
    raise translated


def _translate(operation: str, error: Exception) -> CloudFault:
    cause = getattr(error, "inner_exception", None) or error
    if isinstance(cause, NoCredentialsError):
        return CloudFault(operation, NO_CREDENTIALS, Treatment.CREDENTIALS)
    status, code = getattr(error, "status_code", None), getattr(error, "code", None)
    if isinstance(status, int) and isinstance(code, str) and code not in {"", "None"}:
        data = getattr(error, "data", None)
        message = data.get("Message") if isinstance(data, dict) else None
        return refused(operation, code, status, message, getattr(error, "request_id", None))
    # What the SDK cannot parse it reports as a RuntimeError.
    if isinstance(cause, (ValueError, AttributeError, TypeError, KeyError, RuntimeError)):
        return bad_answer(operation, type(cause).__name__)
    return CloudFault(operation, NO_ANSWER, Treatment.TRANSIENT, failure_of(error))


def refused(
    operation: str, code: str, status: object, message: object, request_id: object
) -> CloudFault:
    """A call that was refused, in our terms: by its code, with what may be quoted of its text."""
    number = status if isinstance(status, int) else None
    code = code if len(code) <= MOST_SAID else BAD_ANSWER
    # An error with status 200 whose code is in no table: whether it was done is unknown.
    treatment = treatment_of(code, number if number and number >= 400 else None)
    # Refused signatures are explained by quoting what was signed: nothing of that is kept.
    quoting = treatment is Treatment.CREDENTIALS or _QUOTING.search(f"{code} {message}")
    quotable = isinstance(message, str) and not quoting
    return CloudFault(
        operation,
        code,
        treatment,
        str(message) if quotable and len(str(message)) <= MOST_SAID else "",
        number,
        request_id if isinstance(request_id, str) and request_id != "None" else None,
    )


def text_of(value: object, operation: str, field: str) -> str | None:
    """What stands in a field that holds text, None when it is empty or absent.

    Raises:
        CloudFault: it holds something else: neither an id nor the end of a listing is made of that.
    """
    if value is None or isinstance(value, str):
        return value or None
    raise bad_answer(operation, f"{field} is not a text")


def bad_answer(operation: str, what: str) -> CloudFault:
    """An answer that cannot be what the cloud meant; whether the call was done is unknown."""
    return CloudFault(operation, BAD_ANSWER, treatment_of(BAD_ANSWER, None), what)


def silence_sdk_loggers() -> None:
    """Keep the SDKs' own logging off stderr: on a failure it prints request headers and tokens."""
    for name in (
        "darabonba-core",
        "alibabacloud-tea",
        "credentials",
        "fc2",
        "urllib3",
    ):
        logger = logging.getLogger(name)
        # Disabled, it still lets through its children: urllib3's quote URLs, tokens included.
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False
        # Some modules are imported later and add a handler then; nothing wakes a disabled logger.
        logger.disabled = True
