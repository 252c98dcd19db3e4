"""Curation with the demo's language model in the real engine: labels are typed, true, and fail closed."""

from pathlib import Path

import numpy as np
import pytest
import yaml

import ytcurate
from ytcurate.demo.world import (
    BACKGROUNDS,
    COLOURS,
    SHAPES,
    OneThing,
    Thing,
    draw_thing,
    encode_pictures,
    label_of,
    random_layout,
)
from ytcurate.describers.prompts import load_question

TINY = Path(ytcurate.__file__).parent / "demo" / "tiny-qwen2.5-vl"
FPS, SECONDS, VIDEOS, SCENES = 15, 3, 6, 5
NO_FILTER = dict.fromkeys(
    ("min_brightness", "max_brightness", "min_contrast", "min_sharpness", "min_motion", "max_frozen")
)


@pytest.fixture(scope="module")
def shown():
    """What each scene of each video shows; things that follow each other stand on different backgrounds."""
    rng = np.random.default_rng(3)
    everything = [
        [Thing(colour, shape) for colour in COLOURS for shape in SHAPES][place]
        for place in rng.permutation(len(COLOURS) * len(SHAPES))
    ] * 2
    names = list(BACKGROUNDS)
    return [
        [OneThing(everything[video * SCENES + at], names[(video + at) % 3]) for at in range(SCENES)]
        for video in range(VIDEOS)
    ]


@pytest.fixture(scope="module")
def folder(shown, tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("things"), np.random.default_rng(4)
    for number, scenes in enumerate(shown):
        pictures = []
        for scene in scenes:
            layout, count = random_layout(rng), FPS * SECONDS
            pictures += [
                draw_thing(
                    *(scene.thing, scene.background, layout.first),
                    t_fraction=at / (count - 1),
                    size_px=112,
                    noise=layout.noise,
                )
                for at in range(count)
            ]
        keyframes = set(range(0, len(pictures), FPS))
        video = encode_pictures(pictures, keyframes=keyframes, fps=FPS, size_px=112)
        (folder / f"{number}.mp4").write_bytes(video)
    return folder


def settings(model, **label):
    return {
        "filter": NO_FILTER,
        "label": {"model": str(model), "temperature": 0.0} | label,
        "embed": {"model": "none"},
        "jobs": {"cut": "local", "label": "local"},
        "export": {"parquet": False},
    }


def test_labels_are_true_and_unsafe_clips_are_not_kept(client, workdir, folder, shown, tmp_path):
    directory = f"{workdir}/run"
    result = ytcurate.curate(folder, directory, client=client, settings=settings(TINY))
    rows = list(client.read_table(f"{directory}/curated"))
    assert len(rows) == VIDEOS * SCENES
    truth = [label_of(scene) for scenes in shown for scene in scenes]
    assert {row["label_outcome"] for row in rows} == {"ok"}
    for field, least in (
        ("category", 0.95),
        ("is_safe", 0.95),
        ("visual_quality", 1.0),
        ("description", 0.9),
    ):
        right = sum(row[field] == label[field] for row, label in zip(rows, truth, strict=True))
        assert right >= least * len(rows), field
    dropped = [not row["kept"] for row in rows]
    unsafe = [not label["is_safe"] for label in truth]
    found = sum(a and b for a, b in zip(dropped, unsafe, strict=True))
    assert found >= 0.95 * sum(unsafe) > 0  # recall
    assert found >= 0.95 * sum(dropped)  # precision
    assert all(
        (row["failed_step"], row["reason"]) == ("safe", "is_safe is false") for row in rows if not row["kept"]
    )
    assert result.stages[-3][0] == "safe"

    # Another question: clips are labelled again, and not cut again; the old labels are found again.
    label = load_question("label")
    question = tmp_path / "other.yaml"
    text = label.text.replace("Label this video.", "Label this clip.")
    question.write_text(
        yaml.safe_dump({"text": text, "system": label.system, "schema": label.schema.json_schema})
    )
    second = ytcurate.curate(
        folder, directory, client=client, settings=settings(TINY, question=str(question))
    )
    assert second.done == {"cut": 0, "label": len(rows)}
    third = ytcurate.curate(folder, directory, client=client, settings=settings(TINY))
    assert (third.done, third.kept) == ({"cut": 0, "label": 0}, result.kept)
    # Other rules about the same labels: nothing is asked again.
    sports = settings(TINY, allow={"category": ["sports"]}, safe_field="none")
    fourth = ytcurate.curate(folder, directory, client=client, settings=sports)
    assert (fourth.done, fourth.kept) == (
        {"cut": 0, "label": 0},
        sum(row["category"] == "sports" for row in rows),
    )


def test_rules_about_fields_that_no_reply_has_are_refused(client, workdir, folder):
    with pytest.raises(ytcurate.YtcurateError, match='has no field "colour"; it has category, description'):
        ytcurate.curate(
            folder, f"{workdir}/run", client=client, settings=settings(TINY, allow={"colour": ["red"]})
        )
    with pytest.raises(
        ytcurate.YtcurateError, match='question description has no field "is_safe"; it has none'
    ):
        ytcurate.curate(folder, f"{workdir}/run", client=client, settings=settings(TINY, question="describe"))


def test_jobs_that_label_also_embed_and_what_they_left_is_embedded_elsewhere(client, workdir, folder):
    few, clip = Path(folder) / "0.mp4", TINY.parent / "tiny-clip"
    wanted = settings(TINY) | {"embed": {"model": str(clip), "where": "gpu"}}
    wanted["duplicates"] = {"threshold": None}
    wanted["jobs"] = {"cut": "local", "label": "local", "embed": "local"}
    result = ytcurate.curate(few, f"{workdir}/run", client=client, settings=wanted)
    assert (result.done["label"], result.done["embed"]) == (SCENES, 0)
    assert client.get(f"{workdir}/run/embeddings/@row_count") == SCENES
    rows = list(client.read_table(f"{workdir}/run/curated"))
    assert all(row["embedding"] is not None and row["label_outcome"] == "ok" for row in rows)

    client.remove(f"{workdir}/run/embeddings")
    again = ytcurate.curate(few, f"{workdir}/run", client=client, settings=wanted)
    assert (again.done["label"], again.done["embed"]) == (0, SCENES)
    for before, after in zip(rows, client.read_table(f"{workdir}/run/curated"), strict=True):
        assert after["embedding"] == pytest.approx(before["embedding"], abs=1e-5)
