"""Answers → columns: what a row of descriptions holds for the questions that were put."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ytcurate.describers.base import Description, Outcome
from ytcurate.describers.prompts import Prompt
from ytcurate.errors import UsageError

CLIP_COLUMNS = (("ds_index", "int64"), ("segment_index", "int64"), ("clip_id", "utf8"))
"""Which clip a row is about; the first two are required."""
_KEPT = ("video", "file_type")
_MOST_IMPORTANT = (
    Outcome.OK,
    Outcome.TRUNCATED,
    Outcome.MISFIT,
    Outcome.REFUSED,
    Outcome.TOO_LONG,
    Outcome.UNREADABLE,
    Outcome.DUPLICATE,
    Outcome.FAILED,
)
"""From good to bad: a row has the worst outcome of its questions."""


def answer_columns(questions: Sequence[Prompt]) -> list[tuple[str, str]]:
    """Name the columns of a result, with their types.

    One question: ``description``, or with a schema ``reply`` and a column for each field. Several: the same
    with the question's name before it (``label_reply``, ``label_category``), free text in a column of that
    name, and outcome, finish reason and prompt for each.

    Raises:
        UsageError: two questions have one name, or a field has the name of another column.
    """
    several = len(questions) > 1
    columns = list(CLIP_COLUMNS)
    for prompt in questions:
        columns += _content_columns(prompt, several)
    columns += [("outcome", "utf8"), ("detail", "utf8"), ("model", "utf8")]
    for prompt in questions:
        before = f"{prompt.name}_" if several else ""
        columns += [(f"{before}outcome", "utf8")] if several else []
        columns += [(f"{before}finish_reason", "utf8"), (f"{before}prompt_id", "utf8")]
    columns += [("prompt_tokens", "int64"), ("output_tokens", "int64")]
    names = [name for name, _ in columns] + list(_KEPT)
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f'the column "{name}" would be there twice. Rename the field of the schema, or the question.'
            )
    return columns


def _content_columns(prompt: Prompt, several: bool) -> list[tuple[str, str]]:
    if prompt.schema is None:
        return [(prompt.name if several else "description", "utf8")]
    before = f"{prompt.name}_" if several else ""
    fields = [(f"{before}{field.name}", field.type) for field in prompt.schema.fields]
    return [*fields, (f"{before}reply", "utf8")]


def outcome_of(descriptions: Sequence[Description]) -> Outcome:
    """The worst outcome of a clip's questions."""
    return max((each.outcome for each in descriptions), key=_MOST_IMPORTANT.index)


def answer_row(
    clip: Mapping[str, Any],
    questions: Sequence[Prompt],
    descriptions: Sequence[Description],
    *,
    model: str,
) -> dict[str, Any]:
    """Put a clip's answers into the columns of ``answer_columns``.

    Args:
        clip: the row that was described.
        questions: as they were put.
        descriptions: one for each of them.
        model: what the row says.
    """
    several = len(questions) > 1
    row: dict[str, Any] = {name: clip.get(name) for name, _ in CLIP_COLUMNS}
    row |= {
        "outcome": str(outcome_of(descriptions)),
        "detail": _detail(questions, descriptions),
        "model": model,
        "prompt_tokens": _sum(each.prompt_tokens for each in descriptions),
        "output_tokens": _sum(each.output_tokens for each in descriptions),
    }
    for prompt, description in zip(questions, descriptions, strict=True):
        row |= _answer(prompt, description, several)
    return row


def _answer(prompt: Prompt, description: Description, several: bool) -> dict[str, Any]:
    before = f"{prompt.name}_" if several else ""
    row: dict[str, Any] = {
        f"{before}finish_reason": description.finish_reason,
        f"{before}prompt_id": prompt.prompt_id,
    }
    if several:
        row[f"{before}outcome"] = str(description.outcome)
    if prompt.schema is None:
        return row | {(prompt.name if several else "description"): description.text}
    row[f"{before}reply"] = description.text
    whole = description.outcome == Outcome.OK and description.text is not None
    values = prompt.schema.parse(description.text or "") if whole else {}
    return row | {f"{before}{field.name}": values.get(field.name) for field in prompt.schema.fields}


def _detail(questions: Sequence[Prompt], descriptions: Sequence[Description]) -> str | None:
    """Say what went wrong; once, if it went wrong in the same way for every question."""
    details = [each.detail for each in descriptions]
    if len(set(details)) == 1:
        return details[0]
    named = zip(questions, details, strict=True)
    return "; ".join(f"{prompt.name}: {detail}" for prompt, detail in named if detail)


def _sum(numbers: Any) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
