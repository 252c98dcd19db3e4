"""Search: the clips of a table that are nearest to a text, a picture, or another clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ytcurate.config import ClipLimits
from ytcurate.connection import client_for
from ytcurate.errors import SchemaMismatch, TableError, UnreadableVideo, UsageError
from ytcurate.pipeline.search_result import SearchResult
from ytcurate.vectors.search import search_vectors
from ytcurate.vectors.store import Vectors, load_vectors

if TYPE_CHECKING:
    import numpy as np

    from ytcurate.embedders.base import Embedder

_MODEL_ATTRIBUTE = "ytcurate/embedding_model"
_DETAILS = ("source", "start_s", "length", "description")
_PICTURES = ("keyframe", "preview")
"""Columns with a picture of the clip, the better one first."""


@dataclass(frozen=True)
class _Query:
    words: str
    """What is searched, for people."""
    vector: np.ndarray
    """float32, shape (D,)."""
    itself: int | None = None
    """The place of the clip that the query is."""


def search(
    table: str,
    query: str | None = None,
    *,
    like: str | None = None,
    image: Path | str | None = None,
    model: str | None = None,
    k: int = 10,
    kept_only: bool = False,
    embedder: Embedder | None = None,
    proxy: str | None = None,
    client: Any = None,
) -> SearchResult:
    """Find the clips of a table that are nearest to a text, a clip, or a picture. All are compared.

    Args:
        table: with a column ``embedding``.
        query: what is to be seen; this or ``like`` or ``image``.
        like: a clip of the table: its clip_id, or ``ds_index/segment_index``. It is not found itself.
        image: the file of a picture.
        model: the CLIP model that made the vectors, a directory or a hub id. None: what the table says, in
            ``@ytcurate/embedding_model`` or the first row's ``model``. Clips are compared without one.
        k: clips at most.
        kept_only: only those whose column ``kept`` is true.
        embedder: one that is loaded already, instead of ``model``.
        proxy: the cluster; see ``connect``.
        client: a YT client to use instead, or the module ``yt.wrapper``.

    Raises:
        UsageError: not one of the three is given; no such clip or picture; the model is not known, or its
            vectors have another dimension than those of the table.
        TableMissing, SchemaMismatch: there is no such table, or it has not the columns that are needed.
        EngineUnavailable: the model cannot be loaded.
    """
    if sum(way is not None for way in (query, like, image)) != 1:
        raise UsageError("a search needs one of a text, --like and --image, and only one.")
    if k < 1:
        raise UsageError(f"-k must be at least 1, it is {k}.")
    client = client_for(client, proxy)
    vectors = load_vectors(client, table, columns=("kept",) if kept_only else ())
    if not len(vectors):
        raise SchemaMismatch(f"{table}: none of its rows has a vector, so there is nothing to search.")
    if like is not None:
        asked = _clip(vectors, like, table)
    else:
        asked = _asked(query, image, embedder or _embedder(client, table, model))
        if len(asked.vector) != vectors.matrix.shape[1]:
            raise UsageError(
                f"{table} has vectors of {vectors.matrix.shape[1]} numbers, and the model makes "
                f"{len(asked.vector)}: --model must be the one that made the table's."
            )
    scores, places = search_vectors(
        vectors.matrix, asked.vector[None], k, among=_among(vectors, kept_only, asked.itself)
    )
    rows, pictures = _rows(client, table, vectors, scores[0], places[0])
    return SearchResult(table, asked.words, rows, pictures, searched=len(vectors))


def _clip(vectors: Vectors, like: str, table: str) -> _Query:
    """The clip that is meant: the first of that clip_id, or the one of that place in its source."""
    import numpy as np

    places = np.flatnonzero(vectors.clip_id == like.encode())
    ds_index, slash, segment_index = like.partition("/")
    if not len(places) and slash and ds_index.isdecimal() and segment_index.isdecimal():
        of_clip = (vectors.ds_index == int(ds_index)) & (vectors.segment_index == int(segment_index))
        places = np.flatnonzero(of_clip)
    if not len(places):
        raise UsageError(
            f"--like {like!r}: {table} has no clip of that clip_id, or ds_index/segment_index, with a vector."
        )
    place = int(places[0])
    return _Query(f"clips like {like}", np.array(vectors.matrix[place]), itself=place)


def _asked(query: str | None, image: Path | str | None, embedder: Embedder) -> _Query:
    if query is not None:
        return _Query(query, embedder.embed_texts([query])[0])
    assert image is not None
    return _Query(f"clips like {image}", embedder.embed_pictures([[_picture(Path(image))]])[0])


def _picture(path: Path) -> np.ndarray:
    """The picture of a file, uint8, shape (H, W, 3), RGB: JPEG, PNG or WebP."""
    from ytcurate.embedders.pictures import decode_keyframes

    try:
        return next(decode_keyframes([path.read_bytes()], ClipLimits()))
    except (UnreadableVideo, OSError) as error:
        raise UsageError(f"--image {path}: no picture can be read from it ({error}).") from error


def _embedder(client: Any, table: str, model: str | None) -> Embedder:
    """Load the model of the query, which must be that of the table."""
    from ytcurate.embedders.clip import ClipEmbedder

    return ClipEmbedder(model or _model_of(client, table))


def _model_of(client: Any, table: str) -> str:
    import yt.wrapper as yt

    attribute = f"{table}/@{_MODEL_ATTRIBUTE}"
    if client.exists(attribute):
        return str(client.get(attribute))
    if "model" in _columns(client, table):
        path = yt.TablePath(table, columns=["model"], start_index=0, end_index=1, client=client)
        for row in client.read_table(path):
            if row.get("model"):
                return str(row["model"])
    raise UsageError(
        f"{table} does not say which model made its vectors (@{_MODEL_ATTRIBUTE}, or a column model). "
        "Name it with --model."
    )


def _columns(client: Any, table: str) -> list[str]:
    return [str(column["name"]) for column in client.get(f"{table}/@schema")]


def _among(vectors: Vectors, kept_only: bool, itself: int | None) -> np.ndarray:
    import numpy as np

    among = vectors.numbers["kept"] == 1 if kept_only else np.ones(len(vectors), bool)
    if itself is not None:
        among[itself] = False
    return among


def _rows(
    client: Any, table: str, vectors: Vectors, scores: Sequence[float], places: np.ndarray
) -> tuple[tuple[Mapping[str, Any], ...], tuple[bytes | None, ...]]:
    """What is to be told of the clips that were found, and a picture of each."""
    there = _columns(client, table)
    details = [name for name in _DETAILS if name in there]
    looks = [name for name in _PICTURES if name in there]
    read = _read_rows(client, table, [int(row) for row in vectors.rows[places]], details + looks)
    rows, pictures = [], []
    for rank, (score, place, row) in enumerate(zip(scores, places, read, strict=True), 1):
        found = {
            "rank": rank,
            "score": float(score),
            "ds_index": int(vectors.ds_index[place]),
            "segment_index": int(vectors.segment_index[place]),
            "clip_id": vectors.clip_id[place].decode() or None,
        }
        if (found["ds_index"], found["segment_index"]) != (row["ds_index"], row["segment_index"]):
            raise TableError(f"{table} changed while it was searched. Search again.")
        rows.append(found | {name: _text(row.get(name)) for name in details})
        pictures.append(next((row[name] for name in looks if isinstance(row.get(name), bytes)), None))
    return tuple(rows), tuple(pictures)


def _read_rows(
    client: Any, table: str, numbers: Sequence[int], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Some rows of a table by their numbers, in that order."""
    import yt.wrapper as yt

    if not numbers:
        return []
    ranges = [{"exact": {"row_index": number}} for number in numbers]
    path = yt.TablePath(table, columns=["ds_index", "segment_index", *columns], ranges=ranges, client=client)
    rows = client.read_table(path, format=yt.YsonFormat(encoding=None))
    return [{name.decode(): value for name, value in row.items()} for row in rows]


def _text(value: Any) -> Any:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
