"""The deployed function, invoked from outside: through `fc2` in a service, else the FC 3.0 API.

Tasks are asked for with GetAsyncTask (2023-03-30), in a service with GetStatefulAsyncInvocation
(2021-04-06): `fc2` does not know that operation. Both need the function's task mode.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from console.chain import Reply, Task
from console.credentials import redacted
from console.progress import TOO_MANY
from handler.cloud.credentials import RoleCredentials
from handler.cloud.functions import API_3, FunctionsApi, Operation, fc2_client, invocation_of
from handler.cloud.openapi import USER_AGENT as FUNCTION_AGENT
from handler.cloud.openapi import Connection, attempt, refused
from handler.cloud.transport import keep_tokens_in, share_tls_context
from handler.core.errors import CloudFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handler.cloud.ports import Place
    from handler.core.settings import Endpoints

T = TypeVar("T")

# ActionTrail shows it: an account can tell these calls from the function's own.
USER_AGENT = f"{FUNCTION_AGENT}-command"
API_2 = "2021-04-06"
INVOKE = "fc:InvokeFunction"
GET_FUNCTION = "fc:GetFunction"
GET_TASK, GET_STATEFUL = "fc:GetAsyncTask", "fc:GetStatefulAsyncInvocation"
# A synchronous invocation lasts as long as the function may (1..86 400 s).
SYNC_SECONDS = 86_400
_NOT_FOUND = frozenset({"AsyncTaskNotFound", "StatefulAsyncInvocationNotFound"})


class Remote:
    """One deployed function."""

    def __init__(
        self, region: str, place: Place, endpoints: Endpoints, environ: Mapping[str, str]
    ) -> None:
        keep_tokens_in()
        share_tls_context()
        self._place = place
        self._connection = Connection(region, endpoints, RoleCredentials(environ), USER_AGENT)
        self._api = FunctionsApi(self._connection, place)

    def invoke_later(self, payload: bytes, task_id: str) -> None:
        """Invoke it asynchronously, once per task id.

        Raises:
            CloudFault: it was refused, or not answered.
        """
        self._api.invoke_later(payload, task_id)

    def invoke(self, payload: bytes) -> Reply:
        """Invoke it and wait for the answer.

        Raises:
            CloudFault: it was refused, or not answered.
        """
        send = self._sync_fc2 if self._place.service else self._sync_api
        return _asked(INVOKE, lambda: send(payload))

    def task(self, task_id: str) -> Task | None:
        """How far an asynchronous invocation has come; None when there is none of that id.

        Raises:
            CloudFault: the question was refused, or not answered.
        """
        operation = GET_STATEFUL if self._place.service else GET_TASK
        try:
            return _asked(operation, lambda: task_of(self._ask(task_id)))
        except CloudFault as fault:
            if fault.code not in _NOT_FOUND:
                raise
        return None

    def settings(self) -> dict[str, str]:
        """The environment variables that it is deployed with.

        Raises:
            CloudFault: the question was refused, or not answered.
        """
        read = self._function_fc2 if self._place.service else self._function_api
        return _asked(GET_FUNCTION, lambda: variables_of(read()))

    def _function_api(self) -> object:
        path = f"/{API_3}/functions/{self._place.function}"
        return self._api.call(Operation("GetFunction", API_3, "GET", path))["body"]

    def _function_fc2(self) -> object:
        import fc2  # noqa: PLC0415  (only for functions in a service)

        place, client = self._place, fc2_client(self._connection, self._place)
        try:
            qualifier = place.qualifier or None
            return client.get_function(place.service, place.function, qualifier=qualifier).data
        except fc2.FcError as error:
            code, status = str(error.err_code or "FcError"), error.status_code
            raise refused(GET_FUNCTION, code, status, None, None) from None

    def _sync_api(self, payload: bytes) -> Reply:
        operation = invocation_of(self._place.function)
        answer = self._api.call(operation, payload, read_ms=SYNC_SECONDS * 1000)
        return reply_of(answer["body"], answer["headers"].get("x-fc-error-type"))

    def _sync_fc2(self, payload: bytes) -> Reply:
        import fc2  # noqa: PLC0415  (only for functions in a service)

        place = self._place
        client = fc2_client(self._connection, place, Timeout=SYNC_SECONDS)
        headers = {"x-fc-invocation-type": "Sync"}
        try:
            answer = client.invoke_function(
                place.service, place.function, payload, headers, place.qualifier or None
            )
        except fc2.FcError as error:
            if error.status_code == 200:  # the function's own error
                return reply_of(error.message, str(error.err_code or "error"))
            raise refused(INVOKE, str(error.err_code), error.status_code, None, None) from None
        return reply_of(answer.data, None)

    def _ask(self, task_id: str) -> dict[str, Any]:
        function, service = self._place.function, self._place.service
        if service:
            path = f"/{API_2}/services/{service}/functions/{function}"
            path += f"/stateful-async-invocations/{task_id}"
            operation = Operation("GetStatefulAsyncInvocation", API_2, "GET", path)
        else:
            path = f"/{API_3}/functions/{function}/async-tasks/{task_id}"
            operation = Operation("GetAsyncTask", API_3, "GET", path)
        body: dict[str, Any] = self._api.call(operation)["body"]
        return body


def _asked(operation: str, call: Callable[[], T]) -> T:
    """One call; what it says of a refusal holds no secret. Raises CloudFault."""
    try:
        return attempt(operation, call)
    except CloudFault as fault:
        fault.hide(redacted)
        raise


def variables_of(body: object) -> dict[str, str]:
    """The variables of a function as Function Compute tells of it.

    Raises:
        ValueError: it is not a function.
    """
    if not isinstance(body, dict) or "functionName" not in body:
        raise ValueError("no function")
    found = body.get("environmentVariables") or {}
    return {str(name): str(value) for name, value in found.items()}


def reply_of(body: object, error: str | None) -> Reply:
    """What the function answered; of an error, what that says."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    found = _answer(text)
    if error is None:
        return Reply("" if found is None else found)
    said = found if isinstance(found, dict) else {}
    message = said.get("errorMessage") or (text if isinstance(text, str) else "")
    return Reply(None, redacted(f"{said.get('errorType') or error}: {message}")[:500])


def task_of(body: object) -> Task:
    """A task as Function Compute tells of it; a field of another type is as good as absent.

    Raises:
        ValueError: it does not tell how far the task has come.
    """
    told = body if isinstance(body, dict) else {}
    status = told.get("status")
    if not isinstance(status, str) or not status:
        raise ValueError("no status")
    duration = _number(told.get("durationMs"))
    error = told.get("taskErrorMessage") or told.get("invocationErrorMessage")
    return Task(
        status=status,
        retries=int(_number(told.get("alreadyRetriedTimes")) or 0),
        seconds=None if duration is None else duration / 1000,
        error=redacted(str(error))[:200] if error else None,
        result=_answer(told.get("returnPayload") or None),
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if 0 <= value < TOO_MANY else None


def _answer(text: object) -> object:
    """The object that a JSON text stands for; anything else is kept as the text that it is."""
    try:
        found = json.loads(text) if isinstance(text, str) else text
        json.dumps(found, allow_nan=False)  # what JSON cannot say could not be written again
    except (TypeError, ValueError, RecursionError):
        return str(text)
    return found if isinstance(found, dict) else text
