"""What a structured reply must be: a JSON schema whose properties become typed columns.

A subset of JSON Schema, chosen so that every engine can enforce all of it and every field fits a column.
What is outside of it is refused by name, before anything is started.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ytcurate.errors import UsageError

_COLUMN_TYPES = {"string": "utf8", "integer": "int64", "number": "double", "boolean": "boolean"}
"""JSON type → type of the column. Arrays and objects are kept as YSON (``any``)."""

_ANNOTATIONS = frozenset({"title", "description", "default", "examples", "$schema", "$id", "$comment"})
_KEYWORDS = {
    "string": frozenset({"enum", "const", "minLength", "maxLength", "pattern"}),
    "integer": frozenset({"enum", "const", "minimum", "maximum"}),
    "number": frozenset({"enum", "const", "minimum", "maximum"}),
    "boolean": frozenset({"enum", "const"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
}
"""What each type may say: keywords that the engines' grammars enforce."""


class ReplyDoesNotFit(ValueError):
    """A reply is not JSON, or not what the schema asks for."""


@dataclass(frozen=True)
class Field:
    """One property of the schema, and the column it becomes."""

    name: str
    type: str
    """``utf8``, ``int64``, ``double``, ``boolean`` or ``any``."""


@dataclass(frozen=True)
class ReplySchema:
    """A checked JSON schema of an object.

    Every property is required and no other is allowed, whatever the schema says: a column is either filled
    by every reply or it is not a column.
    """

    text: str
    """The schema as canonical JSON; what the engine is given."""

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> ReplySchema:
        """Check a JSON schema.

        Args:
            schema: of type object, with ``properties`` of type string (also as ``enum``), integer, number,
                boolean, array or object. References to ``$defs`` are resolved, as pydantic writes them.

        Raises:
            UsageError: something in it cannot be enforced or is no column; the message names it.
        """
        plain = _resolve(schema, schema.get("$defs") or schema.get("definitions") or {}, "schema", ())
        if plain.get("type") != "object" or not plain.get("properties"):
            raise UsageError(
                "schema: an object with properties is needed, each of which becomes a column; "
                f"found type {plain.get('type')!r}."
            )
        return cls(json.dumps(_checked(plain, "schema"), ensure_ascii=False))

    @classmethod
    def of_class(cls, model: type) -> ReplySchema:
        """Take the schema of a pydantic class."""
        if not hasattr(model, "model_json_schema"):
            raise UsageError(f"{model!r} is not a pydantic class: it has no model_json_schema().")
        return cls.of(model.model_json_schema())

    @property
    def json_schema(self) -> dict[str, Any]:
        """The schema as a dictionary."""
        content: dict[str, Any] = json.loads(self.text)
        return content

    @property
    def fields(self) -> tuple[Field, ...]:
        """Properties in their order, as columns."""
        return tuple(
            Field(name, _COLUMN_TYPES.get(each["type"], "any"))
            for name, each in self.json_schema["properties"].items()
        )

    @cached_property
    def _validator(self) -> Any:
        from jsonschema import Draft202012Validator

        return Draft202012Validator(self.json_schema)

    def parse(self, reply: str) -> dict[str, Any]:
        """Read a reply into its fields.

        Raises:
            ReplyDoesNotFit: it is not JSON, or breaks the schema; the message says where.
        """
        try:
            content = json.loads(reply, parse_constant=_no_constant)
        except ValueError as error:
            raise ReplyDoesNotFit(f"the reply is not JSON ({error})") from error
        wrong = next(iter(self._validator.iter_errors(content)), None)
        if wrong is not None:
            where = ".".join(map(str, wrong.absolute_path)) or "the reply"
            raise ReplyDoesNotFit(f"{where}: {wrong.message[:300]}")
        for field in self.fields:
            value = content[field.name]
            if field.type == "int64":
                if not -(2**63) <= value < 2**63:
                    raise ReplyDoesNotFit(f"{field.name}: {value} does not fit 64 bits")
                content[field.name] = int(value)  # 1.0 is an integer to JSON Schema
            elif field.type == "double":
                content[field.name] = float(value)
        return dict(content)

    def __getstate__(self) -> dict[str, Any]:
        """Travel into a job without the compiled validator."""
        return {"text": self.text}


def read_schema(path: str | Path) -> ReplySchema:
    """Read a schema from a JSON or YAML file.

    Raises:
        UsageError: the file cannot be read, or its schema cannot be used.
    """
    import yaml

    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"--schema {path}: cannot be read: {error}") from error
    if not isinstance(content, Mapping):
        raise UsageError(f"--schema {path}: a JSON schema is an object, this is {type(content).__name__}.")
    try:
        return ReplySchema.of(content)
    except UsageError as error:
        raise UsageError(f"--schema {path}: {error}") from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _resolve(node: Any, definitions: Mapping[str, Any], where: str, seen: tuple[str, ...]) -> Any:
    """Put definitions in the place of references to them, and ``anyOf`` with one branch away."""
    if isinstance(node, list):
        return [_resolve(each, definitions, where, seen) for each in node]
    if not isinstance(node, Mapping):
        return node
    if "$ref" in node:
        name = str(node["$ref"]).rpartition("/")[2]
        if name not in definitions:
            raise UsageError(f"{where}: the reference {node['$ref']} leads nowhere.")
        if name in seen:
            raise UsageError(f"{where}: {name} contains itself; a reply needs an end.")
        return _resolve(definitions[name], definitions, where, (*seen, name))
    if len(node.get("allOf") or ()) == 1:
        return _resolve(node["allOf"][0], definitions, where, seen)
    return {
        str(key): _resolve(value, definitions, f"{where}.{key}", seen)
        for key, value in node.items()
        if key not in ("$defs", "definitions")
    }


def _checked(node: Any, where: str) -> dict[str, Any]:
    """Return the node with annotations left out and objects closed."""
    if not isinstance(node, Mapping):
        raise UsageError(f"{where}: a schema is an object, found {node!r}.")
    kind = node.get("type") or _type_of_values(node)
    if kind not in _KEYWORDS:
        known = ", ".join(_KEYWORDS)
        if kind is None:
            raise UsageError(f"{where}: it has no type; give one of {known}.")
        raise UsageError(f"{where}: type {kind!r} cannot be enforced; known are {known}.")
    unknown = sorted(set(node) - _KEYWORDS[kind] - _ANNOTATIONS - {"type"})
    if unknown:
        raise UsageError(
            f"{where}: {unknown[0]!r} cannot be enforced for a {kind}; "
            f"known are {', '.join(sorted(_KEYWORDS[kind]))}."
        )
    kept: dict[str, Any] = {"type": kind} | {k: node[k] for k in node if k in _KEYWORDS[kind]}
    if kind == "array":
        if "items" not in node:
            raise UsageError(f"{where}: an array needs items.")
        kept["items"] = _checked(node["items"], f"{where}.items")
    if kind == "object":
        properties = node.get("properties")
        if not isinstance(properties, Mapping) or not properties:
            raise UsageError(f"{where}: an object needs properties.")
        kept["properties"] = {str(k): _checked(v, f"{where}.{k}") for k, v in properties.items()}
        kept["required"] = list(kept["properties"])
        kept["additionalProperties"] = False
    return kept


def _type_of_values(node: Mapping[str, Any]) -> str | None:
    """An enum or a constant tells its type."""
    values = node.get("enum") or ([node["const"]] if "const" in node else [])
    kinds = {type(value) for value in values}
    names = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return names.get(kinds.pop()) if len(kinds) == 1 else None
