"""``ytcurate describe``."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ytcurate.cli import options
from ytcurate.cli.progress import StepProgress
from ytcurate.cli.spec_file import read_spec
from ytcurate.config import GIB, EngineSettings, FrameSampling, Sampling
from ytcurate.describers.prompts import DESCRIBE, load_question, question_names, read_prompt
from ytcurate.errors import UsageError
from ytcurate.operations.presets import preset_names
from ytcurate.operations.resources import Placement, ResourceChanges

_MODEL, _QUESTION, _ENGINE = "Model", "Question", "Engine"
_JOBS, _ROWS = "Jobs", "Rows"


def describe(
    table: Annotated[str, typer.Argument(help="Clips, as upload writes them.", show_default=False)],
    result: Annotated[str, typer.Argument(help="Where to write the descriptions.", show_default=False)],
    model: Annotated[
        str | None,
        typer.Option(
            help="Hugging Face id, or the directory of a checkpoint.",
            show_default=False,
            rich_help_panel=_MODEL,
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Cypress directory to load the model from; see `ytcurate weights push`.",
            show_default=False,
            rich_help_panel=_MODEL,
        ),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option(
            help="Commit, tag or branch of a model on the hub.", show_default=False, rich_help_panel=_MODEL
        ),
    ] = None,
    prompt: Annotated[
        str,
        typer.Option(help="The question, as text or as a file that holds it.", rich_help_panel=_QUESTION),
    ] = DESCRIBE.text,
    schema: Annotated[
        Path | None,
        typer.Option(
            help="File with a JSON schema: the reply must fit it, each field becomes a column.",
            show_default=False,
            rich_help_panel=_QUESTION,
        ),
    ] = None,
    question: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Instead of --prompt: {', '.join(question_names())}, or a .yaml file. May be repeated; "
            "all are put about the same pictures.",
            show_default=False,
            rich_help_panel=_QUESTION,
        ),
    ] = None,
    temperature: Annotated[
        float, typer.Option(help="0 always takes the likeliest word.", rich_help_panel=_QUESTION)
    ] = Sampling.temperature,
    top_p: Annotated[
        float, typer.Option(help="Choose among words of this much likelihood.", rich_help_panel=_QUESTION)
    ] = Sampling.top_p,
    repetition_penalty: Annotated[
        float,
        typer.Option(help="Above 1 makes words that were used less likely.", rich_help_panel=_QUESTION),
    ] = Sampling.repetition_penalty,
    max_tokens: Annotated[
        int, typer.Option(help="Longest reply.", rich_help_panel=_QUESTION)
    ] = Sampling.max_tokens,
    fps: Annotated[
        float, typer.Option(help="Pictures per second that the model sees.", rich_help_panel=_QUESTION)
    ] = FrameSampling.fps,
    total_pixels: Annotated[
        int, typer.Option(help="Pixels of all pictures of a clip.", rich_help_panel=_QUESTION)
    ] = FrameSampling.total_pixels,
    min_pixels: Annotated[
        int, typer.Option(help="Pixels of one picture at least.", rich_help_panel=_QUESTION)
    ] = FrameSampling.min_pixels,
    engine: Annotated[
        Literal["vllm", "transformers", "endpoint"],
        typer.Option(help="What runs the model.", rich_help_panel=_ENGINE),
    ] = "vllm",
    endpoint: Annotated[
        str | None,
        typer.Option(
            help="URL of an OpenAI-compatible server that jobs ask; its key is taken from OPENAI_API_KEY.",
            show_default=False,
            rich_help_panel=_ENGINE,
        ),
    ] = None,
    endpoint_pictures: Annotated[
        Literal["video", "images"],
        typer.Option(
            help="How the server gets them; images for one that takes no video.", rich_help_panel=_ENGINE
        ),
    ] = "video",
    max_model_len: Annotated[
        int | None,
        typer.Option(
            help="Context in tokens; sized from the pixels unless given.",
            show_default=False,
            rich_help_panel=_ENGINE,
        ),
    ] = None,
    quantization: Annotated[
        str | None,
        typer.Option(
            help="Quantise while loading: fp8, ... A quantised checkpoint needs nothing.",
            show_default=False,
            rich_help_panel=_ENGINE,
        ),
    ] = None,
    tensor_parallel: Annotated[
        int | None,
        typer.Option(
            help="GPUs of one copy of the model; as few as hold it unless given.",
            show_default=False,
            rich_help_panel=_ENGINE,
        ),
    ] = None,
    data_parallel: Annotated[
        int | None,
        typer.Option(
            help="Copies of the model in a job; as many as its GPUs hold unless given.",
            show_default=False,
            rich_help_panel=_ENGINE,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help=f"What a job gets: {', '.join(preset_names())}, or a .yaml file. The default is h100, "
            "or endpoint with --endpoint.",
            show_default=False,
            rich_help_panel=_JOBS,
        ),
    ] = None,
    pool: Annotated[
        str | None, typer.Option(help="Pool to run under.", show_default=False, rich_help_panel=_JOBS)
    ] = None,
    pool_tree: Annotated[
        list[str] | None,
        typer.Option(
            help="Pool tree, or kind of machine: h100, h200, cpu. May be repeated.",
            show_default=False,
            rich_help_panel=_JOBS,
        ),
    ] = None,
    max_gpus: Annotated[
        int | None, typer.Option(help="GPUs in use at once.", show_default=False, rich_help_panel=_JOBS)
    ] = None,
    cpu: Annotated[
        float | None, typer.Option(help="Cores of a job.", show_default=False, rich_help_panel=_JOBS)
    ] = None,
    gpu: Annotated[
        int | None, typer.Option(help="GPUs of a job.", show_default=False, rich_help_panel=_JOBS)
    ] = None,
    memory_gib: Annotated[
        float | None,
        typer.Option(help="Memory of a job, tmpfs included.", show_default=False, rich_help_panel=_JOBS),
    ] = None,
    tmpfs_gib: Annotated[
        float | None,
        typer.Option(help="Of it, what the job's files may take.", show_default=False, rich_help_panel=_JOBS),
    ] = None,
    job_minutes: Annotated[
        float | None,
        typer.Option(help="How long a job should take.", show_default=False, rich_help_panel=_JOBS),
    ] = None,
    wave_clips: Annotated[
        int | None,
        typer.Option(
            help="Clips of one operation; finished operations are never lost.",
            show_default=False,
            rich_help_panel=_JOBS,
        ),
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option(
            help="YAML or JSON file with your own part of the spec.",
            show_default=False,
            rich_help_panel=_JOBS,
        ),
    ] = None,
    ship_anyway: Annotated[
        bool,
        typer.Option("--ship-anyway", help="Send more than 20 MiB of code to jobs.", rich_help_panel=_JOBS),
    ] = False,
    order: Annotated[
        Literal["completion", "input"],
        typer.Option(help="In which order a job writes its rows.", rich_help_panel=_ROWS),
    ] = "completion",
    keep_video: Annotated[
        bool, typer.Option("--keep-video", help="Copy the videos into the result.", rich_help_panel=_ROWS)
    ] = False,
    max_bad: Annotated[
        float | None,
        typer.Option(
            help="Stop when more than this share of rows is bad, 0.1 for a tenth.",
            show_default=False,
            rich_help_panel=_ROWS,
        ),
    ] = None,
    retry: Annotated[
        bool,
        typer.Option("--retry", help="Describe rows with a bad outcome again.", rich_help_panel=_ROWS),
    ] = False,
    overwrite: options.Overwrite = False,
    append: options.Append = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print settings, plan and spec as JSON; start nothing.")
    ] = False,
    strict: options.Strict = False,
    json: options.Json = False,
    proxy: options.Proxy = None,
) -> None:
    """Describe every clip of a table; each row in gives one row out, with its outcome.

    Work goes in waves, each of which appears in the result when it completes. The same command again goes
    on where it stopped, and describes clips that were added meanwhile.
    """
    from ytcurate.connection import connect
    from ytcurate.pipeline.advice import sum_up
    from ytcurate.pipeline.describe import describe as run
    from ytcurate.pipeline.plan_describe import plan_describe

    if question and (prompt != DESCRIBE.text or schema is not None):
        raise UsageError("--question brings its own text and schema: leave --prompt and --schema out.")
    settings: dict[str, Any] = {
        "model": model,
        "weights": weights,
        "prompt": read_prompt(prompt),
        "questions": [load_question(each) for each in question or ()],
        "schema": schema,
        "sampling": Sampling(
            temperature=temperature, top_p=top_p, repetition_penalty=repetition_penalty, max_tokens=max_tokens
        ),
        "frames": FrameSampling(fps=fps, total_pixels=total_pixels, min_pixels=min_pixels),
        "engine": EngineSettings(
            describer="endpoint" if endpoint else engine,
            endpoint_url=endpoint,
            endpoint_pictures=endpoint_pictures,
            revision=revision,
            max_model_len=max_model_len,
            quantization=quantization,
            tensor_parallel=tensor_parallel,
            data_parallel=data_parallel,
        ),
        "preset": preset,
        "resources": ResourceChanges(
            cpu=cpu,
            gpu=gpu,
            memory_bytes=None if memory_gib is None else round(memory_gib * GIB),
            tmpfs_bytes=None if tmpfs_gib is None else round(tmpfs_gib * GIB),
        ),
        "placement": Placement(pool=pool, pool_trees=tuple(pool_tree or ()), max_gpus=max_gpus),
        "keep_video": keep_video,
        "in_order": order == "input",
        "max_bad": max_bad,
        "wave_rows": wave_clips,
        "job_minutes": job_minutes,
        "ship_anyway": ship_anyway,
        "spec": read_spec(spec) if spec else {},
    }
    client = connect(proxy)
    if dry_run:
        plan = plan_describe(table, result, client=client, **settings)
        typer.echo(json_module.dumps(plan.to_json(), indent=2, ensure_ascii=False, default=str))
        return
    with StepProgress() as progress:
        shown = DescribeProgress(progress)
        done = run(
            table,
            result,
            client=client,
            overwrite=overwrite,
            append=append,
            retry=retry,
            on_plan=shown.plan,
            on_progress=shown.progress,
            on_warning=options.warn,
            **settings,
        )
    options.print_result(done, as_json=json)
    if done.described:
        options.say(str(sum_up(done.statistics)))
    for sentence in done.advice:
        options.warn(sentence)
    if strict and set(done.outcomes) != {"ok"}:
        raise typer.Exit(3)


class DescribeProgress:
    """Shows a run on standard error: its plan first, then how far it is."""

    def __init__(self, bar: StepProgress) -> None:
        self._bar = bar
        self._rows = 0

    def plan(self, plan: Any, remaining: Any) -> None:
        """Say what is going to happen."""
        self._rows = remaining.rows
        if remaining.rows:
            options.say(plan.summary(remaining.rows))
        else:
            options.say(f"all {plan.rows} clips are described already")

    def progress(self, now: Any) -> None:
        """Say how far it is."""
        self._bar.update(str(now), done=now.statistics.get("clips_done", 0), total=self._rows)
