"""Handing work over to another invocation of this function.

A function of an FC 2.0 service is reached through `fc2`, which speaks only that generation; any
other through the FC 3.0 API. Either is imported when work is handed over, not before.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from handler.cloud import ports
from handler.cloud.openapi import CONNECT_MS, READ_MS, attempt, bad_answer, refused
from handler.core.value import Value, fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.cloud.openapi import Connection
    from handler.cloud.ports import Place

ACCEPTED, CONFLICT = 202, 409
API_3 = "2023-03-30"


class Operation(Value):
    """An operation of Function Compute, by the words of its API's pages."""

    action: str
    version: str
    method: str
    pathname: str


def invocation_of(function: str) -> Operation:
    """InvokeFunction of the FC 3.0 API."""
    path = f"/{API_3}/functions/{function}/invocations"
    return Operation("InvokeFunction", API_3, "POST", path)


class FunctionsApi:
    """Function Compute; see `ports.Functions`."""

    def __init__(self, connection: Connection, place: Place) -> None:
        self._connection = connection
        self._place = place

    def invoke_later(self, payload: bytes, task_id: str) -> bool:
        """See `ports.Functions.invoke_later`."""
        invoke = self._through_fc2 if self._place.service else self._through_api
        return attempt(ports.INVOKE, lambda: invoke(payload, task_id))

    def call(
        self,
        operation: Operation,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        read_ms: int = READ_MS,
    ) -> dict[str, Any]:
        """The generic call of an operation on the place's qualifier.

        Args:
            operation: which one.
            body: sent as it is; the answer is then text, and else JSON.
            headers: besides those that every call has.
            read_ms: how long to wait for the answer.

        Returns:
            `statusCode`, `headers` and `body`. Raises what the SDK raises.
        """
        from alibabacloud_tea_openapi.client import Client  # noqa: PLC0415  (slow to import)
        from alibabacloud_tea_openapi.models import OpenApiRequest, Params  # noqa: PLC0415
        from darabonba.runtime import RuntimeOptions  # noqa: PLC0415

        params = Params(
            **fields_of(operation),
            protocol="HTTPS",
            auth_type="AK",
            style="ROA",
            req_body_type="json" if body is None else "byte",
            body_type="json" if body is None else "string",
        )
        place = self._place
        query = {"qualifier": place.qualifier} if place.qualifier else {}
        request = OpenApiRequest(headers=headers or {}, query=query, body=body)
        patience = RuntimeOptions(connect_timeout=CONNECT_MS, read_timeout=read_ms)
        client = Client(self._connection.config("functions", place.account_id))
        answer: dict[str, Any] = client.call_api(params, request, patience)
        return answer

    def _through_api(self, payload: bytes, task_id: str) -> bool:
        from alibabacloud_tea_openapi.exceptions import ClientException  # noqa: PLC0415

        headers = {"x-fc-invocation-type": "Async", "x-fc-async-task-id": task_id}
        try:
            answer = self.call(invocation_of(self._place.function), payload, headers)
        except ClientException as error:
            if _used_before(error.status_code, error.code):
                return False
            raise
        if answer["statusCode"] != ACCEPTED:
            raise bad_answer(ports.INVOKE, "an invocation that was not accepted")
        return True

    def _through_fc2(self, payload: bytes, task_id: str) -> bool:
        import fc2  # noqa: PLC0415

        place, client = self._place, fc2_client(self._connection, self._place)
        headers = {
            "x-fc-invocation-type": "Async",
            "x-fc-stateful-async-invocation-id": task_id,
        }
        try:
            client.invoke_function(
                place.service, place.function, payload, headers, place.qualifier or None
            )
        except fc2.FcError as error:
            status = getattr(error, "status_code", None)
            code = str(getattr(error, "err_code", "") or "FcError")
            if _used_before(status, code):
                return False
            raise refused(ports.INVOKE, code, status, None, None) from None
        return True


def fc2_client(connection: Connection, place: Place, **options: Any) -> Any:
    """A client of `fc2` that logs nothing. It freezes credentials, so each call has its own."""
    import fc2  # noqa: PLC0415  (only for functions in a service)

    silence_fc2()
    keys = connection.credentials.get_credentials()
    client = fc2.Client(
        endpoint=connection.url("functions", place.account_id),
        accessKeyID=keys.get_access_key_id(),
        accessKeySecret=keys.get_access_key_secret(),
        securityToken=keys.get_security_token() or "",
        **options,
    )
    client.user_agent += f" {connection.agent}"
    return client


def _used_before(status: object, code: object) -> bool:
    """Whether a refusal says that the task id was used, by an earlier try of this very hand-over.

    FC 2.0 says StatefulAsyncInvocationAlreadyExists; of FC 3.0 only the status, 409, is known.
    What is refused for another reason, such as ResourceExhausted, was not handed over.
    """
    return status == CONFLICT and "exhausted" not in str(code).lower()


def silence_fc2() -> None:
    """Keep fc2's messages out of the root logger."""
    logging.getLogger().addFilter(_not_from_fc2)


def _not_from_fc2(record: logging.LogRecord) -> bool:
    """fc2 logs all request headers on the root logger when a call fails, the token included."""
    return "/fc2/" not in record.pathname.replace("\\", "/")
