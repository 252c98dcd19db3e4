"""``ytcurate upload``."""

from __future__ import annotations

import json as json_module
from typing import Annotated, Any, Literal

import typer

from ytcurate.cli import options
from ytcurate.cli import upload_jobs as jobs
from ytcurate.cli.progress import StepProgress
from ytcurate.config import GIB, MIB, Encoding, Segmenting, SourceLimits, read_row_range

_CUTTING, _ENCODING, _SOURCE, _TABLE, _LIMITS = "Cutting", "Encoding", "Source", "Table", "Limits"
_Split = Literal["fixed", "scenes", "whole"]
_Cut = Literal["copy", "smart", "encode"]
_Detector = Literal["adaptive", "content", "hash", "histogram", "threshold"]
_Codec = Literal["h264", "hevc"]


def upload(
    source: Annotated[
        str,
        typer.Argument(
            help="A video, folder, glob, URL, list of them, data set (local or "
            "hf://owner/dataset\\[/split]\\[#column]), or a table of videos (//path\\[#column]).",
            show_default=False,
        ),
    ],
    table: Annotated[
        str, typer.Argument(help="Where to write, for example //tmp/run/clips.", show_default=False)
    ],
    clip_seconds: Annotated[
        float,
        typer.Option(
            help="Wanted length of a clip; copied packets end at the next keyframe.",
            rich_help_panel=_CUTTING,
        ),
    ] = Segmenting.clip_seconds,
    split: Annotated[
        _Split,
        typer.Option(help="Clips of --clip-seconds, scenes, or each video whole.", rich_help_panel=_CUTTING),
    ] = "fixed",
    cut: Annotated[
        _Cut | None,
        typer.Option(
            help="copy: packets, at keyframes. smart: exact, encoding only at borders. encode: exact, all "
            "encoded. Default: smart for scenes, else copy.",
            show_default=False,
            rich_help_panel=_CUTTING,
        ),
    ] = None,
    stride_seconds: Annotated[
        float | None,
        typer.Option(
            help="From the start of a clip to the next; less than --clip-seconds makes them overlap.",
            show_default=False,
            rich_help_panel=_CUTTING,
        ),
    ] = None,
    min_seconds: Annotated[
        float,
        typer.Option(
            help="A shorter last clip, or scene, is joined to its neighbour.", rich_help_panel=_CUTTING
        ),
    ] = 0.0,
    max_seconds: Annotated[
        float | None,
        typer.Option(
            help="A longer scene is cut into equal parts.", show_default=False, rich_help_panel=_CUTTING
        ),
    ] = None,
    detector: Annotated[
        _Detector, typer.Option(help="What finds scenes.", rich_help_panel=_CUTTING)
    ] = "adaptive",
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Of the detector; its own default otherwise.", show_default=False, rich_help_panel=_CUTTING
        ),
    ] = None,
    codec: Annotated[
        _Codec | None,
        typer.Option(
            help="Encode videos of any other codec to this one.",
            show_default=False,
            rich_help_panel=_ENCODING,
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="FFmpeg's name, for example h264_nvenc. Default: one in hardware if it works here.",
            show_default=False,
            rich_help_panel=_ENCODING,
        ),
    ] = None,
    quality: Annotated[
        int,
        typer.Option(help="0 (lossless) to 51, on x264's scale.", rich_help_panel=_ENCODING),
    ] = Encoding.quality,
    encoder_preset: Annotated[
        str | None,
        typer.Option(
            help="Speed of the encoder, by its own name.", show_default=False, rich_help_panel=_ENCODING
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            help="A column of the source to carry into the table; may be given several times. * for all.",
            show_default=False,
            rich_help_panel=_SOURCE,
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            help="Rows of the source, as first:last, the last not taken; 100: goes to the end.",
            show_default=False,
            rich_help_panel=_SOURCE,
        ),
    ] = None,
    title_column: Annotated[
        str | None,
        typer.Option(
            help="The source's column of titles; `title` if it has one.",
            show_default=False,
            rich_help_panel=_SOURCE,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace the rows that are there, once the new ones are complete.",
            rich_help_panel=_TABLE,
        ),
    ] = False,
    append: Annotated[
        bool, typer.Option("--append", help="Add to rows of other uploads.", rich_help_panel=_TABLE)
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--no-resume",
            help="Go on with an upload of this source that was stopped, or take its new videos.",
            rich_help_panel=_TABLE,
        ),
    ] = True,
    retry: Annotated[
        bool,
        typer.Option("--retry", help="Try sources again that ended badly.", rich_help_panel=_TABLE),
    ] = False,
    duplicates: Annotated[
        Literal["skip", "keep"],
        typer.Option(help="Videos of the same bytes: once, or each time.", rich_help_panel=_TABLE),
    ] = "skip",
    store: Annotated[
        Literal["row", "file"],
        typer.Option(
            help="A clip too heavy for a row is refused, or kept as a file with its path in the row.",
            rich_help_panel=_TABLE,
        ),
    ] = "row",
    preview: Annotated[
        Literal["every", "first", "none"] | None,
        typer.Option(
            help="Which clips get a poster. Default: every, or the first of each source where there are less "
            "than four cores and much to do.",
            show_default=False,
            rich_help_panel=_TABLE,
        ),
    ] = None,
    processes: Annotated[
        int, typer.Option(help="Videos cut side by side; 0: as many as cores.", rich_help_panel=_LIMITS)
    ] = 0,
    transaction_mib: Annotated[
        float,
        typer.Option(
            help="Source video written in one transaction, at least; 0: 24 to 512, by how much there is.",
            rich_help_panel=_LIMITS,
        ),
    ] = 0,
    stall_seconds: Annotated[
        float,
        typer.Option(help="A video that stands still for so long is given up.", rich_help_panel=_LIMITS),
    ] = SourceLimits.stall_seconds,
    max_source_seconds: Annotated[
        float, typer.Option(help="A video that takes longer is given up.", rich_help_panel=_LIMITS)
    ] = SourceLimits.max_seconds,
    max_memory_gib: Annotated[
        float, typer.Option(help="A video that takes more is given up.", rich_help_panel=_LIMITS)
    ] = SourceLimits.max_memory_bytes / GIB,
    max_source_gib: Annotated[
        float, typer.Option(help="A larger download is given up.", rich_help_panel=_LIMITS)
    ] = SourceLimits.max_source_bytes / GIB,
    on_cluster: jobs.OnCluster = False,
    preset: jobs.Preset = None,
    cpu: jobs.Cpu = None,
    memory_gib: jobs.MemoryGib = None,
    pool: jobs.Pool = None,
    pool_tree: jobs.PoolTrees = None,
    job_minutes: jobs.JobMinutes = None,
    keep_videos: jobs.KeepVideos = False,
    spec: jobs.Spec = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, as JSON, and do nothing.")
    ] = False,
    strict: options.Strict = False,
    json: options.Json = False,
    proxy: options.Proxy = None,
) -> None:
    """Cut videos into clips and write them to a typed table.

    Each video is written whole or not at all. The same command again goes on where it stopped, and takes
    videos that are new. A video that cannot be read becomes a row that says why.
    """
    from ytcurate.connection import connect
    from ytcurate.pipeline.upload import plan_upload
    from ytcurate.pipeline.upload import upload as run
    from ytcurate.pipeline.upload_result import UploadResult

    settings: dict[str, Any] = {
        "segmenting": Segmenting(
            clip_seconds=clip_seconds,
            split=split,
            cut=cut,
            stride_seconds=stride_seconds,
            min_seconds=min_seconds,
            max_seconds=max_seconds,
            detector=detector,
            threshold=threshold,
            codec=codec,
            encoding=Encoding(encoder=encoder, quality=quality, preset=encoder_preset),
        ),
        "columns": tuple(columns or ()),
        "rows": _read_rows(rows),
        "title_column": title_column,
        "overwrite": overwrite,
        "append": append,
        "resume": resume,
        "retry": retry,
        "duplicates": duplicates,
        "store": store,
        "preview": preview,
        "processes": processes,
        "transaction_bytes": round(transaction_mib * MIB),
        "limits": SourceLimits(
            stall_seconds=stall_seconds,
            max_seconds=max_source_seconds,
            max_memory_bytes=round(max_memory_gib * GIB),
            max_source_bytes=round(max_source_gib * GIB),
        ),
    }
    settings |= jobs.read_jobs(
        on_cluster=on_cluster,
        preset=preset,
        cpu=cpu,
        memory_gib=memory_gib,
        pool=pool,
        pool_tree=pool_tree,
        job_minutes=job_minutes,
        keep_videos=keep_videos,
        spec=spec,
    )
    client = connect(proxy)
    if dry_run:
        plan = plan_upload(source, table, client=client, **settings)
        typer.echo(json_module.dumps(plan.content(), indent=2, ensure_ascii=False, default=str))
        return
    with StepProgress() as progress:
        videos: list[int | None] = [None]

        def on_plan(plan: Any) -> None:
            videos[0] = plan.source.count
            options.say(plan.summary())

        def on_progress(result: UploadResult) -> None:
            progress.update(str(result), done=result.sources + result.already, total=videos[0])

        result = run(
            source,
            table,
            client=client,
            on_plan=on_plan,
            on_progress=on_progress,
            on_operation=lambda now: progress.update(str(now)),
            on_warning=options.warn,
            **settings,
        )
    for problem in result.problems:
        options.errors.print(f"skipped {problem}", markup=False, soft_wrap=True)
    options.print_result(result, as_json=json)
    if result.sources:
        options.say(result.rate())
    if strict and result.bad_sources:
        raise typer.Exit(3)


def _read_rows(text: str | None) -> tuple[int, int | None] | None:
    if text is None:
        return None
    otherwise = f"--rows {text!r}: first:last is expected, two numbers, for example 0:100."
    return read_row_range(text, otherwise=otherwise)
