"""Clients for a region, made once: connections are reused, credentials asked for each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

# First, and from here: where the SDK would import it, a dozen imports deep, CPython 3.11 and later
# ask the system for stack again and again while urllib3 compiles its patterns.
import requests  # noqa: F401  (for the order alone)

from handler.cloud.credentials import RoleCredentials
from handler.cloud.ecs import EcsOpenApi
from handler.cloud.ess import EssOpenApi
from handler.cloud.functions import FunctionsApi
from handler.cloud.openapi import Connection
from handler.cloud.ports import Cloud
from handler.cloud.transport import keep_tokens_in, share_tls_context
from handler.cloud.vpc import VpcOpenApi
from handler.core.value import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.cloud.ports import Place
    from handler.core.settings import Endpoints


class Connector:
    """Gives the services of a region under the credentials of the request being served."""

    def __init__(self, endpoints: Endpoints, environ: Mapping[str, str]) -> None:
        keep_tokens_in()
        share_tls_context()
        self.credentials = RoleCredentials(environ)
        self._endpoints = endpoints
        self._clouds: dict[str, Cloud] = {}

    def cloud(self, region: str, place: Place | None = None) -> Cloud:
        """The services of a region ("cn-hangzhou"), for a function that lives there or none."""
        connection = Connection(region, self._endpoints, self.credentials)
        if region not in self._clouds:
            self._clouds[region] = Cloud(
                EcsOpenApi(connection),
                VpcOpenApi(connection),
                EssOpenApi(connection),
                None,
                self.credentials,
            )
        # The alias that is running may be another one in every invocation.
        functions = FunctionsApi(connection, place) if place else None
        return replace(self._clouds[region], functions=functions)
