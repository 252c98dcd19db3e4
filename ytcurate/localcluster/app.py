"""HTTP route to command; holds no state but the answers of recent mutations."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import anyio
import yt.yson as yson
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ytcurate.localcluster import api_v3, errors, local_routes, media_types, wire
from ytcurate.localcluster.body import RequestBody
from ytcurate.localcluster.cluster import Cluster
from ytcurate.localcluster.commands import load_all
from ytcurate.localcluster.context import Call, Stream
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import dump
from ytcurate.localcluster.model.store import NO_SPACE, no_space
from ytcurate.localcluster.registry import COMMANDS, NOTHING, Command

log = logging.getLogger(__name__)

LIGHT_THREADS = 16
HEAVY_THREADS = 256
"""A write holds a thread while it waits for the client's bytes."""
REMEMBERED_MUTATIONS = 10_000
REMEMBERED_BYTES = 64 * 1024 * 1024
GATHER_BYTES = 128 * 1024
VERSION = "24.2.0-local"


def invoke(call: Call, command: Command) -> Any:
    """Run a handler; a bug in it becomes an error of code 1 and a traceback in the log."""
    try:
        if command.detached:
            return command.handler(call)
        with call.cluster.state.session():
            if not command.is_volatile:
                return command.handler(call)
            mutation = str(call.params.get("mutation_id") or "")
            return call.cluster.answers.once(mutation, lambda: command.handler(call))
    except YtError:
        raise
    except Exception as error:
        raise as_yt_error(command.name, error) from error
    finally:
        if command.is_heavy:
            call.cluster.files.discard_abandoned()


def as_yt_error(name: str, error: Exception) -> YtError:
    """What the client is told of an exception: malformed input and a full disk by name, else a bug."""
    if isinstance(error, yson.YsonError):
        return YtError(f'Error parsing YSON in the parameters of "{name}": {wire.first_line(error)}')
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return no_space(os.strerror(error.errno))
    if isinstance(error, RecursionError):
        return YtError(f'A value in the body of "{name}" is nested too deeply')
    log.error("bug in command %s", name, exc_info=error)
    return errors.bug(name, error)


