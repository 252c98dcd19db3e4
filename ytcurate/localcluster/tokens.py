"""Who may talk to the cluster: one token from a file, asked of every request."""

from __future__ import annotations

import hmac
import stat
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from ytcurate.localcluster import wire
from ytcurate.localcluster.errors import YtError

OPEN_PATHS = frozenset({"/api", "/api/v4", "/hosts", "/ping", "/version"})
"""Tell nothing of this cluster. The client asks for versions, commands and proxies without its token."""
MAX_FILE_BYTES = 64 * 1024
AUTHENTICATION = 900
"""YT's code of a failed authentication."""


def read_token(path: Path) -> str:
    """The token in a file, without the white space around it.

    Raises:
        YtError: it cannot be read, is empty, or holds what no client can send.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise YtError(f"cannot read the token file {path}: {error.strerror}") from None
    token = raw.strip()
    if not token:
        raise YtError(f"the token file {path} is empty")
    if len(raw) > MAX_FILE_BYTES or not all(33 <= byte <= 126 for byte in token):
        raise YtError(f"the token file {path} must hold one word of printable ASCII characters")
    return token.decode("ascii")


def readable_by_others(path: Path) -> bool:
    """May anyone but the owner read the file?"""
    return bool(stat.S_IMODE(path.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH))


class RequireToken:
    """An ASGI application that lets only requests with the token through; the others get a 401."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"OAuth {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or self._allowed(scope):
            await self._app(scope, receive, send)
            return
        given = any(name == b"authorization" for name, _ in scope["headers"])
        what = "is not the one of this cluster" if given else 'is missing: send "Authorization: OAuth TOKEN"'
        error = YtError(f"Authentication failed: the token {what}", AUTHENTICATION, status=401)
        await wire.error_response(error)(scope, receive, send)

    def _allowed(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        # Constant time: how long a refusal takes must not tell how much of a guess was right.
        return len(given) == 1 and hmac.compare_digest(given[0], self._expected)
