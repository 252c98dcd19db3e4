"""A checkpoint inside a job: prove that its files are the ones meant, and take the hub's token.

Only what must be imported where mappers run; how files get there is the affair of ``models``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ytcurate.describers.vault import HUB_TOKEN as HUB_TOKEN
from ytcurate.describers.vault import take_from_vault
from ytcurate.errors import EngineUnavailable

_HASH_THREADS = 8
"""Hashing leaves the interpreter's lock; more threads than this wait for the disk."""


@dataclass(frozen=True)
class FileDigest:
    """What one file of a checkpoint must be."""

    size: int
    """Bytes."""
    sha256: str
    """Of the whole file, hexadecimal."""


def digest_file(path: Path) -> FileDigest:
    """Read a file once, in pieces, and return what it is."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return FileDigest(file.tell(), digest.hexdigest())


def verify_files(folder: str | Path, manifest: Mapping[str, FileDigest]) -> None:
    """Make sure that every file of a checkpoint lies in ``folder`` and is what the manifest says.

    Sizes are compared first, so that a file cut short costs no reading; then files are hashed side by side.

    Args:
        folder: the checkpoint; a relative path is one of the working directory.
        manifest: names below ``folder``, with ``/``, and what each must be. Other files do not matter.

    Raises:
        EngineUnavailable: a file is missing or differs; the message names the first in order of name.
    """
    names = sorted(manifest)
    for name in names:
        path = Path(folder, name)
        if not path.is_file():
            raise _differs(folder, name, _size(manifest[name].size), "no such file")
        if (found := path.stat().st_size) != manifest[name].size:
            raise _differs(folder, name, _size(manifest[name].size), _size(found))
    threads = max(1, min(_HASH_THREADS, os.cpu_count() or 1, len(names)))
    with ThreadPoolExecutor(threads, thread_name_prefix="verify") as pool:
        digests = [pool.submit(digest_file, Path(folder, name)) for name in names]
        try:
            for name, digest in zip(names, digests, strict=True):
                wanted, hashed = manifest[name].sha256, digest.result().sha256
                if hashed != wanted:
                    raise _differs(folder, name, f"sha256 {wanted}", hashed)
        finally:
            pool.shutdown(cancel_futures=True)


def take_token_from_vault() -> bool:
    """Let the Hugging Face libraries of this process use the token that came; see ``take_from_vault``."""
    return take_from_vault(HUB_TOKEN)


def _differs(folder: str | Path, name: str, wanted: str, found: str) -> EngineUnavailable:
    return EngineUnavailable(
        f"model {folder}: {name} is not what was pushed: expected {wanted}, found {found}. "
        "Push the checkpoint again (`ytcurate weights push`)."
    )


def _size(count: int) -> str:
    return f"{count} bytes"
