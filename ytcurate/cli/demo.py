"""``ytcurate demo``: the main job once, each step shown as the command that does it."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from ytcurate.cli import describe as describe_command
from ytcurate.cli import options
from ytcurate.cli import show as show_command
from ytcurate.cli import upload as upload_command


def demo(
    folder: Annotated[Path, typer.Option(help="Where the sample video is put.")] = Path("demo"),
    preset: Annotated[str, typer.Option(help="What a job gets; local asks for no GPU.")] = "local",
    proxy: options.Proxy = None,
) -> None:
    """Upload a sample video, describe its clips with a tiny model, and compare with what it really shows."""
    from ytcurate.connection import account, connect
    from ytcurate.demo.sample import MODEL, SCENE_COUNT, count_true, write_sample
    from ytcurate.pipeline.show import show

    started = time.monotonic()
    client = connect(proxy)
    proxy = client.config["proxy"]["url"]
    home = account(client).home_path
    clips, descriptions = f"{home}/demo/clips", f"{home}/demo/descriptions"
    video = write_sample(folder / "sample.mp4")
    options.errors.print(f"sample video: {video}, {SCENE_COUNT} scenes of coloured shapes", markup=False)

    _say("upload", str(video), clips, "--overwrite")
    upload_command.upload(str(video), clips, overwrite=True, proxy=proxy)
    _say("describe", clips, descriptions, "--model", str(MODEL), "--preset", preset, "--overwrite")
    describe_command.describe(
        clips, descriptions, model=str(MODEL), preset=preset, pool_tree=None, overwrite=True, proxy=proxy
    )
    _say("show", clips)
    show_command.show(clips, proxy=proxy)
    _say("show", descriptions)
    show_command.show(descriptions, proxy=proxy)

    true = count_true(show(descriptions, client=client).rows)
    typer.echo(f"{true} of {SCENE_COUNT} descriptions are true ({time.monotonic() - started:.0f} s)")
    typer.echo(
        "\nNow your own videos. In a shell with .venv/bin on the PATH:\n"
        "  ytcurate upload FOLDER //tmp/mine/clips\n"
        "  ytcurate describe //tmp/mine/clips //tmp/mine/descriptions --model Qwen/Qwen2.5-VL-7B-Instruct\n"
        "  ytcurate show //tmp/mine/descriptions\n"
        "On a real cluster the same, with --proxy URL or YT_PROXY set.\n"
        f"The tables stay: yt --proxy {proxy} list {home}/demo\n"
        "The local cluster goes on running until: ytcurate cluster stop"
    )
    if true != SCENE_COUNT:
        raise typer.Exit(1)


def _say(*words: str) -> None:
    options.errors.print(f"\n$ ytcurate {shlex.join(words)}", markup=False, soft_wrap=True)
