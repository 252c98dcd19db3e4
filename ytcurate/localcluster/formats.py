"""Formats of structured data: how parameters and answers are written."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import yt.yson as yson

from ytcurate.localcluster.errors import YtError


@dataclass(frozen=True)
class Format:
    name: str
    attributes: dict[str, Any] = field(default_factory=dict)


YSON_TEXT = Format("yson", {"format": "text"})
YSON_BINARY = Format("yson", {"format": "binary"})
JSON = Format("json")


def parse_format(value: Any, default: Format) -> Format:
    """A format as it comes in parameters: an attributed string, or text such as `<format=text>yson`."""
    if value is None:
        return default
    if isinstance(value, bytes):
        value = value.decode()
    attributes = dict(getattr(value, "attributes", None) or {})
    text = str(value).strip()
    if text.startswith("<"):
        parsed = yson.loads(text.encode(), always_create_attributes=False)
        attributes = {**dict(parsed.attributes or {}), **attributes}
        text = str(parsed)
    return Format(text, attributes)


def load(data: bytes, format: Format) -> Any:
    """One value. Strings come as text, or as a proxy when they are not UTF-8."""
    if format.name == "json":
        try:
            return _text_tree(json.loads(data), _encodes_utf8(format))
        except ValueError as error:
            raise YtError(f"Error parsing JSON: {error}") from error
    if format.name == "yson":
        try:
            return yson.loads(data, always_create_attributes=False)
        except yson.YsonError as error:
            raise YtError(f"Error parsing YSON: {error}") from error
    raise YtError(f'Format "{format.name}" cannot carry structured data')


def dump(value: Any, format: Format) -> bytes:
    if format.name == "json":
        return json.dumps(to_json(value, _encodes_utf8(format)), ensure_ascii=False).encode(
            "utf-8", "surrogateescape"
        )
    if format.name == "yson":
        flavour = str(format.attributes.get("format", "text"))
        return bytes(yson.dumps(value, yson_format=flavour))
    if format.name == "dsv" and isinstance(value, dict):
        return b"\t".join(f"{key}={item}".encode() for key, item in value.items()) + b"\n"
    raise YtError(f'Format "{format.name}" cannot carry structured data')


def _encodes_utf8(format: Format) -> bool:
    """Does every character of a JSON string stand for one byte? (A page of a browser may say it in words.)"""
    return str(format.attributes.get("encode_utf8", True)).lower() != "false"


def _text(value: str, encode_utf8: bool) -> Any:
    """A string out of JSON: text, or a proxy for bytes that are not."""
    if not encode_utf8 or value.isascii():
        return value
    try:
        return yson.loads(yson.dumps(value.encode("latin-1"), yson_format="binary"))
    except UnicodeEncodeError:
        raise YtError(
            "Unicode symbols with codes greater than 255 are not supported. Please refer to "
            "https://ytsaurus.tech/docs/en/user-guide/storage/formats#json and consider using "
            "encode_utf8=false in format options"
        ) from None


def _text_tree(value: Any, encode_utf8: bool) -> Any:
    """JSON with `$value`/`$attributes` to YSON values with text strings."""
    if isinstance(value, str):
        return _text(value, encode_utf8)
    if isinstance(value, dict):
        if "$value" in value:
            inner = _text_tree(value["$value"], encode_utf8)
            attributes = _text_tree(value.get("$attributes") or {}, encode_utf8)
            return yson.to_yson_type(inner, attributes) if attributes else inner
        return {
            _text(key[1:] if key.startswith("$$") else key, encode_utf8): _text_tree(item, encode_utf8)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_text_tree(item, encode_utf8) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 2**63:
        return yson.YsonUint64(value)
    return value


def from_json(value: Any, encode_utf8: bool, *, plain: bool = False) -> Any:
    """JSON of a table row to YSON values with byte strings.

    With `encode_utf8` (the default of the format) every character stands for one byte. With `plain` no key
    has a meaning of its own.
    """
    if isinstance(value, str):
        return value.encode("latin-1" if encode_utf8 else "utf-8")
    if isinstance(value, dict):
        if "$value" in value and not plain:
            inner = from_json(value["$value"], encode_utf8)
            attributes = from_json(value.get("$attributes") or {}, encode_utf8)
            return yson.to_yson_type(inner, attributes) if attributes else inner
        return {
            from_json(key[1:] if key.startswith("$$") and not plain else key, encode_utf8): from_json(
                item, encode_utf8, plain=plain
            )
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [from_json(item, encode_utf8, plain=plain) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 2**63:
        return yson.YsonUint64(value)
    return value


def to_json(value: Any, encode_utf8: bool) -> Any:
    """YSON values to what `json.dumps` takes, attributes as `$attributes`."""
    attributes = getattr(value, "attributes", None)
    plain = _plain_json(value, encode_utf8)
    if attributes:
        return {"$attributes": _plain_json(attributes, encode_utf8), "$value": plain}
    return plain


def _plain_json(value: Any, encode_utf8: bool) -> Any:
    if value is None or isinstance(value, yson.YsonEntity):
        return None
    if isinstance(value, (bool, yson.YsonBoolean)):
        return bool(value)
    if isinstance(value, dict):
        return {_json_key(key, encode_utf8): to_json(item, encode_utf8) for key, item in value.items()}
    if isinstance(value, list):
        return [to_json(item, encode_utf8) for item in value]
    if isinstance(value, yson.yson_types.YsonStringProxy):
        value = yson.get_bytes(value)
    if isinstance(value, bytes):
        return (
            bytes(value).decode("latin-1") if encode_utf8 else bytes(value).decode("utf-8", "surrogateescape")
        )
    if isinstance(value, str):
        return str(value).encode().decode("latin-1") if encode_utf8 else str(value)
    if isinstance(value, float):
        return float(value)
    return int(value)


def _json_key(key: Any, encode_utf8: bool) -> str:
    text = str(_plain_json(key, encode_utf8))
    return "$" + text if text.startswith("$") else text
