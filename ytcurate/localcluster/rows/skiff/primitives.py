"""Simple types: which Skiff types can carry them, and the codec that does."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.schema import INT_RANGES, UINT_RANGES, V1_NAMES
from ytcurate.localcluster.rows.skiff import codecs
from ytcurate.localcluster.rows.skiff.codecs import Codec
from ytcurate.localcluster.rows.skiff.wire import SIGNED, UNSIGNED

ANYTHING = (*SIGNED, *UNSIGNED, "double", "boolean", "string32", "nothing", "yson32")
DECIMAL_BYTES = {"int32": 4, "int64": 8, "int128": 16, "int256": 32}


def wires_of(simple: str) -> tuple[str, ...]:
    """Skiff types that can carry a simple type, `yson32` aside."""
    if simple in INT_RANGES:
        return SIGNED
    if simple in UINT_RANGES:
        return UNSIGNED
    return {
        "float": ("double",), "double": ("double",), "boolean": ("boolean",), "any": ANYTHING,
        "null": ("nothing",), "void": ("nothing",), "uuid": ("uint128", "string32"),
    }.get(simple, ("string32",))  # fmt: skip


def primitive(simple: str, wire: str) -> Codec:
    if wire == "yson32":
        return codecs.Yson()
    if wire == "nothing":
        return codecs.Nothing()
    if wire == "uint128":
        return codecs.Reversed(16, "UUID", flips_sign=False)
    return codecs.Text() if wire == "string32" else codecs.Number(wire)


def decimal(type_v3: dict[str, Any], wire: str) -> Codec:
    if wire == "yson32":
        return codecs.Yson()
    precision = type_v3["precision"]
    sizes = ((4, 9), (8, 18), (16, 38), (32, 76))
    size = next((size for size, most in sizes if precision <= most), 0)
    if DECIMAL_BYTES.get(wire) != size:
        raise YtError(f"Skiff type {wire} cannot represent type Decimal<{precision}, ?>")
    return codecs.Reversed(size, "decimal", flips_sign=True)


def detag(type_v3: Any) -> Any:
    """The type without tags, at any depth."""
    if isinstance(type_v3, str):
        return type_v3
    if type_v3["type_name"] == "tagged":
        return detag(type_v3["item"])
    found = dict(type_v3)
    for key in ("item", "key", "value"):
        if key in found:
            found[key] = detag(found[key])
    for key in ("members", "elements"):
        if key in found:
            found[key] = [{**each, "type": detag(each["type"])} for each in found[key]]
    return found


def is_nullable(type_v3: Any) -> bool:
    return type_v3 in ("null", "void") or name_of(type_v3) == "optional"


def name_of(type_v3: Any) -> str:
    return V1_NAMES.get(type_v3, type_v3) if isinstance(type_v3, str) else str(type_v3["type_name"])
