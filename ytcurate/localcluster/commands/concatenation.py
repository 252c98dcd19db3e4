"""The command concatenate: tables or files joined by reference to their chunks."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.records import Node
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.model.schema_fit import Fit, check_compatible
from ytcurate.localcluster.model.upload import Target, table_target
from ytcurate.localcluster.model.values import order_keys
from ytcurate.localcluster.registry import NOTHING, command


@command("concatenate", volatile=True)
def concatenate(call: Call) -> Any:
    cypress, tx = call.cluster.cypress, call.tx
    path = call.path("destination_path")
    sources = [cypress.node(ypath.parse(each), tx) for each in call.items("source_paths")]
    target = cypress.node(path, tx)
    for node in (*sources, target):
        if node.type not in ("table", "file"):
            raise YtError(
                f'Type of {cypress.path_of(node)} must be either "table" or "file", got "{node.type}"'
            )
        if node.type != target.type:
            raise errors.wrong_type(cypress.path_of(node), target.type, node.type)
    chunks = [chunk for node in sources for chunk in cypress.chunks(node, tx)]
    if target.type == "file":
        cypress.locks.acquire(target, tx, "shared" if path.append else "exclusive")
    else:
        place = table_target(cypress, target, path, tx)
        _settle_schema(call, sources, place)
        _check_order(call, place, chunks)
        if place.set_schema:
            cypress.set_attr(target, attrs.SCHEMA, place.schema.stored(), tx)
    cypress.set_chunks(target, chunks, tx, append=path.append)
    return NOTHING


def _settle_schema(call: Call, sources: list[Node], place: Target) -> None:
    """The destination's schema: its own if it is strong; else that of all sources, where they agree."""
    cypress, tx = call.cluster.cypress, call.tx
    schemas = [attrs.schema_of(cypress, node, tx) for node in sources]
    if not place.schema.is_weak:
        for schema in schemas:
            check_compatible(schema, place.schema, ignore_order=True, need=Fit.ALWAYS)
        return
    if place.append or not schemas:
        place.set_schema, place.schema = bool(place.schema.key_columns), Schema()
        return
    common = schemas[0].unsorted()
    if not schemas[0].is_weak and all(each.unsorted() == common for each in schemas):
        place.schema, place.set_schema = common, True


def _check_order(call: Call, place: Target, chunks: list[str]) -> None:
    """Raise unless the chunks follow each other in the order of the destination's keys."""
    schema = place.schema
    if not schema.key_columns:
        return
    previous = None if place.last_key is None else order_keys(place.last_key, schema.descending)
    for chunk_id in chunks:
        chunk = call.cluster.state.chunks[chunk_id]
        if len(chunk.first_key) < len(schema.key_columns):
            raise YtError(f"Chunk {chunk_id} has less key columns than output schema", errors.INVALID_SCHEMA)
        keys = [chunk.first_key[: len(schema.key_columns)], chunk.last_key[: len(schema.key_columns)]]
        first, last = (order_keys(key, schema.descending) for key in keys)
        if previous is not None and (previous > first or (schema.unique_keys and previous == first)):
            raise YtError(
                "Sort order violation: sources overlap or are out of order", errors.SORT_ORDER_VIOLATION
            )
        previous = last
