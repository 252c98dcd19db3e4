"""What a job leaves: rows on its output descriptors, and the error its end means."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.writer import RowWriter


def write_rows(items: Iterator[Any], index: int, tables: list[tuple[RowWriter, threading.Lock]]) -> None:
    """Rows of one output stream, which begins at table `index` and may switch to others.

    At its end all rows of all tables so far are checked.

    Raises:
        YtError: a row breaks a rule, or the stream names a table there is not.
    """
    writer, lock = tables[index]
    for item in items:
        if isinstance(item, dict):
            with lock:
                writer.write_row(item)
        elif item is None or isinstance(item, yson.YsonEntity):
            asked = (getattr(item, "attributes", None) or {}).get(b"table_index")
            if asked is not None:
                if not 0 <= int(asked) < len(tables):
                    raise YtError(f"Invalid table index {asked}: there are {len(tables)} output tables")
                writer, lock = tables[int(asked)]
        else:
            raise YtError(f"Row must be a map, found {type(item).__name__}")
    for writer, lock in tables:
        with lock:
            writer.flush()


def exit_error(code: int) -> YtError:
    if code > 128 and code - 128 in (4, 6, 7, 8, 9, 11, 15):
        # bash tells of a killed child as 128 + signal.
        code = 128 - code
    if code < 0:
        return YtError(f"Process terminated by signal {-code}", errors.PROCESS_KILLED, {"signal": -code})
    return YtError(f"Process exited with code {code}", errors.PROCESS_EXITED, {"exit_code": code})


def user_job_failed(cause: YtError) -> YtError:
    return YtError("User job failed", errors.USER_JOB_FAILED, inner=[cause])
