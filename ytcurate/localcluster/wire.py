"""HTTP as YT speaks it: parameters in headers, bodies in encodings, errors in headers and trailers."""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import Any, Protocol

from starlette.requests import Request
from starlette.types import Message, Receive

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import JSON, Format, load, parse_format, to_json

MAX_ERROR_HEADER = 60_000
"""The client reads header lines of less than 65,536 bytes."""
PIECE = 1 << 20
POST_BODY_LIMIT = 64 * 1024 * 1024


def header_format(request: Request) -> Format:
    return parse_format(request.headers.get("x-yt-header-format"), JSON)


def header_parameters(request: Request) -> dict[str, Any]:
    """Parameters of the query string and of `X-YT-Parameters`; the header wins."""
    params: dict[str, Any] = dict(request.query_params)
    # Bytes, not text: the header is latin-1 on the wire and YSON wants the bytes.
    raw = dict(request.scope["headers"]).get(b"x-yt-parameters")
    if raw:
        params.update(_map(load(raw, header_format(request))))
    return params


def body_parameters(request: Request, body: bytes) -> dict[str, Any]:
    return _map(load(body, header_format(request))) if body.strip() else {}


def _map(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise YtError("Parameters must be a map")
    return value


def error_json(error: YtError) -> str:
    return json.dumps(to_json(error.to_dict(), False))


def error_headers(error: YtError) -> list[tuple[bytes, bytes]]:
    """The three headers (or trailers) that carry an error."""
    text = error_json(error)
    if len(text) > MAX_ERROR_HEADER:
        short = YtError(error.message[:2000], error.code, {"truncated": True})
        short.inner = [YtError(each.message[:2000], each.code) for each in error.inner[:5]]
        text = error_json(short)
    return [
        (b"x-yt-error", text.encode()),
        (b"x-yt-response-code", str(error.code).encode()),
        (b"x-yt-response-message", json.dumps(error.message[:2000]).encode()),
    ]


class Decoder(Protocol):
    def feed(self, data: bytes, limit: int) -> bytes:
        """Decoded bytes, at most `limit`; call with b"" until it gives none before feeding more."""

    def at_end(self) -> bool:
        """May the stream end here?"""


class _Zlib:
    """zlib and gzip alike: what the client calls gzip is a zlib stream."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=47)
        self._rest = b""
        self._started = False

    def feed(self, data: bytes, limit: int) -> bytes:
        data = self._rest + data
        if not data:
            return b""
        self._started = True
        if self._inflate.eof:
            self._inflate = zlib.decompressobj(wbits=47)
        try:
            out = self._inflate.decompress(data, limit)
        except zlib.error as error:
            raise YtError(f"Error decoding gzip body: {error}") from error
        self._rest = self._inflate.unused_data or self._inflate.unconsumed_tail
        return out or (self.feed(b"", limit) if self._rest else b"")

    def at_end(self) -> bool:
        return not self._started or self._inflate.eof


class _Brotli:
    def __init__(self) -> None:
        try:
            import brotli  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError:
            raise YtError(
                'Content encoding "br" needs the brotli package on the local cluster; '
                'install it, or set the client\'s "proxy/content_encoding" to "gzip"',
                status=415,
            ) from None
        self._decoder = brotli.Decompressor()
        self._started = False

    def feed(self, data: bytes, limit: int) -> bytes:
        if not data:
            return b""
        self._started = True
        return bytes(self._decoder.process(data))

    def at_end(self) -> bool:
        return not self._started or bool(self._decoder.is_finished())


def decoder(encoding: str) -> Decoder | None:
    """None for a body that is not encoded."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name in ("gzip", "deflate"):
        return _Zlib()
    if name == "br":
        return _Brotli()
    raise YtError(f'Content encoding "{encoding}" is not supported; use gzip, br or identity', status=415)


class RequestBody:
    """A request's body as a blocking stream, read from a worker thread with backpressure."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop, decode: Decoder | None) -> None:
        self._receive = receive
        self._loop = loop
        self._decode = decode
        self._buffer = memoryview(b"")
        self._more = True
        self.broken = False

    def _pull(self) -> bytes:
        """The next bytes off the wire, b"" at the end.

        Raises:
            YtError: the client went away; this must never look like the end of the data.
        """
        while self._more:
            message: Message = asyncio.run_coroutine_threadsafe(self._take(), self._loop).result()
            if message["type"] == "http.disconnect":
                self.broken, self._more = True, False
                break
            self._more = bool(message.get("more_body", False))
            if message.get("body"):
                return bytes(message["body"])
        self.check()
        return b""

    async def _take(self) -> Message:
        return await self._receive()

    def check(self) -> None:
        """Raise if the body did not arrive whole (parsers may hide an error of `read`)."""
        if self.broken:
            raise YtError("Request body was cut off: the client closed the connection")

    def read(self, size: int = -1) -> bytes:
        if size is None or size < 0:
            pieces = []
            while piece := self.read(PIECE):
                pieces.append(piece)
            return b"".join(pieces)
        if not self._buffer:
            self._buffer = memoryview(self._next())
        piece = bytes(self._buffer[:size])
        self._buffer = self._buffer[size:]
        return piece

    def _next(self) -> bytes:
        if self._decode is None:
            return self._pull()
        out = self._decode.feed(b"", PIECE)
        while not out:
            data = self._pull()
            if not data:
                if not self._decode.at_end():
                    self.broken = True
                    raise YtError("Request body was cut off inside its encoding")
                return b""
            out = self._decode.feed(data, PIECE)
        return out
