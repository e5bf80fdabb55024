"""Invocations over HTTP, as ``fc2`` sends them to FC 2.0 and the OpenAPI SDKs to FC 3.0."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from localcloud.functions.invocation import ASYNC, SYNC, TYPES
from localcloud.functions.refusals import refused
from localcloud.functions.specs import LATEST
from localcloud.wire import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localcloud.actions import Json
    from localcloud.errors import ApiError
    from localcloud.functions.outcomes import Outcome

OLD, NEW, OPEN = PREFIXES = ("/2016-08-15/", "/2023-03-30/", "/2021-04-06/")
"""FC 2.0 as ``fc2`` calls it, FC 3.0, and FC 2.0 as the OpenAPI SDKs call it."""

LARGEST = {SYNC: 32 * 1024 * 1024, ASYNC: 128 * 1024}
"""Bytes of a payload (Function Compute, "Limits")."""

_OLD_PATH = re.compile(
    r"services/(?P<service>[^/.]+)(\.(?P<qualifier>[^/]+))?/functions/(?P<function>[^/]+)/invocations"
)
_NEW_PATH = re.compile(r"functions/(?P<function>[^/]+)/invocations")
_TASK_PATHS = {
    NEW: re.compile(r"functions/(?P<function>[^/]+)/async-tasks/(?P<task_id>[^/]+)"),
    OPEN: re.compile(
        r"services/(?P<service>[^/.]+)/functions/(?P<function>[^/]+)"
        r"/stateful-async-invocations/(?P<task_id>[^/]+)"
    ),
}
"""Function Compute, GetAsyncTask and GetStatefulAsyncInvocation (2021-04-06)."""
_FUNCTION_PATHS = {
    NEW: re.compile(r"functions/(?P<function>[^/]+)"),
    OLD: re.compile(
        r"services/(?P<service>[^/.]+)(\.(?P<qualifier>[^/]+))?/functions/(?P<function>[^/]+)"
    ),
}
"""Function Compute, GetFunction (2023-03-30), and the same of FC 2.0 as ``fc2`` asks for it."""
_TASK_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
"""Names of tasks (Function Compute, GetStatefulAsyncInvocation)."""


class Operation(NamedTuple):
    """An operation of Function Compute, for the journal and for fault rules."""

    name: str
    writes: bool


INVOKE = Operation("InvokeFunction", writes=True)
GET_TASK = Operation("GetAsyncTask", writes=False)
GET_STATEFUL = Operation("GetStatefulAsyncInvocation", writes=False)
GET_FUNCTION = Operation("GetFunction", writes=False)
OPERATIONS = (INVOKE, GET_TASK, GET_STATEFUL, GET_FUNCTION)


@dataclass(frozen=True)
class Ask:
    """What a request asks for; without a service it is about FC 3.0."""

    function: str
    service: str
    qualifier: str
    type: str
    task_id: str
    operation: Operation = INVOKE

    def parameters(self) -> dict[str, str]:
        """Return what the journal shows and fault rules match."""
        return {
            "functionName": self.function,
            "serviceName": self.service,
            "qualifier": self.qualifier,
            "invocationType": self.type,
            "taskId": self.task_id,
        }


def read_invocation(
    method: str, path_and_query: str, headers: Mapping[str, Sequence[str]], body: bytes
) -> Request:
    """Take an HTTP request apart; its body is nobody's business but the function's."""
    path, _, query = path_and_query.partition("?")
    return Request(method, path, dict(parse_qsl(query)), {}, headers, body)


def is_old(request: Request) -> bool:
    """Whether the request is of FC 2.0."""
    return request.path.startswith(OLD)


def read_ask(request: Request) -> Ask:
    """Read path and headers; raise for what is not served."""
    pattern, prefix = (_OLD_PATH, OLD) if is_old(request) else (_NEW_PATH, NEW)
    match = pattern.fullmatch(request.path.removeprefix(prefix))
    if match is None or request.method != "POST":
        raise refused("PathNotSupported", request.path, request.method)
    found = match.groupdict()
    qualifier = found.get("qualifier") or request.query.get("qualifier")
    return Ask(
        function=found["function"],
        service=found.get("service") or "",
        qualifier=qualifier or LATEST,
        type=_type(request),
        task_id=_task_id(request),
    )


def operation_of(request: Request) -> Operation:
    """What a request is about, as far as its path tells."""
    if request.method != "GET":
        return INVOKE
    if _found(request, _FUNCTION_PATHS) is not None:
        return GET_FUNCTION
    return GET_STATEFUL if request.path.startswith(OPEN) else GET_TASK


def read_question(request: Request) -> Ask | None:
    """Read which task or function is asked for; None when none is."""
    found = _found(request, _TASK_PATHS) or _found(request, _FUNCTION_PATHS)
    if found is None or request.method != "GET":
        return None
    return Ask(
        function=found["function"],
        service=found.get("service") or "",
        qualifier=found.get("qualifier") or request.query.get("qualifier") or LATEST,
        type="",
        task_id=found.get("task_id") or "",
        operation=operation_of(request),
    )


def _found(request: Request, patterns: Mapping[str, re.Pattern[str]]) -> dict[str, str] | None:
    for prefix, pattern in patterns.items():
        match = pattern.fullmatch(request.path.removeprefix(prefix))
        if match is not None and request.path.startswith(prefix):
            return match.groupdict()
    return None


def check_payload(ask: Ask, payload: bytes) -> None:
    """Raise if it is too large."""
    if len(payload) > LARGEST[ask.type]:
        raise refused("EntityTooLarge", LARGEST[ask.type])


def result(outcome: Outcome, request_id: str) -> Reply:
    """Return the reply to a synchronous invocation: 200, whatever the function did."""
    headers = {"x-fc-request-id": request_id}
    if outcome.error_type:
        headers["x-fc-error-type"] = outcome.error_type
    return Reply(200, outcome.body.encode(), headers=headers)


def accepted(request_id: str) -> Reply:
    """Return the reply to an asynchronous invocation."""
    return Reply(202, headers={"x-fc-request-id": request_id})


def told(found: Json, request_id: str) -> Reply:
    """Return the reply to a question for a task or a function."""
    return Reply(200, json.dumps(found).encode(), headers={"x-fc-request-id": request_id})


def failure(error: ApiError, request_id: str, *, old: bool) -> Reply:
    """Return a refusal in the form of FC 2.0 or 3.0."""
    body = {"RequestId": request_id}
    if old:
        body |= {"ErrorCode": error.code, "ErrorMessage": error.message}
    else:
        body |= {"Code": error.code, "Message": error.message}
    headers = {"x-fc-request-id": request_id}
    return Reply(error.status, json.dumps(body).encode(), code=error.code, headers=headers)


def _type(request: Request) -> str:
    name = request.header("x-fc-invocation-type") or SYNC
    if name not in TYPES:
        raise refused("InvalidArgument", f"the invocation type '{name}' is not valid")
    return name


def _task_id(request: Request) -> str:
    name = "x-fc-stateful-async-invocation-id" if is_old(request) else "x-fc-async-task-id"
    task_id = request.header(name)
    if task_id and not _TASK_ID.fullmatch(task_id):
        raise refused("InvalidArgument", f"the task id '{task_id}' is not valid")
    return task_id
