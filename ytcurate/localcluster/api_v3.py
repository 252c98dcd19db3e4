"""Version 3 of the API, as far as its commands are those of version 4 under another name or in another shape.

The JavaScript client reads and writes tables with it whatever version is asked of it.
"""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.context import Call

NAMES = {
    "start_tx": "start_transaction",
    "ping_tx": "ping_transaction",
    "commit_tx": "commit_transaction",
    "abort_tx": "abort_transaction",
}
"""Version 3's name to version 4's, where they differ."""
BARE = frozenset({"start_transaction", "create", "copy", "move", "link", "lock", "get", "list", "exists"})
"""Commands that answer a map in version 4 and only its value in version 3."""
SILENT = frozenset(
    """
    ping_transaction commit_transaction abort_transaction unlock set remove concatenate write_file write_table
    alter_table
    """.split()
)
"""Commands that answer nothing in version 3."""
STREAMS = frozenset({"read_table", "read_file"})


def command_name(asked: str) -> str:
    """What version 4 calls a command of version 3.

    Raises:
        YtError: version 3 has none of this name, or it is not implemented.
    """
    name = NAMES.get(asked, asked)
    if asked in NAMES.values() or name not in BARE | SILENT | STREAMS:
        raise errors.not_implemented(f"{asked} of API v3")
    return name


def shaped(call: Call, value: Any) -> Any:
    """An answer of version 4 as version 3 gives it; only for commands that are not in `SILENT`."""
    if call.command in ("get", "list") and call.flag("return_only_value"):
        return value
    return value["lock_id"] if call.command == "lock" else next(iter(value.values()))
