"""``ytcurate export``."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ytcurate.cli import options
from ytcurate.cli.progress import StepProgress
from ytcurate.config import MIB

_Format = Literal["parquet", "webdataset", "huggingface", "files"]


def export(
    table: Annotated[str, typer.Argument(help="A curated table.", show_default=False)],
    path: Annotated[
        str, typer.Argument(help="A folder, or //path of a directory of the cluster.", show_default=False)
    ],
    format: Annotated[
        _Format,
        typer.Option(
            help="Parquet files; tar files; a folder for datasets.load_dataset; or each clip as a file."
        ),
    ] = "parquet",
    all_clips: Annotated[bool, typer.Option("--all", help="Rejected clips, too.")] = False,
    videos: Annotated[
        bool | None,
        typer.Option(
            "--with-videos/--no-videos",
            help="Put the videos in. Default: yes, except for parquet.",
            show_default=False,
        ),
    ] = None,
    clips: Annotated[
        str | None,
        typer.Option(
            help="The table with the videos. Default: the one that the curated table names.",
            show_default=False,
        ),
    ] = None,
    shard_mib: Annotated[
        float | None,
        typer.Option(help="Of one file, about. Default: 256 for webdataset, else 512.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the export that is there.")] = False,
    json: options.Json = False,
    proxy: options.Proxy = None,
) -> None:
    """Write the clips of a curated table as files for other tools.

    Either all files are there at the end or none.
    """
    from ytcurate.pipeline.export import ExportResult
    from ytcurate.pipeline.export import export as run

    with StepProgress() as progress:

        def on_progress(result: ExportResult, total: int) -> None:
            progress.update(str(result), done=result.rows, total=total)

        result = run(
            table,
            path,
            format=format,
            kept_only=not all_clips,
            videos=videos,
            clips=clips,
            shard_bytes=None if shard_mib is None else round(shard_mib * MIB),
            overwrite=overwrite,
            proxy=proxy,
            on_progress=on_progress,
        )
    options.print_result(result, as_json=json)
