"""Pipeline files: read strictly, merged with flags, written again as they are in effect."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, get_type_hints

from ytcurate.curating.settings import CurateSettings
from ytcurate.errors import UsageError

_HEAD = """\
# Settings of `ytcurate curate SOURCE DIR --pipeline FILE`: these are the defaults. What a file leaves out
# stays as it is here; what is not known is refused. Each setting is also a flag: --section-name."""

Nested = Mapping[str, Mapping[str, Any]]
"""Values by section and field."""


def read_settings(path: str | Path | None, changes: Nested | None = None) -> CurateSettings:
    """Read a pipeline file, and put what was said besides over it.

    Args:
        path: a .yaml file; None: only defaults.
        changes: values that win over the file's.

    Raises:
        UsageError: the file cannot be read, or a section, a key or a value is not one of ours.
    """
    import yaml

    content: Any = {}
    if path is not None:
        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"{path}: it cannot be read: {error.strerror}.") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: not YAML: {error}") from error
    where = str(path) if path is not None else "settings"
    merged = _sections(where, content or {})
    for section, values in (changes or {}).items():
        merged[section] = {**(merged.get(section) or {}), **values}
    return _checked(where, merged)


def make_settings(values: Mapping[str, Any]) -> CurateSettings:
    """Check settings that are given as a mapping of sections.

    Raises:
        UsageError: as ``read_settings``.
    """
    return _checked("settings", _sections("settings", values))


def as_content(settings: CurateSettings) -> dict[str, Any]:
    """As a pipeline file would hold them."""
    content: dict[str, Any] = _plain(dataclasses.asdict(settings))
    return content


def default_file() -> str:
    """A pipeline file with every setting at its default, and what each of them is."""
    import yaml

    content = as_content(CurateSettings())
    lines = [_HEAD]
    section = ""
    for name, field, _, text in settings_fields():
        if name != section:
            lines += ["", f"{name}:"]
            section = name
        value = yaml.safe_dump(content[name][field.name], default_flow_style=True).splitlines()[0]
        if text:
            lines.append(textwrap.fill(text, 106, initial_indent="  # ", subsequent_indent="  # "))
        lines.append(f"  {field.name}: {value}")
    return "\n".join([*lines, ""])


def settings_fields() -> Iterator[tuple[str, dataclasses.Field[Any], Any, str]]:
    """Give section, field, type and help of every setting, in order."""
    sections = get_type_hints(CurateSettings)
    for section in dataclasses.fields(CurateSettings):
        kind = sections[section.name]
        hints, helps = get_type_hints(kind), field_docs(kind)
        for each in dataclasses.fields(kind):
            yield section.name, each, hints[each.name], helps.get(each.name, "")


@cache
def field_docs(kind: type) -> dict[str, str]:
    """Read the docstrings under the fields of a class, first sentences only."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    docs = {}
    for field, after in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            docs[field.target.id] = " ".join(str(after.value.value).replace("``", "").split())
    return docs


def _sections(where: str, content: Any) -> dict[str, Any]:
    known = [field.name for field in dataclasses.fields(CurateSettings)]
    if not isinstance(content, Mapping):
        raise UsageError(f"{where}: sections with settings are expected, this is {content!r}.")
    for name, values in content.items():
        if name not in known:
            raise UsageError(f"{where}: {name} is not a section; there are {', '.join(known)}.")
        if values is not None and not isinstance(values, Mapping):
            raise UsageError(f"{where}: {name} must hold keys and values, it is {values!r}.")
    return {name: dict(values or {}) for name, values in content.items()}


def _checked(where: str, content: Mapping[str, Any]) -> CurateSettings:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(CurateSettings).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "unexpected_keyword_argument":
            section = str(first["loc"][0])
            names = [field.name for name, field, _, _ in settings_fields() if name == section]
            raise UsageError(f"{where}: {key} is not known; known are {', '.join(names)}.") from error
        raise UsageError(f"{where}: {key}: {first['msg']}, it is {first['input']!r}.") from error
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value
