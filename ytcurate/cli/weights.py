"""``ytcurate weights``: checkpoints staged on the cluster."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ytcurate.cli import options
from ytcurate.cli.progress import StepProgress

app = typer.Typer(
    help="Checkpoints on the cluster: put there once, used by every job without the hub.",
    no_args_is_help=True,
)

Directory = Annotated[
    str,
    typer.Argument(help="Directory of the cluster, for example //home/me/models/qwen.", show_default=False),
]


@app.command()
def push(
    model: Annotated[
        str, typer.Argument(help="Directory of a checkpoint, or a Hugging Face id.", show_default=False)
    ],
    path: Directory,
    revision: Annotated[
        str | None, typer.Option(help="Commit, tag or branch on the hub.", show_default=False)
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the checkpoint that is there.")
    ] = False,
    json: options.Json = False,
    proxy: options.Proxy = None,
) -> None:
    """Put a checkpoint into a directory of the cluster.

    Only what inference needs is written; files that are there already are kept. Stopped at any moment, the
    same command goes on where it was.
    """
    from ytcurate.pipeline.weights import WeightsResult, push_weights

    with StepProgress() as progress:

        def on_progress(result: WeightsResult) -> None:
            done = result.kept_bytes + result.written_bytes
            progress.update(f"{result.activity}, MB", done=done // 10**6, total=result.bytes // 10**6)

        result = push_weights(
            model, path, proxy=proxy, revision=revision, overwrite=overwrite, on_progress=on_progress
        )
    if result.left_out:
        options.errors.print(
            f"left out, inference does not need it: {', '.join(result.left_out)}",
            markup=False,
            soft_wrap=True,
        )
    options.print_result(result, as_json=json)


@app.command("list")
def list_(path: Directory, json: options.Json = False, proxy: options.Proxy = None) -> None:
    """Show the files of a checkpoint on the cluster, its revision, and whether it is complete."""
    from ytcurate.pipeline.weights import list_weights

    listing = list_weights(path, proxy=proxy)
    manifest = listing.manifest
    if json:
        files = {name: dataclasses.asdict(file) for name, file in listing.files.items()}
        about = manifest.to_json() | {"path": path, "files": files}
        options.print_json(about | {"is_complete": listing.is_complete, "problems": listing.problems})
        return
    table = Table("file", "bytes", box=None)
    table.columns[1].justify = "right"
    for name, file in sorted(listing.files.items()):
        table.add_row(Text(name), str(file.size))
    revision = f" at {manifest.revision}" if manifest.revision else ""
    state = "complete" if listing.is_complete else "NOT complete"
    typer.echo(f"{path}: {manifest.model}{revision}, pushed {manifest.time}, {state}")
    Console(soft_wrap=True).print(table)
    _print_problems(listing.problems)


@app.command()
def check(path: Directory, json: options.Json = False, proxy: options.Proxy = None) -> None:
    """Read every file of a checkpoint back and compare its hash; exit code 1 if one differs."""
    from ytcurate.pipeline.weights import check_weights

    with StepProgress() as progress:

        def on_progress(name: str, done: int, total: int) -> None:
            progress.update(f"reading {name}, MB", done=done // 10**6, total=total // 10**6)

        result = check_weights(path, proxy=proxy, on_progress=on_progress)
    _print_problems(result.problems)
    options.print_result(result, as_json=json)
    if result.problems:
        raise typer.Exit(1)


def _print_problems(problems: tuple[str, ...]) -> None:
    for problem in problems:
        options.errors.print(problem, markup=False, soft_wrap=True)
