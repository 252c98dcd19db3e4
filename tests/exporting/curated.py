"""A small run as a curation leaves it: clips with videos, their sources, and the curated table."""

import hashlib
import random
from functools import cache

from tests.support.videos import make_video
from ytcurate.media.poster import make_poster
from ytcurate.tables.rows import CLIPS, SOURCES
from ytcurate.tables.store import create_table

SOURCE_DIGESTS = (hashlib.sha256(b"source 0").hexdigest(), hashlib.sha256(b"source 1").hexdigest())
EMBEDDING = [0.5, -0.25, 1.0]
KEYFRAME = make_poster(make_video(seconds=0.1))
FRAMES = 30

_PLAIN = {
    "ds_index": "int64",
    "segment_index": "int64",
    "clip_id": "utf8",
    "source": "utf8",
    "title": "utf8",
    "start_s": "double",
    "length": "double",
    "width": "int64",
    "height": "int64",
    "fps": "double",
    "codec": "utf8",
    "frame_count": "int64",
    "bytes": "int64",
    **{f"quality_{name}": "double" for name in ("brightness", "contrast", "sharpness", "motion")},
    **{f"quality_{name}": "double" for name in ("motion_rate", "black", "frozen", "text")},
}
LABELS = {"category": "utf8", "is_safe": "bool", "description": "utf8", "visual_quality": "utf8"}
_END = {
    "label_outcome": "utf8",
    "label_detail": "utf8",
    "embedding": {"type_name": "list", "item": "float"},
    "duplicate_of": "utf8",
    "duplicate_similarity": "double",
    "kept": "bool",
    "reason": "utf8",
    "outcome": "utf8",
    "detail": "utf8",
}
TWENTY = (
    "video_id clip_index start_frame end_frame start_sec end_sec clip_duration_sec clip_num_frames fps width "
    "height brightness contrast sharpness motion_score category is_safe vlm_description vlm_quality embedding"
).split()


@cache
def video(number):
    """The video of a clip: 30 pictures a second, for one second."""
    return make_video(seconds=1, gop=10 + number)


def row(ds_index, segment_index, **changes):
    """The curated row of a clip; clips of a source follow each other, a second each."""
    number = ds_index * 10 + segment_index
    values = {
        "ds_index": ds_index,
        "segment_index": segment_index,
        "clip_id": f"{number:032x}"[::-1],
        "source": f"/videos/{ds_index}.mp4",
        "title": "Ace, on \u201cMirage\u201d",
        "start_s": float(segment_index),
        "length": 1.0,
        "width": 64,
        "height": 48,
        "fps": 30.0,
        "codec": "h264",
        "frame_count": FRAMES,
        "bytes": len(video(number)),
        "quality_brightness": 100.25,
        "quality_contrast": 40.5,
        "quality_sharpness": 200.0,
        "quality_motion": 1.5,
        "keyframe": KEYFRAME,
        "category": "gaming",
        "is_safe": True,
        "description": f"Clip {number}.",
        "visual_quality": "high",
        "label_outcome": "ok",
        "embedding": EMBEDDING,
        "kept": True,
        "outcome": "ok",
    }
    return values | changes


def make_run(client, workdir, rows=None, *, labels=None, clip_rows=None, attribute=True):
    """Write the three tables; rows of the curated one lie in any order.

    Returns:
        The path of the curated table.
    """
    if rows is None:
        rows = [row(0, 0), row(0, 1, kept=False, reason="sharpness 3 is below 50"), row(0, 2), row(1, 0)]
    curated, clips = f"{workdir}/curated", f"{workdir}/clips"
    write_curated(client, curated, rows, labels)
    if attribute:
        client.set(f"{curated}/@ytcurate", {"clips": clips, "sources": f"{clips}_sources", "min_motion": 0.5})
    create_table(client, clips, CLIPS)
    client.write_table(clips, [clip_row(each) for each in rows] if clip_rows is None else clip_rows)
    create_table(client, f"{clips}_sources", SOURCES)
    known = sorted({each["ds_index"] for each in rows if each["ds_index"] < len(SOURCE_DIGESTS)})
    client.write_table(f"{clips}_sources", [source_row(each) for each in known])
    return curated


def write_curated(client, path, rows, labels=None):
    tagged = {"type_name": "tagged", "tag": "image/jpeg", "item": "string"}
    kinds = _PLAIN | {"keyframe": tagged} | (LABELS if labels is None else labels) | _END
    schema = [
        {"name": name, "type_v3": {"type_name": "optional", "item": kind}} for name, kind in kinds.items()
    ]
    client.create("table", path, attributes={"schema": schema, "optimize_for": "scan"})
    shuffled = [{name: value for name, value in each.items() if name in kinds} for each in rows]
    random.Random(3).shuffle(shuffled)
    client.write_table(path, shuffled)


def clip_row(curated, **changes):
    """The row of the clips table that belongs to a curated one."""
    names = {column.name for column in CLIPS}
    number = curated["ds_index"] * 10 + curated["segment_index"]
    values = {name: value for name, value in curated.items() if name in names}
    return values | {"video": video(number), "file_type": "mp4"} | changes


def source_row(ds_index):
    digest = SOURCE_DIGESTS[ds_index]
    return {
        "ds_index": ds_index,
        "source": f"/videos/{ds_index}.mp4",
        "sha256": digest,
        "clips": 1,
        "seconds": 1.0,
        "bytes": 1,
        "outcome": "ok",
    }
