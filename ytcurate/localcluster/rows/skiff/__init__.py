"""Skiff: rows as bytes whose meaning is in the schema, which travels with the format.

`wire` reads the schema, `matching` puts it beside a table's own, `codecs` do the bytes.
"""

from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.rows.base import require_only
from ytcurate.localcluster.rows.skiff.encoder import Encoder
from ytcurate.localcluster.rows.skiff.parser import parse

__all__ = ["ONLY", "Encoder", "check", "parse"]

ONLY = {"override_intermediate_table_schema": None}


def check(format: Format) -> None:
    require_only(format, ONLY)
