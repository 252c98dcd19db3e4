"""``ytcurate show``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from ytcurate.cli import options


def show(
    table: Annotated[str, typer.Argument(help="Path of a table.", show_default=False)],
    limit: Annotated[int, typer.Option(min=1, help="Rows at most.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per row.")] = False,
    proxy: options.Proxy = None,
) -> None:
    """Print the rows of a table without its videos."""
    from ytcurate.pipeline.show import show as run

    view = run(table, limit=limit, proxy=proxy)
    if json:
        for row in view.rows:
            options.print_json(dict(row))
    else:
        Console().print(view)
