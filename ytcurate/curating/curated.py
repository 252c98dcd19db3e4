"""The curated table: its columns, and one row of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ytcurate.curating.judge import Verdict
from ytcurate.curating.stage import LabelStage
from ytcurate.errors import UsageError
from ytcurate.tables.rows import CLIPS, Column

Row = Mapping[str, Any]

_NOT_OF_CLIPS = ("video", "file_type", "preview", "video_path", "outcome", "detail")
_BEFORE_LABELS = (
    Column("quality_brightness", "double"),
    Column("quality_contrast", "double"),
    Column("quality_sharpness", "double"),
    Column("quality_motion", "double"),
    Column("quality_motion_rate", "double"),
    Column("quality_black", "double"),
    Column("quality_frozen", "double"),
    Column("quality_text", "double"),
    Column("keyframe", "string", tag="image/jpeg"),
)
_AFTER_LABELS = (
    Column("label_outcome", "utf8"),  # ok, or what went wrong; none: the clip was not shown to the model
    Column("label_detail", "utf8"),
    Column("embedding", "list<float>"),  # of length 1; none: the clip has none
    Column("duplicate_of", "utf8"),  # clip_id of the clip that was kept in its place
    Column("duplicate_similarity", "double"),  # cosine
    Column("kept", "boolean", required=True),
    Column("failed_step", "utf8"),  # the first of judge.STEPS that it did not pass
    Column("reason", "utf8"),  # why it is not kept
    Column("outcome", "utf8", required=True),  # of the clip itself
    Column("detail", "utf8"),
)


def curated_columns(source_columns: Sequence[Column], label: LabelStage | None) -> tuple[Column, ...]:
    """The columns of a run's result.

    Args:
        source_columns: that the source brings.
        label: the stage that labels; None: there is none.

    Raises:
        UsageError: a field of the reply, or a column of the source, has the name of another column.
    """
    own = tuple(column for column in CLIPS if column.name not in _NOT_OF_CLIPS)
    columns = (*own, *source_columns, *_BEFORE_LABELS, *label_fields(label), *_AFTER_LABELS)
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f'the curated table would have two columns "{name}". Rename the field of the schema, or '
                "leave the source's column out (--source-columns)."
            )
    return columns


def label_fields(label: LabelStage | None) -> tuple[Column, ...]:
    """Columns with what the model said of a clip."""
    if label is None:
        return ()
    question = label.plan.questions[0]
    if question.schema is None:
        return (Column("description", "utf8"),)
    return tuple(Column(field.name, field.type) for field in question.schema.fields)


def curated_row(
    clip: Row,
    label: Row | None,
    columns: Sequence[Column],
    fields: Sequence[str],
    *,
    embedding: Any,
    duplicate: tuple[str, float] | None,
    failed: Verdict | None,
) -> dict[str, Any]:
    """Put together what is known of a clip.

    Args:
        clip: its row of the clips.
        label: its row of the labels; None: it has none.
        columns: of the curated table.
        fields: names of those that come from the label.
        embedding: list of floats, or None.
        duplicate: clip id and similarity of the clip that is kept in its place.
        failed: None: it is kept.
    """
    row = {column.name: clip.get(column.name) for column in columns}
    row |= {name: label.get(name) if label is not None else None for name in fields}
    return row | {
        "label_outcome": label["outcome"] if label is not None else None,
        "label_detail": label.get("detail") if label is not None else None,
        "embedding": embedding,
        "duplicate_of": duplicate[0] if duplicate else None,
        "duplicate_similarity": duplicate[1] if duplicate else None,
        "kept": failed is None,
        "failed_step": failed.step if failed else None,
        "reason": failed.reason if failed else None,
    }
