"""Weights: a checkpoint → a directory of the cluster, once, from where jobs get it without the hub.

Each file is one node, written in a transaction of its own together with its hash: a node that is there is
whole. The manifest says that all of them are; it comes last. So a push that was stopped goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ytcurate import __version__
from ytcurate.connection import client_for
from ytcurate.describers.weights import FileDigest
from ytcurate.errors import UsageError
from ytcurate.models.manifest import (
    ATTRIBUTE,
    Manifest,
    StagedFile,
    find_manifest,
    node_path,
    read_manifest,
    staged_files,
)
from ytcurate.pipeline.weights_source import Checkpoint, find_checkpoint
from ytcurate.pipeline.weights_transfer import hash_local, hash_remote, write_file

__all__ = [
    "WeightsCheck",
    "WeightsListing",
    "WeightsResult",
    "check_weights",
    "list_weights",
    "push_weights",
    "read_manifest",
]


@dataclass(kw_only=True)
class WeightsResult:
    """What a push did; its totals grow while it runs."""

    path: str
    model: str
    revision: str | None = None
    """Commit on the hub; None for a local directory."""
    files: int = 0
    """Of the whole checkpoint; so are the bytes."""
    bytes: int = 0
    written_files: int = 0
    written_bytes: int = 0
    kept_files: int = 0
    """Files that were there already with the same content."""
    kept_bytes: int = 0
    left_out: list[str] = field(default_factory=list)
    """Files that inference does not need."""
    activity: str = ""
    """What is going on, in a few words."""
    elapsed_s: float = 0.0

    def __str__(self) -> str:
        revision = f" at {self.revision[:12]}" if self.revision else ""
        kept = f" ({self.kept_files} of the files were there)" if self.kept_files else ""
        return f"{self.files} files, {self.bytes / 1e6:.1f} MB of {self.model}{revision} → {self.path}{kept}"


OnProgress = Callable[[WeightsResult], None]


def push_weights(
    model: str | Path,
    path: str,
    *,
    proxy: str | None = None,
    client: Any = None,
    revision: str | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = lambda result: None,
) -> WeightsResult:
    """Stage a checkpoint in a directory of the cluster.

    Files are streamed; those that are there with the same size and hash are kept. Run again after an
    interruption, it goes on; run again after its end, it changes nothing.

    Args:
        model: the directory of a checkpoint, or a Hugging Face id, which is downloaded to this machine first.
        path: the directory of the cluster; made if it is not there.
        proxy: the cluster; see ``connect``.
        client: a YT client to use instead, or the module ``yt.wrapper``.
        revision: commit, tag or branch on the hub; default: its main branch.
        overwrite: replace another checkpoint, or another state of this one, that the directory holds.
        on_progress: called several times per file.

    Raises:
        UsageError: there is no such checkpoint, it is not whole, a file is over 10 GB, or the directory
            holds something else.
    """
    started = time.monotonic()
    client = client_for(client, proxy)
    before = find_manifest(client, path)  # also refuses what is no path, before gigabytes are downloaded
    source = find_checkpoint(str(model), revision)
    manifest = Manifest(
        model=source.name,
        hub_id=source.hub_id,
        revision=source.revision,
        version=__version__,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        left_out=tuple(source.left_out),
    )
    staged = staged_files(client, path) if client.exists(path) else {}
    if not overwrite:
        _require_own(path, before, manifest, staged)
    result = WeightsResult(
        path=path,
        model=source.name,
        revision=source.revision,
        files=len(source.files),
        bytes=sum(source.sizes.values()),
        left_out=list(source.left_out),
    )
    kept = _same_files(source, staged, result, on_progress)
    is_same = before is not None and before.is_complete and kept == before.files and len(kept) == result.files
    if not is_same:
        if before is not None and before.is_complete and not overwrite:
            raise UsageError(
                f"{path} holds another state of {source.name} (pushed {before.time}): "
                "--overwrite replaces it, or give another directory."
            )
        written = _write(client, path, source, manifest, kept, result, on_progress)
        _remove_old(client, path, staged, source)
        done = replace(manifest, is_complete=True, files=dict(sorted((kept | written).items())))
        client.set(f"{path}/@{ATTRIBUTE}", done.to_json())
        result.bytes = done.bytes
    result.elapsed_s = time.monotonic() - started
    return result


def _require_own(
    path: str, before: Manifest | None, manifest: Manifest, staged: Mapping[str, StagedFile]
) -> None:
    """Refuse to write among files of something else."""
    if before is None:
        if staged:
            raise UsageError(
                f"{path} holds {len(staged)} files that no push wrote, {min(staged)} among them: "
                "give a directory of its own."
            )
        return
    there, wanted = (f"{m.model} at {m.revision}" if m.revision else m.model for m in (before, manifest))
    if there != wanted:
        raise UsageError(f"{path} holds {there}, not {wanted}: --overwrite replaces it.")


def _same_files(
    source: Checkpoint, staged: Mapping[str, StagedFile], result: WeightsResult, on_progress: OnProgress
) -> dict[str, FileDigest]:
    """Find the files that need not be written, by size and then by hash."""
    candidates = {
        name: file
        for name, file in source.files.items()
        if name in staged and staged[name].sha256 and staged[name].size == source.sizes[name]
    }
    same: dict[str, FileDigest] = {}
    for name, digest in hash_local(candidates):
        if digest.sha256 == staged[name].sha256:
            same[name] = digest
            result.kept_files += 1
            result.kept_bytes += digest.size
            result.activity = f"{name} is there"
            on_progress(result)
    return same


def _write(
    client: Any,
    path: str,
    source: Checkpoint,
    manifest: Manifest,
    kept: Mapping[str, FileDigest],
    result: WeightsResult,
    on_progress: OnProgress,
) -> dict[str, FileDigest]:
    client.create("map_node", path, recursive=True, ignore_existing=True)
    client.set(f"{path}/@{ATTRIBUTE}", manifest.to_json())

    def advance(count: int) -> None:
        result.written_bytes += count
        on_progress(result)

    def say(activity: str) -> None:
        result.activity = activity
        on_progress(result)

    written = {}
    for name, file in source.files.items():
        if name not in kept:
            say(f"writing {name}")
            written[name] = write_file(client, file, path, name, on_bytes=advance, on_wait=say)
            result.written_files += 1
    return written


def _remove_old(client: Any, path: str, staged: Mapping[str, StagedFile], source: Checkpoint) -> None:
    """Remove files of an earlier push; what no push wrote stays."""
    for name, file in staged.items():
        if name not in source.files and file.sha256 is not None:
            client.remove(node_path(path, name), force=True)


@dataclass(frozen=True, kw_only=True)
class WeightsListing:
    """What a directory of the cluster holds of a checkpoint."""

    path: str
    manifest: Manifest
    files: Mapping[str, StagedFile]
    """What is there, by name."""
    problems: tuple[str, ...]
    """Why it cannot be used, one sentence each; empty if it can, as far as sizes tell."""

    @property
    def is_complete(self) -> bool:
        """The push ended, and every file has its size."""
        return not self.problems


def list_weights(path: str, *, proxy: str | None = None, client: Any = None) -> WeightsListing:
    """List a staged checkpoint: its files, its revision, and whether it is complete. Reads no content.

    Raises:
        UsageError: no checkpoint was pushed there.
    """
    client = client_for(client, proxy)
    manifest = read_manifest(client, path)
    files = staged_files(client, path)
    problems = [] if manifest.is_complete else ["the push did not end; the same command again goes on"]
    for name, wanted in manifest.files.items():
        if name not in files:
            problems.append(f"{name}: expected {wanted.size} bytes, it is not there")
        elif files[name].size != wanted.size:
            problems.append(f"{name}: expected {wanted.size} bytes, found {files[name].size}")
    return WeightsListing(path=path, manifest=manifest, files=files, problems=tuple(problems))


@dataclass(frozen=True, kw_only=True)
class WeightsCheck:
    """What reading a staged checkpoint back showed."""

    path: str
    model: str
    files: int
    bytes: int
    """Read."""
    problems: tuple[str, ...]
    """One sentence for each file that is not what was pushed."""

    def __str__(self) -> str:
        verdict = f"{len(self.problems)} differ" if self.problems else "all as pushed"
        return f"{self.files} files, {self.bytes / 1e6:.1f} MB of {self.model} in {self.path}: {verdict}"


def check_weights(
    path: str,
    *,
    proxy: str | None = None,
    client: Any = None,
    on_progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> WeightsCheck:
    """Read every file of a staged checkpoint back, streaming, and compare its hash with the manifest.

    Args:
        path: the directory of the cluster.
        proxy: the cluster; see ``connect``.
        client: a YT client to use instead, or the module ``yt.wrapper``.
        on_progress: called with the name of the file, and bytes read and to be read.

    Raises:
        UsageError: no checkpoint was pushed there.
    """
    client = client_for(client, proxy)
    listing = list_weights(path, client=client)
    manifest, problems = listing.manifest, list(listing.problems)
    done = 0
    for name, wanted in manifest.files.items():
        if name not in listing.files or listing.files[name].size != wanted.size:
            continue  # said by the listing
        start = done

        def advance(count: int, name: str = name) -> None:
            nonlocal done
            done += count
            on_progress(name, done, manifest.bytes)

        found = hash_remote(client, node_path(path, name), on_bytes=advance)
        if found.sha256 != wanted.sha256:
            problems.append(f"{name}: expected sha256 {wanted.sha256}, found {found.sha256}")
        done = start + wanted.size
    return WeightsCheck(
        path=path, model=manifest.model, files=len(manifest.files), bytes=done, problems=tuple(problems)
    )
