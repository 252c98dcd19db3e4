"""Rows through a format without a server: what tests of formats share."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from yt import yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format, parse_format
from ytcurate.localcluster.model import schema as schemas
from ytcurate.localcluster.model.chunks import ChunkFiles
from ytcurate.localcluster.model.reader import TableReader
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.model.writer import RowWriter, WriterLimits
from ytcurate.localcluster.rows import Rows, Source, encoder_for, parse_control, parse_rows


def form(text: str) -> Format:
    """A format as the command line takes it."""
    return parse_format(text, Format("yson"))


def schema_of(text: str | None) -> Schema:
    """A schema from the YSON of its columns; None for a table without one."""
    return Schema() if text is None else schemas.parse(yson.loads(text.encode()))


def encode(
    folder: Path,
    format: Format,
    rows: list[dict[bytes, Any]],
    schema: Schema,
    ranges: list[Any] | None = None,
    **control: bool,
) -> bytes:
    """A table as a reader gets it."""
    files = ChunkFiles(folder)
    writer = RowWriter(files, schema, WriterLimits())
    writer.write(rows)
    reader = TableReader(files, writer.close())
    encoder = encoder_for(format, [Source(schema)], parse_control(control))
    pieces: list[bytes] = []
    for segment in reader.segments(ranges):
        for batch, count in reader.batches(segment, None):
            where = (segment.table_index, segment.range_index, segment.row_index)
            pieces += encoder.encode(Rows(batch, count, *where))
    return b"".join([*pieces, encoder.end()])


def decode(data: bytes, format: Format, schema: Schema) -> list[Any]:
    """Rows that a writer sends."""
    return list(parse_rows(io.BytesIO(data), format, schema))


def causes(error: YtError) -> list[tuple[int, str]]:
    """Code and message of an error and of its inner ones."""
    return [(error.code, error.message)] + [each for inner in error.inner for each in causes(inner)]
