"""Which model is meant by ``--model`` and ``--weights``, and how it reaches the jobs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ytcurate.config import MIB
from ytcurate.connection import client_for
from ytcurate.errors import UsageError
from ytcurate.models import hub
from ytcurate.models.checkpoint import check_checkpoint, select_files, weight_files
from ytcurate.models.manifest import Manifest, node_path, require_staged
from ytcurate.models.reference import SANDBOX_FOLDER, ModelReference
from ytcurate.operations.submit import CypressFile, ShippedFile

SHIPPED_MODEL_BYTES = 64 * MIB
"""A local checkpoint up to this size travels with the operation; a larger one must lie where jobs run."""
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
"""For a job that has all it needs: not one request to the hub, whose absence would then fail it."""


def find_model(
    model: str, *, weights: str | None = None, revision: str | None = None, client: Any = None
) -> ModelReference:
    """Find out what ``model`` is, and that jobs can use it. Nothing is downloaded or started.

    Args:
        model: a Hugging Face id (``owner/name``), the directory of a checkpoint, or a directory of the
            cluster (``//path``) to which ``push_weights`` put one. A local checkpoint up to 64 MiB travels
            with the operation; a larger one must lie under the same path on the machines of the jobs.
        weights: such a directory of the cluster, when ``model`` says what is in it.
        revision: commit, tag or branch of a model on the hub. It is resolved to a commit, if the hub can be
            reached.
        client: of the cluster; needed only for what lies there.

    Raises:
        UsageError: it is none of these, it is incomplete, or it does not take video.
    """
    if model.startswith("//"):
        if weights not in (None, model):
            raise UsageError(
                f"--model {model} and --weights {weights} name two directories: give one of them."
            )
        return _staged(model, None, revision, client_for(client, None))
    if weights is not None:
        return _staged(weights, model, revision, client_for(client, None))
    folder = Path(model).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise UsageError(f"--revision {revision} goes with a Hugging Face id; {model} is a directory.")
        return _local(model, folder.resolve())
    if not is_hub_id(model):
        raise UsageError(
            f"--model {model}: no such directory. Give the directory of a checkpoint, a Hugging Face id "
            "such as Qwen/Qwen2.5-VL-7B-Instruct, or a directory of the cluster (//path)."
        )
    return _on_hub(model, revision)


def is_hub_id(model: str) -> bool:
    """Say whether a text has the form ``owner/name`` and cannot be a path."""
    return not model.startswith((".", "/", "~")) and _HUB_ID.fullmatch(model) is not None


def local_files(folder: Path) -> dict[str, Path]:
    """Files of a local checkpoint by their relative names with ``/``; hidden ones are none of it."""
    files = {
        file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()
    }
    return {name: file for name, file in files.items() if not f"/{name}".count("/.")}


def _local(model: str, folder: Path) -> ModelReference:
    files = local_files(folder)

    def read(name: str) -> bytes:
        return files[name].read_bytes()

    check_checkpoint(files, read, f"--model {model}")
    weights = sum(files[name].stat().st_size for name in weight_files(files, read, f"--model {model}"))
    total = sum(file.stat().st_size for file in files.values())
    name, revision = hub.cached_snapshot(folder) or (folder.name, None)
    if total > SHIPPED_MODEL_BYTES:
        return ModelReference(
            name, str(folder), revision=revision, environment=_OFFLINE, bytes=0, weight_bytes=weights
        )
    return ModelReference(
        name,
        SANDBOX_FOLDER,
        files=tuple(ShippedFile(path, f"{SANDBOX_FOLDER}/{file}") for file, path in files.items()),
        revision=revision,
        environment=_OFFLINE,
        bytes=total,
        weight_bytes=weights,
    )


def _staged(path: str, model: str | None, revision: str | None, client: Any) -> ModelReference:
    manifest = require_staged(client, path)
    _require_same(path, manifest, model, revision)

    def read(name: str) -> bytes:
        return bytes(client.read_file(node_path(path, name)).read())

    check_checkpoint(manifest.files, read, path)
    weights = weight_files(manifest.files, read, path)
    return ModelReference(
        manifest.model,
        SANDBOX_FOLDER,
        cypress_files=tuple(
            CypressFile(node_path(path, name), f"{SANDBOX_FOLDER}/{name}") for name in sorted(manifest.files)
        ),
        revision=manifest.revision,
        environment=_OFFLINE,
        manifest=manifest.files,
        bytes=manifest.bytes,
        weight_bytes=sum(manifest.files[name].size for name in weights),
        weights=path,
    )


def _require_same(path: str, manifest: Manifest, model: str | None, revision: str | None) -> None:
    """Refuse weights of another model than the one that is asked for."""
    if model is not None and Path(model).name != Path(manifest.model).name:
        raise UsageError(f"--weights {path} holds {manifest.model}, --model says {model}.")
    if revision is not None and revision != manifest.revision:
        raise UsageError(
            f"--weights {path} holds revision {manifest.revision or 'of a local directory'}, "
            f"--revision says {revision}."
        )


def _on_hub(model: str, revision: str | None) -> ModelReference:
    found = hub.look_up(model, revision)
    sizes = found.sizes if found else {}
    needed, _ = select_files(sizes)
    # Anything that is not text: on the hub the index is not read, so copies in another layout count too.
    weights = [name for name in needed if name.endswith((".safetensors", ".bin", ".pt", ".pth"))]
    return ModelReference(
        model,
        model,
        revision=found.commit if found else revision,
        is_resolved=found is not None,
        environment=hub.hub_environment(),
        secrets=hub.hub_secrets(),
        bytes=sum(sizes[name] for name in needed) if found else None,
        weight_bytes=sum(sizes[name] for name in weights) or None,
    )
