"""``ytcurate describe``."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from ytcurate.cli import options
from ytcurate.config import EngineSettings, FrameSampling, Sampling
from ytcurate.describers.prompts import DESCRIBE, read_prompt
from ytcurate.errors import UsageError
from ytcurate.operations.presets import preset_names
from ytcurate.operations.resources import Placement


def describe(
    table: Annotated[str, typer.Argument(help="Clips, as upload writes them.", show_default=False)],
    result: Annotated[str, typer.Argument(help="Where to write the descriptions.", show_default=False)],
    model: Annotated[
        str,
        typer.Option(help="Hugging Face id, or the directory of a checkpoint.", show_default=False),
    ],
    prompt: Annotated[
        str, typer.Option(help="The question, as text or as a file that holds it.")
    ] = DESCRIBE.text,
    preset: Annotated[
        str, typer.Option(help=f"What a job gets: {', '.join(preset_names())}, or a .yaml file.")
    ] = "h100",
    pool: Annotated[str | None, typer.Option(help="Pool to run under.", show_default=False)] = None,
    pool_tree: Annotated[
        list[str] | None,
        typer.Option(
            help="Pool tree, or kind of machine: h100, h200, cpu. May be repeated.", show_default=False
        ),
    ] = None,
    max_gpus: Annotated[int | None, typer.Option(help="GPUs in use at once.", show_default=False)] = None,
    spec: Annotated[
        Path | None,
        typer.Option(help="YAML or JSON file with your own part of the spec.", show_default=False),
    ] = None,
    temperature: Annotated[
        float, typer.Option(help="0 always takes the likeliest word.")
    ] = Sampling.temperature,
    top_p: Annotated[
        float, typer.Option(help="Choose among words of this much likelihood.")
    ] = Sampling.top_p,
    repetition_penalty: Annotated[
        float, typer.Option(help="Above 1 makes words that were used less likely.")
    ] = Sampling.repetition_penalty,
    max_tokens: Annotated[int, typer.Option(help="Longest description.")] = Sampling.max_tokens,
    fps: Annotated[float, typer.Option(help="Pictures per second that the model sees.")] = FrameSampling.fps,
    total_pixels: Annotated[
        int, typer.Option(help="Pixels of all pictures of a clip.")
    ] = FrameSampling.total_pixels,
    min_pixels: Annotated[
        int, typer.Option(help="Pixels of one picture at least.")
    ] = FrameSampling.min_pixels,
    max_model_len: Annotated[
        int | None,
        typer.Option(help="Context in tokens; sized from the pixels unless given.", show_default=False),
    ] = None,
    keep_video: Annotated[
        bool, typer.Option("--keep-video", help="Copy the videos into the result.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print settings and spec as JSON; start nothing.")
    ] = False,
    overwrite: options.Overwrite = False,
    append: options.Append = False,
    strict: options.Strict = False,
    json: options.Json = False,
    proxy: options.Proxy = None,
) -> None:
    """Describe every clip of a table; each row in gives one row out, with its outcome.

    The descriptions appear when the operation completes.
    """
    from ytcurate.connection import connect
    from ytcurate.pipeline.describe import describe as run
    from ytcurate.pipeline.describe import plan_describe

    settings: dict[str, Any] = {
        "model": model,
        "prompt": read_prompt(prompt),
        "sampling": Sampling(
            temperature=temperature, top_p=top_p, repetition_penalty=repetition_penalty, max_tokens=max_tokens
        ),
        "frames": FrameSampling(fps=fps, total_pixels=total_pixels, min_pixels=min_pixels),
        "preset": preset,
        "placement": Placement(pool=pool, pool_trees=tuple(pool_tree or ()), max_gpus=max_gpus),
        "keep_video": keep_video,
        "spec": _read_spec(spec),
    }
    if max_model_len is not None:
        settings["engine"] = EngineSettings(max_model_len=max_model_len)
    client = connect(proxy)
    if dry_run:
        plan = plan_describe(table, result, client=client, **settings)
        typer.echo(json_module.dumps(plan.to_json(), indent=2, ensure_ascii=False))
        return
    with _ProgressBar() as bar:
        done = run(
            table,
            result,
            client=client,
            overwrite=overwrite,
            append=append,
            on_plan=bar.start_operation,
            on_progress=bar.update,
            **settings,
        )
    if json:
        options.print_json(vars(done))
    else:
        typer.echo(str(done))
    if strict and set(done.outcomes) != {"ok"}:
        raise typer.Exit(3)


def _read_spec(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"--spec {path}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"--spec {path}: a map of options is expected, found {type(content).__name__}.")
    return content


class _ProgressBar:
    """Shows clips done of clips in all, and what the operation is doing."""

    def __init__(self) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            **options.PROGRESS,
        )
        self._task = self._bar.add_task("connecting", total=None)

    def __enter__(self) -> _ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def start_operation(self, plan: Any) -> None:
        resources = plan.spec["mapper"]
        trees = ", ".join(plan.spec.get("pool_trees", ["default tree"]))
        options.errors.print(
            f"{plan.rows} clips, model {plan.model.name}, preset {plan.preset}: "
            f"{resources['gpu_limit']} GPU and {resources['cpu_limit']:g} cores a job, in {trees}",
            markup=False,
        )
        self._bar.update(self._task, description="starting", total=plan.rows)

    def update(self, progress: Any) -> None:
        done = progress.statistics.get("clips_done", 0)
        jobs = progress.jobs
        state = f"{progress.state}, {jobs.get('running', 0)} of {jobs.get('total', 0)} jobs running"
        self._bar.update(self._task, description=state, completed=done)
