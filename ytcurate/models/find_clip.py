"""Which CLIP checkpoint is meant, and how it reaches the jobs that embed: ``find_model`` for embedders."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ytcurate.errors import UsageError
from ytcurate.models.checkpoint import Reader, read_config, weight_files
from ytcurate.models.find import ModelKind, find_model
from ytcurate.models.reference import SANDBOX_FOLDER, ModelReference

DEFAULT_CLIP = "openai/clip-vit-base-patch32"
CLIP_FOLDER = f"{SANDBOX_FOLDER}-clip"
"""In the sandbox: not that of another model, which the same job may have, too."""
_PREPROCESSING = ("preprocessor_config.json", "processor_config.json")


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
    return find_model(model, weights=weights, revision=revision, client=client, kind=_CLIP)


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


_CLIP = ModelKind(
    check=check_clip,
    folder=CLIP_FOLDER,
    example=DEFAULT_CLIP,
    weight_suffixes=(".safetensors", ".bin"),
    # On the hub a CLIP has its weights in up to four formats; one is needed.
    ships_all=False,
    model="CLIP",
    flag="",
    other_model="not the CLIP {} that is asked for",
    other_revision="not {}",
)
