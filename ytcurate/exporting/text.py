"""Rows as JSON: all but pictures and vectors, which have places of their own."""

from __future__ import annotations

import json
from typing import Any

from ytcurate.exporting.columns import Field, nested
from ytcurate.exporting.reader import ExportClip


def text_values(fields: tuple[Field, ...], clip: ExportClip) -> dict[str, Any]:
    """What a line of text can hold of a clip, in order."""
    return {field.name: nested(clip.values[field.name]) for field in fields if field.is_text}


def json_bytes(value: Any) -> bytes:
    """One JSON document on one line, without its end."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
