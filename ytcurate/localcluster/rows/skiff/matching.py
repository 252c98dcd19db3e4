"""Composite types, level by level: which codec carries a value of a type in a Skiff schema."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.rows.skiff import codecs
from ytcurate.localcluster.rows.skiff.codecs import Codec
from ytcurate.localcluster.rows.skiff.primitives import decimal, is_nullable, name_of, primitive, wires_of
from ytcurate.localcluster.rows.skiff.wire import Wire

LATE_DATES = ("date32", "datetime64", "timestamp64", "interval64")


class Matcher:
    """Composite types, level by level."""

    def __init__(self, for_reading: bool) -> None:
        self._for_reading = for_reading

    def match(self, path: str, type_v3: Any, wire: Wire, *, may_omit: bool = False) -> Codec:
        """The codec of a value.

        Raises:
            YtError: with the path of the part that does not fit.
        """
        name = name_of(type_v3)
        try:
            if isinstance(type_v3, str):
                return self._simple(path, name, wire)
            if name == "decimal":
                return codecs.Checked(decimal(type_v3, wire.type), path)
            matches = {
                "list": self._list, "dict": self._dict, "struct": self._struct, "tuple": self._tuple,
                "variant": self._variant,
            }  # fmt: skip
            if name == "optional":
                return self._optional(path, type_v3, wire, may_omit)
            return matches[name](path, type_v3, wire)
        except YtError as error:
            if error.message.startswith("Cannot match field"):
                raise
            text = f'Cannot match field "{path}" to Skiff schema'
            raise YtError(text, attributes={"skiff_schema_dbg": str(wire)}, inner=[error]) from None

    def _simple(self, path: str, name: str, wire: Wire) -> Codec:
        allowed = ("yson32",) if name == "any" else wires_of(name)
        if name in LATE_DATES:
            allowed = ("int32", "int64")
        if wire.type not in allowed:
            raise YtError(f'Unexpected wire type "{wire.type}"')
        return codecs.Checked(primitive(name, wire.type), path)

    def _optional(self, path: str, type_v3: Any, wire: Wire, may_omit: bool) -> Codec:
        item = type_v3["item"]
        depth, skiff_depth = _optional_depth(type_v3), _wire_depth(wire)
        omits = may_omit and depth == skiff_depth + 1
        if depth != skiff_depth and not omits:
            raise YtError(
                f"Optional nesting mismatch: logical type nesting {depth}, Skiff nesting {skiff_depth}"
            )
        child = wire if omits else wire.optional_child
        assert child is not None
        inner = self.match(f"{path}.<optional-element>", item, child)
        return codecs.Optional(inner, path, is_nested=is_nullable(item), has_tag=not omits)

    def _list(self, path: str, type_v3: Any, wire: Wire) -> Codec:
        item = _only_child(wire, "repeated_variant8")
        return codecs.List(self.match(f"{path}.<list-element>", type_v3["item"], item), path)

    def _dict(self, path: str, type_v3: Any, wire: Wire) -> Codec:
        pair = _only_child(wire, "repeated_variant8")
        if pair.type != "tuple":
            raise YtError(
                f'"repeated_variant8" has unexpected wire type: expected "tuple", got "{pair.type}"'
            )
        if len(pair.children) != 2:
            raise YtError(f'"tuple" has unexpected child count: expected 2, got {len(pair.children)}')
        items = [
            self.match(f"{path}.<{part}>", type_v3[part], child)
            for part, child in zip(("key", "value"), pair.children, strict=True)
        ]
        return codecs.List(codecs.Tuple(items, path), path)

    def _tuple(self, path: str, type_v3: Any, wire: Wire) -> Codec:
        _need(wire, "tuple")
        types = [each["type"] for each in type_v3["elements"]]
        if len(types) != len(wire.children):
            raise YtError(
                f"Tuple element counts do not match: logical type elements {len(types)}, "
                f"Skiff elements {len(wire.children)}"
            )
        return codecs.Tuple(
            [
                self.match(f"{path}.<tuple-element-{index}>", each, child)
                for index, (each, child) in enumerate(zip(types, wire.children, strict=True))
            ],
            path,
        )

    def _struct(self, path: str, type_v3: Any, wire: Wire) -> Codec:
        _need(wire, "tuple")
        types = {each["name"]: each["type"] for each in type_v3["members"]}
        described = [child.name for child in wire.children]
        for index, name in enumerate(described):
            if not name:
                raise YtError(f'"tuple" child #{index} has empty name')
            if name in described[:index]:
                raise YtError(f'"tuple" has multiple children with name "{name}"')
        order = [name for name in types if name in described]
        for name, expected in zip((each for each in described if each in types), order, strict=True):
            if name != expected:
                raise YtError(f'"tuple" child "{name}" is out of order')
        fields = [(child.name.encode(), self._field(path, types, child)) for child in wire.children]
        for name, each in types.items():
            if self._for_reading and name not in described and name_of(each) != "optional":
                raise YtError(f'Non optional struct field "{path}.{name}" is missing in Skiff schema')
        return codecs.Struct([name.encode() for name in types], fields, path)

    def _field(self, path: str, types: dict[str, Any], wire: Wire) -> Codec | None:
        if wire.name in types:
            return self.match(f"{path}.{wire.name}", types[wire.name], wire)
        if self._for_reading:
            raise YtError(f'Skiff "tuple" child "{wire.name}" is not found in logical type')
        if wire.optional_child is None:
            raise YtError(
                f'Non optional Skiff field "{wire.name}" is missing corresponding logical struct field'
            )
        return None

    def _variant(self, path: str, type_v3: Any, wire: Wire) -> Codec:
        _need(wire, "variant8", "variant16")
        parts = type_v3.get("members") or type_v3["elements"]
        if len(parts) != len(wire.children):
            raise YtError(
                f"Variant element counts do not match: logical type elements {len(parts)}, "
                f"Skiff elements {len(wire.children)}"
            )
        items = []
        for index, (part, child) in enumerate(zip(parts, wire.children, strict=True)):
            name = part.get("name", "")
            if name and name != child.name:
                raise YtError(
                    f'Skiff {wire.type} child #{index} expected to be "{name}" but "{child.name}" found'
                )
            inner = f"{path}.{name}" if name else f"{path}.<variant-element-{index}>"
            items.append(self.match(inner, part["type"], child))
        names = [part["name"].encode() for part in parts if part.get("name")]
        return codecs.Variant(wire.type, items, names, path)


def _need(wire: Wire, *expected: str) -> None:
    if wire.type not in expected:
        raise YtError(f'Bad Skiff wire type: expected "{expected[0]}", actual "{wire.type}"')


def _only_child(wire: Wire, expected: str) -> Wire:
    _need(wire, expected)
    if len(wire.children) != 1:
        raise YtError(f'"{wire.type}" has too many children: expected 1, actual {len(wire.children)}')
    return wire.children[0]


def _optional_depth(type_v3: Any) -> int:
    """How many tags `variant8<nothing;...>` the type has in front; a variant of null and T looks alike."""
    if name_of(type_v3) == "optional":
        return 1 + _optional_depth(type_v3["item"])
    if name_of(type_v3) == "variant" and "elements" in type_v3:
        elements = type_v3["elements"]
        if len(elements) == 2 and elements[0]["type"] == "null":
            return 1 + _optional_depth(elements[1]["type"])
    return 0


def _wire_depth(wire: Wire) -> int:
    child = wire.optional_child
    return 0 if child is None else 1 + _wire_depth(child)
