"""Writing into a table or file node: an inner transaction that becomes visible whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model import schema as schemas
from ytcurate.localcluster.model.attributes import SCHEMA
from ytcurate.localcluster.model.cypress import Cypress
from ytcurate.localcluster.model.records import Chunk, Node
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.model.transactions import Transactions
from ytcurate.localcluster.model.ypath import RichPath

SETTABLE_ON_WRITE = ("optimize_for", "compression_codec", "erasure_codec", "primary_medium")
NOT_IMPLEMENTED_ON_WRITE = ("schema_id", "output_timestamp", "chunk_sort_columns", "partially_sorted")


@dataclass
class Target:
    """Where an upload goes."""

    tx: str
    node_id: str
    append: bool
    schema: Schema = field(default_factory=Schema)
    set_schema: bool = False
    last_key: list[Any] | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


def table_target(cypress: Cypress, node: Node, path: RichPath, tx: str, *, keep_key: bool = False) -> Target:
    """Lock a table for writing as its path says.

    Args:
        keep_key: appended rows will be sorted; else appending to a table without a schema takes its key away.

    Raises:
        YtError: the lock is taken, or the path's schema or key cannot be.
    """
    if node.type != "table":
        raise errors.wrong_type(path.text, "table", node.type)
    _check_attributes(path)
    current = attrs.schema_of(cypress, node, tx)
    keep = keep_key and path.append
    schema = current if keep else _schema_to_write(cypress, node, path, tx, current)
    shared = path.append and not schema.key_columns
    cypress.locks.acquire(node, tx, "shared" if shared else "exclusive")
    last_key = None
    if path.append and schema.key_columns:
        before = attrs.chunks_of(cypress, node, tx)
        last_key = before[-1].last_key if before else None
    given = {name: value for name in SETTABLE_ON_WRITE if (value := path.attributes.get(name)) is not None}
    return Target(tx, node.id, path.append, schema, schema != current, last_key, given)


def _check_attributes(path: RichPath) -> None:
    """Raise for attributes that exclude each other."""
    given = {name for name, value in path.attributes.items() if value not in (None, False, [])}
    for name in NOT_IMPLEMENTED_ON_WRITE:
        if name in given:
            raise YtError(f'YPath attribute "{name}" is not implemented by the local cluster')
    pairs = [("append", "schema"), ("sorted_by", "schema")]
    pairs += [("append", name) for name in SETTABLE_ON_WRITE[:3]]
    for one, other in pairs:
        if one in given and other in given:
            raise YtError(f'YPath attributes "{one}" and "{other}" are not compatible')


def _schema_to_write(cypress: Cypress, node: Node, path: RichPath, tx: str, current: Schema) -> Schema:
    """The schema of a table from this write on: a weak one has only the key that the write gives it."""
    if path.attributes.get("schema") is not None:
        return schemas.parse(path.attributes["schema"])
    key = [schemas.sort_column(item) for item in path.attributes.get("sorted_by") or []]
    if not current.is_weak:
        if key and key != current.sort_columns:
            raise YtError(
                'YPath attribute "sorted_by" must be compatible with table schema for a "strong" schema mode',
                attributes={
                    "sort_columns": [each.to_yson() for each in key],
                    "table_schema": current.to_yson(),
                },
            )
        return current
    if path.append and key and cypress.chunks(node, tx) and current.sort_columns[: len(key)] != key:
        raise YtError(
            "Sort columns mismatch while trying to append sorted data into a non-empty table",
            attributes={
                "append_sort_columns": [each.to_yson() for each in key],
                "table_sort_columns": [each.to_yson() for each in current.sort_columns],
            },
        )
    if key == current.sort_columns:
        return current
    return Schema().sorted_by(key) if key else Schema()


def publish(cypress: Cypress, target: Target, chunks: list[Chunk]) -> None:
    """Register the chunks and make them the node's content at the target's transaction."""
    state = cypress.state
    if target.tx and target.tx not in state.transactions:
        raise errors.no_transaction(target.tx)
    node = state.nodes.get(target.node_id)
    if node is None:
        raise errors.no_object(target.node_id)
    for chunk in chunks:
        state.chunks[chunk.id] = chunk
        state.put("chunks", chunk.id, chunk)
    cypress.set_chunks(node, [chunk.id for chunk in chunks], target.tx, append=target.append)
    layer = cypress.branches.own(node, target.tx)
    layer.attrs.update(target.attributes)
    if target.set_schema:
        layer.attrs[SCHEMA] = target.schema.stored()


@contextmanager
def upload_transaction(transactions: Transactions, parent: str, title: str) -> Iterator[str]:
    """A transaction that lives as long as the body and is committed if that does not raise."""
    state = transactions.state
    with state.session():
        tx = transactions.start(parent, 0, {"title": title}).id
    try:
        yield tx
        with state.session():
            if tx not in state.transactions:
                raise errors.no_transaction(parent or tx)
            transactions.commit(tx)
    except BaseException:
        with state.session():
            if tx in state.transactions:
                transactions.abort(tx)
        raise
