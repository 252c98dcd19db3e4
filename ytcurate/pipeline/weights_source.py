"""The checkpoint that is pushed: a local directory, or a model of the hub downloaded to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ytcurate.errors import UsageError
from ytcurate.models import hub
from ytcurate.models.checkpoint import read_config, select_files, weight_files
from ytcurate.models.find import is_hub_id, local_files

LARGEST_FILE_BYTES = 10 * 10**9
"""The most a file in ``file_paths`` of a job may have (YTsaurus documentation, "Files")."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Files to push."""

    name: str
    """A hub id, or the name of the directory."""
    hub_id: str | None
    revision: str | None
    """Commit on the hub; None for a local directory."""
    files: Mapping[str, Path]
    """By relative name with ``/``."""
    left_out: Sequence[str]

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of each file."""
        return {name: file.stat().st_size for name, file in self.files.items()}


def find_checkpoint(model: str, revision: str | None) -> Checkpoint:
    """Find the checkpoint that ``model`` names; one on the hub is downloaded.

    Raises:
        UsageError: there is none, it is not whole, or one of its files is too large for a job.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise UsageError(f"--revision {revision} goes with a Hugging Face id; {model} is a directory.")
        folder = folder.resolve()
        hub_id, commit = hub.cached_snapshot(folder) or (None, None)
        return _whole(model, hub_id or folder.name, hub_id, commit, local_files(folder), ())
    if not is_hub_id(model):
        raise UsageError(
            f"{model}: no such directory. Give the directory of a checkpoint, or a Hugging Face id such as "
            "Qwen/Qwen2.5-VL-7B-Instruct."
        )
    return _from_hub(model, revision)


def _from_hub(hub_id: str, revision: str | None) -> Checkpoint:
    found = hub.look_up(hub_id, revision)
    if found is None:
        folder = hub.download(hub_id, revision, None)
        return _whole(hub_id, hub_id, hub_id, folder.name, local_files(folder), ())
    commit = found.commit

    def read(name: str) -> bytes:
        return hub.fetch_file(hub_id, name, commit)

    chosen, left_out = select_files(found.sizes, read)
    _require_sizes(hub_id, {name: found.sizes[name] for name in chosen})  # before anything is downloaded
    folder = hub.download(hub_id, commit, chosen)
    files = {name: path for name, path in local_files(folder).items() if name in set(chosen)}
    return _whole(hub_id, hub_id, hub_id, commit, files, left_out)


def _whole(
    model: str,
    name: str,
    hub_id: str | None,
    revision: str | None,
    files: Mapping[str, Path],
    left_out: Sequence[str],
) -> Checkpoint:
    """Choose what inference needs, and see that it is whole and not too large."""

    def read(file: str) -> bytes:
        return files[file].read_bytes()

    read_config(files, read, model)
    chosen, others = select_files(files, read)
    weight_files(chosen, read, model)
    checkpoint = Checkpoint(
        name=name,
        hub_id=hub_id,
        revision=revision,
        files={file: files[file] for file in chosen},
        left_out=sorted({*others, *left_out}),
    )
    _require_sizes(model, checkpoint.sizes)
    return checkpoint


def _require_sizes(model: str, sizes: Mapping[str, int]) -> None:
    for name, size in sizes.items():
        if size > LARGEST_FILE_BYTES:
            raise UsageError(
                f"{model}: {name} has {size / 1e9:.1f} GB; a job takes files up to "
                f"{LARGEST_FILE_BYTES / 1e9:.0f} GB. "
                'Save the checkpoint in smaller shards: model.save_pretrained(folder, max_shard_size="5GB").'
            )
