"""Drives the older Python SDK: one call per line of JSON in, one answer per line out.

The first line in says where and as whom to call. It signs with HMAC-SHA1. Started as a script by
``client.py``, with the interpreter of an environment of its own.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

CORE = "aliyunsdkcore"
REQUESTS = "aliyunsdkecs.request.v20140526"
# Imported by name: the environment of the other tests does not have it.
EXCEPTIONS: Any = import_module(f"{CORE}.acs_exception.exceptions")


def main() -> None:
    """Call whatever is asked for until the input ends."""
    config = json.loads(sys.stdin.readline())
    client = _connect(config)
    for line in sys.stdin:
        step = json.loads(line)
        request = _request(config, step["action"], step["params"])
        sys.stdout.write(json.dumps(_perform(client, request)) + "\n")
        sys.stdout.flush()


def _connect(config: dict[str, str]) -> Any:
    credentials: Any = import_module(f"{CORE}.auth.credentials")
    credential = None
    if config["token"]:
        credential = credentials.StsTokenCredential(
            config["key_id"], config["secret"], config["token"]
        )
    return import_module(f"{CORE}.client").AcsClient(
        config["key_id"],
        config["secret"],
        config["region"],
        auto_retry=False,
        credential=credential,
    )


def _request(config: dict[str, str], action: str, params: dict[str, Any]) -> Any:
    request = getattr(import_module(f"{REQUESTS}.{action}Request"), f"{action}Request")()
    request.set_accept_format("json")
    request.set_protocol_type(config["protocol"].lower())
    request.set_endpoint(config["endpoint"])
    for name, value in params.items():
        if name != "RegionId":  # the client adds its own
            plural = "s" if isinstance(value, list) else ""
            getattr(request, f"set_{name}{plural}")(value)
    return request


def _perform(client: Any, request: Any) -> dict[str, Any]:
    try:
        body = client.do_action_with_exception(request)
    except EXCEPTIONS.ServerException as error:
        answer = {"Message": error.get_error_msg(), "RequestId": error.get_request_id()}
        return {"status": error.get_http_status(), "code": error.error_code, "answer": answer}
    # It tells no status, but raises for every other than 2xx.
    return {"status": 200, "code": None, "answer": json.loads(body)}


if __name__ == "__main__":
    main()
