"""Skiff schemas: how the attributes of a format describe the bytes of a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format

KEY_SWITCH = "$key_switch"
ROW_INDEX = "$row_index"
RANGE_INDEX = "$range_index"
OTHER_COLUMNS = "$other_columns"
SPARSE_COLUMNS = "$sparse_columns"
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
SIMPLE = (
    "nothing", *SIGNED, "int128", "int256", *UNSIGNED, "uint128", "uint256", "double", "boolean",
    "string32", "yson32",
)  # fmt: skip
COMPLEX = ("tuple", "variant8", "variant16", "repeated_variant8", "repeated_variant16")


@dataclass(frozen=True)
class Wire:
    """One node of a Skiff schema."""

    type: str
    name: str = ""
    children: tuple[Wire, ...] = ()

    @property
    def optional_child(self) -> Wire | None:
        """What may be absent, if this is `variant8<nothing;...>`."""
        if self.type == "variant8" and len(self.children) == 2 and self.children[0].type == "nothing":
            return self.children[1]
        return None

    @property
    def is_simple(self) -> bool:
        return self.type in SIMPLE

    def __str__(self) -> str:
        inner = "".join(f"{child};" for child in self.children)
        return f"{self.type}<{inner}>" if inner else self.type


@dataclass(frozen=True)
class RowWire:
    """The schema of one table's rows, its special columns told apart."""

    dense: tuple[Wire, ...]
    sparse: tuple[Wire, ...] = ()
    has_sparse: bool = False
    has_other: bool = False

    @property
    def names(self) -> set[str]:
        return {wire.name for wire in (*self.dense, *self.sparse)}


def row_wires(format: Format) -> list[RowWire]:
    """Schemas of all tables a format describes.

    Raises:
        YtError: `table_skiff_schemas` is missing or makes no sense.
    """
    described = format.attributes.get("table_skiff_schemas")
    if not isinstance(described, list):
        raise YtError("Missing required parameter /table_skiff_schemas")
    registry = format.attributes.get("skiff_schema_registry") or {}
    if not isinstance(registry, dict):
        raise YtError('"skiff_schema_registry" must be a map')
    parser = _Parser(registry)
    return [_row_wire(parser.parse(each)) for each in described]


class _Parser:
    """Reads schemas; one of the registry is read once, however often it is named."""

    def __init__(self, registry: dict[str, Any]) -> None:
        self._registry = registry
        self._known: dict[str, Wire] = {}

    def parse(self, value: Any, inside: tuple[str, ...] = ()) -> Wire:
        """One schema.

        Args:
            inside: names of the registry that this is a part of.
        """
        if isinstance(value, str):
            return self._named(str(value), inside)
        if not isinstance(value, dict):
            raise YtError(
                'Invalid type for Skiff schema description; expected "map" or "string", '
                f'found "{type(value).__name__}"'
            )
        if "wire_type" not in value:
            raise YtError("Missing required parameter /wire_type")
        kind, name = str(value["wire_type"]), str(value.get("name") or "")
        if kind in SIMPLE:
            return Wire(kind, name)
        if kind not in COMPLEX:
            raise YtError(f'Error parsing EWireType value "{kind}"')
        if not isinstance(value.get("children"), list):
            raise YtError(f'Complex type "{kind}" lacks children')
        children = tuple(self.parse(child, inside) for child in value["children"])
        if not children and kind != "tuple":
            raise YtError(f'"{kind}" must have at least one child')
        return Wire(kind, name, children)

    def _named(self, reference: str, inside: tuple[str, ...]) -> Wire:
        if not reference.startswith("$"):
            raise YtError(f'Invalid reference "{reference}", reference must start with "$"')
        name = reference[1:]
        if name in inside:
            raise YtError(f'Type "{name}" is recursive, recursive types are forbiden')
        if name not in self._registry:
            raise YtError(f'Cannot resolve type reference: "{name}"')
        if name not in self._known:
            self._known[name] = self.parse(self._registry[name], (*inside, name))
        return self._known[name]


def _row_wire(wire: Wire) -> RowWire:
    if wire.type != "tuple":
        raise YtError(f'Invalid wire type for table row: expected "tuple", found "{wire.type}"')
    children = list(wire.children)
    has_other = _pop_special(children, OTHER_COLUMNS, "yson32") is not None
    sparse = _pop_special(children, SPARSE_COLUMNS, "repeated_variant16")
    for index, child in enumerate(children):
        if not child.name:
            raise YtError(f"Element #{index} of row Skiff schema must have a name")
        if child.name in (OTHER_COLUMNS, SPARSE_COLUMNS):
            raise YtError(f'Invalid placement of special column "{child.name}"')
        _check_special(child)
    found = RowWire(tuple(children), sparse.children if sparse else (), sparse is not None, has_other)
    for child in found.sparse:
        if not child.name:
            raise YtError(f'Children of "{SPARSE_COLUMNS}" must have nonempty name')
        if child.name in (KEY_SWITCH, ROW_INDEX, RANGE_INDEX, OTHER_COLUMNS, SPARSE_COLUMNS):
            raise YtError(f'Skiff special column "{child.name}" cannot be a child of "{SPARSE_COLUMNS}"')
    for name in _repeated([child.name for child in (*found.dense, *found.sparse)]):
        raise YtError(f'Name "{name}" is found multiple times')
    return found


def _repeated(names: list[str]) -> Iterator[str]:
    return (name for index, name in enumerate(names) if name in names[:index])


def _pop_special(children: list[Wire], name: str, expected: str) -> Wire | None:
    """Take a special column off the end."""
    if not children or children[-1].name != name:
        return None
    wire = children.pop()
    if wire.type != expected:
        raise YtError(f'Invalid wire type for column "{name}": expected "{expected}", found "{wire.type}"')
    return wire


def _check_special(wire: Wire) -> None:
    if wire.name == KEY_SWITCH and wire.type != "boolean":
        raise YtError(
            f'Column "{KEY_SWITCH}" has unexpected Skiff type: expected "boolean", found type "{wire}"'
        )
    if wire.name in (ROW_INDEX, RANGE_INDEX):
        kinds = [child.type for child in wire.children]
        if wire.type != "variant8" or kinds[:2] != ["nothing", "int64"] or kinds[2:] not in ([], ["nothing"]):
            raise YtError(f'Column "{wire.name}" has unsupported Skiff type: "{wire}"')
