"""Tables without a server: chunks in a folder, opened as an operation opens them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.chunks import ChunkFiles
from ytcurate.localcluster.model.reader import TableReader
from ytcurate.localcluster.model.schema import Schema, parse
from ytcurate.localcluster.model.writer import RowWriter, WriterLimits
from ytcurate.localcluster.scheduler.plan import Input


def table(
    files: ChunkFiles, rows: Sequence[dict[bytes, Any]], schema: Any = None, per_chunk: int = 100
) -> Input:
    parsed = Schema() if schema is None else parse(schema)
    chunks = []
    for start in range(0, len(rows), per_chunk):
        writer = RowWriter(files, parsed, WriterLimits())
        writer.write(rows[start : start + per_chunk])
        chunks += writer.close()
    return Input(ypath.parse("//tmp/t"), TableReader(files, chunks, parsed.key_columns), parsed)
