"""Commands on files and on the cache of job files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.context import Call, Stream
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.upload import Target, publish, upload_transaction
from ytcurate.localcluster.registry import NOTHING, command

PIECE = 1 << 20


@command("write_file", "binary", volatile=True, heavy=True)
def write_file(call: Call) -> Any:
    cluster, path = call.cluster, call.path()
    assert call.body is not None
    with upload_transaction(cluster.transactions, call.tx, f"upload to {path.text}") as tx:
        with cluster.state.session():
            node = cluster.cypress.node(path, tx)
            if node.type != "file":
                raise errors.wrong_type(path.text, "file", node.type)
            cluster.cypress.locks.acquire(node, tx, "shared" if path.append else "exclusive")
            target = Target(tx, node.id, path.append)
        chunk_id, temporary = cluster.files.begin()
        try:
            digest, size = hashlib.md5(usedforsecurity=False), 0
            with temporary.open("wb") as file:
                while piece := call.body.read(PIECE):
                    digest.update(piece)
                    file.write(piece)
                    size += len(piece)
            call.body.check()  # type: ignore[attr-defined]
            disk = cluster.files.finish(chunk_id)
            chunk = Chunk(chunk_id, "file", 0, size, size, disk)
            with cluster.state.session():
                publish(cluster.cypress, target, [chunk] if size else [])
                node = cluster.cypress.node(path, tx)
                if call.flag("compute_md5") and not path.append:
                    cluster.cypress.set_attr(node, "md5", digest.hexdigest(), tx)
                elif cluster.cypress.attr(node, "md5", tx) is not None:
                    cluster.cypress.remove_attr(node, "md5", tx)
        except BaseException:
            cluster.files.discard(chunk_id)
            raise
        if not size:
            cluster.files.discard(chunk_id)
    return NOTHING


def _bytes(call: Call, name: str) -> int | None:
    """A number of bytes among the parameters, None if it is not given.

    Raises:
        YtError: it is none.
    """
    value = call.params.get(name)
    if value is None:
        return None
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise YtError(f'Parameter "{name}" of read_file must be a number, found "{value}"') from None
    if number < 0:
        raise YtError(f'Parameter "{name}" of read_file must not be negative, found {number}')
    return number


@command("read_file", output_type="binary", heavy=True)
def read_file(call: Call) -> Any:
    cluster, path, tx = call.cluster, call.path(), call.tx
    offset, length = _bytes(call, "offset") or 0, _bytes(call, "length")
    with cluster.state.session():
        node = cluster.cypress.node(path, tx)
        if node.type != "file":
            raise errors.wrong_type(path.text, "file", node.type)
        chunks = attrs.chunks_of(cluster.cypress, node, tx)
        revision = node.content_revision
        cluster.state.pin([chunk.id for chunk in chunks])
    left = sum(chunk.uncompressed_size for chunk in chunks) if length is None else length

    def pieces() -> Iterator[bytes]:
        nonlocal offset, left
        try:
            yield b""
            for chunk in chunks:
                if offset >= chunk.uncompressed_size:
                    offset -= chunk.uncompressed_size
                    continue
                with cluster.files.path(chunk.id).open("rb") as file:
                    file.seek(offset)
                    offset = 0
                    while left and (piece := file.read(min(PIECE, left))):
                        left -= len(piece)
                        yield piece
        finally:
            cluster.state.unpin([chunk.id for chunk in chunks])

    stream = pieces()
    next(stream)  # entered, so that closing it at any time unpins
    return Stream(stream, {"id": node.id, "revision": revision})


def _md5(call: Call) -> str:
    """The parameter that becomes a part of a path.

    Raises:
        YtError: it is no MD5.
    """
    md5 = str(call.need("md5"))
    if not re.fullmatch("[0-9a-f]{32}", md5):
        raise YtError(f'Parameter "md5" must be 32 hexadecimal digits, found "{md5[:100]}"')
    return md5


def _cached(cache: ypath.RichPath, md5: str) -> ypath.RichPath:
    return ypath.parse(f"{cache.text}/{md5[-2:]}/{md5}")


@command("get_file_from_cache")
def get_file_from_cache(call: Call) -> Any:
    cypress, tx = call.cluster.cypress, call.tx
    md5 = _md5(call)
    path = _cached(call.path("cache_path"), md5)
    if not cypress.exists(path, tx):
        return ""
    node = cypress.node(path, tx)
    return path.text if cypress.attr(node, "md5", tx) == md5 else ""


@command("put_file_to_cache", volatile=True)
def put_file_to_cache(call: Call) -> Any:
    cypress, tx = call.cluster.cypress, call.tx
    md5 = _md5(call)
    source = cypress.node(call.path(), tx)
    actual = cypress.attr(source, "md5", tx) if source.type == "file" else None
    if actual != md5:
        raise YtError(
            f'MD5 of {call.path().text} is "{actual}", expected "{md5}"', attributes={"md5": actual}
        )
    path = _cached(call.path("cache_path"), md5)
    if not cypress.exists(path, tx):
        parent = cypress.ensure_parents(path, tx, call.user)
        copy = cypress.create(parent, path.steps[-1].key, "file", tx, cypress.attrs(source, tx), call.user)
        cypress.set_chunks(copy, cypress.chunks(source, tx), tx, append=False)
    return path.text
