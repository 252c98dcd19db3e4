"""``ytcurate score``."""

from __future__ import annotations

from typing import Annotated

import typer

from ytcurate.cli import options


def score(
    table: Annotated[str, typer.Argument(help="Clips, as upload writes them.", show_default=False)],
    result: Annotated[str, typer.Argument(help="Where to write scores and keyframes.", show_default=False)],
    text: Annotated[
        bool, typer.Option("--text", help="Also the share of the picture that is overlaid text.")
    ] = False,
    square: Annotated[bool, typer.Option("--square", help="Squash keyframes to squares.")] = False,
    preset: options.StagePreset = "cpu",
    pool: options.StagePool = None,
    json: options.Json = False,
    proxy: options.Proxy = None,
) -> None:
    """Clips → sharpness, brightness, contrast, motion, black and frozen shares, and keyframes."""
    from ytcurate.cli.lanes import LanesView
    from ytcurate.config import Scoring
    from ytcurate.pipeline.score import score as run

    with LanesView() as view:
        done = run(
            table,
            result,
            scoring=Scoring(text=text, square=square),
            preset=preset,
            pool=pool,
            proxy=proxy,
            on_progress=view.update,
        )
    options.print_result(done, as_json=json)
