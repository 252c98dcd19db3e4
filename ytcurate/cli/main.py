"""The command as a whole: its subcommands, and how errors end it."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated

import typer

from ytcurate import __version__
from ytcurate.cli import cluster, curate, demo, describe, embed, export, score, search, show, upload, weights
from ytcurate.errors import UsageError, YtcurateError

app = typer.Typer(
    help="Videos on YTsaurus: cut into clips in a typed table, each described by a vision-language model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("upload")(upload.upload)
app.command("describe")(describe.describe)
app.command("curate")(curate.curate)
app.command("score")(score.score)
app.command("embed")(embed.embed)
app.command("search")(search.search)
app.command("export")(export.export)
app.command("show")(show.show)
app.command("demo")(demo.demo)
app.add_typer(cluster.app, name="cluster")
app.add_typer(weights.app, name="weights")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ytcurate {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Nothing to do here: options above all subcommands act by themselves."""


def run() -> None:
    """Run the command. Expected failures are one sentence on standard error.

    ``YTCURATE_TRACEBACK=1`` in the environment shows where they came from, too.
    """
    import yt.wrapper as yt

    try:
        app()
    except YtcurateError as error:
        _report(error)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except yt.YtError as error:
        _report(error)
        sys.exit(1)
    except KeyboardInterrupt:
        print(
            "interrupted: what is finished stays, the same command goes on from there",
            file=sys.stderr,
        )
        sys.exit(130)


def _report(error: Exception) -> None:
    if os.environ.get("YTCURATE_TRACEBACK"):
        traceback.print_exception(error)
    print(f"error: {error}", file=sys.stderr)
