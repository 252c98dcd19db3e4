"""Videos out of a Hugging Face ``datasets`` data set, undecoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ytcurate.errors import UsageError
from ytcurate.sources.base import SourceVideo

_TITLE = "title"
"""The column whose text becomes the clips' title."""


def files_as_dataset(name: str, files: Sequence[Path]) -> DatasetSource:
    """Make a data set of video files; only their paths are held."""
    import datasets

    paths = [str(file) for file in files]
    features = datasets.Features({"video": datasets.Video(decode=False)})
    return DatasetSource(name, datasets.Dataset.from_dict({"video": paths}, features=features), "video")


class DatasetSource:
    """One column of a data set, streaming or not.

    Args:
        name: what the user called it.
        dataset: a ``datasets.Dataset`` or ``IterableDataset``.
        column: holds videos: of type Video, or paths, bytes, or both as ``{path, bytes}``.
    """

    def __init__(self, name: str, dataset: Any, column: str) -> None:
        import datasets

        self.name = name
        self._column = column
        try:
            wanted = [name for name in (column, _TITLE) if name == column or name in (dataset.features or {})]
            # Bytes or a path, as stored: decoding is ours to do, clip by clip.
            self._dataset = dataset.select_columns(wanted).cast_column(column, datasets.Video(decode=False))
        except (TypeError, ValueError, NotImplementedError) as error:
            raise UsageError(f'{name}: column "{column}" does not hold videos: {error}') from error

    @property
    def count(self) -> int | None:
        """Rows of the data set; None while streaming."""
        try:
            return len(self._dataset)
        except TypeError:
            return None

    def __iter__(self) -> Iterator[SourceVideo]:
        """Give the videos in the order of the data set."""
        for index, row in enumerate(self._dataset):
            title = row.get(_TITLE)
            yield _source_video(
                row[self._column],
                fallback=f"{self.name} row {index}",
                title=title if isinstance(title, str) else None,
            )


def _source_video(value: Any, *, fallback: str, title: str | None) -> SourceVideo:
    path, data = (value or {}).get("path"), (value or {}).get("bytes")
    name = path or fallback
    if data is not None:
        return SourceVideo(name, bytes(data), title)
    if path and "://" in path:
        import fsspec

        with fsspec.open(path, "rb") as file:
            return SourceVideo(name, file.read(), title)
    return SourceVideo(name, Path(path) if path else b"", title)
