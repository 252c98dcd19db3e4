"""YPath: text to steps, columns and ranges.

A path is parsed once into `RichPath`; what its steps mean is decided by the tree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError

_SPECIAL = b"\\/@&*[{"
_ESCAPED = re.compile(rb"\\(x[0-9a-fA-F]{2}|[\\/@&*\[{])")
LIMITS = ("lower_limit", "upper_limit", "exact")
_OBJECT_ID = re.compile("[0-9a-fA-F]{1,8}(-[0-9a-fA-F]{1,8}){3}")


@dataclass(frozen=True)
class Step:
    """One component after a slash: a child's key; `itself` is the `&` suffix (do not follow a link)."""

    key: str
    itself: bool = False
    every: bool = False
    """`*`: all children."""


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

    def upto(self, count: int) -> RichPath:
        """The path of its first steps."""
        return RichPath(self.text, self.root, self.steps[:count], root_itself=self.root_itself)

    def parent(self) -> tuple[RichPath, str]:
        """The path of the parent node and the last key."""
        if not self.steps:
            raise YtError(f'"{self.text}" has no parent')
        return self.upto(len(self.steps) - 1), self.steps[-1].key


def escape(key: str) -> str:
    """A key as it is written inside a path."""
    return "".join(
        "\\" + chr(byte) if byte in _SPECIAL else chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}"
        for byte in key.encode("utf-8", "surrogateescape")
    )


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
        try:
            prefix = yson.loads(text[:end].encode() + b"#", always_create_attributes=False)
        except yson.YsonError as error:
            raise YtError(f"Error parsing attributes of path {text}: {error}") from None
        attributes = {**dict(prefix.attributes), **attributes} if prefix is not None else attributes
        text = text[end:].strip()
    body, columns, ranges = _split_selectors(text)
    root, steps, attribute, root_itself = _parse_steps(body)
    if attributes.get("columns") is not None:
        if not isinstance(attributes["columns"], list):
            raise YtError(f'Attribute "columns" of path {body} must be a list')
        columns = [str(name) for name in attributes["columns"]]
    if attributes.get("ranges") is not None:
        ranges = attributes["ranges"]
    elif "lower_limit" in attributes or "upper_limit" in attributes:
        ranges = [{name: attributes[name] for name in LIMITS if name in attributes}]
    if ranges is not None:
        _check_ranges(body, ranges)
    return RichPath(body, root, steps, attribute, root_itself, attributes, columns, ranges)


def _check_ranges(path: str, ranges: Any) -> None:
    """Raise for what is no list of maps of limits."""
    for item in ranges if isinstance(ranges, list) else [None]:
        limits = [item.get(name) or {} for name in LIMITS] if isinstance(item, dict) else [None]
        for limit in limits:
            if not isinstance(limit, dict):
                raise YtError(f'Attribute "ranges" of path {path} must be a list of maps with limits')
            for name in ("row_index", "chunk_index"):
                if limit.get(name) is not None and not isinstance(limit[name], int):
                    raise YtError(f'"{name}" in a range of path {path} must be a number')
            for name in ("key", "key_bound"):
                if limit.get(name) is not None and not isinstance(limit[name], list):
                    raise YtError(f'"{name}" in a range of path {path} must be a list')


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
    """Root (an object id, or "" for the tree's), steps, attribute, and whether the root has a `&`."""
    if not body:
        raise YtError("YPath cannot be empty")
    if body[0] not in "/#":
        raise YtError(f'Path "{body}" does not start with a valid root-designator')
    if body in ("/", "//"):
        return "", [], None, False
    try:
        if body[0] == "#":
            head, slash, rest = body[1:].partition("/")
            root = head.removesuffix("&")
            if not _OBJECT_ID.fullmatch(root):
                raise YtError(f"Error parsing object id {root}", errors.RESOLVE)
            return root.lower(), *_components(slash + rest), head.endswith("&")
        return "", *_components(body[1:]), False
    except YtError as error:
        raise errors.resolve(body, error) from None


def _components(rest: str) -> tuple[list[Step], list[str] | None]:
    steps: list[Step] = []
    attribute: list[str] | None = None
    i = 0
    while i < len(rest):
        if rest[i] != "/":
            raise _unexpected(rest, i, 'Expected "slash" in YPath but found')
        i += 1
        if attribute is None and rest[i : i + 1] == "@":
            attribute = []
            i += 1
            if i == len(rest):
                break
        key, end = _key(rest, i)
        every = not key and rest[i : i + 1] == "*"
        if every:
            key, end = "*", i + 1
        if not key:
            raise _unexpected(rest, i, "Unexpected")
        itself = rest[end : end + 1] == "&"
        i = end + itself
        if attribute is None:
            steps.append(Step(key, itself, every))
        else:
            attribute.append(key)
    return steps, attribute


_TOKENS = {"/": "slash", "@": "at", "&": "ampersand", "*": "asterisk"}


def _unexpected(text: str, i: int, what: str) -> YtError:
    if i == len(text):
        end = 'Unexpected end-of-string in YPath; please note that YPath cannot normally end with "/"'
        return YtError(end)
    key, _ = _key(text, i)
    token = f'"{_TOKENS.get(text[i], "literal")}" token "{text[i] if text[i] in _TOKENS else key}"'
    return YtError(f"{what} {token}" + (" in YPath" if what == "Unexpected" else ""))


def _key(text: str, i: int) -> tuple[str, int]:
    """The literal that begins at `i`, and where it ends."""
    start = i
    while i < len(text) and text[i] not in "/&@*":
        i += 2 if text[i] == "\\" else 1
    raw = text[start:i]
    if "\\" not in raw:
        return raw, i
    data = raw.encode("utf-8", "surrogateescape")
    wrong = re.search(rb"\\.?", _ESCAPED.sub(b"", data), re.DOTALL)
    if wrong is not None:
        shown = wrong.group().decode("utf-8", "replace")
        raise YtError(f'Malformed escape sequence "{shown}" in YPath')

    def one(match: re.Match[bytes]) -> bytes:
        inner = match.group(1)
        return bytes([int(inner[1:], 16)]) if len(inner) == 3 else inner

    return _ESCAPED.sub(one, data).decode("utf-8", "surrogateescape"), i


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
        try:
            return {"row_index": int(text[1:])}
        except ValueError:
            raise YtError(f'Unexpected "{text}" in the row selector of a path') from None
    if text.startswith("("):
        if not text.endswith(")"):
            raise YtError(f'Unclosed "(" in the row selector of a path: {text}')
        text = text[1:-1]
    return {"key": _literals(text)}


def _literals(text: str) -> list[Any]:
    try:
        return list(yson.loads(b"[" + text.replace(",", ";").encode() + b"]", always_create_attributes=False))
    except yson.YsonError:
        raise YtError(f'Unexpected "{text}" in a selector of a path') from None
