"""Which CLIP checkpoint is meant, and how it reaches the jobs that embed: ``find_model`` for embedders."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ytcurate.connection import client_for
from ytcurate.errors import UsageError
from ytcurate.models import hub
from ytcurate.models.checkpoint import Reader, read_config, select_files, weight_files
from ytcurate.models.find import SHIPPED_MODEL_BYTES, is_hub_id, local_files
from ytcurate.models.manifest import node_path, require_staged
from ytcurate.models.reference import SANDBOX_FOLDER, ModelReference
from ytcurate.operations.submit import CypressFile, ShippedFile

DEFAULT_CLIP = "openai/clip-vit-base-patch32"
CLIP_FOLDER = f"{SANDBOX_FOLDER}-clip"
"""In the sandbox: not that of another model, which the same job may have, too."""
_PREPROCESSING = ("preprocessor_config.json", "processor_config.json")
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def find_clip(
    model: str = DEFAULT_CLIP, *, weights: str | None = None, revision: str | None = None, client: Any = None
) -> ModelReference:
    """Find out what ``model`` is, and that jobs can embed with it. Nothing is downloaded or started.

    Args:
        model: a Hugging Face id (``owner/name``), the directory of a checkpoint, or a directory of the
            cluster (``//path``) to which ``push_weights`` put one. A local checkpoint of which inference
            needs up to 64 MiB travels with the operation; a larger one must lie under the same path on the
            machines of the jobs.
        weights: such a directory of the cluster, when ``model`` says what is in it.
        revision: commit, tag or branch of a model on the hub. It is resolved to a commit, if the hub can be
            reached.
        client: of the cluster; needed only for what lies there.

    Raises:
        UsageError: it is none of these, it is incomplete, or it is not CLIP.
    """
    if model.startswith("//"):
        if weights not in (None, model):
            raise UsageError(f"CLIP {model} and weights {weights} name two directories: give one of them.")
        return _staged(model, None, revision, client_for(client, None))
    if weights is not None:
        return _staged(weights, model, revision, client_for(client, None))
    folder = Path(model).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise UsageError(f"revision {revision} goes with a Hugging Face id; {model} is a directory.")
        return _local(model, folder.resolve())
    if not is_hub_id(model):
        raise UsageError(
            f"CLIP {model}: no such directory. Give the directory of a checkpoint, a Hugging Face id such as "
            f"{DEFAULT_CLIP}, or a directory of the cluster (//path)."
        )
    return _on_hub(model, revision)


def check_clip(names: Collection[str], read: Reader, what: str) -> list[str]:
    """See that a directory holds a whole CLIP checkpoint.

    Args:
        names: of its files, relative.
        read: returns one of them.
        what: how messages name the checkpoint.

    Returns:
        The files that hold the weights.

    Raises:
        UsageError: something is missing or of the wrong kind; the message says what.
    """
    kind = read_config(names, read, what).get("model_type")
    if kind != "clip":
        raise UsageError(
            f"{what}: its config.json says model_type {kind!r}; embeddings take clip, such as {DEFAULT_CLIP}."
        )
    if not any(name in names for name in _PREPROCESSING):
        raise UsageError(f"{what}: it has no {_PREPROCESSING[0]}. Take it from the model's page.")
    return weight_files(names, read, what)


def _local(model: str, folder: Path) -> ModelReference:
    every = local_files(folder)

    def read(name: str) -> bytes:
        return every[name].read_bytes()

    weights = check_clip(every, read, f"CLIP {model}")
    # On the hub a CLIP has its weights in up to four formats; one is needed.
    files = {name: every[name] for name in select_files(every, read)[0]}
    total = _sum({name: file.stat().st_size for name, file in files.items()}, files)
    name, revision = hub.cached_snapshot(folder) or (folder.name, None)
    is_shipped = total <= SHIPPED_MODEL_BYTES
    return ModelReference(
        name,
        CLIP_FOLDER if is_shipped else str(folder),
        files=tuple(ShippedFile(path, f"{CLIP_FOLDER}/{file}") for file, path in files.items())
        if is_shipped
        else (),
        revision=revision,
        environment=_OFFLINE,
        bytes=total if is_shipped else 0,
        weight_bytes=sum(every[name].stat().st_size for name in weights),
    )


def _staged(path: str, model: str | None, revision: str | None, client: Any) -> ModelReference:
    manifest = require_staged(client, path)
    if model is not None and Path(model).name != Path(manifest.model).name:
        raise UsageError(f"weights {path} holds {manifest.model}, not the CLIP {model} that is asked for.")
    if revision is not None and revision != manifest.revision:
        raise UsageError(
            f"weights {path} holds revision {manifest.revision or 'of a local directory'}, not {revision}."
        )

    def read(name: str) -> bytes:
        return bytes(client.read_file(node_path(path, name)).read())

    weights = check_clip(manifest.files, read, path)
    return ModelReference(
        manifest.model,
        CLIP_FOLDER,
        cypress_files=tuple(
            CypressFile(node_path(path, name), f"{CLIP_FOLDER}/{name}") for name in sorted(manifest.files)
        ),
        revision=manifest.revision,
        environment=_OFFLINE,
        manifest=manifest.files,
        bytes=manifest.bytes,
        weight_bytes=sum(manifest.files[name].size for name in weights),
        weights=path,
    )


def _on_hub(model: str, revision: str | None) -> ModelReference:
    found = hub.look_up(model, revision)
    sizes = found.sizes if found else {}
    needed, _ = select_files(sizes)
    return ModelReference(
        model,
        model,
        revision=found.commit if found else revision,
        is_resolved=found is not None,
        environment=hub.hub_environment(),
        secrets=hub.hub_secrets(),
        bytes=_sum(sizes, needed) if found else None,
        weight_bytes=_sum(sizes, (name for name in needed if name.endswith((".safetensors", ".bin"))))
        or None,
    )


def _sum(sizes: Mapping[str, int], names: Any) -> int:
    return sum(sizes[name] for name in names)
