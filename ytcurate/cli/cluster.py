"""``ytcurate cluster``: the local cluster as a process of its own. Nothing of it is imported here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="A YT cluster on this machine, for laptops, notebooks and tests; reached by its URL like any other.",
    no_args_is_help=True,
)

DataDir = Annotated[
    Path | None,
    typer.Option(help="Where it keeps its state. Default: a folder of your own.", show_default=False),
]


@app.command()
def start(
    data_dir: DataDir = None,
    port: Annotated[int | None, typer.Option(help="0 picks a free one.", show_default=False)] = None,
    profile: Annotated[
        str | None, typer.Option(help="Whose limits it has: tracto or ytsaurus.", show_default=False)
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="Ask every request for the token in this file.", show_default=False)
    ] = None,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay until interrupted.")] = False,
) -> None:
    """Start it, and return once it answers; its proxy URL is the first line printed."""
    arguments = [
        "start",
        *_option("--data-dir", data_dir),
        *_option("--port", port),
        *_option("--profile", profile),
        *_option("--token-file", token_file),
    ]
    _run([*arguments, "--foreground"] if foreground else arguments)


@app.command()
def status(data_dir: DataDir = None) -> None:
    """Say whether it runs, and where."""
    _run(["status", *_option("--data-dir", data_dir)])


@app.command()
def stop(data_dir: DataDir = None) -> None:
    """Stop it; its tables stay, and its operations go on at the next start."""
    _run(["stop", *_option("--data-dir", data_dir)])


def _option(name: str, value: object) -> list[str]:
    return [] if value is None else [name, str(value)]


def _run(arguments: list[str]) -> None:
    try:
        code = subprocess.call([sys.executable, "-m", "ytcurate.localcluster", *arguments])
    except KeyboardInterrupt:  # the child got it as well and has ended by itself
        code = 130
    raise typer.Exit(code)
