"""What a runtime tells a function: the environment of its process, and the context of a request.

python3.10 hands out credentials in every context, python3.12 only in the environment; python3.12
also has no service, and gives the timeout as text.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.ecs_rows import ACCOUNT
from localcloud.functions.specs import LATEST, OLD_RUNTIME

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.actions import Json
    from localcloud.functions.specs import FunctionSpec
    from localcloud.model import AccessKey

FROM_THE_MACHINE = ("PATH", "HOME", "LANG")
"""All that a function sees of the environment of the local cloud."""

ENDPOINTS = ("ECS_ENDPOINT", "VPC_ENDPOINT", "ESS_ENDPOINT", "FUNCTIONS_ENDPOINT")
MEMORY = 512


@dataclass(frozen=True)
class Place:
    """Where functions run: the region, the cloud's own URL, and where credentials come from."""

    region: str
    url: str
    credentials: Callable[[], AccessKey]


def environment(spec: FunctionSpec, place: Place, instance_id: str) -> dict[str, str]:
    """Return the variables of a new instance."""
    machine = {name: os.environ[name] for name in FROM_THE_MACHINE if name in os.environ}
    service = {"FC_SERVICE_NAME": spec.service} if spec.service else {}
    credentials = {} if spec.runtime == OLD_RUNTIME else _key_variables(place.credentials())
    # An empty endpoint is one that was left open: here too it means this cloud.
    own = {name: value for name, value in spec.env.items() if value or name not in ENDPOINTS}
    return {
        **machine,
        **dict.fromkeys(ENDPOINTS, place.url),
        **credentials,
        **own,
        **service,
        "FC_REGION": place.region,
        "FC_ACCOUNT_ID": ACCOUNT,
        "FC_FUNCTION_NAME": spec.name,
        "FC_INSTANCE_ID": instance_id,
    }


def context(spec: FunctionSpec, place: Place, request_id: str, qualifier: str = LATEST) -> Json:
    """Return the context of one request, without the logger that the process adds."""
    function = {"name": spec.name, "handler": spec.handler, "memory": MEMORY}
    common = {"request_id": request_id, "region": place.region, "account_id": ACCOUNT}
    version = {"version_id": "", "qualifier": qualifier}
    logs = {"log_project": "", "log_store": ""}
    if spec.runtime == OLD_RUNTIME:
        return {
            **common,
            "credentials": _key_fields(place.credentials()),
            "function": {**function, "timeout": spec.timeout},
            "service": {"name": spec.service, **logs, **version},
        }
    return {**common, **logs, "function": {**function, "timeout": str(spec.timeout), **version}}


def _key_variables(key: AccessKey) -> dict[str, str]:
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": key.id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": key.security_token,
    }


def _key_fields(key: AccessKey) -> Json:
    return {
        "access_key_id": key.id,
        "access_key_secret": key.secret,
        "security_token": key.security_token,
    }
