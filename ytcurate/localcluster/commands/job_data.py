"""Commands that give out what a job read and wrote: stderr, input, fail context, spec."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ytcurate.localcluster.commands.job_lookup import data_missing, job_of, named_operation, running_job
from ytcurate.localcluster.context import Call, Stream
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.upload import Target, publish
from ytcurate.localcluster.registry import NOTHING, command
from ytcurate.localcluster.scheduler import job_input, job_spec
from ytcurate.localcluster.scheduler.places import places_of
from ytcurate.localcluster.scheduler.record import JobRecord, OperationRecord

PIECE = 1 << 20


@command("get_job_stderr", output_type="binary", heavy=True)
def get_job_stderr(call: Call) -> Any:
    """Of a running job, what it has written so far."""
    operation = named_operation(call)
    found = job_of(call, operation)
    if found is None:
        raise data_missing("stderr", operation, call.need("job_id"))
    record, job = found
    path = places_of(call.cluster.settings.data_dir, record.id, job.id).stderr
    live = call.cluster.scheduler.live.get(record.id)
    process = live.running_job(job.id) if live is not None else None
    if process is not None:
        keeper = process.stderr
        head = path.read_bytes() if path.exists() else b""
        return Stream(iter([head, keeper.tail() if keeper is not None else b""]))
    if not path.exists():
        raise data_missing("stderr", record, job.id)
    return Stream(_read(path))


@command("get_job_fail_context", output_type="binary", heavy=True)
def get_job_fail_context(call: Call) -> Any:
    operation = named_operation(call)
    found = job_of(call, operation)
    job_id = str(call.need("job_id"))
    if found is not None:
        path = places_of(call.cluster.settings.data_dir, found[0].id, job_id).fail_context
        if path.exists():
            return Stream(_read(path))
    raise data_missing("fail context", found[0] if found else operation, job_id)


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _job(call: Call) -> tuple[OperationRecord, JobRecord]:
    """
    Raises:
        YtError: there is no such job.
    """
    found = job_of(call, None)
    if found is None:
        job_id = str(call.need("job_id"))
        raise YtError("Missing job spec in job archive table", attributes={"job_id": job_id})
    return found


@command("get_job_input", output_type="binary", heavy=True)
def get_job_input(call: Call) -> Any:
    operation, job = _job(call)
    cluster = call.cluster
    source, chunks = job_input.of(cluster, operation, job)

    def pieces() -> Iterator[bytes]:
        try:
            yield b""
            if source is not None:
                yield from source(None)
        finally:
            cluster.state.unpin(chunks)

    stream = pieces()
    next(stream)  # entered, so that closing it at any time unpins
    return Stream(stream)


@command("get_job_input_paths", heavy=True)
def get_job_input_paths(call: Call) -> Any:
    return job_input.paths(*_job(call))


@command("get_job_spec", heavy=True)
def get_job_spec(call: Call) -> Any:
    operation, job = _job(call)
    spec = job_spec.build(call.cluster, operation, job)
    extension = spec["job_spec_ext"]
    for flag, part in (
        ("omit_input_table_specs", "input_table_specs"),
        ("omit_output_table_specs", "output_table_specs"),
    ):
        if call.flag(flag):
            extension.pop(part, None)
    return spec


@command("dump_job_context", volatile=True)
def dump_job_context(call: Call) -> Any:
    """Write into a new file what a running job was given last."""
    _, process = running_job(call)
    data = process.context.read()
    if not data:
        raise YtError("Cannot dump job context: reading has not started yet")
    cluster, path = call.cluster, call.path()
    if path.attribute is not None or not path.steps:
        raise YtError(f'"{path.text}" cannot be the place of a file')
    chunk_id, temporary = cluster.files.begin()
    try:
        temporary.write_bytes(data)
        disk = cluster.files.finish(chunk_id)
        parent = cluster.cypress.ensure_parents(path, "", call.user)
        if cluster.cypress.exists(path, ""):
            cluster.cypress.remove(cluster.cypress.node(path, ""), "")
        description = {"description": {"type": "input_context", "job_id": process.id}}
        node = cluster.cypress.create(parent, path.steps[-1].key, "file", "", description, call.user)
        chunk = Chunk(chunk_id, "file", 0, len(data), len(data), disk)
        publish(cluster.cypress, Target("", node.id, False), [chunk])
    except BaseException:
        cluster.files.discard(chunk_id)
        raise
    return NOTHING
