"""What a user names → a Source."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Any

from ytcurate.errors import UsageError
from ytcurate.sources.addresses import VIDEO_SUFFIXES, scheme_of, shown, suffix_of
from ytcurate.sources.base import Source
from ytcurate.sources.files import FileSource, file_source, folder_source, glob_source, no_videos, scan_folder
from ytcurate.sources.lists import LIST_SUFFIXES, ListTable
from ytcurate.sources.options import DEFAULT_OPTIONS, SourceOptions
from ytcurate.sources.parquet import ParquetTable
from ytcurate.sources.places import LocalPlace
from ytcurate.sources.tables import NamedVideos, Table, source_of_table


def find_source(name: str, *, options: SourceOptions = DEFAULT_OPTIONS, client: Any = None) -> Source:
    """Find out what ``name`` is.

    Args:
        name: one of

            - a video file;
            - a folder of videos, searched with its subfolders, hidden ones left out; ``metadata.csv``,
              ``.jsonl`` and ``.parquet`` in it give titles and columns by ``file_name``;
            - a pattern: ``videos/**/*.mp4``;
            - a list: ``.txt`` with a path or address in each line, ``.csv``, ``.tsv``, ``.jsonl``, ``.json``
              or ``.parquet`` with a column of them; paths are relative to the list;
            - an address of a video: ``https://...``, or of an object store: ``s3://...``, ``gs://...``,
              ``hf://datasets/owner/dataset/folder/video.mp4``;
            - a data set on the hub: ``hf://owner/dataset[@revision][/[config/]split]``;
            - a data set in a folder: saved by ``save_to_disk``, or Parquet, Arrow, JSON, CSV or WebDataset
              files; or one such file;
            - a table of the cluster: ``//path/of/table``.

            Behind all that have columns, ``#column`` names the one with the videos: of type Video, bytes,
            or file names and addresses.
        options: which rows and columns to take.
        client: a YT client, for a table of the cluster.

    Raises:
        UsageError: there is nothing of that name, no video in it, no video column, or no row in the range.
    """
    if name.startswith("//"):
        from ytcurate.sources.cypress import open_cypress

        return open_cypress(name, options, client)
    scheme = scheme_of(name)
    if scheme in ("http", "https"):
        return FileSource(shown(name), [(name, None)], options)
    if scheme is not None and scheme != "file" and not _is_data_set(name):
        return _object(name, scheme, options)
    if scheme == "hf":
        from ytcurate.sources.huggingface import open_hub

        return open_hub(name, options)
    return _local(name, options)


def _is_data_set(name: str) -> bool:
    is_file = name.startswith("hf://datasets/") and name.count("/") >= 5 and suffix_of(name) in VIDEO_SUFFIXES
    return name.startswith("hf://") and not is_file


def _object(name: str, scheme: str, options: SourceOptions) -> Source:
    """One file of an object store; it is looked at when it is fetched."""
    from ytcurate.sources.download_fsspec import require_driver

    require_driver(shown(name), scheme)
    return FileSource(shown(name), [(name, None)], options)


def _local(name: str, options: SourceOptions) -> Source:
    bare = name.removeprefix("file://")
    path, column = Path(bare).expanduser(), None
    if not path.exists() and "#" in bare:
        bare, _, column = bare.rpartition("#")
        path = Path(bare).expanduser()
    if path.is_dir():
        return _folder(name, path, options, column)
    if path.is_file():
        return _file(name, path, options, column)
    if glob.has_magic(bare):
        return glob_source(bare, options)
    raise UsageError(f"{name}: no such file or folder. A data set on the hub is written hf://owner/dataset.")


def _folder(name: str, path: Path, options: SourceOptions, column: str | None) -> Source:
    scan = scan_folder(path)
    if scan.videos and column is None:
        return folder_source(name, scan, options)
    from ytcurate.sources.huggingface import TABLE_SUFFIXES, open_folder

    if any(suffix_of(file) in TABLE_SUFFIXES for file in scan.others):
        return open_folder(name, path, scan.others, options, column=column)
    if scan.videos:
        raise UsageError(f'{name}: this folder holds videos and no table with a column "{column}".')
    raise no_videos(name)


def _file(name: str, path: Path, options: SourceOptions, column: str | None) -> Source:
    suffix = suffix_of(path.name)
    if suffix in (".tar", ".arrow"):
        from ytcurate.sources.huggingface import open_data_file

        return open_data_file(name, path, options, column=column)
    if suffix not in LIST_SUFFIXES and suffix != ".parquet":
        if column is not None:
            raise UsageError(f'{name}: a video file has no column "{column}".')
        return file_source(name, path, options)
    table: Table = ParquetTable([str(path)]) if suffix == ".parquet" else ListTable([str(path)])
    if table.count == 0:
        raise UsageError(f"{name}: this list is empty.")
    found = source_of_table(name, table, LocalPlace(path.parent, options.download), options, column=column)
    if isinstance(found, NamedVideos):
        for scheme in sorted(
            {scheme_of(address) or "" for address in found.addresses} - {"", "http", "https"}
        ):
            _require_known_driver(name, scheme)
    return found


def _require_known_driver(name: str, scheme: str) -> None:
    """See to it that a scheme's package is installed; a scheme that nothing knows is its row's own fault."""
    from fsspec.registry import known_implementations

    from ytcurate.sources.download_fsspec import require_driver

    if scheme in known_implementations:
        require_driver(name, scheme)
