"""The web server around a service: the API on ``/``, people's controls on ``/_localcloud``."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from localcloud.errors import ApiError
from localcloud.functions.wire import PREFIXES, read_invocation
from localcloud.queues import wire as queues
from localcloud.schema import InvalidInput
from localcloud.wire import Reply, read_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from ssl import SSLContext

    from localcloud.service import Service

HOST = "127.0.0.1"

LONGEST_LINE = 64 * 1024
"""Bytes of a request line: a hundred ids stand in one query string."""

PATIENCE = 0.1
"""Seconds that calls in progress get when the server is stopped."""


@asynccontextmanager
async def running(
    service: Service, port: int, certificate: SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve on a port of this machine, or any free one for 0; gives the URL."""
    runner = web.AppRunner(
        _app(service),
        access_log=None,
        shutdown_timeout=PATIENCE,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port, ssl_context=certificate).start()
        scheme = "https" if certificate else "http"
        url = f"{scheme}://{HOST}:{runner.addresses[0][1]}"
        service.functions.start(url)
        yield url
    finally:
        await runner.cleanup()
        await service.functions.stop()


def _app(service: Service) -> web.Application:
    controls = _Controls(service)
    app = web.Application()
    app.add_routes(
        [
            web.get("/_localcloud/state", controls.state),
            web.get("/_localcloud/calls", controls.calls),
            web.get("/_localcloud/invocations", controls.invocations),
            web.get("/_localcloud/logs", controls.logs),
            web.post("/_localcloud/faults", controls.faults),
            web.post("/_localcloud/reset", controls.reset),
            web.route("*", "/", _api(service)),
            *(web.route("*", f"{prefix}{{rest:.*}}", _functions(service)) for prefix in PREFIXES),
            web.route("*", f"{queues.PREFIX}{{rest:.*}}", _queues(service)),
        ]
    )
    return app


def _api(service: Service) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            call = read_request(request.method, request.raw_path, _headers(request), body)
        except ApiError as error:
            return _respond(request, service.turn_away(error))
        return _respond(request, await service.serve(call))

    return handle


def _functions(service: Service) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.content.read()
        call = read_invocation(request.method, request.raw_path, _headers(request), body)
        return _respond(request, await service.invoke(call))

    return handle


def _queues(service: Service) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = queues.read(request.method, request.raw_path, _headers(request), body)
        return _respond(request, await service.take(call))

    return handle


def _headers(request: web.Request) -> dict[str, tuple[str, ...]]:
    return {name.lower(): tuple(request.headers.getall(name)) for name in request.headers}


def _respond(request: web.Request, reply: Reply) -> web.Response:
    if not reply.sent and request.transport is not None:
        request.transport.abort()
    return web.Response(
        status=reply.status or 500,
        body=reply.body,
        content_type=reply.content_type,
        headers=reply.headers,
    )


class _Controls:
    """What people and tests can look at and change from outside."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def state(self, _: web.Request) -> web.Response:
        return web.json_response(self._service.state())

    async def calls(self, request: web.Request) -> web.Response:
        return web.json_response(self._service.run.journal.rows(request.query.get("action")))

    async def invocations(self, _: web.Request) -> web.Response:
        return web.json_response(self._service.functions.invocations())

    async def logs(self, request: web.Request) -> web.Response:
        function = request.query.get("function", "")
        if function not in self._service.functions.logs:
            return web.json_response({"error": f"no function {function!r}"}, status=404)
        return web.json_response(self._service.functions.logs.rows(function))

    async def faults(self, request: web.Request) -> web.Response:
        try:
            self._service.run.faults.replace(json.loads(await request.read()))
        except (InvalidInput, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({})

    async def reset(self, _: web.Request) -> web.Response:
        self._service.reset()
        return web.json_response({})
