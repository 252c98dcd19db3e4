"""A folder that the datasets library takes."""

import pytest
import yaml

from tests.exporting.curated import EMBEDDING, KEYFRAME, make_run, row, video
from ytcurate.config import MIB
from ytcurate.pipeline.export import export


@pytest.fixture
def offline(monkeypatch, tmp_path):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return datasets


def test_load_dataset_gives_the_rows_and_the_videos_of_the_clips(client, curated, tmp_path, offline):
    from datasets import Image, List, Value, Video

    result = export(curated, tmp_path / "out", format="huggingface", client=client)
    assert (result.rows, result.files) == (3, 2)
    clips = offline.load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    assert clips.features["video"] == Video(decode=False)
    assert clips.features["keyframe"] == Image()
    assert clips.features["embedding"] == List(Value("float32"))
    assert clips.features["is_safe"] == Value("bool")
    assert clips[1]["video"] == {"bytes": video(2), "path": "00000000_00002.mp4"}
    assert clips["clip_index"][:] == [0, 2, 0]
    assert clips[1]["embedding"] == EMBEDDING
    pictures = clips.cast_column("keyframe", Image(decode=False))
    assert pictures[0]["keyframe"] == {"bytes": KEYFRAME, "path": "00000000_00000.jpg"}


def test_streaming_gives_the_same_and_shards_are_numbered_of_all(client, workdir, tmp_path, offline):
    table = make_run(client, workdir, [row(0, number, bytes=30 * MIB, keyframe=None) for number in range(3)])
    export(table, tmp_path / "out", format="huggingface", shard_bytes=64 * MIB, client=client)
    names = sorted(each.name for each in (tmp_path / "out/data").iterdir())
    assert names == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]
    clips = offline.load_dataset(str(tmp_path / "out"), split="train", streaming=True)
    assert [each["video"]["bytes"] for each in clips] == [video(0), video(1), video(2)]


def test_a_clip_casts_to_a_video_that_decodes(client, workdir, tmp_path, offline):
    try:
        import torchcodec.decoders  # noqa: F401
    except (ImportError, RuntimeError, OSError):
        pytest.skip("needs torchcodec and FFmpeg's libraries")
    rows = [row(0, 0, keyframe=None)]
    export(make_run(client, workdir, rows), tmp_path / "out", format="huggingface", client=client)
    clips = offline.load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(clips.cast_column("video", offline.Video())[0]["video"]) == 30


def test_the_card_has_front_matter_features_and_provenance(client, curated, tmp_path):
    export(curated, tmp_path / "out", format="huggingface", videos=False, client=client)
    _, front, body = (tmp_path / "out/README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(front) == {
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": "data/train-*.parquet"}],
            }
        ],
        "size_categories": ["n<1K"],
        "tags": ["video", "ytcurate"],
    }
    assert "3 clips, one per row" in body
    assert "| `embedding` | list of float32 | vector of the clip's pictures |" in body
    assert "| `video` |" not in body
    assert f'"table": "{curated}"' in body
