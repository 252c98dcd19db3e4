"""The Hugging Face hub, asked from where work is submitted: commits, sizes, files, the user's token."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ytcurate.describers.weights import HUB_TOKEN
from ytcurate.errors import UsageError
from ytcurate.models.reference import Secrets

_TIMEOUT_S = 10.0
_ENDPOINT = "HF_ENDPOINT"
_CACHED = ("*.json", "*.jinja", "*.txt", "*.model", "*.tiktoken", "*.py", "*.safetensors")
_NOT_CACHED = ("onnx/*", "openvino/*", "original/*", "*.bin.index.json")
"""What a snapshot in the cache must hold to count as whole when nobody can say which files are needed."""


@dataclass(frozen=True)
class HubModel:
    """One commit of a model on the hub."""

    commit: str
    sizes: Mapping[str, int]
    """Bytes of each file by name."""


def cached_snapshot(folder: Path) -> tuple[str, str] | None:
    """Read the hub id and the commit off a directory of the hub's cache; None if it is another directory."""
    repository, kind, commit = [*("",) * 3, *folder.parts][-3:]
    if kind != "snapshots" or not repository.startswith("models--"):
        return None
    return repository.removeprefix("models--").replace("--", "/"), commit


def hub_secrets() -> Secrets:
    """The user's token, from ``HF_TOKEN`` or ``hf auth login``; empty if there is none."""
    token = _token()
    return Secrets({HUB_TOKEN: token} if token else {})


def hub_environment() -> dict[str, str]:
    """What a job must know to reach the same hub."""
    return {_ENDPOINT: os.environ[_ENDPOINT]} if os.environ.get(_ENDPOINT) else {}


def look_up(hub_id: str, revision: str | None) -> HubModel | None:
    """Ask the hub which commit a revision is and what it holds.

    Returns:
        None if the hub cannot be reached from here, or not now.

    Raises:
        UsageError: it answers that there is no such model or revision, or that the user may not see it.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        info = HfApi(token=_token()).model_info(
            hub_id, revision=revision, files_metadata=True, timeout=_TIMEOUT_S
        )
    except RevisionNotFoundError as error:
        raise UsageError(f"--revision {revision}: {hub_id} has no such commit, tag or branch.") from error
    except (GatedRepoError, RepositoryNotFoundError) as error:
        raise _closed(hub_id, isinstance(error, GatedRepoError)) from error
    except HFValidationError as error:
        raise UsageError(f"--model {hub_id}: not an id of the Hugging Face hub: {error}") from error
    except Exception:  # noqa: BLE001 - which library speaks HTTP changes with the hub's client; all mean the same
        return None
    if not info.sha:
        return None
    return HubModel(info.sha, {file.rfilename: int(file.size or 0) for file in info.siblings or ()})


def fetch_file(hub_id: str, name: str, revision: str | None) -> bytes:
    """Download one small file, or take it from the hub's cache on this machine."""
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(hub_id, name, revision=revision, token=_token())).read_bytes()


def download(hub_id: str, revision: str | None, names: list[str] | None) -> Path:
    """Download files of a model, or take them from the hub's cache on this machine.

    Args:
        hub_id: of the model.
        revision: a commit, tag or branch.
        names: of the files. None: whatever the cache has of that revision; nothing is downloaded.

    Returns:
        The folder of the snapshot; its name is the commit.

    Raises:
        UsageError: they cannot be had.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    is_away = names is None
    patterns = list(_CACHED) if names is None else [glob.escape(name) for name in names]
    try:
        folder = snapshot_download(
            hub_id,
            revision=revision,
            allow_patterns=patterns,
            ignore_patterns=list(_NOT_CACHED) if is_away else None,
            local_files_only=is_away,
            token=_token(),
        )
    except (GatedRepoError, RepositoryNotFoundError) as error:
        raise _closed(hub_id, isinstance(error, GatedRepoError)) from error
    except Exception as error:
        what = f"all of revision {revision or 'main'}"
        if is_away:
            why = f"the hub cannot be reached, and its cache on this machine does not hold {what}"
            hint = "Download it where the hub can be reached, and give the directory."
        else:
            why = f"{what} cannot be downloaded ({type(error).__name__})"
            hint = "Run it again: what was downloaded is kept."
        raise UsageError(f"--model {hub_id}: {why}. {hint}") from error
    return Path(folder)


def _token() -> str | None:
    from huggingface_hub import get_token

    return get_token()


def _closed(hub_id: str, is_gated: bool) -> UsageError:
    if is_gated:
        return UsageError(
            f"--model {hub_id}: its owner gives access on request. Ask for it on the model's page, then set "
            "HF_TOKEN or run `hf auth login`."
        )
    return UsageError(
        f"--model {hub_id}: the hub has no such model, or it is private and your token does not open it. "
        "Check the spelling; HF_TOKEN or `hf auth login` give a token."
    )
