"""Formats by what headers say, for clients that name none in the parameters.

`X-YT-Input-Format` and `X-YT-Output-Format` go before `Content-Type` and `Accept`.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from ytcurate.localcluster import wire
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.registry import Command

FORMATS = {
    "application/json": "json",
    "application/x-yt-yson-binary": "<format=binary>yson",
    "application/x-yt-yson-text": "<format=text>yson",
    "application/x-yt-yson-pretty": "<format=pretty>yson",
    "text/tab-separated-values": "dsv",
}
DEFAULTS = {"structured": "json", "tabular": "<format=text>yson"}
"""By type of input or output; binary ones have no format."""
ANYTHING = "*/*"


def fill_in(params: dict[str, Any], request: Request, command: Command) -> None:
    """Put the formats into the parameters where these do not say them.

    Raises:
        YtError: `Accept` lists several types.
    """
    for name in ("input_format", "output_format"):
        said = request.headers.get(f"x-yt-{name.replace('_', '-')}")
        if said:
            value = wire.parse(said.encode("latin-1"), wire.header_format(request), f"the header of {name}")
            params.setdefault(name, value)
    if command.input_type in DEFAULTS:
        sent = request.headers.get("content-type", "").strip()
        params.setdefault("input_format", FORMATS.get(sent, DEFAULTS[command.input_type]))
    if command.output_type in DEFAULTS:
        accepted = request.headers.get("accept", "").strip()
        if "," in accepted or ";q=" in accepted:
            # Only where it would decide.
            if "output_format" not in params:
                raise YtError('Multiple MIME types inside "Accept" header are not supported')
            return
        default = "json" if accepted == ANYTHING else DEFAULTS[command.output_type]
        params.setdefault("output_format", FORMATS.get(accepted, default))
