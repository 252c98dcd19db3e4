"""What a user names → a Source."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ytcurate.errors import UsageError
from ytcurate.sources.base import Source
from ytcurate.sources.huggingface import DatasetSource, files_as_dataset

VIDEO_SUFFIXES = frozenset(
    ".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .webm .wmv".split()
)
"""Files of a folder that are taken for videos. A file named by itself is always taken for one."""

_HUB = re.compile(r"hf://(?:datasets/)?(?P<id>[^/#]+/[^/#]+)(?:/(?P<split>[^/#]+))?(?:#(?P<column>.+))?$")
_TABLE_SUFFIXES = (".parquet", ".arrow", ".json", ".jsonl", ".csv", ".tar")


def find_source(name: str) -> Source:
    """Find out what ``name`` is.

    Args:
        name: a video file; a folder of videos, searched with its subfolders; a local data set (saved by
            ``save_to_disk``, or a folder of Parquet, Arrow, JSON, CSV or WebDataset files), with
            ``#column`` behind it where the column must be named; or ``hf://owner/dataset[/split][#column]``.

    Raises:
        UsageError: there is nothing of that name, no video in the folder, or no video column.
    """
    if name.startswith("hf://"):
        match = _HUB.match(name)
        if match is None:
            raise UsageError(f"{name}: a hub data set is written hf://owner/dataset[/split][#column].")
        return _open_dataset(name, match["id"], split=match["split"] or "train", column=match["column"])
    path = Path(name).expanduser()
    column = None
    if not path.exists() and "#" in name:
        bare, _, column = name.rpartition("#")
        path = Path(bare).expanduser()
    if path.is_file():
        return files_as_dataset(name, [path])
    if not path.is_dir():
        raise UsageError(
            f"{name}: no such file or folder. A data set on the hub is written hf://owner/dataset."
        )
    if (path / "dataset_info.json").is_file() or (path / "dataset_dict.json").is_file():
        return _open_saved(name, path, column)
    videos = sorted(
        file for file in path.rglob("*") if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file()
    )
    if videos and column is None:
        return files_as_dataset(name, videos)
    if any(file.suffix in _TABLE_SUFFIXES for file in path.rglob("*")):
        return _open_dataset(name, str(path), split="train", column=column)
    raise UsageError(
        f"{name}: this folder holds no videos ({', '.join(sorted(VIDEO_SUFFIXES))}) and no data set."
    )


def _open_dataset(name: str, path: str, *, split: str, column: str | None) -> Source:
    import datasets

    try:
        found = datasets.load_dataset(path, split=split, streaming=True)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise UsageError(f"{name}: the data set cannot be opened: {_first_line(error)}") from error
    return _with_video_column(name, found, column)


def _open_saved(name: str, path: Path, column: str | None) -> Source:
    import datasets

    try:
        found = datasets.load_from_disk(str(path))
    except (OSError, ValueError) as error:
        raise UsageError(f"{name}: the data set cannot be opened: {_first_line(error)}") from error
    if isinstance(found, datasets.DatasetDict):
        split = "train" if "train" in found else next(iter(found))
        found = found[split]
    return _with_video_column(name, found, column)


def _with_video_column(name: str, dataset: Any, column: str | None) -> Source:
    """Pick the video column: the one named, else the only one of type Video."""
    import datasets

    features = dataset.features or {}
    videos = [key for key, feature in features.items() if isinstance(feature, datasets.Video)]
    if column is not None and features and column not in features:
        raise UsageError(f'{name}: there is no column "{column}"; there are {", ".join(features)}.')
    if column is None and len(videos) != 1:
        found = f"{len(videos)} video columns ({', '.join(videos)})" if videos else "no video column"
        raise UsageError(
            f"{name}: this data set has {found}; its columns are {', '.join(features) or 'unknown'}. "
            "Name the column that holds the videos: SOURCE#column."
        )
    return DatasetSource(name, dataset, column or videos[0])


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
