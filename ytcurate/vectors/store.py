"""The vectors of a table, as one matrix: read from the cluster once, then mapped from this machine's disk."""

from __future__ import annotations

import copy
import errno
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ytcurate.errors import SchemaMismatch, TableError, TableMissing, UsageError
from ytcurate.vectors import cache
from ytcurate.vectors.rows import EMBEDDING, Block, RowParser

if TYPE_CHECKING:
    import numpy as np

_KEYS = ("ds_index", "segment_index", "clip_id")
_ROWS_PER_REQUEST = 4096
"""20 MB of vectors of 512; the client holds as many answers as it has threads."""
_THREADS = 4
_TRIES = 3
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


@dataclass(frozen=True, kw_only=True, eq=False)
class Vectors:
    """The clips of a table that have a vector, in the order of its rows."""

    matrix: np.ndarray
    """float32, shape (N, D), C-contiguous, memory-mapped and read only; rows of unit length."""
    rows: np.ndarray
    """int64, shape (N,): numbers of their rows in the table."""
    ds_index: np.ndarray
    """int64, shape (N,)."""
    segment_index: np.ndarray
    """int64, shape (N,)."""
    clip_id: np.ndarray
    """Bytes, shape (N,); empty where the row has none."""
    numbers: Mapping[str, np.ndarray]
    """The further columns that were asked for: float64, shape (N,); nan for none, booleans as 0 and 1."""
    without: int
    """Rows left out because they have no vector."""
    wrong: int
    """Rows left out because their vector has another length than the others, is zero, or is not finite."""

    def __len__(self) -> int:
        return len(self.matrix)

    def __str__(self) -> str:
        left_out = {"without one": self.without, "of another length, or zero": self.wrong}
        others = "".join(f", {count} {words}" for words, count in left_out.items() if count)
        return f"{len(self)} vectors of {self.matrix.shape[1]}{others}"


def load_vectors(
    client: Any,
    table: str,
    *,
    columns: Sequence[str] = (),
    dimension: int | None = None,
    folder: Path | None = None,
) -> Vectors:
    """Read the vectors of a table, and what says which clip each belongs to.

    Only the columns that are needed are read, in parallel requests. What was read stays in a cache on disk;
    it is used as long as the table's id and content revision are the same, and is mapped, not read. Vectors
    are brought to unit length. Transactions of the client are not looked into.

    Args:
        client: a YT client.
        table: with the columns ds_index, segment_index, clip_id and embedding.
        columns: further columns to read, of numbers or booleans.
        dimension: of the vectors; rows with another are left out. None: that of the first vector.
        folder: of the cache. None: ``ytcurate/vectors`` in the platform's folder for caches.

    Raises:
        TableMissing, SchemaMismatch: there is no such table, or it has not these columns.
        TableError: it is being written to.
        UsageError: the cache cannot be written.
    """
    folder = folder or cache.default_folder()
    about = _require_table(client, table, (*_KEYS, EMBEDDING, *columns))
    for _ in range(_TRIES):
        version, row_count = _version(client, about), int(about["row_count"])
        stored = cache.find(folder, version, columns)
        if stored is not None and _has_dimension(stored, dimension):
            return _vectors(stored, columns)
        parser = RowParser(columns, dimension)
        try:
            with cache.Writer(folder, version, row_count) as writer:
                keys = _copy(parser, _read(client, table, columns, about), writer)
                about = _attributes(client, table)
                if _version(client, about) != version:
                    continue
                counts = {"without": parser.without, "wrong": parser.wrong}
                writer.finish(keys, {"columns": list(columns), "dimension": dimension, **counts})
        except OSError as error:
            if error.errno not in _OF_THE_DISK:
                raise
            raise UsageError(
                f"{folder}: vectors cannot be kept there ({error.strerror}). "
                f"{row_count * (parser.dimension or 512) * 4 / 1e6:.0f} MB are needed; set XDG_CACHE_HOME to "
                "a folder with that much room."
            ) from error
        stored = cache.find(folder, version, columns)
        if stored is not None:
            return _vectors(stored, columns)
    raise TableError(f"{table} changed while it was read, {_TRIES} times. Try again when it is complete.")


