"""The one place that knows which formats of rows there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any, BinaryIO

import yt.yson as yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.rows import arrow, dsv, json, schemaful_dsv, skiff, yamr
from ytcurate.localcluster.rows import yson as yson_rows
from ytcurate.localcluster.rows.base import NO_CONTROL, Control, Encoder, Source
from ytcurate.localcluster.rows.conversion import converted

FORMATS: dict[str, ModuleType] = {
    "yson": yson_rows,
    "json": json,
    "dsv": dsv,
    "schemaful_dsv": schemaful_dsv,
    "yamr": yamr,
    "skiff": skiff,
    "arrow": arrow,
}
"""Each module has a class `Encoder`, `parse(stream, format, schema, table_index)`, `check(format)`, and
`ONLY`: the attributes that may have but one value."""


def require_supported(format: Format) -> Format:
    """The format, if there is code for it and for its attributes.

    Raises:
        YtError: with the name of what is missing.
    """
    if format.name not in FORMATS:
        raise YtError(
            f'Format "{format.name}" is not implemented by the local cluster; it has {", ".join(FORMATS)}'
        )
    FORMATS[format.name].check(format)
    return format


def parse_rows(
    stream: BinaryIO, format: Format, schema: Schema | None = None, table_index: int = 0
) -> Iterator[Any]:
    """Rows (dicts) and control entities (`YsonEntity` with attributes) of a stream.

    Args:
        schema: of the table they are written to.
        table_index: number of that table where the format describes several.

    Raises:
        YtError: the stream is malformed, or the format does not fit the schema.
    """
    require_supported(format)
    rows = FORMATS[format.name].parse(stream, format, schema or Schema(), table_index)
    return converted(rows, format, schema or Schema())


def encoder_for(format: Format, sources: Sequence[Source], control: Control = NO_CONTROL) -> Encoder:
    """A new encoder for one stream of rows of these tables.

    Raises:
        YtError: code 2800, the format does not fit the tables or the control attributes.
    """
    require_supported(format)
    encoder: Encoder = FORMATS[format.name].Encoder(format, sources, control)
    return encoder


def only_rows(items: Iterable[Any]) -> Iterator[dict[bytes, Any]]:
    """The rows of a stream written to one table.

    Raises:
        YtError: something else than a row or a switch to table 0.
    """
    for item in items:
        if isinstance(item, dict) and not getattr(item, "attributes", None):
            yield item
        elif item is None or isinstance(item, yson.YsonEntity):
            index = (getattr(item, "attributes", None) or {}).get(b"table_index", 0)
            if index != 0:
                raise YtError(f"Invalid table index {index} for a single table")
        else:
            raise YtError(f"Row must be a map, found {type(item).__name__}")
