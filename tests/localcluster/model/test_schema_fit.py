"""Which rows go into which tables, as operations ask it before they begin."""

from __future__ import annotations

from typing import Any

import pytest

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.schema import parse
from ytcurate.localcluster.model.schema_fit import (
    Fit,
    check_compatible,
    fits_as_it_is,
    type_fit,
)

pytestmark = pytest.mark.checked_against("server source")

LIST = {"type_name": "list", "item": "int64"}


def optional(item: Any) -> dict[str, Any]:
    return {"type_name": "optional", "item": item}


@pytest.mark.parametrize(
    ("old", "new", "fit"),
    [
        ("int64", "int64", Fit.ALWAYS),
        ("int8", "int32", Fit.ALWAYS),
        ("int32", "int8", Fit.IF_VALID),
        ("uint8", "int64", Fit.NOT),
        ("utf8", "string", Fit.ALWAYS),
        ("string", "utf8", Fit.IF_VALID),
        ("string", "int64", Fit.NOT),
        ("int64", optional("int64"), Fit.ALWAYS),
        (optional("int64"), "int64", Fit.IF_VALID),
        (optional("int8"), optional("int64"), Fit.ALWAYS),
        ("string", optional("yson"), Fit.ALWAYS),
        (LIST, LIST, Fit.ALWAYS),
        (LIST, optional(LIST), Fit.ALWAYS),
        (LIST, optional("yson"), Fit.NOT),
    ],
)
def test_types_that_fit(old: Any, new: Any, fit: Fit) -> None:
    assert type_fit(old, new) == fit


X = {"name": "x", "type": "int64"}
KEY = {**X, "sort_order": "ascending"}
BACK = {**X, "sort_order": "descending"}
Y = {"name": "y", "type": "string"}


def refusal(source: Any, target: Any) -> str:
    with pytest.raises(YtError) as caught:
        check_compatible(parse(source), parse(target), ignore_order=False)
    assert (caught.value.code, caught.value.message) == (316, "Table schemas are incompatible")
    (inner,) = caught.value.inner
    return inner.message


def loose(*columns: dict[str, Any]) -> Any:
    return {"columns": list(columns), "strict": False}


def unique(*columns: dict[str, Any]) -> Any:
    return {"columns": list(columns), "strict": True, "unique_keys": True}


def test_schemas_that_do_not_fit_say_why() -> None:
    need = {**Y, "required": True}
    assert "input schema is not strict while output schema is" in refusal(loose(X), [X])
    assert refusal([X, Y], [X]) == 'Column "y" is found in input schema but is missing in output schema'
    assert refusal([X], [{**X, "type": "string"}]) == 'Column "x" input type is incompatible with output type'
    assert "missing in non-strict input schema" in refusal(loose(X), loose(X, Y))
    assert 'Required column "y" is present in output schema' in refusal([X], [X, need])
    assert refusal([X], [KEY]) == "Output key columns are wider than input key columns"
    assert refusal([KEY], unique(KEY)) == 'Input schema "unique_keys" attribute is false'
    wide = [{**Y, "sort_order": "ascending"}, KEY]
    assert 'input column "y", output column "x"' in refusal(wide, [KEY, Y])
    assert 'input sort order "ascending", output sort order "descending"' in refusal([KEY], [BACK])
    assert refusal(
        unique({**Y, "sort_order": "ascending"}, KEY), unique({**Y, "sort_order": "ascending"}, X)
    ) == ("Input key columns are wider than output key columns")


def test_a_chunk_fits_as_it_is_only_if_no_value_can_be_wrong() -> None:
    assert fits_as_it_is(parse([KEY]), parse([X]), ignore_order=False)
    assert fits_as_it_is(parse([X]), parse([KEY]), ignore_order=True)
    assert not fits_as_it_is(parse([X]), parse([KEY]), ignore_order=False)
    assert not fits_as_it_is(parse([X]), parse([{**X, "required": True}]), ignore_order=False)
