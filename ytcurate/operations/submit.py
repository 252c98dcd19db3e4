"""Run one map operation: start it, follow it, and turn a failure into one readable error.

``run`` is all three. Whoever wants to come back to an operation later takes them apart: ``start`` gives an
id, ``find`` finds it again by alias, ``follow`` and ``require_completed`` need nothing but the id.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ytcurate.errors import YtcurateError
from ytcurate.operations.archive import MAX_ARCHIVE_BYTES, measure_archive, shipping
from ytcurate.operations.failure import require_completed as require_completed
from ytcurate.operations.follow import Progress as Progress
from ytcurate.operations.follow import find as find
from ytcurate.operations.follow import find_running as find_running
from ytcurate.operations.follow import follow as follow
from ytcurate.operations.follow import unrecognised_options as unrecognised_options

_PACKING = threading.Lock()
_ALIAS_TAKEN = re.compile(r"[Oo]peration alias\b.*\bused by an")


class OperationExists(YtcurateError):
    """An operation of this alias runs already. ``alias`` is an attribute: ``find`` gives its id."""

    def __init__(self, alias: str) -> None:
        super().__init__(f"an operation with the alias {alias} runs already: follow that one, or abort it.")
        self.alias = alias


@dataclass(frozen=True)
class ShippedFile:
    """A local file that jobs find in their sandbox."""

    path: Path
    name: str
    """Its path in the sandbox, with ``/``."""


@dataclass(frozen=True)
class CypressFile:
    """A file of the cluster that jobs find in their sandbox; a node fetches it once for all its jobs."""

    path: str
    """In Cypress."""
    name: str
    """Its path in the sandbox, with ``/``."""


def start(
    client: Any,
    mapper: Callable[..., Any],
    source: Any,
    destination: Any,
    *,
    spec: Mapping[str, Any],
    files: Sequence[ShippedFile] = (),
    cypress_files: Sequence[CypressFile] = (),
    max_archive_bytes: int | None = MAX_ARCHIVE_BYTES,
) -> str:
    """Start a map operation, and do not wait for it.

    Args:
        client: of the cluster.
        mapper: a callable as the YT client takes it.
        source: input table.
        destination: output table; published when the operation completes, or not at all.
        spec: from ``build_spec``.
        files: what jobs find in their sandbox besides the code.
        cypress_files: the same, of files that are on the cluster already.
        max_archive_bytes: the most code that may be sent to jobs, compressed; None for no limit.

    Returns:
        The operation's id.

    Raises:
        UsageError: the code to send is larger than that.
        OperationExists: an operation of the same alias is running.
    """
    import yt.wrapper as yt

    local = [yt.LocalFile(str(file.path), file_name=file.name) for file in files] or None
    there = [yt.FilePath(file.path, file_name=file.name, client=client) for file in cypress_files] or None
    if max_archive_bytes is not None:
        with _PACKING:
            measure_archive(client).require_at_most(max_archive_bytes)
    try:
        # What the client packs is decided by the state of the whole process: one thread at a time.
        with _PACKING, shipping(client, mapper):
            operation = client.run_map(
                mapper, source, destination, spec=dict(spec), local_files=local, yt_files=there, sync=False
            )
    except yt.YtResponseError as error:
        if "alias" in spec and _ALIAS_TAKEN.search(str(error)):
            raise OperationExists(str(spec["alias"])) from error
        raise
    return str(operation.id)


def start_or_find(client: Any, *arguments: Any, **settings: Any) -> str:
    """Start an operation that has an alias, or find the one that another client started a moment before.

    Takes what ``start`` does.

    Returns:
        The operation's id.

    Raises:
        UsageError: the code to send is too large.
        OperationExists: one of the alias is running, and cannot be found.
    """
    try:
        return start(client, *arguments, **settings)
    except OperationExists as error:
        found = find(client, error.alias)
        if found is None:
            raise
        return found[0]


def run(
    client: Any,
    mapper: Callable[..., Any],
    source: Any,
    destination: Any,
    *,
    spec: Mapping[str, Any],
    files: Sequence[ShippedFile] = (),
    cypress_files: Sequence[CypressFile] = (),
    max_archive_bytes: int | None = MAX_ARCHIVE_BYTES,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Run a map operation to its end; an interrupt from the keyboard aborts it.

    Args:
        client: of the cluster; this and what follows are as ``start`` takes them.
        mapper: a callable.
        source: input table.
        destination: output table.
        spec: from ``build_spec``.
        files: local files for the sandbox.
        cypress_files: files of the cluster for the sandbox.
        max_archive_bytes: the most code that may be sent.
        on_progress: called every few seconds.

    Returns:
        The last progress, with final statistics.

    Raises:
        OperationFailed: it ended as failed or aborted.
        OperationExists: an operation of the same alias is running.
    """
    operation_id = start(
        client,
        mapper,
        source,
        destination,
        spec=spec,
        files=files,
        cypress_files=cypress_files,
        max_archive_bytes=max_archive_bytes,
    )
    try:
        progress = follow(client, operation_id, on_progress)
    except KeyboardInterrupt:
        client.abort_operation(operation_id)
        raise
    require_completed(client, progress)
    return progress
