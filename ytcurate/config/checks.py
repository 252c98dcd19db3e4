"""How settings are checked when they are built."""

from __future__ import annotations

from collections.abc import Sequence

from ytcurate.errors import UsageError


def require(condition: bool, message: str) -> None:
    """Refuse a value.

    Raises:
        UsageError: the condition does not hold; with this message.
    """
    if not condition:
        raise UsageError(message)


def require_one_of(name: str, value: str, known: Sequence[str]) -> None:
    """Refuse a value that is none of those that are known.

    Raises:
        UsageError: it is none of them; the message names them.
    """
    require(value in known, f"{name} {value!r}: there are {', '.join(known)}.")
