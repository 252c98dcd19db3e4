"""uvicorn's httptools protocol, forgiving the one thing the client writes that is not HTTP."""

from __future__ import annotations

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

END_OF_BODY = b"0\r\n\r\n"
"""The end of a chunked body."""


class Protocol(HttpToolsProtocol):
    """Takes a second end of body for nothing.

    Without compression the client writes an empty body (an empty file, a table of no rows) as one empty
    chunk, which is the mark of the end, and then the mark again. A real proxy does not mind; here the
    second mark would be read as the beginning of a broken request, and the first answered with 400.
    """

    _inside = False
    """A request is known by its line and its body is not yet complete."""
    _last_bytes = b""
    _held = b""
    """The first bytes of what may be a second mark."""

    def on_url(self, url: bytes) -> None:
        # Not when a message begins: for the parser one does with the first byte of the second mark.
        self._inside = True
        super().on_url(url)

    def on_message_complete(self) -> None:
        self._inside = False
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        if not self._inside:
            # No request begins like this, however the bytes are cut up on their way.
            data = self._held + data
            held = END_OF_BODY.startswith(data)
            self._held = data if held and data != END_OF_BODY else b""
            if held:
                return
        self._last_bytes = (self._last_bytes + data)[-2 * len(END_OF_BODY) :]
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        if not self._inside and self._last_bytes == 2 * END_OF_BODY:
            # All before the second mark was understood; the parser is of no use after an error.
            self.parser = httptools.HttpRequestParser(self)
            return
        super().send_400_response(msg)
