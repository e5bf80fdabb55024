"""Whose credentials sign the calls.

Function Compute hands out the role's credentials in two ways: the python3.10 runtime puts fresh
ones into the context of every request, python3.12 only into the environment of the process. The
SDK's own provider reads the environment once, at import; this one is asked again for every call,
so rotation costs nothing. On a laptop, with neither, the SDK's default chain decides.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from alibabacloud_credentials_api import ICredentials, ICredentialsProvider

from handler.core.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_ID = "ALIBABA_CLOUD_ACCESS_KEY_ID"
KEY_SECRET = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"  # noqa: S105  (a variable's name)
SECURITY_TOKEN = "ALIBABA_CLOUD_SECURITY_TOKEN"  # noqa: S105  (a variable's name)


class NoCredentialsError(Exception):
    """Neither the context, nor the environment, nor the default chain has credentials."""


class Keys(Value, ICredentials):
    """An AccessKey pair, with a security token when it is temporary."""

    key_id: str
    secret: str
    token: str | None = None
    provider: str = "function"

    def __repr__(self) -> str:
        return f"Keys(key_id={self.key_id!r}, provider={self.provider!r})"

    def get_access_key_id(self) -> str:
        """The AccessKey id."""
        return self.key_id

    def get_access_key_secret(self) -> str:
        """The AccessKey secret."""
        return self.secret

    def get_security_token(self) -> str | None:
        """The security token; None for a permanent pair."""
        return self.token

    def get_provider_name(self) -> str:
        """Where they came from, for the SDK's x-acs-credentials-provider header."""
        return self.provider


class RoleCredentials(ICredentialsProvider):
    """Credentials of the current request: its context, else the environment, else the chain.

    What a request brought is kept for whatever runs on its behalf (`contextvars`): with an
    instanceConcurrency above 1, no request's calls are signed with another's credentials.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._context: ContextVar[Keys | None] = ContextVar("request", default=None)
        self._last: ICredentials | None = None
        self._chain: Any = None

    @property
    def from_environment(self) -> bool:
        """Whether the current credentials stand in environment variables."""
        return self._context.get() is None and self._from_environ() is not None

    def use(self, context: object) -> None:
        """Take the credentials of the request that is being served, if its context has any."""
        found = getattr(context, "credentials", None)
        key_id = getattr(found, "access_key_id", None)
        secret = getattr(found, "access_key_secret", None)
        token = getattr(found, "security_token", None)
        self._context.set(Keys(key_id, secret, token or None) if key_id and secret else None)

    def get_credentials(self) -> ICredentials:
        """What to sign the next call with.

        Raises:
            NoCredentialsError: there are none.
        """
        self._last = self._context.get() or self._from_environ() or self._from_chain()
        return self._last

    def secrets(self) -> list[str]:
        """What of the credentials in use must never be written anywhere."""
        known = {id(each): each for each in (self._context.get(), self._last) if each}
        found = [
            text
            for each in known.values()
            for text in (each.get_access_key_secret(), each.get_security_token())
        ]
        return [each for each in found if each]

    async def get_credentials_async(self) -> ICredentials:
        """The same, for the SDK's asynchronous calls."""
        return self.get_credentials()

    def get_provider_name(self) -> str:
        """The provider's name, for the SDK."""
        return "function"

    def _from_environ(self) -> Keys | None:
        key_id, secret = self._environ.get(KEY_ID), self._environ.get(KEY_SECRET)
        token = self._environ.get(SECURITY_TOKEN) or None
        return Keys(key_id, secret, token, "env") if key_id and secret else None

    def _from_chain(self) -> ICredentials:
        from alibabacloud_credentials.provider import DefaultCredentialsProvider  # noqa: PLC0415

        if self._chain is None:
            self._chain = DefaultCredentialsProvider()
        try:
            found: ICredentials = self._chain.get_credentials()
        except Exception as error:  # noqa: BLE001  (every provider of the chain has its own)
            raise NoCredentialsError(type(error).__name__) from None
        return found
