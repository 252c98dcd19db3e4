"""HTTP as YT speaks it: parameters in headers, bodies in encodings, errors in headers and trailers."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import zlib
from typing import Any, Protocol

import yt.yson as yson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import JSON, Format, load, parse_format, to_json

MAX_ERROR_HEADER = 60_000
"""The client reads header lines of less than 65,536 bytes."""
PIECE = 1 << 20
WHOLE_BODY_LIMIT = 64 * 1024 * 1024
"""Bodies that are taken as one value: parameters, the input of `set`."""
PATIENCE_S = 600.0
"""A sender may pause so long inside a body (rows may take their time); then its thread is given back."""
MAX_DEPTH = 200
"""Levels of a value. The YSON library reads 256 of them; an answer and a record put some around it."""
ONCE = ("x-yt-parameters", "x-yt-header-format", "content-encoding")


def header_format(request: Request) -> Format:
    try:
        return parse_format(request.headers.get("x-yt-header-format"), JSON)
    except (yson.YsonError, AttributeError, UnicodeError) as error:
        raise YtError(f"Error parsing header X-YT-Header-Format: {first_line(error)}") from error


def header_parameters(request: Request) -> dict[str, Any]:
    """Parameters of the query string and of `X-YT-Parameters`; the header wins.

    Raises:
        YtError: a header is given twice, cannot be read, or is in a form the local cluster lacks.
    """
    names = [name for name, _ in request.scope["headers"]]
    for name in ONCE:
        if names.count(name.encode()) > 1:
            raise YtError(f"Header {name} is given more than once")
    params: dict[str, Any] = dict(request.query_params)
    # Bytes, not text: the header is latin-1 on the wire and YSON wants the bytes.
    headers = dict(request.scope["headers"])
    raw = headers.get(b"x-yt-parameters") or _joined(headers)
    if raw:
        params.update(_map(parse(raw, header_format(request), "header X-YT-Parameters")))
    return params


def _joined(headers: dict[bytes, bytes]) -> bytes:
    """Parameters sent as `X-YT-Parameters-0`, `-1` and so on (or without the dash): base64, cut in pieces."""
    pieces: list[bytes] = []
    for number in itertools.count():
        names = (b"x-yt-parameters-%d" % number, b"x-yt-parameters%d" % number)
        found = [headers[name] for name in names if name in headers]
        if not found:
            break
        pieces += found
    try:
        return base64.b64decode(b"".join(pieces), validate=True)
    except ValueError as error:
        raise YtError(f"Error parsing header X-YT-Parameters in pieces: {error}") from None


def body_parameters(request: Request, body: bytes) -> dict[str, Any]:
    return _map(parse(body, header_format(request), "parameters in the body")) if body.strip() else {}


def parse(data: bytes, format: Format, what: str) -> Any:
    """One value out of a request.

    Args:
        what: names the place in errors.

    Raises:
        YtError: malformed, or nested too deeply to be stored and given back.
    """
    try:
        value = load(data, format)
    except RecursionError:
        raise YtError(f"Error parsing {what}: nested deeper than {MAX_DEPTH} levels") from None
    except (YtError, UnicodeError, ValueError) as error:
        raise YtError(f"Error parsing {what}: {first_line(error)}") from error
    if sum(data.count(each) for each in (b"[", b"{", b"<")) > MAX_DEPTH:
        _check_depth(value, what)
    return value


def _check_depth(value: Any, what: str) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise YtError(f"Error parsing {what}: nested deeper than {MAX_DEPTH} levels")
        below: list[Any] = []
        for each in level:
            below += (getattr(each, "attributes", None) or {}).values()
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
        level = below


def first_line(error: Exception) -> str:
    """What is wrong, without the origin the YSON library adds."""
    message = error.message if isinstance(error, YtError) else str(error)
    lines = [line.strip() for line in message.partition("***** Details")[0].splitlines() if line.strip()]
    return ": ".join(line for line in lines if "Yson load failed" not in line)[:1000]


def _map(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise YtError("Parameters must be a map")
    return value


async def whole_body(request: Request) -> bytes:
    """The body of a request that is taken as one value, decoded.

    Raises:
        YtError: it is too large (also once decoded), cut off, or in an unknown encoding.
    """
    decode = decoder(request.headers.get("content-encoding", ""))
    pieces: list[bytes] = []
    size = 0

    def add(piece: bytes) -> None:
        nonlocal size
        size += len(piece)
        if size > WHOLE_BODY_LIMIT:
            raise YtError(f"Request body is larger than {WHOLE_BODY_LIMIT} bytes", status=413)
        pieces.append(piece)

    try:
        async with asyncio.timeout(PATIENCE_S):
            async for data in request.stream():
                piece = data if decode is None else decode.feed(data, PIECE)
                while piece:
                    add(piece)
                    piece = b"" if decode is None else decode.feed(b"", PIECE)
    except TimeoutError:
        raise YtError(f"Request body did not arrive within {PATIENCE_S:.0f} seconds", status=408) from None
    except ClientDisconnect:
        raise YtError("Request body was cut off: the client closed the connection") from None
    if decode is not None and not decode.at_end():
        raise YtError("Request body was cut off inside its encoding")
    return b"".join(pieces)


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


def error_response(error: YtError) -> Response:
    response = Response(error_json(error), status_code=error.status, media_type="application/json")
    response.raw_headers.extend(error_headers(error))
    return response


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
        self._rest += data
        # A loop: a stream may be many members, and empty ones give no bytes.
        while self._rest:
            self._started = True
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(wbits=47)
            try:
                out = self._inflate.decompress(self._rest, limit)
            except zlib.error as error:
                raise YtError(f"Error decoding gzip body: {error}") from error
            self._rest = self._inflate.unused_data or self._inflate.unconsumed_tail
            if out:
                return out
        return b""

    def at_end(self) -> bool:
        return not self._started or self._inflate.eof


class _Brotli:
    """Needs a release that can bound what comes out, which a short body may make a thousand times larger."""

    def __init__(self) -> None:
        try:
            import brotli  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError:
            brotli = None
        if not hasattr(getattr(brotli, "Decompressor", None), "can_accept_more_data"):
            raise YtError(
                'Content encoding "br" needs the package brotli, 1.2 or later, where the local cluster runs; '
                'install it, or set the client\'s "proxy/content_encoding" to "gzip"',
                status=415,
            )
        self._error = brotli.error
        self._decoder = brotli.Decompressor()
        self._rest = b""
        self._started = False

    def feed(self, data: bytes, limit: int) -> bytes:
        self._rest += data
        self._started = self._started or bool(data)
        given = b""
        if self._decoder.can_accept_more_data():
            given, self._rest = self._rest, b""
        try:
            return bytes(self._decoder.process(given, output_buffer_limit=limit))
        except self._error as error:
            raise YtError(f"Error decoding brotli body: {error}") from error

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
