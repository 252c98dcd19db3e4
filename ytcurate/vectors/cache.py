"""The disk cache of vectors: one folder per table, with the vectors of one version of it.

Under ``$XDG_CACHE_HOME/ytcurate/vectors`` (``~/.cache/...`` without): a folder per cluster and table, in it
one folder per version, in that ``matrix.npy``, ``keys.npz`` and ``about.json``. A version is written beside
under a temporary name and then renamed, so that it is whole or not there. Nothing in it is needed: removing
it costs the next reading.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ytcurate.config import GIB

if TYPE_CHECKING:
    import numpy as np

_ABOUT, _MATRIX, _KEYS = "about.json", "matrix.npy", "keys.npz"
_TEMPORARY = ".tmp"
_MOST_BYTES = 20 * GIB
"""Of all tables; when more is written, those go that were not used for longest."""
_ABANDONED_AFTER_S = 24 * 3600.0


@dataclass(frozen=True)
class Version:
    """What a table held when it was read."""

    cluster: str
    """Its URL."""
    table_id: str
    revision: int
    """``@content_revision``: it changes with the rows."""


@dataclass(frozen=True)
class Stored:
    """A version as it lies in the cache."""

    matrix: np.ndarray
    """float32, memory-mapped, read only."""
    keys: Mapping[str, np.ndarray]
    about: Mapping[str, Any]


def default_folder() -> Path:
    """Where vectors are kept unless told otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ytcurate" / "vectors"


def find(folder: Path, version: Version, columns: Sequence[str]) -> Stored | None:
    """Open a version, if it is there with these further columns."""
    import numpy as np

    for place in _table_folder(folder, version).glob(f"{version.revision:x}-*"):
        # Another process may remove it at any moment; a file that is mapped stays readable.
        with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            if place.name.endswith(_TEMPORARY):
                continue
            about = json.loads((place / _ABOUT).read_text())
            if about["version"] != asdict(version) or not set(columns) <= set(about["columns"]):
                continue
            matrix = np.load(place / _MATRIX, mmap_mode="r") if about["rows"] else _no_vectors()
            with np.load(place / _KEYS) as archive:
                keys = dict(archive)
            os.utime(place)
            return Stored(matrix, keys, about)
    return None


class Writer:
    """Writes one version: vectors as they come, then all else, and only then it is there.

    A context manager; what was not finished is removed when it ends.

    Args:
        folder: of the whole cache.
        version: of the table.
        rows: of vectors, at most.
    """

    def __init__(self, folder: Path, version: Version, rows: int) -> None:
        self._folder = folder
        self._version = version
        self._most_rows = rows
        self._rows = 0
        self._dimension = 0
        name = f"{version.revision:x}-{uuid.uuid4().hex}"
        self._place = _table_folder(folder, version) / name
        self._temporary = self._place.with_name(name + _TEMPORARY)

    def __enter__(self) -> Writer:
        self._temporary.mkdir(parents=True)
        self._file = (self._temporary / _MATRIX).open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        shutil.rmtree(self._temporary, ignore_errors=True)

    def write(self, vectors: np.ndarray) -> None:
        """Append vectors, float32, all of one dimension."""
        if not self._rows:
            self._dimension = vectors.shape[1]
            self._write_header(self._most_rows)
        self._file.write(vectors.data if vectors.flags.c_contiguous else vectors.tobytes())
        self._rows += len(vectors)

    def finish(self, keys: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
        """Put the version in its place, and remove what it replaces.

        Args:
            keys: arrays of one value per vector.
            about: what else to remember; ``columns`` must be there.
        """
        import numpy as np

        if self._rows:
            # NumPy leaves room in the header for a longer number of rows, so its size stays.
            self._file.seek(0)
            self._write_header(self._rows)
        self._file.close()
        arrays: dict[str, Any] = dict(keys)
        np.savez(self._temporary / _KEYS, **arrays)
        complete = {**about, "version": asdict(self._version), "rows": self._rows}
        (self._temporary / _ABOUT).write_text(json.dumps(complete))
        self._temporary.rename(self._place)
        _remove_others(self._place)
        _make_room(self._folder, keep=self._place)

    def _write_header(self, rows: int) -> None:
        import numpy as np

        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, self._dimension)}
        np.lib.format.write_array_header_1_0(self._file, header)  # type: ignore[no-untyped-call]


def _table_folder(folder: Path, version: Version) -> Path:
    name = f"{version.cluster}\n{version.table_id}"
    return folder / hashlib.sha256(name.encode()).hexdigest()[:32]


def _remove_others(place: Path) -> None:
    for other in place.parent.iterdir():
        if other == place:
            continue
        if other.name.endswith(_TEMPORARY) and _age_s(other) < _ABANDONED_AFTER_S:
            continue  # another process writes it
        shutil.rmtree(other, ignore_errors=True)


def _make_room(folder: Path, keep: Path) -> None:
    places = sorted(folder.glob("*/*"), key=_age_s)
    total = 0
    for place in places:
        total += sum(_size(file) for file in place.glob("*"))
        if total > _MOST_BYTES and place != keep and not place.name.endswith(_TEMPORARY):
            shutil.rmtree(place, ignore_errors=True)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _age_s(place: Path) -> float:
    try:
        return time.time() - place.stat().st_mtime
    except OSError:
        return 0.0


def _no_vectors() -> np.ndarray:
    import numpy as np

    return np.empty((0, 0), np.float32)
