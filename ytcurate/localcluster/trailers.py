"""HTTP/1.1 trailers for uvicorn, which does not send any itself.

An error in the middle of a streamed answer travels in trailers; without them the client could not tell
a cut-off table from a whole one. The application speaks the ASGI `http.response.trailers` extension
and this wrapper writes the last chunk by hand, through the connection object uvicorn's httptools
protocol gives the application. That protocol is also the one without a limit on header lines, which
`X-YT-Parameters` needs.
"""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Trailers:
    """The outermost ASGI application: adds trailers to what uvicorn can send."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application with a `send` that knows trailers."""
        cycle: Any = getattr(send, "__self__", None)
        if not hasattr(cycle, "expected_content_length"):
            raise RuntimeError("trailers need uvicorn's httptools protocol")
        scope.setdefault("extensions", {})["http.response.trailers"] = {}
        expected = False

        async def send_with_trailers(message: Message) -> None:
            nonlocal expected
            if message["type"] == "http.response.start":
                expected = bool(message.get("trailers", False))
            elif message["type"] == "http.response.body" and expected:
                message = {**message, "more_body": True}
            elif message["type"] == "http.response.trailers":
                lines = [name + b": " + value + b"\r\n" for name, value in message["headers"]]
                last = b"0\r\n" + b"".join(lines) + b"\r\n"
                # From here the cycle writes bytes as they are and then ends the response itself.
                cycle.chunked_encoding = False
                cycle.expected_content_length = len(last)
                message = {"type": "http.response.body", "body": last, "more_body": False}
            await send(message)

        await self._app(scope, receive, send_with_trailers)
