"""The account's server: one port for every service, told apart by host, path and version.

It is reached as a proxy, so that the SDKs keep the hosts that they build: Log Service has one per
project.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from localcloud.account import functions, logs, rows
from localcloud.clock import SystemClock
from localcloud.errors import ApiError
from localcloud.functions.refusals import not_admitted
from localcloud.functions.wire import read_invocation
from localcloud.keys import KeyRing
from localcloud.service import Service
from localcloud.signature import Gatekeeper, read_signed
from localcloud.threads import InThread
from localcloud.wire import read_request
from localcloud.world import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from types import TracebackType

    from typing_extensions import Self

    Headers = dict[str, tuple[str, ...]]
    Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]

Json = dict[str, Any]

HOST = "127.0.0.1"
# What the local cloud itself answers: ECS and VPC.
OF_THE_WORLD = ("2014-05-26", "2016-04-28")


class Door:
    """Answers for one account.

    Args:
        document: what is there: `account`, a `world` of the local cloud, `refused` (actions that
            RAM refuses), and per service the rows that it answers with.

    Attributes:
        actions: what was asked, as RAM names it, in order.
    """

    def __init__(self, document: Json) -> None:
        self._document = document
        self._gate = Gatekeeper(KeyRing([DEFAULT_KEY]), SystemClock())
        self._world = Service(document["world"])
        self.actions: list[str] = []

    def state(self) -> Json:
        """What exists in the local cloud that answers for ECS and VPC."""
        return self._world.state()

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """Answer one request in the form of its service."""
        body = await request.read()
        headers = {name.lower(): tuple(request.headers.getall(name)) for name in request.headers}
        if ".log.aliyuncs.com" in request.host:
            return self._logs(request, headers, body)
        if request.path.startswith(functions.PREFIX):
            return self._functions(request, headers, body)
        return await self._rpc(request, headers, body)

    def _logs(self, request: web.BaseRequest, headers: Headers, body: bytes) -> web.Response:
        try:
            logs.check_signature(request, headers, body)
            _only_get(request)
            project = request.host.partition(".")[0]
            return web.json_response(
                logs.answer(self._document, project, request.path, self._note("Unauthorized"))
            )
        except ApiError as error:
            said = {"errorCode": error.code, "errorMessage": error.message}
            return web.json_response(said, status=error.status)

    def _functions(self, request: web.BaseRequest, headers: Headers, body: bytes) -> web.Response:
        found = read_invocation(request.method, request.path_qs, headers, body)
        try:
            signed = read_signed(found)
            try:
                self._gate.check(signed)
            except ApiError as error:
                raise not_admitted(error, signed.key_id) from error
            _only_get(request)
            note = self._note("AccessDenied")
            return web.json_response(
                functions.answer(self._document, request.path, found.query, note)
            )
        except ApiError as error:
            return _refusal(error)

    async def _rpc(self, request: web.BaseRequest, headers: Headers, body: bytes) -> web.Response:
        found = read_request(request.method, request.path_qs, headers, body)
        try:
            service, refusal = rows.known(rows.SERVICES, found.version, "InvalidVersion")
            self._note(refusal)(f"{service}:{found.action}")
            if found.version in OF_THE_WORLD:
                reply = await self._world.serve(found)
                return web.Response(
                    status=reply.status or 500, body=reply.body, content_type=reply.content_type
                )
            self._gate.admit(found)
            given = found.own_parameters
            return web.json_response(
                rows.answer(self._document, found.version, found.action, given)
            )
        except ApiError as error:
            return _refusal(error)

    def _note(self, refusal: str) -> _Note:
        return _Note(self.actions, frozenset(self._document["refused"]), refusal)


class _Note:
    """Hears an action; refuses it when the document says so."""

    def __init__(self, heard: list[str], refused: frozenset[str], code: str) -> None:
        self._heard, self._refused, self._code = heard, refused, code

    def __call__(self, action: str) -> None:
        self._heard.append(action)
        if action in self._refused:
            raise ApiError(403, self._code, f"{action} is not allowed")


def _only_get(request: web.BaseRequest) -> None:
    if request.method != "GET":
        raise ApiError(405, "MethodNotAllowed", "this account is only looked at")


def _refusal(error: ApiError) -> web.Response:
    said = {"Code": error.code, "Message": error.message, "RequestId": "req-account"}
    return web.json_response(said, status=error.status)


@asynccontextmanager
async def running(serve: Handler, port: int) -> AsyncIterator[str]:
    """Serve on a port of this machine, or any free one for 0; gives the URL."""
    runner = web.ServerRunner(web.Server(serve, access_log=None))
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class RecordedAccount:
    """A running account in a thread of this process; use it with ``with``.

    Attributes:
        url: where it listens.
        actions: what was asked, as RAM names it.
    """

    def __init__(self, document: Json) -> None:
        self._door = Door(document)
        self.url = ""
        self._server = InThread(partial(running, self._door.serve, 0), "account")

    @property
    def actions(self) -> list[str]:
        """What was asked, in order."""
        return self._door.actions

    def state(self) -> Json:
        """What exists in the local cloud of its ECS."""
        return self._door.state()

    def __enter__(self) -> Self:
        self.url = self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()
