"""Parquet files: one column for each field, and the videos if they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ytcurate.errors import TableError
from ytcurate.exporting.columns import KEYFRAME, Field, item_kind, nested
from ytcurate.exporting.folder import Folder
from ytcurate.exporting.reader import ExportClip, ExportReader

if TYPE_CHECKING:
    import pyarrow as pa

MAX_CELL_BYTES = 2**31 - 2**20
"""Arrow counts the bytes of a column of binary values in 31 bits."""
PROVENANCE_KEY = "ytcurate"
"""Of the schema's metadata: where the rows come from, as JSON."""


def write_parquet(
    reader: ExportReader,
    folder: Folder,
    *,
    provenance: Mapping[str, Any],
    name: Callable[[int], str] = "part-{:05d}.parquet".format,
    media: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write one file for each shard, one row group for each batch.

    Compressed with zstd, but for videos and pictures, which are already. A video is a page of its own, so
    that a reader holds one at a time; a row group is at most 64 MiB, or one heavy clip.

    Args:
        reader: what to write.
        folder: where.
        provenance: goes into the schema's metadata.
        name: of the file of a shard, given its number.
        media: keep videos and keyframes as pairs of ``bytes`` and ``path``, as the Hub's viewer wants them.
        metadata: goes along with the provenance.

    Raises:
        TableError: a video is too large for a cell.
    """
    import pyarrow.parquet as pq

    texts = {PROVENANCE_KEY: json.dumps(provenance, ensure_ascii=False), **(metadata or {})}
    schema = arrow_schema(reader.fields, videos=reader.has_videos, media=media).with_metadata(texts)
    binary = {field.name for field in reader.fields if field.kind == "string"} | {"video"}
    leaves = {field.name: _leaf(field.name, schema) for field in schema}
    small = [leaf for column, leaf in leaves.items() if column not in binary]
    for number, shard in enumerate(reader.shards):
        with (
            folder.create(name(number)) as file,
            pq.ParquetWriter(
                file,
                schema,
                compression={leaf: "zstd" if leaf in small else "none" for leaf in leaves.values()},
                use_dictionary=[field.name for field in reader.fields if field.kind == "utf8"],
                # The smallest and largest of videos are of no use to anybody.
                write_statistics=small,
                # Pages are closed between batches of values only: a thousand videos do not fit in one.
                write_batch_size=1 if reader.has_videos else 1024,
            ) as writer,
        ):
            for batch in reader.batches(shard):
                writer.write_table(_table(batch, reader, schema, media), row_group_size=len(batch))


def arrow_schema(fields: tuple[Field, ...], *, videos: bool, media: bool) -> pa.Schema:
    """The columns of the files, in order; ``video`` is the last."""
    import pyarrow as pa

    pair = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    columns = {field.name: _arrow_type(field.kind) for field in fields}
    if media and KEYFRAME in columns:
        columns[KEYFRAME] = pair
    if videos:
        columns["video"] = pair if media else pa.binary()
    return pa.schema(columns)


def _arrow_type(kind: str) -> Any:
    import pyarrow as pa

    item = item_kind(kind)
    if item is not None:
        return pa.list_(_arrow_type(item))
    names = {
        "utf8": pa.string(),
        "any": pa.string(),
        "string": pa.binary(),
        "boolean": pa.bool_(),
        "double": pa.float64(),
        "float": pa.float32(),
    }
    return names.get(kind) or pa.type_for_alias(kind)


def _leaf(column: str, schema: pa.Schema) -> str:
    """What Parquet calls the values of a column."""
    import pyarrow as pa

    kind, path = schema.field(column).type, column
    while pa.types.is_list(kind):
        kind, path = kind.value_type, f"{path}.list.element"
    return path


def _table(batch: list[ExportClip], reader: ExportReader, schema: pa.Schema, media: bool) -> pa.Table:
    import pyarrow as pa

    columns: dict[str, list[Any]] = {
        field.name: [_cell(field, clip.values[field.name]) for clip in batch] for field in reader.fields
    }
    if media and KEYFRAME in columns:
        columns[KEYFRAME] = [
            picture and {"bytes": picture, "path": f"{clip.key}.jpg"}
            for clip, picture in zip(batch, columns[KEYFRAME], strict=True)
        ]
    if reader.has_videos:
        columns["video"] = [_video(clip, media) for clip in batch]
    return pa.Table.from_pydict(columns, schema=schema)


def _cell(field: Field, value: Any) -> Any:
    if field.kind == "any" and value is not None:
        return json.dumps(nested(value), ensure_ascii=False)
    return value


def _video(clip: ExportClip, media: bool) -> Any:
    if clip.video is None:
        return None
    if clip.video.size > MAX_CELL_BYTES:
        raise TableError(
            f"clip {clip.segment_index} of source {clip.ds_index}: its video of {clip.video.size} bytes is "
            f"too large for a cell of Parquet ({MAX_CELL_BYTES}). Export as webdataset or files."
        )
    with closing(clip.video.open()) as file:
        content = file.read()
    return {"bytes": content, "path": f"{clip.key}.{clip.video.extension}"} if media else content
