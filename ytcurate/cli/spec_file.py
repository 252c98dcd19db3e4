"""A file with parts of an operation's spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ytcurate.errors import UsageError


def read_spec(path: Path) -> dict[str, Any]:
    """Read parts of a spec from a YAML file.

    Raises:
        UsageError: it cannot be read, or is no map.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"--spec {path}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"--spec {path}: a map of options is expected, found {type(content).__name__}.")
    return content
