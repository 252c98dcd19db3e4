"""uvicorn's httptools protocol: forgives the one thing the client sends that is not HTTP, bounds the rest."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ytcurate.localcluster import wire
from ytcurate.localcluster.errors import YtError

MAX_HEAD_BYTES = 4 * 1024 * 1024
"""Of a request's line and headers, and of what frames its body. The client's parameters, which travel in a
header, reach hundreds of kilobytes."""
HEAD_PATIENCE_S = 60.0
"""A connection that has sent no whole request line and headers is closed after so long."""
END_OF_BODY = b"0\r\n\r\n"
"""The end of a chunked body."""


class Protocol(HttpToolsProtocol):
    """Takes a second end of body for nothing, and ends what can only grow.

    Without compression the client writes an empty body (an empty file, a table of no rows) as one empty
    chunk, which is the mark of the end, and then the mark again. A real proxy does not mind; here the
    second mark would be read as the beginning of a broken request, and the first answered with 400.
    """

    _inside = False
    """A request is known by its line and its body is not yet complete."""
    _last_bytes = b""
    _held = b""
    """The first bytes of what may be a second mark."""
    _overhead = 0
    """Bytes since the last that belonged to a body, or that ended a request."""
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def on_url(self, url: bytes) -> None:
        # Not when a message begins: for the parser one does with the first byte of the second mark.
        if not self._inside:
            self._wait_for_head()
        self._inside = True
        super().on_url(url)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._overhead = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._inside = False
        self._overhead = 0
        super().on_message_complete()

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(HEAD_PATIENCE_S, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        if self._inside:
            self._refuse(
                YtError(f"Request headers did not arrive within {HEAD_PATIENCE_S:.0f} seconds", status=408)
            )
        else:
            self.transport.close()

    def _refuse(self, error: YtError) -> None:
        """Answer without the application and close the connection."""
        cycle: Any = self.cycle
        # In the middle of another answer there is no place for this one.
        if cycle is None or cycle.response_complete or not cycle.response_started:
            response = wire.error_response(error)
            lines = [f"HTTP/1.1 {error.status} Refused\r\nconnection: close\r\n".encode()]
            lines += [name + b": " + value + b"\r\n" for name, value in response.raw_headers]
            self.transport.write(b"".join(lines) + b"\r\n" + bytes(response.body))
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if not self._inside:
            # No request begins like this, however the bytes are cut up on their way.
            data = self._held + data
            held = END_OF_BODY.startswith(data)
            self._held = data if held and data != END_OF_BODY else b""
            if held:
                return
        self._last_bytes = (self._last_bytes + data)[-2 * len(END_OF_BODY) :]
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(
                YtError(f"Request line and headers are larger than {MAX_HEAD_BYTES} bytes", status=431)
            )

    def send_400_response(self, msg: str) -> None:
        if not self._inside and self._last_bytes == 2 * END_OF_BODY:
            # All before the second mark was understood; the parser is of no use after an error.
            self.parser = httptools.HttpRequestParser(self)
            return
        reason = sys.exc_info()[1]
        # An error of a callback hides its cause.
        reason = reason.__context__ or reason if reason is not None else None
        self._refuse(YtError(f"Invalid HTTP request: {reason or msg}"))
