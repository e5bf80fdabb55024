"""The SDK alone, making given calls: ``python -m tests.bench.replay`` reads a job from stdin.

``{"url", "calls": [[action, parameters]]}``: writes that follow one another are made on as many
threads as the function uses, everything else one by one. Prints the CPU seconds of the calls.
"""

from __future__ import annotations

import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

from alibabacloud_ecs20140526 import models
from alibabacloud_ecs20140526.client import Client
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from alibabacloud_tea_openapi.utils import Utils
from darabonba.runtime import RuntimeOptions

from localcloud.world import DEFAULT_KEY

THREADS = 8
WRITE = "AssignPrivateIpAddresses"
VSWITCHES = Params(
    action="DescribeVSwitches",
    version="2016-04-28",
    protocol="HTTPS",
    pathname="/",
    method="POST",
    auth_type="AK",
    style="RPC",
    req_body_type="formData",
    body_type="json",
)

Call = tuple[str, dict[str, str]]


def main() -> None:
    """Make the calls, the first one once more before the clock runs."""
    job = json.load(sys.stdin)
    client = Client(
        Config(
            access_key_id=DEFAULT_KEY.id,
            access_key_secret=DEFAULT_KEY.secret,
            endpoint=job["url"].partition("://")[2],
            protocol="HTTP",
            region_id="cn-hangzhou",
        )
    )
    ready = [prepared(*call) for call in job["calls"]]
    perform(client, *ready[0])
    began = time.process_time()
    with ThreadPoolExecutor(THREADS) as threads:
        for writes, calls in groupby(ready, key=lambda call: call[0] == WRITE):
            each = threads.map if writes else map
            list(each(lambda call: perform(client, *call), calls))
    print(time.process_time() - began)  # noqa: T201  (what the benchmark reads)


def prepared(action: str, parameters: dict[str, str]) -> tuple[str, Any]:
    """The request as the SDK takes it: a model, or plain parameters for the generic call."""
    if action == VSWITCHES.action:
        return action, parameters
    plain: dict[str, Any] = {}
    for name, value in parameters.items():
        if numbered := re.fullmatch(r"(\w+)\.\d+", name):
            plain.setdefault(numbered[1], []).append(value)
        else:
            plain[name] = value
    return action, getattr(models, f"{action}Request")().from_map(plain)


def perform(client: Client, action: str, request: Any) -> None:
    """Make one call; an error ends the process."""
    if action == VSWITCHES.action:
        client.call_api(VSWITCHES, OpenApiRequest(query=Utils.query(request)), RuntimeOptions())
        return
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", action).lower()
    getattr(client, f"{name}_with_options")(request, RuntimeOptions())


if __name__ == "__main__":
    main()
