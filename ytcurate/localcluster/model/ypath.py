"""YPath: text to steps, columns and ranges.

A path is parsed once into `RichPath`; what its steps mean is decided by the tree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yt.yson as yson

from ytcurate.localcluster.errors import YtError

_SPECIAL = re.compile(r"[/@&*\[\]{}\\]")
_ESCAPED = re.compile(r"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One component after a slash: a child's key; `itself` is the `&` suffix (do not follow a link)."""

    key: str
    itself: bool = False


@dataclass
class RichPath:
    """A parsed path. `attribute` is None for a node, [] for `/@`, else the steps after the `@`."""

    text: str
    root: str
    """"" for the tree's root, or an object id."""
    steps: list[Step]
    attribute: list[str] | None = None
    root_itself: bool = False
    attributes: dict[str, Any] = field(default_factory=dict)
    columns: list[str] | None = None
    ranges: list[dict[str, Any]] | None = None

    @property
    def append(self) -> bool:
        return bool(self.attributes.get("append", False))

    def parent(self) -> tuple[RichPath, str]:
        """The path of the parent node and the last key."""
        if not self.steps:
            raise YtError(f'"{self.text}" has no parent')
        upper = RichPath(self.text, self.root, self.steps[:-1], root_itself=self.root_itself)
        return upper, self.steps[-1].key


def escape(key: str) -> str:
    """A key as it is written inside a path."""
    return _SPECIAL.sub(lambda match: "\\" + match.group(), key)


def parse(value: Any) -> RichPath:
    """Parse a path given as text, attributed YSON string, or text with `<...>` in front.

    Raises:
        YtError: it is not a path.
    """
    attributes = dict(getattr(value, "attributes", None) or {})
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if not isinstance(value, str):
        raise YtError(f"Path must be a string, found {type(value).__name__}")
    text = str(value).strip()
    if text.startswith("<"):
        end = _end_of_attributes(text)
        prefix = yson.loads(text[:end].encode() + b"#", always_create_attributes=False)
        attributes = {**dict(prefix.attributes), **attributes} if prefix is not None else attributes
        text = text[end:].strip()
    body, columns, ranges = _split_selectors(text)
    root, steps, attribute, root_itself = _parse_steps(body)
    if attributes.get("columns") is not None:
        columns = [str(name) for name in attributes["columns"]]
    if attributes.get("ranges") is not None:
        ranges = [dict(item) for item in attributes["ranges"]]
    elif "lower_limit" in attributes or "upper_limit" in attributes:
        limits = ("lower_limit", "upper_limit")
        ranges = [{name: attributes[name] for name in limits if name in attributes}]
    return RichPath(body, root, steps, attribute, root_itself, attributes, columns, ranges)


def _end_of_attributes(text: str) -> int:
    """Index just past the `>` that closes the leading `<`; quoted strings may hold brackets."""
    depth, quoted, i = 0, False, 0
    while i < len(text):
        char = text[i]
        if quoted:
            if char == "\\":
                i += 1
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char == "<":
            depth += 1
        elif char == ">":
            depth -= 1
            if depth == 0:
                return i + 1
        i += 1
    raise YtError(f"Unclosed attributes in path {text}")


def _parse_steps(body: str) -> tuple[str, list[Step], list[str] | None, bool]:
    if body.startswith("#"):
        head, slash, rest = body[1:].partition("/")
        root_itself = head.endswith("&")
        root = head.rstrip("&")
        rest = slash + rest
    elif body in ("/", "//", ""):
        if not body:
            raise YtError("Path cannot be empty")
        return "", [], None, False
    elif body.startswith("/"):
        # The root is written "/", so that its attribute x is "/@x".
        root, root_itself, rest = "", False, body if body.startswith("/@") else body[1:]
    else:
        raise YtError(f'Path "{body}" must start with "//" or "#"')
    steps: list[Step] = []
    attribute: list[str] | None = None
    i = 0
    while i < len(rest):
        if rest[i] != "/":
            raise YtError(f'Unexpected "{rest[i]}" in path "{body}"')
        i += 1
        if i < len(rest) and rest[i] == "@" and attribute is None:
            attribute = []
            i += 1
            if i == len(rest):
                break
            key, i = _key(rest, i)
            attribute.append(key)
            continue
        key, i = _key(rest, i)
        if not key:
            raise YtError(f'Empty component in path "{body}"')
        itself = i < len(rest) and rest[i] == "&"
        if itself:
            i += 1
        if attribute is None:
            steps.append(Step(key, itself))
        else:
            attribute.append(key)
    return root, steps, attribute, root_itself


def _key(text: str, i: int) -> tuple[str, int]:
    start = i
    while i < len(text) and text[i] not in "/&":
        i += 2 if text[i] == "\\" else 1
    raw = text[start:i]
    if "\\" not in raw:
        return raw, i

    def one(match: re.Match[str]) -> str:
        inner = match.group(1)
        return chr(int(inner[1:], 16)) if len(inner) == 3 else inner

    return _ESCAPED.sub(one, raw), i


def _split_selectors(text: str) -> tuple[str, list[str] | None, list[dict[str, Any]] | None]:
    """Cut `{columns}` and `[ranges]` off the end."""
    i = 0
    while i < len(text) and text[i] not in "{[":
        i += 2 if text[i] == "\\" else 1
    body, rest = text[:i], text[i:].strip()
    columns: list[str] | None = None
    ranges: list[dict[str, Any]] | None = None
    if rest.startswith("{"):
        end = rest.index("}") if "}" in rest else -1
        if end < 0:
            raise YtError(f"Unclosed column selector in path {text}")
        inner = rest[1:end].strip()
        columns = [str(item) for item in _literals(inner)] if inner else []
        rest = rest[end + 1 :].strip()
    if rest.startswith("["):
        if not rest.endswith("]"):
            raise YtError(f"Unclosed range selector in path {text}")
        ranges = [_range(part) for part in _split_top(rest[1:-1], ",")]
        rest = ""
    if rest:
        raise YtError(f'Unexpected "{rest}" at the end of path {text}')
    return body, columns, ranges


def _split_top(text: str, separator: str) -> list[str]:
    parts, depth, quoted, current = [], 0, False, ""
    for char in text:
        if char == '"':
            quoted = not quoted
        if not quoted:
            depth += (char == "(") - (char == ")")
            if char == separator and depth == 0:
                parts.append(current)
                current = ""
                continue
        current += char
    return [*parts, current]


def _range(text: str) -> dict[str, Any]:
    parts = _split_top(text, ":")
    if len(parts) == 1:
        return {"exact": _limit(parts[0])} if parts[0].strip() else {}
    result: dict[str, Any] = {}
    if parts[0].strip():
        result["lower_limit"] = _limit(parts[0])
    if parts[1].strip():
        result["upper_limit"] = _limit(parts[1])
    return result


def _limit(text: str) -> dict[str, Any]:
    text = text.strip()
    if text.startswith("#"):
        return {"row_index": int(text[1:])}
    if text.startswith("("):
        text = text[1:-1]
    return {"key": _literals(text)}


def _literals(text: str) -> list[Any]:
    return list(yson.loads(b"[" + text.replace(",", ";").encode() + b"]", always_create_attributes=False))
