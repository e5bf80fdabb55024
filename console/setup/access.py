"""Under whose name the services are called, where they are, and how their errors are worded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from alibabacloud_credentials.client import Client as Credential
from alibabacloud_tea_openapi.client import Client as OpenApiClient
from alibabacloud_tea_openapi.models import Config, OpenApiRequest
from darabonba.runtime import RuntimeOptions

from console import credentials
from handler.cloud.credentials import RoleCredentials
from handler.cloud.failures import failure_of
from handler.cloud.faults import NO_ANSWER
from handler.cloud.openapi import rpc
from handler.cloud.transport import keep_tokens_in, share_tls_context

T = TypeVar("T")

CONNECT_MS, READ_MS = 5_000, 20_000
# Errors about these are explained by quoting what was signed, signature and token.
_QUOTING = ("Signature", "AccessKey", "SecurityToken")
_WHO_AM_I = rpc("GetCallerIdentity", "2015-04-01")


class Refused(Exception):
    """A service refused a call, or did not answer.

    Attributes:
        code: the service's own word, or the kind of error.
        missing: what was asked for, or what it would belong to, is not there.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.missing = "NotExist" in code or "NotFound" in code


class NoCredentials(Exception):
    """Neither the environment nor the SDK's default chain has credentials."""


class Access:
    """Somebody to sign as, and where the services of a region are.

    Args:
        region: as Alibaba Cloud names it.
        environ: SLS_ENDPOINT, MNS_ENDPOINT, RAM_ENDPOINT, STS_ENDPOINT and ESS_ENDPOINT as full
            URLs, for other networks.

    Raises:
        NoCredentials: nobody to sign as.
    """

    def __init__(self, region: str, environ: Mapping[str, str]) -> None:
        self.region, self._environ = region, environ
        self._credential = _credential(environ)

    def account(self) -> str:
        """The id of the account that the credentials belong to. Raises `Refused`."""
        client = OpenApiClient(self.config("STS", f"sts.{self.region}.aliyuncs.com"))
        answer = told(lambda: client.call_api(_WHO_AM_I, OpenApiRequest(), RuntimeOptions()))
        return str(answer["body"]["AccountId"])

    def config(self, product: str, host: str | None) -> Any:  # noqa: ANN401  (the SDK is untyped)
        """The SDK's configuration for "SLS", "MNS", "RAM", "STS" or "ESS"; None: its own host."""
        scheme, _, given = self._environ.get(f"{product}_ENDPOINT", "").partition("://")
        return Config(
            credential=self._credential,
            region_id=self.region,
            endpoint=given or host,
            protocol=scheme or "https",
            connect_timeout=CONNECT_MS,
            read_timeout=READ_MS,
        )


def told(call: Callable[[], T]) -> T:
    """The call's answer; whatever its SDK raises is worded in one way.

    Raises:
        Refused: without the text of an error that may quote what was signed.
    """
    try:
        return call()
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001  (three SDKs on two cores, each with its own tree)
        raise _refused(error) from None


def _refused(error: Exception) -> Refused:
    code = getattr(error, "code", None)
    if not code:
        # Nobody answered, and the text of that holds the URL.
        said = f"{failure_of(error)}. {credentials.NETWORK}"
        return Refused(NO_ANSWER, said)
    if any(word in str(code) for word in _QUOTING):
        return Refused(str(code), "")
    said = str(getattr(error, "message", None) or error)
    said = said.removeprefix("code: ").partition("\n")[0]
    return Refused(credentials.redacted(str(code)), credentials.redacted(said)[:200])


def _credential(environ: Mapping[str, str]) -> Any:  # noqa: ANN401  (the SDK is untyped)
    keep_tokens_in()
    share_tls_context()
    credential = Credential(provider=RoleCredentials(environ))
    try:
        credential.get_credential()
    except Exception:  # noqa: BLE001  (the chain's providers raise what they like)
        # Their texts may quote what a metadata service or a file said.
        raise NoCredentials from None
    return credential
