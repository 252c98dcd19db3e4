"""What the tests of the model share."""

from __future__ import annotations

from pathlib import Path

import pytest

from ytcurate.localcluster.model.chunks import ChunkFiles


@pytest.fixture
def files(tmp_path: Path) -> ChunkFiles:
    return ChunkFiles(tmp_path / "chunks")
