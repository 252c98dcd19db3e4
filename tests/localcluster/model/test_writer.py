from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.model import schema as schemas
from ytcurate.localcluster.model.chunks import ChunkFiles
from ytcurate.localcluster.model.reader import TableReader
from ytcurate.localcluster.model.writer import MIB, RowWriter, WriterLimits, parse_limits
from ytcurate.localcluster.rows import Rows, Source, encoder_for, parse_rows

pytestmark = pytest.mark.checked_against("server source")


@pytest.fixture
def files(tmp_path: Path) -> ChunkFiles:
    return ChunkFiles(tmp_path)


def write(
    files: ChunkFiles, rows: list[dict[bytes, Any]], schema: Any = None, limit: int = 16 * MIB
) -> TableReader:
    parsed = schemas.Schema() if schema is None else schemas.parse(schema)
    writer = RowWriter(files, parsed, WriterLimits(limit))
    writer.write(rows)
    return TableReader(files, writer.close(), parsed.key_columns)


def read(reader: TableReader, columns: list[str] | None = None, ranges: Any = None) -> bytes:
    encoder = encoder_for(Format("json"), [Source(schemas.Schema())])
    return b"".join(
        piece
        for segment in reader.segments(ranges)
        for batch, count in reader.batches(segment, columns)
        for piece in encoder.encode(Rows(batch, count))
    )


def test_row_weight_counts_eight_per_number_and_lengths(files: ChunkFiles) -> None:
    schema = [
        {"name": "i", "type": "int64"},
        {"name": "b", "type": "boolean"},
        {"name": "s", "type": "string"},
    ]
    reader = write(files, [{b"i": 1, b"b": True, b"s": b"12345"}, {b"i": 1}], schema)
    assert sum(chunk.data_weight for chunk in reader.chunks) == (8 + 1 + 5 + 1) + (8 + 1)


def test_values_weigh_the_same_without_a_schema(files: ChunkFiles) -> None:
    reader = write(files, [{b"i": 1, b"b": True, b"s": b"12345", b"d": 2.5}, {b"i": 300, b"l": [1]}])
    composite = len(b"[\x02\x02;]")
    assert reader.chunks[0].data_weight == (8 + 1 + 5 + 8 + 1) + (8 + composite + 1)


def test_a_row_as_heavy_as_the_limit_is_refused(files: ChunkFiles) -> None:
    schema = [{"name": "s", "type": "string"}]
    write(files, [{b"s": b"x" * 98}], schema, limit=100)
    with pytest.raises(YtError, match="Row weight is too large") as caught:
        write(files, [{}, {b"s": b"x" * 99}], schema, limit=100)
    assert caught.value.code == 308
    assert caught.value.attributes == {"row_weight": 100, "row_weight_limit": 100, "row_index": 1}


def test_limits_outside_the_bounds_are_refused() -> None:
    assert parse_limits(None, 128 * MIB).max_row_weight == 16 * MIB
    assert parse_limits({"max_row_weight": 128 * MIB}, 128 * MIB).max_row_weight == 128 * MIB
    for value in (MIB, 129 * MIB):
        with pytest.raises(YtError):
            parse_limits({"max_row_weight": value}, 128 * MIB)


@pytest.mark.checked_against("nothing")
def test_columns_that_turn_up_late_start_a_chunk(files: ChunkFiles) -> None:
    rows: list[dict[bytes, Any]] = [{b"a": i} for i in range(5000)]
    reader = write(files, [*rows, {b"b": 1}])
    assert len(reader.chunks) == 2
    assert reader.row_count == 5001
    assert read(reader, ranges=[{"lower_limit": {"row_index": 4999}}]) == b'{"a":4999}\n{"b":1}\n'


@pytest.mark.checked_against("nothing")
def test_rows_without_columns_are_rows(files: ChunkFiles) -> None:
    reader = write(files, [{}, {}, {}])
    assert reader.row_count == 3
    assert read(reader) == b"{}\n{}\n{}\n"


@pytest.mark.checked_against("nothing")
def test_only_the_selected_columns_are_read(files: ChunkFiles) -> None:
    reader = write(files, [{b"a": 1, b"b": b"x"}])
    assert read(reader, ["b"]) == b'{"b":"x"}\n'
    assert read(reader, []) == b"{}\n"
    assert read(reader, ["nope"]) == b"{}\n"


def test_ranges_are_clamped_and_backward_ones_empty(files: ChunkFiles) -> None:
    reader = write(files, [{b"a": i} for i in range(3)])
    assert (
        read(reader, ranges=[{"lower_limit": {"row_index": 2}, "upper_limit": {"row_index": 99}}])
        == b'{"a":2}\n'
    )
    assert read(reader, ranges=[{"lower_limit": {"row_index": 2}, "upper_limit": {"row_index": 1}}]) == b""


def test_duplicate_keys_of_a_unique_table_are_306(files: ChunkFiles) -> None:
    import yt.yson as yson

    value = yson.YsonList([{"name": "k", "type": "int64", "sort_order": "ascending"}])
    value.attributes = {"unique_keys": True, "strict": True}
    with pytest.raises(YtError) as caught:
        write(files, [{b"k": 1}, {b"k": 1}], value)
    assert caught.value.code == 306


@pytest.mark.checked_against("nothing")
def test_discard_leaves_no_file(files: ChunkFiles) -> None:
    writer = RowWriter(files, schemas.Schema(), WriterLimits())
    writer.write([{b"a": i} for i in range(10_000)])
    writer.close()
    writer.discard()
    assert list(files.folder.glob("*/*")) == []


@pytest.mark.checked_against("documentation")
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_lines_of_json_are_rows_wherever_the_stream_is_divided(size: int) -> None:
    class Stream(io.BytesIO):
        def read(self, most: int | None = -1) -> bytes:
            return super().read(min(size, most) if most and most > 0 else size)

    text = b"".join(b'{"k": "' + b"x" * length + b'"}\n' for length in (0, 5, 70_000, 3)) + b'{"k": "end"}'
    rows = list(parse_rows(Stream(text), Format("json")))
    assert [len(row[b"k"]) for row in rows] == [0, 5, 70_000, 3, 3]
