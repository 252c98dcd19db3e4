"""Options that several subcommands share, and how they print."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console

Proxy = Annotated[
    str | None,
    typer.Option(
        "--proxy",
        help="The cluster's HTTP address. Otherwise YT_PROXY, the client's settings, or the local cluster.",
        show_default=False,
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the rows that are there.")]
Append = Annotated[bool, typer.Option("--append", help="Add to the rows that are there.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with 3 if any row has an outcome other than ok.")
]
StagePreset = Annotated[str, typer.Option("--preset", help="What jobs get: a preset's name, or a file.")]
StagePool = Annotated[str | None, typer.Option("--pool", help="Of the operations.", show_default=False)]
"""Of a single stage over a table of clips: ``score``, ``embed``."""

errors = Console(stderr=True, highlight=False)
"""For everything that is not the result."""


def say(sentence: str) -> None:
    """Tell the user something that is not the result."""
    errors.print(sentence, markup=False, soft_wrap=True)


def warn(sentence: str) -> None:
    """Tell the user about something odd."""
    say(f"note: {sentence}")


def print_json(value: Any) -> None:
    """Print one JSON object on one line of standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def print_result(result: Any, *, as_json: bool) -> None:
    """Print what a command did, to standard output: in a sentence, or its fields as one JSON object."""
    if as_json:
        print_json(vars(result))
    else:
        typer.echo(str(result))