class Api:
    """The ASGI application for `/api/v4/<command>`, or that of version 3."""

    def __init__(self, cluster: Cluster, version: int = 4) -> None:
        self.cluster = cluster
        self.version = version
        self.light = CapacityLimiter(LIGHT_THREADS)
        self.heavy = CapacityLimiter(HEAVY_THREADS)
        self.mutations: OrderedDict[str, asyncio.Future[Response]] = OrderedDict()
        self._remembered_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        name = request.path_params["command"].lower()
        try:
            if self.version == 3:
                name = api_v3.command_name(name)
            await self._answer(name, request, scope, receive, send)
        except YtError as error:
            await wire.error_response(error)(scope, receive, send)
        except (asyncio.CancelledError, anyio.get_cancelled_exc_class()):
            raise
        except Exception as error:  # noqa: BLE001  as_yt_error logs it
            await wire.error_response(as_yt_error(name, error))(scope, receive, send)

    async def _answer(self, name: str, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        command = COMMANDS.get(name)
        if command is None:
            raise errors.not_implemented(name)
        params = wire.header_parameters(request)
        if command.input_type in ("tabular", "binary"):
            media_types.fill_in(params, request, command)
            decode = wire.decoder(request.headers.get("content-encoding", ""))
            body = RequestBody(receive, decode)
            call = Call(self.cluster, name, params, body=body)  # type: ignore[arg-type]
            async with body.arriving():
                value = await to_thread.run_sync(invoke, call, command, limiter=self.heavy)
            await self._plain(call, value)(scope, receive, send)
            return
        data = await wire.whole_body(request)
        if command.input_type == "null":
            params.update(wire.body_parameters(request, data))
        media_types.fill_in(params, request, command)
        call = Call(self.cluster, name, params)
        if command.input_type == "structured":
            call.input = wire.parse(data, call.format("input_format"), "the body")
        if command.output_type in ("tabular", "binary"):
            stream = await to_thread.run_sync(invoke, call, command, limiter=self.heavy)
            await self._stream(call, stream, request, send)
            return
        response = await self._light(call, command)
        await response(scope, receive, send)

    async def _light(self, call: Call, command: Command) -> Response:
        """Run a buffered command once per mutation id: a resent request gets the first one's answer."""
        limiter = self.heavy if command.detached else self.light
        mutation = str(call.params.get("mutation_id") or "")
        if not mutation or not command.is_volatile:
            value = await to_thread.run_sync(invoke, call, command, limiter=limiter)
            return self._plain(call, value)
        if mutation in self.mutations:
            if not call.flag("retry"):
                raise YtError(
                    'Duplicate request is not marked as "retry"', attributes={"mutation_id": mutation}
                )
            return await asyncio.shield(self.mutations[mutation])

        async def run() -> Response:
            try:
                value = await to_thread.run_sync(invoke, call, command, limiter=limiter)
                return self._plain(call, value)
            except YtError as error:
                return wire.error_response(error)

        future = asyncio.ensure_future(run())
        self.mutations[mutation] = future
        future.add_done_callback(self._remember)
        # Shielded: a client that hangs up and resends must find this very execution.
        return await asyncio.shield(future)

    def _remember(self, done: asyncio.Future[Response]) -> None:
        """Keep the newest answers, as many as there is room for."""
        self._remembered_bytes += _size(done)
        while self.mutations and (
            len(self.mutations) > REMEMBERED_MUTATIONS or self._remembered_bytes > REMEMBERED_BYTES
        ):
            _, oldest = self.mutations.popitem(last=False)
            if oldest.done():
                self._remembered_bytes -= _size(oldest)
            else:  # its answer is not counted yet, and never will be
                oldest.remove_done_callback(self._remember)

    def _plain(self, call: Call, value: Any) -> Response:
        if self.version == 3:
            if call.command in api_v3.SILENT:
                return Response(headers={"x-yt-proxy": "local"})
            value = api_v3.shaped(call, value)
        if value is NOTHING:
            value = {}
        format = call.format("output_format")
        media = "application/json" if format.name == "json" else f"application/x-yt-yson-{_flavour(format)}"
        return Response(dump(value, format), media_type=media, headers={"x-yt-proxy": "local"})

    async def _stream(self, call: Call, stream: Stream, request: Request, send: Send) -> None:
        parameters = dump(stream.parameters, wire.header_format(request)).replace(b"\n", b"")
        headers = [
            (b"content-type", b"application/octet-stream"),
            (b"x-yt-response-parameters", parameters),
            (b"x-yt-proxy", b"local"),
            (b"trailer", b"X-YT-Error, X-YT-Response-Code, X-YT-Response-Message"),
        ]
        trailers: list[tuple[bytes, bytes]] = []
        await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
        pieces = stream.pieces
        try:
            more = True
            while more:
                piece, more, broken = await to_thread.run_sync(_gather, pieces, limiter=self.heavy)
                if piece:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    if await request.is_disconnected():
                        return
                if broken is not None:
                    raise broken
        except YtError as error:
            trailers = wire.error_headers(error)
        except Exception as error:  # noqa: BLE001  as_yt_error logs it
            trailers = wire.error_headers(as_yt_error(call.command, error))
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                await to_thread.run_sync(close)
        await send({"type": "http.response.trailers", "headers": trailers, "more_trailers": False})


def _gather(pieces: Iterator[bytes]) -> tuple[bytes, bool, Exception | None]:
    """Small pieces together (a trip to the worker thread costs more than they do).

    Returns the bytes, whether more may come, and the error that ended the stream after them.
    """
    gathered: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            gathered.append(piece)
            size += len(piece)
            if size >= GATHER_BYTES:
                return b"".join(gathered), True, None
    except Exception as error:  # noqa: BLE001  whoever sends the bytes reports it
        return b"".join(gathered), False, error
    return b"".join(gathered), False, None


def _size(done: asyncio.Future[Response]) -> int:
    return len(done.result().body) if not done.cancelled() and done.exception() is None else 0


def _flavour(format: Any) -> str:
    return str(format.attributes.get("format", "text"))


def create_app(cluster: Cluster) -> Starlette:
    load_all()

    async def descriptors(request: Request) -> Response:
        return JSONResponse([each.descriptor() for each in COMMANDS.values()])

    async def versions(request: Request) -> Response:
        return JSONResponse(["v3", "v4"])

    async def hosts(request: Request) -> Response:
        # This very proxy, by the name under which it was asked.
        return JSONResponse([request.headers["host"]] if "host" in request.headers else [])

    async def whoami(request: Request) -> Response:
        return JSONResponse({"login": cluster.settings.user, "realm": "local"})

    async def version(request: Request) -> Response:
        return PlainTextResponse(VERSION)

    async def ping(request: Request) -> Response:
        return Response()

    async def service(request: Request) -> Response:
        return Response(json.dumps(cluster.status()), media_type="application/json")

    return Starlette(
        routes=[
            Route("/api", versions),
            Route("/api/v4", descriptors),
            *(
                Route(f"/api/v{version}/{{command}}", Api(cluster, version), methods=["GET", "POST", "PUT"])
                for version in (3, 4)
            ),
            Route("/hosts", hosts),
            Route("/hosts/all", hosts),
            Route("/auth/whoami", whoami, methods=["GET", "POST"]),
            Route("/version", version),
            Route("/ping", ping),
            Route("/service", service),
            *local_routes.routes(cluster),
        ]
    )
