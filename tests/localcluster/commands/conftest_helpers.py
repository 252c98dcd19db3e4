"""Small helpers of the command tests."""

from __future__ import annotations

import yt.wrapper as yt
from yt.wrapper import YtClient


def another(client: YtClient) -> YtClient:
    """A second client of the same cluster, with its own current transaction."""
    return YtClient(proxy=yt.config.get_config(client)["proxy"]["url"])
