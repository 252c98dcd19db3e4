"""Table schemas: both spellings of a column's type, and what makes a schema wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError

MAX_COLUMNS = 32_768
MAX_COLUMN_NAME = 256

INT_RANGES = {
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "interval": (-49673 * 86_400_000_000 + 1, 49673 * 86_400_000_000 - 1),
    "date32": (-53375809, 53375807),
    "datetime64": (-4611669897600, 4611669811199),
    "timestamp64": (-4611669897600000000, 4611669811199999999),
    "interval64": (-9223339708799999999, 9223339708799999999),
}
UINT_RANGES = {
    "uint8": (0, 2**8 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "date": (0, 49673 - 1),
    "datetime": (0, 49673 * 86_400 - 1),
    "timestamp": (0, 49673 * 86_400_000_000 - 1),
}
SIMPLE = {*INT_RANGES, *UINT_RANGES, "double", "float", "boolean", "string", "utf8", "any", "json", "uuid"}
SIMPLE |= {"null", "void"}
V3_NAMES = {"boolean": "bool", "any": "yson"}
V1_NAMES = {"bool": "boolean", "yson": "any"}


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    """The old simple name; "any" for what only type_v3 can say."""
    required: bool
    type_v3: Any
    sort_order: str = ""
    extra: dict[str, Any] = field(default_factory=dict, compare=False)

    def to_yson(self) -> dict[str, Any]:
        result = {"name": self.name, "type": self.type, "required": self.required, "type_v3": self.type_v3}
        if self.sort_order:
            result["sort_order"] = self.sort_order
        return {**result, **self.extra}


@dataclass(frozen=True)
class SortColumn:
    """A column of a sort key."""

    name: str
    descending: bool = False

    def __str__(self) -> str:
        return f"{{name={self.name};sort_order=descending}}" if self.descending else self.name

    def to_yson(self) -> Any:
        return {"name": self.name, "sort_order": "descending"} if self.descending else self.name


def sort_column(item: Any) -> SortColumn:
    """A column of `sort_by` and the like: a name, or a map of `name` and `sort_order`.

    Raises:
        YtError: it is neither.
    """
    if not isinstance(item, dict):
        return SortColumn(str(item))
    order = str(item.get("sort_order") or "ascending")
    if "name" not in item or order not in ("ascending", "descending"):
        raise YtError(f"Sort column must be a name, or a map of name and sort_order, found {item}")
    return SortColumn(str(item["name"]), order == "descending")


@dataclass(frozen=True)
class Schema:
    columns: tuple[Column, ...] = ()
    strict: bool = False
    unique_keys: bool = False

    weak: bool = False
    """Made up for a table without a schema of its own; its keys, if any, come from `sorted_by` or a sort."""

    @property
    def is_weak(self) -> bool:
        """No schema was given: any row fits."""
        return not self.strict and (self.weak or not self.columns)

    @property
    def key_columns(self) -> list[str]:
        return [column.name for column in self.columns if column.sort_order]

    def to_yson(self) -> Any:
        value = yson.YsonList([column.to_yson() for column in self.columns])
        value.attributes = {"strict": self.strict, "unique_keys": self.unique_keys}
        return value

    @property
    def descending(self) -> list[bool]:
        """Of each key column, does it descend?"""
        return [column.descending for column in self.sort_columns]

    @property
    def sort_columns(self) -> list[SortColumn]:
        return [
            SortColumn(column.name, column.sort_order == "descending")
            for column in self.columns
            if column.sort_order
        ]

    def stored(self) -> Any:
        """As it is kept with its table; `load` reads it."""
        value = self.to_yson()
        if self.weak:
            value.attributes["weak"] = True
        return value

    def unsorted(self) -> Schema:
        """The same columns, none of them a key."""
        return Schema(tuple(_with_order(column, "") for column in self.columns), self.strict, weak=self.weak)

    def sorted_by(self, key: Sequence[SortColumn]) -> Schema:
        """The same columns with `key` in front (added, if missing, as any)."""
        names = [each.name for each in key]
        known = {column.name: column for column in self.columns}
        blank = [Column(name, "any", False, optional("yson")) for name in names if name not in known]
        known |= {column.name: column for column in blank}
        keys = [
            _with_order(known[each.name], "descending" if each.descending else "ascending") for each in key
        ]
        rest = [_with_order(column, "") for column in self.columns if column.name not in names]
        return Schema((*keys, *rest), self.strict, self.unique_keys and bool(keys), self.is_weak)


def _with_order(column: Column, order: str) -> Column:
    return Column(column.name, column.type, column.required, column.type_v3, order, column.extra)


def optional(item: Any) -> dict[str, Any]:
    return {"type_name": "optional", "item": item}


def load(stored: Any) -> Schema:
    """The schema of a table, from what is kept with it."""
    schema = parse(stored)
    weak = bool((getattr(stored, "attributes", None) or {}).get("weak"))
    return Schema(schema.columns, schema.strict, schema.unique_keys, weak)


def parse(value: Any) -> Schema:
    """Read a schema as the client sends it; checks what a real cluster checks.

    Raises:
        YtError: code 314.
    """
    attributes = getattr(value, "attributes", None) or {}
    if isinstance(value, dict) and "columns" in value:
        value, attributes = value["columns"], value
    if not isinstance(value, list):
        raise YtError("Table schema must be a list of columns", errors.INVALID_SCHEMA)
    columns = tuple(_parse_column(item) for item in value)
    strict = bool(attributes.get("strict", True))
    schema = Schema(columns, strict, bool(attributes.get("unique_keys", False)))
    names = [column.name for column in columns]
    if len(names) > MAX_COLUMNS:
        raise YtError(f"Too many columns: {len(names)}, limit {MAX_COLUMNS}", errors.INVALID_SCHEMA)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise YtError(f'Duplicate column name "{twice[0]}" in table schema', errors.INVALID_SCHEMA)
    keys = len(schema.key_columns)
    if any(not column.sort_order for column in columns[:keys]):
        raise YtError("Key columns must form a prefix of schema", errors.INVALID_SCHEMA)
    if schema.unique_keys and not keys:
        raise YtError('"unique_keys" can only be true for a sorted schema', errors.INVALID_SCHEMA)
    return schema


def _parse_column(item: Any) -> Column:
    if not isinstance(item, dict) or "name" not in item:
        raise YtError("Column of a table schema must be a map with a name", errors.INVALID_SCHEMA)
    name = str(item["name"])
    if not name or name.startswith("@") or len(name.encode()) > MAX_COLUMN_NAME:
        raise YtError(f'Invalid column name "{name}"', errors.INVALID_SCHEMA)
    extra = {
        key: entry
        for key, entry in item.items()
        if key not in ("name", "type", "type_v3", "required", "sort_order") and entry is not None
    }
    order = str(item.get("sort_order") or "")
    if order not in ("", "ascending", "descending"):
        raise YtError(f'Invalid sort order "{order}" of column "{name}"', errors.INVALID_SCHEMA)
    if item.get("type_v3") is not None:
        try:
            type_v3 = normalize_v3(item["type_v3"], name)
        except (KeyError, TypeError, ValueError) as error:
            raise YtError(
                f'Error parsing type_v3 of column "{name}": missing or wrong {error}', errors.INVALID_SCHEMA
            ) from None
        simple, required = v1_of(type_v3)
        stated = item.get("type")
        if stated is not None and V1_NAMES.get(str(stated), str(stated)) != simple:
            raise YtError(
                f'Type of column "{name}" is "{stated}" in "type" and "{simple}" in "type_v3"',
                errors.INVALID_SCHEMA,
            )
        if item.get("required") is not None and bool(item["required"]) != required:
            raise YtError(
                f'"required" of column "{name}" does not match its "type_v3"', errors.INVALID_SCHEMA
            )
        return Column(name, simple, required, type_v3, order, extra)
    simple = str(item.get("type", ""))
    simple = V1_NAMES.get(simple, simple)
    if simple not in SIMPLE:
        raise YtError(f'Unknown type "{simple}" of column "{name}"', errors.INVALID_SCHEMA)
    required = bool(item.get("required", False))
    if required and simple in ("any", "null", "void"):
        raise YtError(f'Column "{name}" of type "{simple}" cannot be required', errors.INVALID_SCHEMA)
    v3: Any = V3_NAMES.get(simple, simple)
    if not required and simple not in ("null", "void"):
        v3 = optional(v3)
    return Column(name, simple, required, v3, order, extra)


def normalize_v3(value: Any, column: str) -> Any:
    """Plain spelling of a type_v3: simple types as strings, the rest as maps."""
    if isinstance(value, str):
        if V1_NAMES.get(value, value) not in SIMPLE or value in V3_NAMES:
            raise YtError(f'Unknown type "{value}" of column "{column}"', errors.INVALID_SCHEMA)
        return str(value)
    if not isinstance(value, dict) or "type_name" not in value:
        raise YtError(f'Type of column "{column}" must be a string or a map', errors.INVALID_SCHEMA)
    name = str(value["type_name"])
    result: dict[str, Any] = {"type_name": name}
    if name in ("optional", "list"):
        result["item"] = normalize_v3(value["item"], column)
    elif name == "tagged":
        result |= {"tag": str(value["tag"]), "item": normalize_v3(value["item"], column)}
    elif name == "dict":
        result |= {key: normalize_v3(value[key], column) for key in ("key", "value")}
    elif name == "decimal":
        result |= {key: int(value[key]) for key in ("precision", "scale")}
    elif name in ("struct", "tuple", "variant"):
        key = "members" if value.get("members") is not None else "elements"
        result[key] = [
            {**({"name": str(member["name"])} if "name" in member else {}),
             "type": normalize_v3(member["type"], column)}
            for member in value[key]
        ]  # fmt: skip
    else:
        return normalize_v3(name, column)
    return result


def v1_of(type_v3: Any) -> tuple[str, bool]:
    """The old name and `required` that a type_v3 stands for."""
    if isinstance(type_v3, str):
        return V1_NAMES.get(type_v3, type_v3), type_v3 not in ("null", "void", "yson")
    name = type_v3["type_name"]
    if name == "tagged":
        return v1_of(type_v3["item"])
    if name == "decimal":
        return "string", True
    if name == "optional":
        simple, required = v1_of(type_v3["item"])
        return (simple, False) if required else ("any", False)
    return "any", True
