"""``ytcurate curate``."""

from __future__ import annotations

import json as json_module
import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from ytcurate.cli import options
from ytcurate.cli.settings_flags import read_flags, with_settings
from ytcurate.errors import UsageError


@with_settings
def curate(
    source: Annotated[
        str,
        typer.Argument(
            help="A video, a folder, a glob, hf://owner/dataset, a list, Parquet, or a table of videos.",
            show_default=False,
        ),
    ],
    directory: Annotated[
        str, typer.Argument(help="Directory of the cluster for the tables of the run.", show_default=False)
    ],
    pipeline: Annotated[
        Path | None,
        typer.Option(
            help="File with settings, as specs/pipeline.yaml; flags win over it.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print stages, tables, settings and specs; start nothing.")
    ] = False,
    json: options.Json = False,
    proxy: options.Proxy = None,
    **flags: Any,
) -> None:
    """Videos → clips at scene cuts, scored, labelled, embedded, without near duplicates; all stages at once.

    Every clip is in DIRECTORY/curated, with a reason if it is not kept. The same command again goes on where
    this one stopped.
    """
    from ytcurate.cli.lanes import LanesView
    from ytcurate.connection import connect
    from ytcurate.pipeline.curate import curate as run
    from ytcurate.pipeline.curate import plan_curate

    settings = read_flags(flags)
    logging.getLogger("Yt").setLevel(logging.WARNING)  # it would write into the live view
    if pipeline is not None and not pipeline.is_file():
        raise UsageError(f"--pipeline {pipeline}: there is no such file.")
    client = connect(proxy)
    if dry_run:
        plan = plan_curate(source, directory, pipeline=pipeline, settings=settings, client=client)
        typer.echo(json_module.dumps(plan.content(), indent=2, ensure_ascii=False, default=str))
        return
    with LanesView() as view:
        result = run(
            source,
            directory,
            pipeline=pipeline,
            settings=settings,
            client=client,
            on_plan=lambda plan: options.say(str(plan)),
            on_progress=view.update,
            on_warning=options.warn,
        )
    if json:
        options.print_json(vars(result))
        return
    options.say(result.report())
    typer.echo(str(result))
    if result.parquet:
        options.say(f"kept clips as Parquet files: {result.parquet}")
