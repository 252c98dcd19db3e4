"""Which model is meant by ``--model`` and ``--weights``, and how it reaches the jobs."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ytcurate.config import MIB
from ytcurate.connection import client_for
from ytcurate.errors import UsageError
from ytcurate.models import hub
from ytcurate.models.checkpoint import Reader, check_checkpoint, select_files
from ytcurate.models.manifest import Manifest, node_path, require_staged
from ytcurate.models.reference import SANDBOX_FOLDER, ModelReference
from ytcurate.operations.submit import CypressFile, ShippedFile

SHIPPED_MODEL_BYTES = 64 * MIB
"""A local checkpoint up to this size travels with the operation; a larger one must lie where jobs run."""
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
"""For a job that has all it needs: not one request to the hub, whose absence would then fail it."""


@dataclass(frozen=True, kw_only=True)
class ModelKind:
    """What differs between the models that jobs may need."""

    check: Callable[[Collection[str], Reader, str], list[str]]
    """Sees that a directory holds a whole checkpoint, and returns its files of weights, as
    ``check_checkpoint`` does."""
    folder: str
    """In the sandbox, where a checkpoint lies that travels with the operation."""
    example: str
    """A Hugging Face id for messages."""
    weight_suffixes: tuple[str, ...] = (".safetensors", ".bin", ".pt", ".pth")
    """Of files that count as weights on the hub: no index is read there, so copies in another layout count,
    too."""
    ships_all: bool = True
    """Of a local checkpoint; False: only what inference needs is shipped."""
    model: str = "--model"
    """How messages name the model that is asked for."""
    flag: str = "--"
    """In messages, before ``weights`` and ``revision``."""
    other_model: str = "--model says {}"
    """The end of a message: the weights are those of another model."""
    other_revision: str = "--revision says {}"
    """The end of a message: the weights are those of another revision."""


VIDEO_MODEL = ModelKind(check=check_checkpoint, folder=SANDBOX_FOLDER, example="Qwen/Qwen2.5-VL-7B-Instruct")
"""A model that describes video."""


def find_model(
    model: str,
    *,
    weights: str | None = None,
    revision: str | None = None,
    client: Any = None,
    kind: ModelKind = VIDEO_MODEL,
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
        kind: what the model is for.

    Raises:
        UsageError: it is none of these, it is incomplete, or it is not of that kind.
    """
    if model.startswith("//"):
        if weights not in (None, model):
            raise UsageError(
                f"{kind.model} {model} and {kind.flag}weights {weights} name two directories: "
                "give one of them."
            )
        return _staged(model, None, revision, client_for(client, None), kind)
    if weights is not None:
        return _staged(weights, model, revision, client_for(client, None), kind)
    folder = Path(model).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise UsageError(
                f"{kind.flag}revision {revision} goes with a Hugging Face id; {model} is a directory."
            )
        return _local(model, folder.resolve(), kind)
    if not is_hub_id(model):
        raise UsageError(
            f"{kind.model} {model}: no such directory. Give the directory of a checkpoint, a Hugging Face id "
            f"such as {kind.example}, or a directory of the cluster (//path)."
        )
    return _on_hub(model, revision, kind)


def is_hub_id(model: str) -> bool:
    """Say whether a text has the form ``owner/name`` and cannot be a path."""
    return not model.startswith((".", "/", "~")) and _HUB_ID.fullmatch(model) is not None


def local_files(folder: Path) -> dict[str, Path]:
    """Files of a local checkpoint by their relative names with ``/``; hidden ones are none of it."""
    files = {
        file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()
    }
    return {name: file for name, file in files.items() if not f"/{name}".count("/.")}


def _local(model: str, folder: Path, kind: ModelKind) -> ModelReference:
    every = local_files(folder)

    def read(name: str) -> bytes:
        return every[name].read_bytes()

    weights = kind.check(every, read, f"{kind.model} {model}")
    files = every if kind.ships_all else {name: every[name] for name in select_files(every, read)[0]}
    total = sum(file.stat().st_size for file in files.values())
    is_shipped = total <= SHIPPED_MODEL_BYTES
    name, revision = hub.cached_snapshot(folder) or (folder.name, None)
    shipped = (ShippedFile(path, f"{kind.folder}/{file}") for file, path in files.items())
    return ModelReference(
        name,
        kind.folder if is_shipped else str(folder),
        files=tuple(shipped) if is_shipped else (),
        revision=revision,
        environment=_OFFLINE,
        bytes=total if is_shipped else 0,
        weight_bytes=sum(every[name].stat().st_size for name in weights),
    )


def _staged(
    path: str, model: str | None, revision: str | None, client: Any, kind: ModelKind
) -> ModelReference:
    manifest = require_staged(client, path)
    _require_same(path, manifest, model, revision, kind)

    def read(name: str) -> bytes:
        return bytes(client.read_file(node_path(path, name)).read())

    weights = kind.check(manifest.files, read, path)
    return ModelReference(
        manifest.model,
        kind.folder,
        cypress_files=tuple(
            CypressFile(node_path(path, name), f"{kind.folder}/{name}") for name in sorted(manifest.files)
        ),
        revision=manifest.revision,
        environment=_OFFLINE,
        manifest=manifest.files,
        bytes=manifest.bytes,
        weight_bytes=sum(manifest.files[name].size for name in weights),
        weights=path,
    )


def _require_same(
    path: str, manifest: Manifest, model: str | None, revision: str | None, kind: ModelKind
) -> None:
    """Refuse weights of another model than the one that is asked for."""
    if model is not None and Path(model).name != Path(manifest.model).name:
        raise UsageError(
            f"{kind.flag}weights {path} holds {manifest.model}, {kind.other_model.format(model)}."
        )
    if revision is not None and revision != manifest.revision:
        raise UsageError(
            f"{kind.flag}weights {path} holds revision {manifest.revision or 'of a local directory'}, "
            f"{kind.other_revision.format(revision)}."
        )


def _on_hub(model: str, revision: str | None, kind: ModelKind) -> ModelReference:
    found = hub.look_up(model, revision)
    sizes = found.sizes if found else {}
    needed, _ = select_files(sizes)
    weights = [name for name in needed if name.endswith(kind.weight_suffixes)]
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
