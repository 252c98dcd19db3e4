"""The two shapes of structs and variants in YSON: by name, as rows hold them, and by position."""

from __future__ import annotations

from typing import Any


def has_names(type_v3: Any) -> bool:
    """Are the two shapes of its values different?"""
    if isinstance(type_v3, str):
        return False
    if type_v3["type_name"] == "struct" or (type_v3["type_name"] == "variant" and "members" in type_v3):
        return True
    parts = [type_v3[key] for key in ("item", "key", "value") if key in type_v3]
    parts += [each["type"] for each in type_v3.get("elements") or []]
    return any(has_names(part) for part in parts)


def reshaped(value: Any, type_v3: Any, *, by_name: bool) -> Any:
    """A value in one of the shapes, from either; what does not fit the type is left for its check."""
    if value is None or isinstance(type_v3, str):
        return value
    name = type_v3["type_name"]
    if name == "tagged":
        return reshaped(value, type_v3["item"], by_name=by_name)
    if name == "optional":
        item = type_v3["item"]
        is_nested = isinstance(item, dict) and item["type_name"] == "optional"
        if is_nested and isinstance(value, list):
            return [reshaped(each, item, by_name=by_name) for each in value]
        return reshaped(value, item, by_name=by_name)
    if name == "struct":
        return _struct(value, type_v3["members"], by_name)
    if not isinstance(value, list):
        return value
    if name == "list":
        return [reshaped(each, type_v3["item"], by_name=by_name) for each in value]
    if name == "dict":
        types = (type_v3["key"], type_v3["value"])
        return [_each(pair, types, by_name) for pair in value]
    if name == "tuple":
        return _each(value, [part["type"] for part in type_v3["elements"]], by_name)
    return _variant(value, type_v3, by_name) if name == "variant" else value


def _each(values: Any, types: Any, by_name: bool) -> Any:
    if not isinstance(values, list) or len(values) != len(types):
        return values
    return [reshaped(value, each, by_name=by_name) for value, each in zip(values, types, strict=True)]


def _struct(value: Any, members: list[Any], by_name: bool) -> Any:
    names = [member["name"].encode() for member in members]
    if isinstance(value, list) and len(value) <= len(names):
        value = dict(zip(names, value, strict=False))
    if not isinstance(value, dict) or not value.keys() <= set(names):
        return value
    cells = [
        reshaped(value.get(name), member["type"], by_name=by_name)
        for name, member in zip(names, members, strict=True)
    ]
    return dict(zip(names, cells, strict=True)) if by_name else cells


def _variant(value: list[Any], type_v3: dict[str, Any], by_name: bool) -> Any:
    parts = type_v3.get("members") or type_v3["elements"]
    names = [part["name"].encode() for part in parts if "name" in part]
    if len(value) != 2:
        return value
    tag = names.index(value[0]) if value[0] in names else value[0]
    if not isinstance(tag, int) or not 0 <= tag < len(parts):
        return value
    shown = names[tag] if by_name and names else tag
    return [shown, reshaped(value[1], parts[tag]["type"], by_name=by_name)]
