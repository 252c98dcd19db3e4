"""``ytcurate search``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ytcurate.cli import options


def search(
    table: Annotated[str, typer.Argument(help="Path of a table with embeddings.", show_default=False)],
    query: Annotated[
        str | None, typer.Argument(help='What is to be seen, for example "red circle".', show_default=False)
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            help="Instead: a clip of the table, by its clip_id or as ds_index/segment_index.",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="Instead: the file of a picture.", show_default=False)
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="The CLIP model that made the embeddings, a directory or a hub id. Default: what the table "
            "says. --like needs none.",
            show_default=False,
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Clips at most.")] = 10,
    kept_only: Annotated[
        bool, typer.Option("--kept-only", help="Only clips whose column kept is true.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per clip.")] = False,
    proxy: options.Proxy = None,
) -> None:
    """Find the clips of a table that are nearest to a text, a picture, or another clip."""
    from ytcurate.pipeline.search import search as run

    result = run(table, query, like=like, image=image, model=model, k=k, kept_only=kept_only, proxy=proxy)
    if json:
        for row in result.rows:
            options.print_json(dict(row))
    else:
        typer.echo(str(result))