def _require_table(client: Any, table: str, columns: Sequence[str]) -> Mapping[str, Any]:
    """The attributes of a table that has these columns."""
    if not client.exists(table):
        raise TableMissing(f"{table}: no such table on this cluster.")
    about = _attributes(client, table)
    if about["type"] != "table":
        raise SchemaMismatch(f"{table} is a {about['type']}, not a table.")
    there = [str(column["name"]) for column in about["schema"]]
    missing = [name for name in columns if name not in there]
    if missing:
        raise SchemaMismatch(f'{table} has no column "{missing[0]}"; it has {", ".join(there) or "none"}.')
    return about


def _attributes(client: Any, table: str) -> Mapping[str, Any]:
    names = ["type", "id", "content_revision", "row_count", "uncompressed_data_size", "schema"]
    found: Mapping[str, Any] = client.get(f"{table}/@", attributes=names)
    return found


def _version(client: Any, about: Mapping[str, Any]) -> cache.Version:
    from yt.wrapper.http_helpers import get_proxy_address_url

    url = str(get_proxy_address_url(client=client))
    return cache.Version(url, str(about["id"]), int(about["content_revision"]))


def _read(client: Any, table: str, columns: Sequence[str], about: Mapping[str, Any]) -> Iterator[bytes]:
    """The rows, each as binary YSON, in order."""
    import yt.wrapper as yt
    import yt.yson as yson

    if not about["row_count"]:
        return
    # The client cuts ranges by the size of whole rows, videos and all, even where few columns are read.
    row_bytes = about["uncompressed_data_size"] / about["row_count"]
    reader = _parallel_client(client, max(1, round(row_bytes * _ROWS_PER_REQUEST)))
    path = yt.TablePath(table, columns=[*_KEYS, EMBEDDING, *columns], client=reader)
    with closing(reader.read_table(path, format=yt.YsonFormat(), raw=True)) as stream:
        yield from yson.load(stream, yson_type="list_fragment", raw=True)


def _parallel_client(client: Any, bytes_per_request: int) -> Any:
    """A client of the same cluster that reads ranges of rows side by side."""
    import yt.wrapper as yt
    from yt.wrapper.config import get_config

    config = copy.deepcopy(dict(get_config(client)))
    parallel = config["read_parallel"]
    parallel["enable"], parallel["max_thread_count"] = True, _THREADS
    parallel["data_size_per_thread"] = bytes_per_request
    config["proxy"]["accept_encoding"] = "identity"  # digits of vectors are noise, which does not compress
    return yt.YtClient(config=config)


def _copy(parser: RowParser, rows: Iterable[bytes], writer: cache.Writer) -> dict[str, np.ndarray]:
    """Write the vectors, and return all else, as arrays of one value per vector."""
    import numpy as np

    blocks: list[Block] = []
    for block in parser.blocks(rows):
        if len(block.rows):
            writer.write(block.vectors)
            blocks.append(_without_vectors(block))
    joined: dict[str, Any] = {}
    for name in ("rows", *_KEYS):
        parts = [getattr(block, name) for block in blocks]
        joined[name] = np.concatenate(parts) if parts else np.empty(0, "S1" if name == "clip_id" else "i8")
    for at, name in enumerate(parser.columns):
        parts = [block.numbers[at] for block in blocks]
        joined[f"number {name}"] = np.concatenate(parts) if parts else np.empty(0)
    return joined


def _without_vectors(block: Block) -> Block:
    return replace(block, vectors=block.vectors[:0].copy())


def _has_dimension(stored: cache.Stored, asked: int | None) -> bool:
    """Whether these are the vectors that reading would give: which ones count depends on what was asked."""
    before = stored.about["dimension"]
    return before == asked or (before is None and asked == stored.matrix.shape[1])


def _vectors(stored: cache.Stored, columns: Sequence[str]) -> Vectors:
    keys = stored.keys
    return Vectors(
        matrix=stored.matrix,
        rows=keys["rows"],
        ds_index=keys["ds_index"],
        segment_index=keys["segment_index"],
        clip_id=keys["clip_id"],
        numbers={name: keys[f"number {name}"] for name in columns},
        without=int(stored.about["without"]),
        wrong=int(stored.about["wrong"]),
    )
