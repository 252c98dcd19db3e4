"""``ytcurate describe``."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from ytcurate.cli import options
from ytcurate.cli.progress import StepProgress
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
    from ytcurate.operations.submit import Progress as OperationProgress
    from ytcurate.pipeline.describe import DescribePlan, plan_describe
    from ytcurate.pipeline.describe import describe as run

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
    with StepProgress() as progress:
        rows = 0

        def on_plan(plan: DescribePlan) -> None:
            nonlocal rows
            rows = plan.rows
            resources = plan.spec["mapper"]
            trees = ", ".join(plan.spec.get("pool_trees", ["the default tree"]))
            options.errors.print(
                f"{plan.rows} clips, model {plan.model.name}, preset {plan.preset}: "
                f"{resources['gpu_limit']} GPU and {resources['cpu_limit']:g} cores a job, in {trees}",
                markup=False,
                soft_wrap=True,
            )

        def on_progress(now: OperationProgress) -> None:
            progress.update(str(now), done=now.statistics.get("clips_done", 0), total=rows)

        done = run(
            table,
            result,
            client=client,
            overwrite=overwrite,
            append=append,
            on_plan=on_plan,
            on_progress=on_progress,
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
