"""The account's server: one thread, one port, every service by its host."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from localcloud.account.server import running
from localcloud.errors import ApiError
from localcloud.threads import InThread
from tests.account.hooks import SCALING
from tests.account.logs import Logs
from tests.account.rpc import MESSAGES, ROLES, WHO, Rpc

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from typing_extensions import Self

REGION = "cn-hangzhou"
HOSTS = {
    "ram.aliyuncs.com": ROLES,
    f"mns-open.{REGION}.aliyuncs.com": MESSAGES,
    f"sts.{REGION}.aliyuncs.com": WHO,
    "ess.aliyuncs.com": SCALING,
}
PREFIXES: dict[str | None, str] = {ROLES: "ram", MESSAGES: "mns", WHO: "sts", SCALING: "ess"}


@dataclass
class Fault:
    """The next calls of an operation are refused; with a location, sent on to it."""

    operation: str
    status: int
    code: str
    times: int = 1
    message: str = ""
    location: str = ""


@dataclass
class Account:
    """A running account; use it with `with`.

    Attributes:
        calls: the operations it heard, in order.
        actions: the same as RAM names them, each once.
        hosts: whom it was asked for.
    """

    faults: list[Fault] = field(default_factory=list)
    lag: int = 0
    calls: list[str] = field(default_factory=list)
    actions: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)

    def __enter__(self) -> Self:
        self.logs, self.rpc = Logs(REGION, self.lag), Rpc()
        self._server = InThread(self._serving, "account")
        self.url = self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()

    @property
    def writes(self) -> list[str]:
        """The operations that change something."""
        reads = ("Get", "List", "Describe")
        return [call for call in self.calls if not call.startswith(reads)]

    def _serving(self) -> AbstractAsyncContextManager[str]:
        return running(self._handle, 0)

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        headers = {name.lower(): tuple(request.headers.getall(name)) for name in request.headers}
        product = HOSTS.get(request.host)
        self.hosts.add(request.host)
        note = partial(self._note, PREFIXES.get(product, "log"))
        try:
            found = (
                self.rpc.call(product, request, headers, body, note)
                if product
                else self.logs.call(request, headers, body, note)
            )
        except _Moved as moved:
            return web.Response(status=moved.status, headers={"Location": moved.location})
        except ApiError as error:
            logs = {"errorCode": error.code, "errorMessage": error.message}
            rpc = {"Code": error.code, "Message": error.message, "RequestId": "req-account"}
            return web.json_response(rpc if product else logs, status=error.status)
        return web.json_response(found) if found is not None else web.Response()

    def _note(self, prefix: str, operation: str) -> None:
        """Hear an operation; refuse it when a fault says so."""
        self.calls.append(operation)
        self.actions.add(f"{prefix}:{operation}")
        for fault in self.faults:
            if fault.operation == operation and fault.times > 0:
                fault.times -= 1
                if fault.location:
                    raise _Moved(fault.status, fault.location)
                text = fault.message or f"fault for {operation}"
                raise ApiError(fault.status, fault.code, text)


class _Moved(Exception):
    """A redirect."""

    def __init__(self, status: int, location: str) -> None:
        super().__init__(location)
        self.status, self.location = status, location
