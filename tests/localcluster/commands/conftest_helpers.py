"""Small helpers of the command tests."""

from __future__ import annotations

import yt.wrapper as yt
from yt.wrapper import YtClient


def xs(client: YtClient, path: str) -> list[int]:
    return [row["x"] for row in client.read_table(path)]


def another(client: YtClient) -> YtClient:
    """A second client of the same cluster, with its own current transaction."""
    return YtClient(proxy=yt.config.get_config(client)["proxy"]["url"])
