"""Rows as Arrow: streams of the IPC format, one after another."""

from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.rows.arrow.encoder import Encoder
from ytcurate.localcluster.rows.arrow.parser import parse
from ytcurate.localcluster.rows.base import require_only

__all__ = ["ONLY", "Encoder", "check", "parse"]

ONLY = {"enable_tz_index": False, "enable_complex_types": False}


def check(format: Format) -> None:
    require_only(format, ONLY)
