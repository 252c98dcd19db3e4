"""The body of a request that streams rows or a file, for the worker thread that reads it."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.wire import PATIENCE_S, PIECE, Decoder

ROOM_BYTES = 4 * 1024 * 1024
"""So much may have arrived and not been read. The thread and the event loop need not meet at every piece
then: each meeting is a fight for the interpreter's lock."""


class RequestBody:
    """A blocking stream of a body's bytes, decoded; what has not been read holds the sender back."""

    def __init__(self, receive: Receive, decode: Decoder | None) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._decode = decode
        self._arrived: deque[bytes] = deque()
        self._arrived_bytes = 0
        self._changed = threading.Condition()
        self._room = asyncio.Event()
        self._is_whole = False
        self._rest = memoryview(b"")
        """What of a piece has not been read."""
        self._at_end = False
        self.broken = False

    @asynccontextmanager
    async def arriving(self) -> AsyncIterator[None]:
        """Take bytes off the wire as long as this lasts."""
        filling = asyncio.ensure_future(self._fill())
        try:
            yield
        finally:
            filling.cancel()

    async def _fill(self) -> None:
        while not (self._is_whole or self.broken):
            message = await self._receive()
            with self._changed:
                if message["type"] == "http.disconnect":
                    self.broken = True
                else:
                    self._is_whole = not message.get("more_body", False)
                    if piece := message.get("body"):
                        self._arrived.append(piece)
                        self._arrived_bytes += len(piece)
                is_full = self._arrived_bytes >= ROOM_BYTES
                if is_full:
                    self._room.clear()
                self._changed.notify()
            if is_full:
                await self._room.wait()

    def _pull(self) -> bytes:
        """The next bytes off the wire, b"" at the end.

        Raises:
            YtError: the client went away or is silent; this must never look like the end of the data.
        """
        with self._changed:
            arrives = self._changed.wait_for(
                lambda: self._arrived or self._is_whole or self.broken, timeout=PATIENCE_S
            )
            if not arrives:
                self.broken = True
                raise YtError(
                    f"Request body was cut off: nothing came for {PATIENCE_S:.0f} seconds", status=408
                )
            if self._arrived:
                piece = self._arrived.popleft()
                was_full = self._arrived_bytes >= ROOM_BYTES
                self._arrived_bytes -= len(piece)
                if was_full and self._arrived_bytes < ROOM_BYTES:
                    self._loop.call_soon_threadsafe(self._room.set)
                return piece
        self._check_whole()
        self._at_end = True
        return b""

    def _check_whole(self) -> None:
        if self.broken:
            raise YtError("Request body was cut off: the client closed the connection")

    def check(self) -> None:
        """Raise if the body did not arrive whole, or was not read whole.

        Parsers may hide an error of `read`, and that of YSON takes a NUL byte for the end of the rows.
        """
        self._check_whole()
        if not self._at_end:
            raise YtError("Request body goes on after the end of its rows: a NUL byte outside a string")

    def read(self, size: int = -1) -> bytes:
        """Some bytes, `size` at most; b"" at the end. Without a size, all of them."""
        if size is None or size < 0:
            pieces = []
            while piece := self.read(PIECE):
                pieces.append(piece)
            return b"".join(pieces)
        if not self._rest:
            piece = self._next()
            if len(piece) <= size:
                return piece
            self._rest = memoryview(piece)
        piece = bytes(self._rest[:size])
        self._rest = self._rest[size:]
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
