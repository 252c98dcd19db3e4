"""Rows → one table, in as few requests as their weights allow, with none held in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from ytcurate.config import DEFAULT_ROW_WEIGHT_BYTES, GIB, MIB, PORTABLE_ROW_WEIGHT_BYTES
from ytcurate.connection import setting
from ytcurate.tables.owners import OWNER_ATTRIBUTE, this_process
from ytcurate.tables.store import Row, row_weight, writer_row_weight

_CAPS = (GIB, 800 * MIB, 512 * MIB, 256 * MIB, PORTABLE_ROW_WEIGHT_BYTES)
"""Tried in this order; the last is what every cluster takes."""


@dataclass
class Written:
    """What went over the wire."""

    row_weights_mib: Counter[str] = field(default_factory=Counter)
    """Rows by the power of two, in MiB, that their weight is below; at least 1."""
    max_row_weight: int = 0
    """The largest limit that was asked for, bytes; 0: the cluster's default was enough."""


def find_row_cap(client: Any, table: str) -> int:
    """Ask the cluster what ``max_row_weight`` may be, by writing no rows; bytes.

    It differs between clusters (128 MiB upstream, 1 GiB and more elsewhere) and is told by none.

    Args:
        client: of the cluster.
        table: exists; nothing is changed in it.
    """
    import yt.wrapper as yt

    for cap in _CAPS[:-1]:
        try:
            # Whose it is, so that the lock of one that was killed here keeps nobody waiting.
            with yt.Transaction(attributes={OWNER_ATTRIBUTE: this_process()}, client=client):
                path = yt.TablePath(table, append=True, client=client)
                client.write_table(path, [], table_writer={"max_row_weight": cap}, force_create=False)
        except yt.YtResponseError as error:
            if "max_row_weight" not in str(error):
                raise
        else:
            return cap
    return _CAPS[-1]


def stream_rows(
    client: Any,
    table: str,
    rows: Iterable[Row],
    *,
    transaction_id: str,
    cap: int,
    lighten: Callable[[Row, int], Row],
) -> Written:
    """Append rows while they come, each request under the ``max_row_weight`` that its rows need.

    A request takes rows until one comes that is heavier than it may be; that one begins the next. There
    are no retries inside: rows are not kept. If it fails, abort the transaction and do all again.

    Args:
        client: of the cluster.
        table: exists.
        rows: taken one at a time; nothing is held but the row that is being sent.
        transaction_id: to write in; kept alive by somebody else.
        cap: what a row of this cluster may weigh; see ``find_row_cap``.
        lighten: what to write for a row of more than that, given the row and the cap.
    """
    import yt.wrapper as yt

    written = Written()
    fitting = (row if row_weight(row) < cap else lighten(row, cap) for row in rows)
    with ExitStack() as changes:
        # One request, streamed. With the client's own retries it gathers 128 MiB before it sends.
        changes.enter_context(setting(client, "write_retries", "enable", False))
        changes.enter_context(setting(client, "write_retries", "rows_chunk_size", 1))
        changes.enter_context(setting(client, "write_retries", "transaction_id", transaction_id))
        # Bodies go as they are: videos do not compress, and zlib is five times slower than a local wire.
        changes.enter_context(setting(client, "proxy", "content_encoding", "identity"))
        limit = DEFAULT_ROW_WEIGHT_BYTES
        head = next(fitting, None)
        while head is not None:
            limit = max(limit, min(writer_row_weight(row_weight(head)), cap))
            group = _Group(chain([head], fitting), limit, written)
            # Said only where it matters: a cluster may refuse the option above its own cap.
            writer = {"max_row_weight": limit} if limit > DEFAULT_ROW_WEIGHT_BYTES else None
            if writer:
                written.max_row_weight = limit
            path = yt.TablePath(table, append=True, client=client)
            client.write_table(path, iter(group), table_writer=writer, raw=False, force_create=False)
            head = group.left_over
    return written


class _Group:
    """Rows below a limit; the first that is not ends it."""

    def __init__(self, rows: Iterator[Row], limit: int, written: Written) -> None:
        self.left_over: Row | None = None
        self._rows = rows
        self._limit = limit
        self._written = written

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            weight = row_weight(row)
            if weight >= self._limit:
                self.left_over = row
                return
            self._written.row_weights_mib[weight_class(weight)] += 1
            yield row


def weight_class(weight: int) -> str:
    """Name the power of two, in MiB, that a row's weight is below; at least 1."""
    return str(max(1, 1 << (weight // MIB).bit_length()))
