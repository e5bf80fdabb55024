"""Drives the current Python SDK: one call per line of JSON in, one answer per line out.

The first line in says where and as whom to call. Started as a script by ``client.py``.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from alibabacloud_ecs20140526 import models
from alibabacloud_ecs20140526.client import Client
from alibabacloud_tea_openapi.models import Config
from Tea.exceptions import TeaException


def main() -> None:
    """Call whatever is asked for until the input ends."""
    client = _connect(json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        step = json.loads(line)
        sys.stdout.write(json.dumps(_perform(client, step["action"], step["params"])) + "\n")
        sys.stdout.flush()


def _connect(config: dict[str, str]) -> Any:
    return Client(
        Config(
            access_key_id=config["key_id"],
            access_key_secret=config["secret"],
            security_token=config["token"] or None,
            endpoint=config["endpoint"],
            protocol=config["protocol"],
            region_id=config["region"],
        )
    )


def _perform(client: Any, action: str, params: dict[str, Any]) -> dict[str, Any]:
    method = getattr(client, re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower())
    request = getattr(models, f"{action}Request")().from_map(params)
    try:
        response = method(request)
    except TeaException as error:
        return {"status": error.status_code, "code": error.code, "answer": dict(error.data)}
    return {"status": response.status_code, "code": None, "answer": response.body.to_map()}


if __name__ == "__main__":
    main()
