"""Schema of the output of a merge, a sort or an erase: inferred, or compared with what comes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.schema import Schema, SortColumn
from ytcurate.localcluster.model.schema_fit import check_compatible, selected
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.scheduler.keys import names_of, to_yson
from ytcurate.localcluster.scheduler.plan import Input
from ytcurate.localcluster.scheduler.spec import Spec


def prepare(spec: Spec, inputs: Sequence[Input], target: Target) -> None:
    """Give the output of a merge or a sort the schema that its rows will have.

    Raises:
        YtError: the table has another key, or its schema cannot be inferred or does not fit (code 316).
    """
    before = target.schema
    if spec.kind == "sort":
        _prepare_sort(spec, inputs, target)
    elif spec.merge_mode == "sorted":
        _prepare_sorted_merge(spec, inputs, target)
    else:
        _prepare_plain_merge(spec, inputs, target)
    target.set_schema = target.set_schema or target.schema != before


def _prepare_sort(spec: Spec, inputs: Sequence[Input], target: Target) -> None:
    key, current = spec.sort_by, target.schema
    if target.append and current.sort_columns != key:
        raise YtError(
            "sort_by is different from output table key columns",
            attributes={
                "output_table_path": spec.outputs[0].text,
                "output_table_sort_columns": to_yson(current.sort_columns),
                "sort_by": to_yson(key),
            },
        )
    if _infers(spec, current):
        _infer(inputs, key, target)
    elif current.is_weak:
        target.schema = Schema().sorted_by(key)
    else:
        target.schema = _to_sorted(current, key)
        if spec.inference_mode == "auto":
            _check_inputs(inputs, target.schema)


def _prepare_sorted_merge(spec: Spec, inputs: Sequence[Input], target: Target) -> None:
    key, current = spec.sort_by, target.schema
    if _infers(spec, current):
        if target.append and current.sort_columns != key:
            raise _other_key(spec, current)
        _infer(inputs, key, target)
    elif current.is_weak:
        target.schema = Schema().sorted_by(key)
    else:
        if current.key_columns and current.sort_columns != key:
            raise _other_key(spec, current)
        target.schema = current if current.key_columns else _to_sorted(current, key)
        if spec.inference_mode == "auto":
            _check_inputs(inputs, target.schema)


def _other_key(spec: Spec, current: Schema) -> YtError:
    return YtError(
        'Merge sort columns do not match output table schema in "strong" schema mode',
        attributes={
            "output_schema": current.to_yson(),
            "merge_by": to_yson(spec.sort_by),
            "schema_inference_mode": spec.inference_mode,
        },
    )


def _prepare_plain_merge(spec: Spec, inputs: Sequence[Input], target: Target) -> None:
    is_ordered = spec.merge_mode == "ordered"
    current = target.schema
    if _infers(spec, current):
        if is_ordered and len(inputs) == 1 and not target.append:
            target.schema = selected(inputs[0].schema, inputs[0].path.columns)
            if inputs[0].path.columns is not None:
                target.schema = _with_key_prefix(target.schema, inputs[0].schema)
        else:
            _infer(inputs, [], target)
    elif not current.is_weak:
        if not is_ordered and current.key_columns:
            raise YtError(
                'Cannot perform unordered merge into a sorted table in a "strong" schema mode',
                attributes={"schema": current.to_yson()},
            )
        if spec.inference_mode == "auto":
            if is_ordered and len(inputs) > 1 and current.key_columns:
                raise YtError(
                    "Cannot generate sorted output for ordered operation with multiple input tables",
                    attributes={"output_schema": current.to_yson()},
                )
            _check_inputs(inputs, current, ignore_order=not is_ordered)


def _with_key_prefix(schema: Schema, whole: Schema) -> Schema:
    """A selected schema, sorted by as much of the key of the whole one as it has from the front."""
    names = {column.name for column in schema.columns}
    key: list[SortColumn] = []
    for column in whole.sort_columns:
        if column.name not in names:
            break
        key.append(column)
    result = schema.sorted_by(key)
    return replace(result, unique_keys=result.unique_keys and len(key) == len(whole.key_columns))


def _infers(spec: Spec, current: Schema) -> bool:
    return spec.inference_mode == "from_input" or (spec.inference_mode == "auto" and current.is_weak)


def _infer(inputs: Sequence[Input], key: list[SortColumn], target: Target) -> None:
    schema = _inferred(inputs, key)
    if target.append:
        # An append cannot change the schema of what is there.
        if not target.schema.is_weak:
            _check_inputs(inputs, target.schema, ignore_order=True)
        return
    target.schema = schema


def _check_inputs(inputs: Sequence[Input], schema: Schema, *, ignore_order: bool = True) -> None:
    """Do the rows of all inputs fit? Those of tables without a schema are looked at one by one.

    Raises:
        YtError: code 316.
    """
    for each in inputs:
        if not each.schema.is_weak:
            check_compatible(selected(each.schema, each.path.columns), schema, ignore_order=ignore_order)


def _to_sorted(schema: Schema, key: Sequence[SortColumn]) -> Schema:
    """The same columns with `key` in front.

    Raises:
        YtError: the schema lacks one of them.
    """
    known = {column.name for column in schema.columns}
    for name in names_of(key):
        if name not in known:
            raise YtError(
                f'Column "{name}" is not found in schema',
                attributes={"schema": schema.to_yson(), "sort_columns": to_yson(key)},
            )
    unique = schema.unique_keys and set(schema.key_columns) <= set(names_of(key))
    return replace(schema.sorted_by(key), unique_keys=unique)


def _inferred(inputs: Sequence[Input], key: Sequence[SortColumn]) -> Schema:
    """Schema of the rows of all inputs, sorted by `key`.

    Raises:
        YtError: the inputs' schemas do not agree, or a selector leaves out a column of `key`.
    """
    first = inputs[0].schema
    for each in inputs:
        if each.schema.is_weak != first.is_weak:
            raise YtError(
                "Cannot infer output schema from input, tables have different schema modes",
                attributes={
                    "input_table1_path": each.path.text,
                    "input_table1_schema_mode": _mode(each.schema),
                    "input_table2_path": inputs[0].path.text,
                    "input_table2_schema_mode": _mode(first),
                },
            )
        if not first.is_weak and _content(each.schema) != _content(first):
            raise YtError(
                "Cannot infer output schema from input in strong schema mode, "
                "tables have incompatible schemas",
                attributes={"lhs_schema": first.to_yson(), "rhs_schema": each.schema.to_yson()},
            )
    selectors = [each.path.columns for each in inputs]
    chosen = None if None in selectors else sorted({name for each in selectors for name in each or ()})
    result = Schema().sorted_by(key) if first.is_weak else _to_sorted(first, key)
    for name in names_of(key):
        if chosen is not None and name not in chosen:
            raise YtError(
                f'Sort column "{name}" is discarded by input column selectors',
                attributes={"sort_columns": to_yson(key), "selected_columns": chosen},
            )
    # Rows of two tables may share a key that is unique in each.
    unique = result.unique_keys and len(inputs) == 1
    return replace(selected(result, chosen), unique_keys=unique)


def _mode(schema: Schema) -> str:
    return "weak" if schema.is_weak else "strong"


def _content(schema: Schema) -> tuple[bool, list[tuple[str, Any]]]:
    columns = sorted((column.name, column.type_v3) for column in schema.columns)
    return schema.strict, columns
