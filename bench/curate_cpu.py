"""The CPU stages of curation on one core: cuts, clips, scores and keyframes, ours against a call for each.

The same files, both ways in turn, all on one core. ``ratio`` is the plain way's time over ours. Both find
scenes with PySceneDetect's adaptive detector and cut exactly to the picture. The plain way (``plain_curate``)
opens and decodes a clip again for every step, and encodes each clip again; ours encodes only around a cut,
and scores also what the plain way does not (black and frozen shares, motion by the diagonal).
``ratio_without_encoding`` leaves the plain way's splitting out, and nothing of ours.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bench.harness import ROOT, Options, Result, interleave, machine, one_core, run, versions
from bench.plain_curate import PlainResult, curate_plainly
from tests.support.planted import make_planted
from ytcurate.config import Scoring, Segmenting
from ytcurate.mappers.clips import SourceRecord, clip_rows

FOLDER = ROOT / "build" / "bench-curate"
VIDEOS, SCENES, SIZE, SECONDS = 3, 6, (1280, 720), (4.0, 8.0)
QUICK_VIDEOS, QUICK_SCENES, QUICK_SIZE, QUICK_SECONDS = 1, 3, (320, 180), (1.5, 2.0)
REPEATS = 3


def measure(options: Options) -> Result:
    """Curate the same files both ways."""
    videos = _make_videos(quick=options.quick)
    found: dict[str, Any] = {}

    def plain() -> None:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found["plain"] = curate_plainly(videos, Path(folder))

    def ours() -> None:
        found["ours"] = [row for video in videos for row in _curate(video, Scoring())]

    def no_scores() -> None:
        found["no scores"] = [row for video in videos for row in _curate(video, None)]

    with one_core():
        repeats = options.repetitions(REPEATS)
        timings = interleave({"plain": plain, "ours": ours, "ours, no scores": no_scores}, repeats)
    result: PlainResult = found["plain"]
    clips = len(found["ours"])
    ms = {name: timing.median_ms for name, timing in timings.items()}
    split_ms = 1000 * result.seconds["split"]
    return {
        "name": "curate_cpu",
        "ratio": round(ms["plain"] / ms["ours"], 2),
        "ratio_without_encoding": round((ms["plain"] - split_ms) / ms["ours"], 2),
        "clips_per_second_per_core": {name: round(clips / (each / 1000), 3) for name, each in ms.items()},
        "clips": {"plain": result.clips, "ours": clips},
        "video_seconds": round(sum(row["length"] for row in found["ours"]), 1),
        "plain_seconds_by_step": {name: round(each, 2) for name, each in result.seconds.items()},
        "ways": {name: timing.summary() for name, timing in timings.items()},
        "input": f"{len(videos)} planted videos, {'x'.join(map(str, SIZE))}, 24 fps, H.264",
        "machine": machine(),
        "versions": versions("av", "opencv-python-headless", "scenedetect-headless", "numpy"),
    }


def _curate(video: Path, scoring: Scoring | None) -> list[dict[str, Any]]:
    record = SourceRecord(ds_index=0, source=video.name)
    return list(clip_rows(video, record, Segmenting(split="scenes"), preview="none", scoring=scoring))


def _make_videos(*, quick: bool) -> list[Path]:
    """Make the sources, or find them made."""
    folder = FOLDER / ("quick" if quick else "full")
    folder.mkdir(parents=True, exist_ok=True)
    count = QUICK_VIDEOS if quick else VIDEOS
    paths = [folder / f"{number}.mp4" for number in range(count)]
    if not all(path.exists() for path in paths):
        width, height = QUICK_SIZE if quick else SIZE
        made = make_planted(
            5,
            count,
            scenes=QUICK_SCENES if quick else SCENES,
            width=width,
            height=height,
            seconds=QUICK_SECONDS if quick else SECONDS,
            kinds=("good",),
        )
        for path, video in zip(paths, made, strict=True):
            path.write_bytes(video.video)
    return paths


if __name__ == "__main__":
    run(measure, __doc__)
