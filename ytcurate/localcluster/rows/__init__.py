"""Rows on the wire, both ways: a file per format, `dispatch` in front of them.

Used by table commands and by jobs. Inside, a row is a dict from bytes to YSON values with strings as
bytes; binary YSON and Skiff copy what they can straight from the chunk.
"""

from ytcurate.localcluster.rows.base import NO_CONTROL, Control, Encoder, Rows, Source, parse_control
from ytcurate.localcluster.rows.dispatch import (
    FORMATS,
    encoder_for,
    only_rows,
    parse_rows,
    require_supported,
)

__all__ = [
    "FORMATS",
    "NO_CONTROL",
    "Control",
    "Encoder",
    "Rows",
    "Source",
    "encoder_for",
    "only_rows",
    "parse_control",
    "parse_rows",
    "require_supported",
]
