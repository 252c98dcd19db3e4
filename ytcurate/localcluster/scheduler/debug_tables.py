"""Tables for what helps to find faults: the stderr of all jobs, and their core dumps.

They are written in a transaction of their own, so an operation that fails leaves them all the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import schema as schemas
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.upload import Target, publish
from ytcurate.localcluster.model.writer import RowWriter, WriterLimits, parse_limits
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.scheduler import options
from ytcurate.localcluster.scheduler.places import whole_stderr_folder
from ytcurate.localcluster.scheduler.record import JobRecord, OperationRecord

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster

MIB = 1024 * 1024
PART_BYTES = 4 * MIB
KINDS = ("stderr", "core")
KEYS = {"stderr": (("job_id", "string"),), "core": (("job_id", "string"), ("core_id", "int64"))}


def check(raw: dict[str, Any], cap: int) -> None:
    """Look at the options of debug tables when an operation is started.

    Args:
        cap: the highest `max_row_weight` there may be.

    Raises:
        YtError: one cannot be.
    """
    for kind in KINDS:
        if raw.get(f"{kind}_table_path") and ypath.parse(raw[f"{kind}_table_path"]).append:
            raise YtError(f"Cannot write {kind} table in append mode")
        _writer(raw, kind, cap)


def _writer(raw: dict[str, Any], kind: str, cap: int) -> tuple[int, WriterLimits]:
    """Size of a part in bytes, and the limits of a row.

    Raises:
        YtError: out of bounds.
    """
    config = raw.get(f"{kind}_table_writer") or raw.get(f"{kind}_table_writer_config")
    return options.number(config, "max_part_size", PART_BYTES, MIB, cap), parse_limits(config, cap)


class DebugTables:
    """Those of one operation; none for most."""

    def __init__(self, cluster: Cluster, record: OperationRecord) -> None:
        self._cluster = cluster
        self._record = record
        raw = record.spec
        self._paths = {kind: raw[f"{kind}_table_path"] for kind in KINDS if raw.get(f"{kind}_table_path")}
        self._folder = whole_stderr_folder(cluster.settings.data_dir, record.id)
        self._targets: dict[str, Target] = {}

    @property
    def _tx(self) -> str:
        return self._record.debug_transaction

    def open(self) -> None:
        """Lock the tables, which must be there; after a restart they may be locked still.

        Raises:
            YtError: one is not, or somebody else writes it.
        """
        if not self._paths:
            return
        with self._cluster.state.session():
            if self._tx not in self._cluster.state.transactions:
                title = f"Debug of operation {self._record.id}"
                self._record.debug_transaction = self._cluster.transactions.start("", 0, {"title": title}).id
                self._cluster.state.put("operations", self._record.id, self._record)
            for kind, value in self._paths.items():
                self._targets[kind] = self._open(kind, ypath.parse(value))

    def _open(self, kind: str, path: RichPath) -> Target:
        cypress = self._cluster.cypress
        node = cypress.node(path, self._tx)
        if node.type != "table":
            raise errors.wrong_type(path.text, "table", node.type)
        cypress.locks.acquire(node, self._tx, "exclusive")
        columns: list[dict[str, Any]] = [
            {"name": name, "type": kind_of, "sort_order": "ascending"}
            for name, kind_of in (*KEYS[kind], ("part_index", "int64"))
        ]
        columns.append({"name": "data", "type": "string"})
        schema = schemas.parse(yson.to_yson_type(columns, {"strict": True, "unique_keys": True}))
        part, _ = _writer(self._record.spec, kind, self._cluster.settings.row_weight_cap)
        # Readers of such tables want to know how large parts are.
        attributes = {"part_size": part, **({"sparse": True} if kind == "core" else {})}
        return Target(self._tx, node.id, False, schema, True, attributes=attributes)

    def write(self, jobs: list[JobRecord]) -> None:
        """Put what the jobs left into the tables: the stderr of all that were not aborted.

        Raises:
            YtError: a part is heavier than a row may be.
        """
        if self._tx not in self._cluster.state.transactions:
            return
        for kind, target in self._targets.items():
            part, limits = _writer(self._record.spec, kind, self._cluster.settings.row_weight_cap)
            ids = sorted(job.id for job in jobs if job.state in ("completed", "failed"))
            writer = RowWriter(self._cluster.files, target.schema, limits)
            try:
                writer.write(_rows(self._folder, ids, part) if kind == "stderr" else iter(()))
                chunks = writer.close()
            except BaseException:
                writer.discard()
                raise
            with self._cluster.state.session():
                publish(self._cluster.cypress, target, chunks)
        with self._cluster.state.session():
            self._cluster.transactions.commit(self._tx)

    def release(self) -> None:
        """Let go of the tables, in the caller's session, and of the files."""
        if self._tx in self._cluster.state.transactions:
            self._cluster.transactions.abort(self._tx)
        shutil.rmtree(self._folder, ignore_errors=True)


def _rows(folder: Path, job_ids: list[str], part_size: int) -> Iterator[dict[bytes, Any]]:
    for job_id in job_ids:
        path = folder / job_id
        if not path.exists():
            continue
        with path.open("rb") as file:
            index = 0
            while data := file.read(part_size):
                yield {b"job_id": job_id.encode(), b"part_index": index, b"data": data}
                index += 1
