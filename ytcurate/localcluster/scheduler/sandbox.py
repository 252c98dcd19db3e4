"""A job's working directory, environment, and end: nothing of it may stay behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yt.yson as yson

from ytcurate.localcluster.commands.tables import encode_segments
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import YSON_TEXT, parse_format
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.reader import TableReader
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.rows import Source, encoder_for
from ytcurate.localcluster.scheduler.spec import UserJob

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster

LINK_FROM_BYTES = 64 * 1024 * 1024
"""Files from this size are hard-linked into sandboxes instead of copied: model weights."""


def prepare(cluster: Cluster, folder: Path, job: UserJob, tx: str) -> None:
    """Make the sandbox with its files and tmpfs directories.

    Raises:
        YtError: a file is missing or its name leads out of the sandbox.
    """
    folder.mkdir(parents=True)
    (folder / ".tmp").mkdir()
    short = short_temporary(folder)
    short.unlink(missing_ok=True)
    short.symlink_to(folder / ".tmp")
    for path, _ in job.tmpfs:
        with _named(path):
            if (folder / path).resolve() != folder.resolve():
                inside(folder, path).mkdir(parents=True, exist_ok=True)
    for value in job.raw.get("file_paths") or []:
        _place(cluster, folder, ypath.parse(value), tx)


def inside(folder: Path, name: str) -> Path:
    """Where a name leads from a sandbox, links followed.

    Raises:
        YtError: out of it.
    """
    target = (folder / name).resolve()
    if folder.resolve() not in target.parents:
        raise YtError(f'File name "{name}" leads out of the sandbox')
    return target


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """What the file system has against a name from a spec is an error of the spec.

    Raises:
        YtError: with the name.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise YtError(f'File name "{name}" cannot be used in the sandbox: {reason}') from error


def short_temporary(folder: Path) -> Path:
    """A short name of the sandbox's temporary directory.

    Sockets of multiprocessing and vLLM live there, and a socket's path has 107 bytes at most.
    """
    return Path(tempfile.gettempdir()) / f"yt-{'-'.join(folder.name.split('-')[:2])}"


def _place(cluster: Cluster, folder: Path, path: RichPath, tx: str) -> None:
    with cluster.state.session():
        node = cluster.cypress.node(path, tx)
        chunks = attrs.chunks_of(cluster.cypress, node, tx)
        schema = attrs.schema_of(cluster.cypress, node, tx)
        name = str(
            path.attributes.get("file_name") or cluster.cypress.attr(node, "file_name", tx) or node.key
        )
        executable = path.attributes.get("executable", cluster.cypress.attr(node, "executable", tx, False))
        cluster.state.pin([chunk.id for chunk in chunks])
    try:
        with _named(name):
            target = inside(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
        if node.type == "table":
            format = parse_format(path.attributes.get("format"), YSON_TEXT)
            reader = TableReader(cluster.files, chunks, schema.key_columns)
            encoder = encoder_for(format, [Source(schema, path.columns)])
            with target.open("wb") as file:
                for piece in encode_segments(reader, reader.segments(path.ranges), encoder, path.columns):
                    file.write(piece)
                file.write(encoder.end())
        elif node.type != "file":
            raise YtError(f'"{path.text}" of type {node.type} cannot be a file of a job')
        elif len(chunks) == 1 and chunks[0].disk_size >= LINK_FROM_BYTES and not executable:
            os.link(cluster.files.path(chunks[0].id), target)
            return
        else:
            with target.open("wb") as file:
                for chunk in chunks:
                    with cluster.files.path(chunk.id).open("rb") as source:
                        shutil.copyfileobj(source, file, 1 << 20)
        target.chmod(0o755 if executable else 0o644)
    finally:
        cluster.state.unpin([chunk.id for chunk in chunks])


def environment(folder: Path, job: UserJob, own: dict[str, str], vault: dict[str, Any]) -> dict[str, str]:
    """A clean environment: nothing of the server's own (its proxy, tokens, settings) leaks in.

    The server's interpreter comes first in PATH, so `python3` has the packages the client relies on.
    """
    here = str(folder)
    result = {
        "PATH": str(Path(sys.executable).parent) + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": here,
        "TMPDIR": str(short_temporary(folder)),
        "LANG": "C.UTF-8",
        **own,
    }
    if vault:
        result["YT_SECURE_VAULT"] = yson.dumps(vault, yson_format="text").decode()
        for key, value in vault.items():
            if isinstance(value, (str, int, float)):
                result[f"YT_SECURE_VAULT_{key}"] = str(value)
    for key, value in (job.raw.get("environment") or {}).items():
        result[str(key)] = str(value).replace("$(SandboxPath)", here)
    return result


def remove(folder: Path) -> None:
    """Delete a sandbox, whatever its job made of it; never follows a link out of it."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
    else:
        # A job may have taken away its own right to list or change a directory.
        with contextlib.suppress(OSError):
            folder.chmod(0o700)
        for here, below, _ in os.walk(folder):
            for name in below:
                path = Path(here, name)
                if not path.is_symlink():
                    with contextlib.suppress(OSError):
                        path.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        short_temporary(folder).unlink(missing_ok=True)


def processes_of(job_id: str) -> Iterator[int]:
    """Processes carrying the job's id in their environment, daemons included (Linux only)."""
    marker = f"YT_JOB_ID={job_id}\0".encode()
    for entry in Path("/proc").glob("[0-9]*") if Path("/proc").is_dir() else ():
        try:
            if marker in (entry / "environ").read_bytes() + b"\0":
                yield int(entry.name)
        except OSError:
            continue


def kill_all(job_id: str, group: int | None) -> None:
    """Kill a job's process group, and whatever slipped out of it."""
    if group is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for _ in range(3):
        left = [pid for pid in processes_of(job_id) if not _is_zombie(pid)]
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return True
