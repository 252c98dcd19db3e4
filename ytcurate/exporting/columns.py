"""What a row of a curated table is called outside: the usual twenty columns first, then ours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Kind = str
"""``int64``, ``double``, ``float``, ``utf8``, ``boolean``, ``string`` (bytes), ``any`` (nested values), or a
list of one: ``list<float>``."""

REQUIRED = (
    *("ds_index", "segment_index", "clip_id", "start_s", "length"),
    *("width", "height", "fps", "frame_count", "kept"),
)
"""Columns without which a table is not a curated one."""

KEYFRAME, EMBEDDING = "keyframe", "embedding"

_LEADING: tuple[tuple[str, Kind, str | None], ...] = (
    ("video_id", "utf8", None),
    ("clip_index", "int64", "segment_index"),
    ("start_frame", "int64", None),
    ("end_frame", "int64", None),
    ("start_sec", "double", None),
    ("end_sec", "double", None),
    ("clip_duration_sec", "double", None),
    ("clip_num_frames", "int64", "frame_count"),
    ("fps", "double", "fps"),
    ("width", "int64", "width"),
    ("height", "int64", "height"),
    ("brightness", "double", "quality_brightness"),
    ("contrast", "double", "quality_contrast"),
    ("sharpness", "double", "quality_sharpness"),
    ("motion_score", "double", "quality_motion"),
    ("category", "utf8", "category"),
    ("is_safe", "boolean", "is_safe"),
    ("vlm_description", "utf8", "description"),
    ("vlm_quality", "utf8", "visual_quality"),
    (EMBEDDING, "list<float>", "embedding"),
)
"""Name, kind and the column of the table; None: computed from several."""

_RESERVED = frozenset({"video", "path", "sha256"})
"""Names that a format gives to what is not in the table."""

_KINDS = {"bool": "boolean", "yson": "any", "float32": "float", "json": "utf8"}
_INTEGERS = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_PLAIN = frozenset({"double", "float", "utf8", "boolean", "string"}) | _INTEGERS
_TIME_DIGITS = 3
"""Of the seconds under their usual names; ``start_s`` and ``length`` go along unrounded."""


@dataclass(frozen=True)
class Field:
    """One column of what is exported."""

    name: str
    kind: Kind
    column: str | None
    """Of the curated table; None: it is computed, or the table has none and it is null."""

    @property
    def is_text(self) -> bool:
        """Whether a line of JSON or CSV can hold it: all but pictures and vectors."""
        return self.name not in (KEYFRAME, EMBEDDING)


def exported_fields(schema: Sequence[Mapping[str, Any]]) -> tuple[Field, ...]:
    """Say what is exported of a curated table, in order.

    The twenty usual columns come first, whatever the table has: one that it lacks is null. Then come its
    other columns by their own names. Columns that were only renamed are not repeated; ``start_s`` and
    ``length`` are, since milliseconds do not tell pictures apart at every rate. A column of labels whose
    name is taken is called ``label_<name>``.

    Args:
        schema: the value of the table's ``schema`` attribute.
    """
    kinds = {str(column["name"]): kind_of(column.get("type_v3") or column.get("type")) for column in schema}
    fields = [
        Field(
            name,
            kinds.get(column, kind) if column and name != EMBEDDING else kind,  # vectors are always float32
            column if column in kinds else None,
        )
        for name, kind, column in _LEADING
    ]
    renamed = {field.column for field in fields}
    taken = {field.name for field in fields} | _RESERVED
    for column, kind in kinds.items():
        if column in renamed:
            continue
        name = column
        while name in taken:
            name = f"label_{name}"
        taken.add(name)
        fields.append(Field(name, kind, column))
    return tuple(fields)


def kind_of(type_v3: Any) -> Kind:
    """Read a YT type, ``type_v3`` or the older notation; what it does not know is ``any``."""
    if isinstance(type_v3, Mapping):
        name = str(type_v3["type_name"])
        if name in ("optional", "tagged"):
            return kind_of(type_v3["item"])
        return f"list<{kind_of(type_v3['item'])}>" if name == "list" else "any"
    plain = _KINDS.get(str(type_v3), str(type_v3))
    return plain if plain in _PLAIN else "any"


def item_kind(kind: Kind) -> Kind | None:
    """The kind of a list's items; None: it is no list."""
    return kind[5:-1] if kind.startswith("list<") else None


def plain_value(kind: Kind, value: Any) -> Any:
    """Turn a value, read with its strings as bytes, into plain Python."""
    if value is None:
        return None
    if kind == "utf8":
        return _text(value)
    if kind == "string":
        return bytes(value)
    if kind == "boolean":
        return bool(value)
    if kind in ("double", "float"):
        return float(value)
    if kind in _INTEGERS:
        return int(value)
    item = item_kind(kind)
    return [plain_value(item, each) for each in value] if item else nested(value)


def nested(value: Any) -> Any:
    """Turn whatever is nested into what JSON can hold. Bytes become text; no number stands for none."""
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, Mapping):
        return {_text(key): nested(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [nested(each) for each in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def outside_row(
    fields: Sequence[Field], row: Mapping[str, Any], *, video_id: str | None, start_frame: int | None
) -> dict[str, Any]:
    """Make the exported row of a clip.

    Args:
        fields: what is exported.
        row: of the curated table, plain values by its own names.
        video_id: the name of its source.
        start_frame: the number of its first picture in the source.

    Returns:
        A value for each field, in their order.
    """
    start_s, length, frames = row.get("start_s"), row.get("length"), row.get("frame_count")
    computed = {
        "video_id": video_id,
        "start_frame": start_frame,
        "end_frame": None if start_frame is None or frames is None else start_frame + frames,
        "start_sec": _rounded(start_s),
        "end_sec": None if start_s is None or length is None else _rounded(start_s + length),
        "clip_duration_sec": _rounded(length),
    }
    return {
        field.name: row.get(field.column) if field.column else computed.get(field.name) for field in fields
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, _TIME_DIGITS)


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
