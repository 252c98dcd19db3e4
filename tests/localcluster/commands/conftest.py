"""What the command tests share."""

from __future__ import annotations

import pytest
from yt.wrapper import YtClient


@pytest.fixture
def numbers(client: YtClient, folder: str) -> str:
    """A table of x = 0..99."""
    client.write_table(f"{folder}/numbers", [{"x": i} for i in range(100)])
    return f"{folder}/numbers"
