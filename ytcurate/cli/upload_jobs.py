"""Options of ``ytcurate upload`` about its jobs, for a cut on the cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ytcurate.cli.spec_file import read_spec
from ytcurate.config import GIB
from ytcurate.operations.resources import Placement, ResourceChanges

_PANEL = "On the cluster"

OnCluster = Annotated[
    bool,
    typer.Option(
        "--on-cluster",
        help="Cut in jobs of the cluster; videos that are in no table of it go to <table>_videos first.",
        rich_help_panel=_PANEL,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        help="What a job gets: a preset or a YAML file. Default: cpu.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
Cpu = Annotated[
    float | None, typer.Option(help="Cores of a job.", show_default=False, rich_help_panel=_PANEL)
]
MemoryGib = Annotated[
    float | None, typer.Option(help="Memory of a job.", show_default=False, rich_help_panel=_PANEL)
]
Pool = Annotated[str | None, typer.Option(help="Pool to run in.", show_default=False, rich_help_panel=_PANEL)]
PoolTrees = Annotated[
    list[str] | None,
    typer.Option(
        help="Pool tree to run in; may be given several times.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
JobMinutes = Annotated[
    float | None,
    typer.Option(help="How long a job should take.", show_default=False, rich_help_panel=_PANEL),
]
KeepVideos = Annotated[
    bool,
    typer.Option("--keep-videos", help="Leave the whole videos in <table>_videos.", rich_help_panel=_PANEL),
]
Spec = Annotated[
    Path | None,
    typer.Option(
        help="YAML file with parts of the operation's spec, merged last.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]


def read_jobs(
    *,
    on_cluster: bool,
    preset: str | None,
    cpu: float | None,
    memory_gib: float | None,
    pool: str | None,
    pool_tree: list[str] | None,
    job_minutes: float | None,
    keep_videos: bool,
    spec: Path | None,
) -> dict[str, Any]:
    """Turn the options into settings of ``pipeline.upload``; those that were not given are left out.

    Raises:
        UsageError: the file of the spec cannot be read, or a value is out of its range.
    """
    given = {
        "on_cluster": on_cluster or None,
        "preset": preset,
        "resources": _read_resources(cpu, memory_gib),
        "placement": Placement(pool=pool, pool_trees=tuple(pool_tree or ())) if pool or pool_tree else None,
        "job_minutes": job_minutes,
        "keep_videos": keep_videos or None,
        "spec": read_spec(spec) if spec else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _read_resources(cpu: float | None, memory_gib: float | None) -> ResourceChanges | None:
    if cpu is None and memory_gib is None:
        return None
    return ResourceChanges(cpu=cpu, memory_bytes=None if memory_gib is None else round(memory_gib * GIB))
