"""``ytcurate upload``."""

from __future__ import annotations

from typing import Annotated

import typer

from ytcurate.cli import options
from ytcurate.cli.progress import StepProgress
from ytcurate.config import Segmenting


def upload(
    source: Annotated[
        str,
        typer.Argument(
            help="A video, a folder of videos, a local data set, or hf://owner/dataset\\[/split]\\[#column].",
            show_default=False,
        ),
    ],
    table: Annotated[
        str, typer.Argument(help="Where to write, for example //tmp/run/clips.", show_default=False)
    ],
    clip_seconds: Annotated[
        float, typer.Option(help="Wanted length of a clip; cuts fall on the next keyframe.")
    ] = Segmenting.clip_seconds,
    overwrite: options.Overwrite = False,
    append: options.Append = False,
    strict: options.Strict = False,
    json: options.Json = False,
    proxy: options.Proxy = None,
) -> None:
    """Cut videos into clips and write them to a typed table.

    Packets are copied, nothing is encoded again. A video that cannot be read becomes a row that says why.
    """
    from ytcurate.pipeline.upload import UploadResult
    from ytcurate.pipeline.upload import upload as run

    with StepProgress() as progress:

        def on_progress(result: UploadResult) -> None:
            progress.update(f"{result.sources} videos read, {result}")

        result = run(
            source,
            table,
            proxy=proxy,
            segmenting=Segmenting(clip_seconds=clip_seconds),
            overwrite=overwrite,
            append=append,
            on_progress=on_progress,
        )
    for problem in result.problems:
        options.errors.print(f"skipped {problem}", markup=False, soft_wrap=True)
    if json:
        options.print_json(vars(result))
    else:
        typer.echo(str(result))
    if strict and result.problems:
        raise typer.Exit(3)
