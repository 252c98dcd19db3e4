"""A folder that ``datasets.load_dataset`` takes, and the Hub: Parquet with media, and a card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ytcurate.exporting.columns import EMBEDDING, KEYFRAME, Field, item_kind
from ytcurate.exporting.folder import Folder
from ytcurate.exporting.parquet import write_parquet
from ytcurate.exporting.reader import ExportReader

_DTYPES = {"utf8": "string", "any": "string", "string": "binary", "boolean": "bool", "double": "float64"}
_MEANINGS = {
    "video_id": "first 12 hexadecimal digits of the SHA-256 of the whole source file",
    "clip_index": "place of the clip in its source, from 0",
    "start_frame": "number of the clip's first picture in its source",
    "end_frame": "the number after its last",
    "start_sec": "when its first picture is displayed, s",
    "end_sec": "when it ends, s",
    "clip_duration_sec": "length, s",
    "clip_num_frames": "pictures",
    "brightness": "mean gray, 0 to 255",
    "contrast": "standard deviation of gray",
    "sharpness": "variance of the Laplacian",
    "motion_score": "mean optical flow",
    "vlm_description": "the model's text",
    "vlm_quality": "the model's word for the quality",
    EMBEDDING: "vector of the clip's pictures",
    KEYFRAME: "a picture of the clip",
    "video": "the clip, a video of its own",
    "start_s": "as start_sec, not rounded",
    "length": "as clip_duration_sec, not rounded",
}
_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
)
_LARGEST_SIZE = "n>10M"


def write_huggingface(reader: ExportReader, folder: Folder, *, provenance: Mapping[str, Any]) -> None:
    """Write ``data/train-00000-of-0000N.parquet``, ... and ``README.md``.

    Videos and keyframes are features of their kinds; videos are given as bytes until the column is cast to
    ``Video()``, which needs a decoder.
    """
    features = hub_features(reader.fields, videos=reader.has_videos)
    write_parquet(
        reader,
        folder,
        provenance=provenance,
        name=lambda number: f"data/train-{number:05d}-of-{len(reader.shards):05d}.parquet",
        media=True,
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    with folder.create("README.md") as file:
        file.write(_card(reader, features, provenance).encode())


def hub_features(fields: tuple[Field, ...], *, videos: bool) -> dict[str, Any]:
    """The features of a data set, as ``datasets`` writes them into the metadata of Parquet files."""
    features = {field.name: _feature(field.kind) for field in fields}
    if KEYFRAME in features:
        features[KEYFRAME] = {"_type": "Image"}
    if videos:
        features["video"] = {"decode": False, "_type": "Video"}
    return features


def _feature(kind: str) -> dict[str, Any]:
    item = item_kind(kind)
    if item is not None:
        return {"feature": _feature(item), "_type": "List"}
    return {"dtype": _DTYPES.get(kind, "float32" if kind == "float" else kind), "_type": "Value"}


def _card(reader: ExportReader, features: Mapping[str, Any], provenance: Mapping[str, Any]) -> str:
    size = next((name for limit, name in _SIZES if reader.rows < limit), _LARGEST_SIZE)
    rows = "\n".join(
        f"| `{_safe(name)}` | {_words(feature)} | {_MEANINGS.get(name, '')} |"
        for name, feature in features.items()
    )
    return f"""---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*.parquet
size_categories:
- {size}
tags:
- video
- ytcurate
---

# Curated clips

{reader.rows} clips, one per row, exported by {provenance["toolkit"]}. Rights are those of the source videos.

```python
from datasets import Video, load_dataset

clips = load_dataset("path/of/this/folder", split="train")
clips[0]["video"]["bytes"]                        # the clip as a file
clips = clips.cast_column("video", Video())       # to decode it
```

## Features

| name | type | meaning |
|---|---|---|
{rows}

## Provenance

```json
{json.dumps(provenance, indent=2, ensure_ascii=False)}
```
"""


def _words(feature: Mapping[str, Any]) -> str:
    if feature["_type"] == "List":
        return f"list of {_words(feature['feature'])}"
    return str(feature.get("dtype") or feature["_type"].lower())


def _safe(name: str) -> str:
    return name.replace("|", "\\|").replace("`", "'")
