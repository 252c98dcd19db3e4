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


def table_target(cypress: Cypress, node: Node, path: RichPath, tx: str) -> Target:
    """Lock a table for writing as its path says.

    Raises:
        YtError: the lock is taken, or the path's schema cannot be.
    """
    if node.type != "table":
        raise errors.wrong_type(path.text, "table", node.type)
    append = path.append
    cypress.locks.acquire(node, tx, "shared" if append else "exclusive")
    current = attrs.schema_of(cypress, node, tx)
    schema, changed = current, False
    if path.attributes.get("schema") is not None:
        schema = schemas.parse(path.attributes["schema"])
        changed = schema != current
        if changed and append and cypress.chunks(node, tx):
            raise YtError(
                f'YPath attribute "schema" differs from the schema of table {path.text}, which is not empty',
                errors.INCOMPATIBLE_SCHEMAS,
            )
    if path.attributes.get("sorted_by"):
        key = [schemas.sort_column(item) for item in path.attributes["sorted_by"]]
        if append and schema.sort_columns != key:
            raise YtError(f'"sorted_by" cannot be given when appending to {path.text}')
        changed = changed or schema.sort_columns != key
        schema = schema.sorted_by(key) if schema.sort_columns != key else schema
    last_key = None
    if append and schema.key_columns:
        before = attrs.chunks_of(cypress, node, tx)
        last_key = before[-1].last_key if before else None
    given = {} if append else {
        name: path.attributes[name] for name in SETTABLE_ON_WRITE if path.attributes.get(name) is not None
    }  # fmt: skip
    return Target(tx, node.id, append, schema, changed, last_key, given)


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
    layer = state.layer(node, target.tx)
    layer.attrs.update(target.attributes)
    if target.set_schema:
        layer.attrs[SCHEMA] = target.schema.to_yson()


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
