"""Object ids and times, in the form a YT client expects them."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

TYPE_CODES = {
    "transaction": 1,
    "lock": 200,
    "string_node": 300,
    "int64_node": 301,
    "double_node": 302,
    "map_node": 303,
    "list_node": 304,
    "boolean_node": 305,
    "uint64_node": 306,
    "user": 501,
    "group": 502,
    "account": 503,
    "table": 401,
    "file": 402,
    "document": 421,
    "link": 417,
    "chunk": 100,
    "job": 900,
    "operation": 1000,
}
CELL_TAG = 1
NULL_ID = "0-0-0-0"


def new_id(kind: str) -> str:
    """Four hex groups; the third is the cell tag shifted by 16 bits plus the code of the type."""
    code = (CELL_TAG << 16) | TYPE_CODES[kind]
    counter = time.time_ns() & 0xFFFFFFFF
    return f"{secrets.randbits(32):x}-{secrets.randbits(32):x}-{code:x}-{counter:x}"


def now() -> str:
    """UTC with microseconds, which the client requires, and `Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_of(moment: str) -> float:
    """Unix time of what `now` gave."""
    return datetime.fromisoformat(moment).timestamp()
