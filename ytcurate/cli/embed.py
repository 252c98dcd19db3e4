"""``ytcurate embed``."""

from __future__ import annotations

from typing import Annotated

import typer

from ytcurate.cli import options


def embed(
    table: Annotated[str, typer.Argument(help="Clips, as upload or score writes them.", show_default=False)],
    result: Annotated[str, typer.Argument(help="Where to write the vectors.", show_default=False)],
    model: Annotated[
        str | None,
        typer.Option(help="CLIP: hub id, directory, or Cypress directory; openai/clip-vit-base-patch32."),
    ] = None,
    weights: Annotated[str | None, typer.Option(help="Cypress directory to load it from.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit, tag or branch on the hub.")] = None,
    preset: options.StagePreset = "cpu",
    pool: options.StagePool = None,
    json: options.Json = False,
    proxy: options.Proxy = None,
) -> None:
    """Clips → a CLIP vector for each, for `ytcurate search` and near duplicates."""
    from ytcurate.cli.lanes import LanesView
    from ytcurate.pipeline.embed import embed as run

    with LanesView() as view:
        done = run(
            table,
            result,
            model=model,
            weights=weights,
            revision=revision,
            preset=preset,
            pool=pool,
            proxy=proxy,
            on_progress=view.update,
        )
    options.print_result(done, as_json=json)
