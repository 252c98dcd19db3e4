"""Data sets of Hugging Face, on the hub and in folders: found and split by ``datasets``, read undecoded.

Parquet, CSV and JSON files are then read by ``ParquetTable`` and ``ListTable``, a row at a time; the other
sorts (WebDataset, VideoFolder, Arrow) by ``datasets`` itself, streaming.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.sources.addresses import VIDEO_SUFFIXES, first_line, suffix_of
from ytcurate.sources.base import Source
from ytcurate.sources.columns import Kind, kind_of_arrow
from ytcurate.sources.download_fsspec import reading_errors
from ytcurate.sources.files import FileSource
from ytcurate.sources.lists import LIST_SUFFIXES, ListTable
from ytcurate.sources.options import SourceOptions
from ytcurate.sources.parquet import ParquetTable
from ytcurate.sources.places import LocalPlace, Place, RepositoryPlace
from ytcurate.sources.tables import Row, Table, source_of_table

_HUB = re.compile(
    r"hf://(?:datasets/)?(?P<id>[^/#@]+/[^/#@]+)(?:@(?P<revision>[^/#]+))?"
    r"(?:/(?P<config>[^/#]+)(?=/))?(?:/(?P<split>[^/#]+))?(?:#(?P<column>.+))?$"
)
TABLE_SUFFIXES = frozenset({".parquet", ".arrow", ".tar", *LIST_SUFFIXES} - {".txt"})
_ROOT = re.compile(r"hf://datasets/[^/]+/[^/@]+(@[^/]+)?")


def open_hub(name: str, options: SourceOptions) -> Source:
    """Open ``hf://owner/dataset[@revision][/[config/]split][#column]``.

    Raises:
        UsageError: it is not there or not readable, or holds no videos.
    """
    match = _HUB.match(name)
    if match is None:
        raise UsageError(f"{name}: a hub data set is written hf://owner/dataset[/split][#column].")
    builder = _find_builder(name, match["id"], config=match["config"], revision=match["revision"])
    files = [file for each in (builder.config.data_files or {}).values() for file in each] if builder else []
    root = _ROOT.match(files[0]) if files else None
    revision = f"@{match['revision']}" if match["revision"] else ""
    place = RepositoryPlace(root[0] if root else f"hf://datasets/{match['id']}{revision}", options.download)
    found = _open_built(name, builder, place, options, split=match["split"], column=match["column"])
    if found is not None:
        return found
    videos = [(file, size) for file, size in place.files.items() if suffix_of(file) in VIDEO_SUFFIXES]
    if not videos or match["column"] is not None:
        raise UsageError(f"{name}: this data set holds no videos and no table with videos.")
    return FileSource(name, sorted(videos), options)


def open_folder(
    name: str, folder: Path, others: Sequence[str], options: SourceOptions, *, column: str | None
) -> Source:
    """Open a folder of data files.

    Args:
        name: what the user called it.
        folder: of the files.
        others: its files that are no videos.
        options: which rows and columns to take.
        column: that holds the videos, or names those beside the table.

    Raises:
        UsageError: it is not readable, or holds no videos.
    """
    if any(
        Path(file).name in ("dataset_info.json", "dataset_dict.json") for file in _directly(folder, others)
    ):
        return _open_saved(name, folder, options, column)
    place = LocalPlace(folder, options.download)
    builder = _find_builder(name, str(folder))
    found = _open_built(name, builder, place, options, split=None, column=column, others=others)
    if found is None:
        raise UsageError(f"{name}: this folder holds no data set with videos.")
    return found


def open_data_file(name: str, file: Path, options: SourceOptions, *, column: str | None) -> Source:
    """Open one ``.tar`` (WebDataset) or ``.arrow`` file.

    Raises:
        UsageError: it is not readable, or holds no videos.
    """
    import datasets

    sort = "webdataset" if file.suffix == ".tar" else "arrow"
    try:
        builder = datasets.load_dataset_builder(sort, data_files=str(file))
    except reading_errors() as error:
        raise _cannot_open(name, error) from error
    place = LocalPlace(file.parent, options.download)
    found = _open_built(name, builder, place, options, split=None, column=column)
    assert found is not None
    return found


def _directly(folder: Path, files: Sequence[str]) -> Iterator[str]:
    return (file for file in files if Path(file).parent == folder)


def _find_builder(name: str, path: str, *, config: str | None = None, revision: str | None = None) -> Any:
    """Let ``datasets`` find out what is there; None if it knows no file of it."""
    import datasets

    try:
        return datasets.load_dataset_builder(path, config, revision=revision)
    except (datasets.exceptions.DataFilesNotFoundError, datasets.data_files.EmptyDatasetError):
        return None
    except reading_errors() as error:
        raise _cannot_open(name, error) from error


def _cannot_open(name: str, error: Exception) -> UsageError:
    # Errors of the hub's client may quote what was asked, but never the token, which is in a header.
    lines = str(error).splitlines()
    if "Config name is missing" in str(error) and len(lines) > 1:
        configs = lines[1].rpartition(": ")[2]
        return UsageError(
            f"{name}: this data set has several parts: {configs}. Write OWNER/DATASET/PART/SPLIT."
        )
    hint = " A private or gated one needs your token in HF_TOKEN." if name.startswith("hf://") else ""
    return UsageError(f"{name}: the data set cannot be opened: {first_line(error)}.{hint}")


def _open_built(
    name: str,
    builder: Any,
    place: Place,
    options: SourceOptions,
    *,
    split: str | None,
    column: str | None,
    others: Sequence[str] | None = None,
) -> Source | None:
    """Choose who reads the files that a builder found; None if they are of no sort that holds videos."""
    sort = type(builder).__module__.rpartition(".")[2] if builder is not None else ""
    table: Table
    if sort in ("parquet", "csv", "json"):
        split = _pick_split(name, list(builder.config.data_files), split)
        files = [str(file) for file in builder.config.data_files[split]]
        table = _parquet_table(builder, files, split) if sort == "parquet" else ListTable(files)
        return source_of_table(name, table, place, options, column=column)
    if sort in ("webdataset", "videofolder", "arrow"):
        split = _pick_split(name, list(builder.config.data_files), split)
        if hasattr(builder.config, "decode_num_threads"):
            builder.config.decode_num_threads = (
                0  # else it decodes files of the hub, whatever they are cast to
            )
        try:
            table = DatasetTable(
                name, builder.as_streaming_dataset(split), is_webdataset=sort == "webdataset"
            )
        except reading_errors() as error:
            raise _cannot_open(name, error) from error
        if column is None or column in table.columns:
            return source_of_table(name, table, place, options, column=column)
    if column is None:
        return None
    # A table beside the videos, which is taken for none of theirs unless it is called metadata.
    listed = others if others is not None else getattr(place, "files", ())
    beside = _tables_with(column, listed)
    if not beside and sort:
        raise UsageError(f'{name}: there is no column "{column}", and no table beside the videos has one.')
    return source_of_table(name, beside[0], place, options, column=column) if beside else None


def _tables_with(column: str, files: Sequence[str] | Mapping[str, Any]) -> list[Table]:
    """Read the tables that have a column: all of one sort as one table."""
    sorts: dict[str, list[str]] = {}
    for file in sorted(files):
        suffix = suffix_of(file)
        if suffix != ".parquet" and suffix not in LIST_SUFFIXES - {".txt"}:
            continue
        table = ParquetTable([file]) if suffix == ".parquet" else ListTable([file])
        if column in table.columns:
            sorts.setdefault(suffix, []).append(file)
    return [ParquetTable(them) if sort == ".parquet" else ListTable(them) for sort, them in sorts.items()]


def _pick_split(name: str, splits: Sequence[Any], asked: str | None) -> str:
    names = [str(split) for split in splits]
    if asked is None and "train" not in names and len(names) == 1:
        return names[0]
    wanted = asked or "train"
    if wanted not in names:
        raise UsageError(f'{name}: there is no split "{wanted}"; there are {", ".join(names)}.')
    return wanted


def _parquet_table(builder: Any, files: Sequence[str], split: str) -> ParquetTable:
    info = builder.info
    counted = (info.splits or {}).get(split)
    table = ParquetTable(files, count=counted.num_examples if counted is not None else None)
    if not info.features:
        return table
    # What the data set's card says of a column counts more than what its files say.
    noted = {key: kind_of_feature(feature) for key, feature in info.features.items()}
    telling = {key: kind for key, kind in noted.items() if kind.holds in ("video", "media") or kind.labels}
    kinds = {key: telling.get(key, kind) for key, kind in table.columns.items()}
    return ParquetTable(files, columns=kinds, count=table.count)


def _open_saved(name: str, folder: Path, options: SourceOptions, column: str | None) -> Source:
    """Open what ``save_to_disk`` saved."""
    import datasets

    try:
        found = datasets.load_from_disk(str(folder))
        if isinstance(found, datasets.DatasetDict):
            found = found[_pick_split(name, list(found), None)]
    except reading_errors() as error:
        raise _cannot_open(name, error) from error
    place = LocalPlace(folder, options.download)
    return source_of_table(name, DatasetTable(name, found), place, options, column=column)


class DatasetTable:
    """Rows of a ``Dataset`` or ``IterableDataset``; videos stay as they are stored."""

    def __init__(self, name: str, dataset: Any, *, is_webdataset: bool = False) -> None:
        import datasets

        self._name = name
        for key, feature in (dataset.features or {}).items():
            if isinstance(feature, datasets.Video):
                dataset = dataset.cast_column(key, datasets.Video(decode=False))
        self._dataset = dataset
        self._is_webdataset = is_webdataset

    @cached_property
    def columns(self) -> Mapping[str, Kind]:
        """What each column holds."""
        kinds = {key: kind_of_feature(feature) for key, feature in (self._dataset.features or {}).items()}
        if self._is_webdataset:  # whose columns are called after the endings of files
            for key, kind in kinds.items():
                if kind.holds == "bytes" and f".{key.lower()}" in VIDEO_SUFFIXES:
                    kinds[key] = Kind("any", "video", kind.words)
        return kinds

    @cached_property
    def count(self) -> int | None:
        """Rows of the data set; None while streaming."""
        return len(self._dataset) if hasattr(self._dataset, "__len__") else None

    def rows(self, columns: Sequence[str], start: int, stop: int | None) -> Iterator[tuple[str, Row]]:
        """Give rows of a range; ``datasets`` skips those in front of it."""
        tops = dict.fromkeys(each if each in self.columns else each.partition(".")[0] for each in columns)
        number = start
        try:
            for row in self._read(self._dataset.select_columns(list(tops)), start, stop):
                yield "", row
                number += 1
        except reading_errors() as error:
            raise UnreadableVideo(
                f"{self._name}: reading breaks off at row {number}: {first_line(error)}"
            ) from error

    def _read(self, dataset: Any, start: int, stop: int | None) -> Iterator[Row]:
        if self.count is not None:
            # One by one: iterating would copy ten rows at once.
            return (
                dataset[index]
                for index in range(start, self.count if stop is None else min(stop, self.count))
            )
        dataset = dataset.skip(start) if start else dataset
        return iter(dataset if stop is None else dataset.take(stop - start))


def kind_of_feature(feature: Any) -> Kind:
    """Say what a column of a feature type of ``datasets`` holds."""
    import datasets

    words = str(feature)
    if isinstance(feature, datasets.Video):
        return Kind("any", "video", "Video")
    if hasattr(feature, "decode_example") and hasattr(feature, "decode"):
        return Kind("any", "media", type(feature).__name__)
    if isinstance(feature, datasets.ClassLabel):
        return Kind("utf8", words="ClassLabel", labels=tuple(feature.names or ()))
    if isinstance(feature, datasets.Value):
        return kind_of_arrow(feature.pa_type)
    if isinstance(feature, Mapping):
        fields = {key: kind_of_feature(each) for key, each in feature.items()}
        is_media = set(fields) == {"bytes", "path"} and fields["bytes"].holds == "bytes"
        return Kind("any", "bytes" if is_media else "value", "fields " + ", ".join(fields), fields)
    return Kind("any", words=words)
