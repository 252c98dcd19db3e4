"""Which model is meant by ``--model``, and how it reaches the jobs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ytcurate.config import MIB
from ytcurate.errors import UsageError
from ytcurate.operations.submit import ShippedFile

SHIPPED_MODEL_BYTES = 64 * MIB
"""A local checkpoint up to this size travels with the operation; a larger one must lie where jobs run."""
_SANDBOX_FOLDER = "model"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+$")


@dataclass(frozen=True)
class ModelReference:
    """A model as jobs find it."""

    name: str
    """What rows and reports call it."""
    job_path: str
    """A hub id, a directory on the job's machine, or one in its sandbox."""
    files: tuple[ShippedFile, ...] = ()
    """What must be put into the sandbox for that."""


def find_model(model: str) -> ModelReference:
    """Find out what ``model`` is.

    Args:
        model: a Hugging Face id (``owner/name``), or the directory of a checkpoint.

    Raises:
        UsageError: it is neither.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return _local(model, folder.resolve())
    if model.startswith((".", "/", "~")) or not _HUB_ID.match(model):
        raise UsageError(
            f"--model {model}: no such directory. Give the directory of a checkpoint, or a Hugging Face id "
            "such as Qwen/Qwen2.5-VL-7B-Instruct."
        )
    return ModelReference(model, model)


def _local(model: str, folder: Path) -> ModelReference:
    if not (folder / "config.json").is_file():
        raise UsageError(f"--model {model}: this directory holds no checkpoint, it has no config.json.")
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    if sum(file.stat().st_size for file in files) > SHIPPED_MODEL_BYTES:
        return ModelReference(folder.name, str(folder))
    shipped = tuple(ShippedFile(f, f"{_SANDBOX_FOLDER}/{f.relative_to(folder).as_posix()}") for f in files)
    return ModelReference(folder.name, _SANDBOX_FOLDER, shipped)
