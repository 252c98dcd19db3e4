"""A column of a row: its type in the table's schema put beside its type in the Skiff schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.schema import Column, optional
from ytcurate.localcluster.model.values import kind_of
from ytcurate.localcluster.rows.skiff import codecs
from ytcurate.localcluster.rows.skiff.codecs import Codec
from ytcurate.localcluster.rows.skiff.matching import Matcher
from ytcurate.localcluster.rows.skiff.primitives import (
    decimal,
    detag,
    is_nullable,
    name_of,
    primitive,
    wires_of,
)
from ytcurate.localcluster.rows.skiff.wire import Wire
from ytcurate.localcluster.rows.stream import ByteStream


@dataclass(frozen=True)
class ColumnCodec:
    """A column of a row; `codec` is for what is behind the tag of an optional value."""

    name: str
    codec: Codec
    required: bool
    is_composite: bool = False
    is_missing: bool = False
    """Described as composite and not in the schema: null in every row."""

    def write(self, value: Any, out: list[Any]) -> None:
        if self.is_composite:
            self.codec.write(value, out)
            return
        if value is None and not self.required:
            out.append(codecs.ABSENT)
            return
        if self.is_missing:
            raise YtError(
                f'Cannot represent nonnull value of column "{self.name}" absent in schema '
                "as composite Skiff value"
            )
        found = kind_of(value)
        if self.codec.kind not in ("any", found):
            raise YtError(
                f'Unexpected type of "{self.name}" column: Skiff format expected "{self.codec.kind}", '
                f'actual table type "{found}"',
                errors.FORMAT_CANNOT_REPRESENT_ROW,
            )
        if not self.required:
            out.append(codecs.PRESENT)
        self.codec.write(value, out)

    def write_cell(self, cell: Any, out: list[Any]) -> None:
        """For `yson32`: a value that is binary YSON already."""
        assert isinstance(self.codec, codecs.Yson)
        if cell is None and not self.required:
            out.append(codecs.ABSENT)
            return
        if not self.required:
            out.append(codecs.PRESENT)
        self.codec.write_cell(b"#" if cell is None else cell, out)

    @property
    def takes_cells(self) -> bool:
        return isinstance(self.codec, codecs.Yson) and not self.is_composite

    def read(self, stream: ByteStream) -> Any:
        if not self.is_composite and not self.required:
            tag = stream.take(1)
            if tag == codecs.ABSENT:
                return None
            if tag != codecs.PRESENT:
                raise YtError(f'Found bad variant8 tag "{tag[0]}" when parsing optional field "{self.name}"')
        return self.codec.read(stream)


def column_codec(column: Column | None, wire: Wire, *, is_sparse: bool, for_reading: bool) -> ColumnCodec:
    """The codec of one column.

    Args:
        column: None if the table's schema does not have it.
        is_sparse: the tag of an optional value may be left out.
        for_reading: bytes to values; then a struct must be described whole.

    Raises:
        YtError: the two types do not fit together.
    """
    type_v3 = detag(optional("yson") if column is None else column.type_v3)
    child = wire.optional_child
    inner, required = child or wire, child is None
    if column is None and not required and not for_reading and not inner.is_simple:
        return ColumnCodec(wire.name, codecs.Nothing(), required, is_missing=True)
    is_plain_optional = name_of(type_v3) == "optional" and not is_nullable(type_v3["item"])
    bare = type_v3["item"] if is_plain_optional else type_v3
    if not isinstance(bare, str) and name_of(bare) != "decimal":
        codec = Matcher(for_reading).match(wire.name, type_v3, wire, may_omit=is_sparse)
        return ColumnCodec(wire.name, codec, True, is_composite=True)
    if not inner.is_simple or (inner.type == "nothing" and not required):
        raise YtError(f'Column "{wire.name}" cannot be represented with skiff schema "{wire}"')
    if not isinstance(bare, str):
        return ColumnCodec(wire.name, decimal(bare, inner.type), required)
    if inner.type not in (*wires_of(name_of(bare)), "yson32"):
        raise YtError(f'Unexpected wire type "{inner.type}"')
    return ColumnCodec(wire.name, primitive(name_of(bare), inner.type), required)
