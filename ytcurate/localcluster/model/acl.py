"""Access control lists: kept and given back, never enforced."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster.errors import YtError

NEEDED = ("action", "subjects", "permissions")
"""Keys of an entry that a real cluster asks for."""


def check_acl(value: Any) -> None:
    """Raise for what is no list of access control entries."""
    if not isinstance(value, list):
        raise _wrong("ACL must be a list of entries")
    for entry in value:
        if not isinstance(entry, dict) or any(name not in entry for name in NEEDED):
            raise _wrong(f"An entry of an ACL must be a map with {', '.join(NEEDED)}")
        if str(entry["action"]) not in ("allow", "deny"):
            raise _wrong(f'Error parsing ESecurityAction value "{entry["action"]}"')


def _wrong(reason: str) -> YtError:
    return YtError('Error setting builtin attribute "acl"', inner=[YtError(reason)])
