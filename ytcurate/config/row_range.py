"""A range of rows, as it is written in a flag or a file."""

from __future__ import annotations

from ytcurate.errors import UsageError


def read_row_range(text: str, *, otherwise: str) -> tuple[int, int | None]:
    """Read ``A:B``; either number may be left out.

    Args:
        text: what was written.
        otherwise: the message if that is no range; it says where the text stands.

    Returns:
        The first row, counted from 0, and the first no longer taken; None: to the end.

    Raises:
        UsageError: it is no range.
    """
    first, colon, stop = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return int(first or 0), int(stop) if stop else None
    except ValueError:
        raise UsageError(otherwise) from None
