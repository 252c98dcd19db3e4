"""The embed mapper called as a plain generator, its worker fed by hand, and both on a cluster."""

import io
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from tests.support.tiny_clip import DIMENSION, write_tiny_clip
from tests.support.videos import make_video
from ytcurate.config import ClipLimits
from ytcurate.describers.weights import digest_file
from ytcurate.embedders.clip import ClipEmbedder
from ytcurate.embedders.pictures import decode_keyframes, sample_pictures
from ytcurate.errors import EngineUnavailable, SchemaMismatch, UsageError
from ytcurate.mappers.embed import EMBED_COLUMNS, EmbedMapper, EmbedWorker
from ytcurate.models.find_clip import find_clip
from ytcurate.operations.spec import build_spec
from ytcurate.operations.submit import run

TYPES = {"list<float>": {"type_name": "optional", "item": {"type_name": "list", "item": "float"}}}
PICTURES = {"type_name": "optional", "item": {"type_name": "list", "item": "string"}}


def jpeg(number):
    """A picture that differs from all others: noise of its own seed."""
    pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def clip(number, **columns):
    """A row with two or three keyframes."""
    keyframes = [jpeg(10 * number + at) for at in range(2 + number % 2)]
    row = {"ds_index": 5, "segment_index": number, "clip_id": f"clip {number}", "keyframes": keyframes}
    return row | {"outcome": "ok", "detail": None} | columns


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory):
    return write_tiny_clip(tmp_path_factory.mktemp("tiny-clip"))


@pytest.fixture(scope="module")
def embedder(tiny_clip):
    return ClipEmbedder(str(tiny_clip), name="tiny", device="cpu")


@pytest.fixture
def embed(tiny_clip):
    def run_mapper(rows, **settings):
        settings = {"model_name": "tiny", "batch_clips": 4, "threads": 2, "device": "cpu"} | settings
        return list(EmbedMapper(str(tiny_clip), **settings)(iter(rows)))

    return run_mapper


def vector_of(embedder, row):
    return embedder.embed_pictures([list(decode_keyframes(row["keyframes"], ClipLimits()))])[0]


def test_each_row_gives_one_row_with_its_own_vector_in_order(embed, embedder):
    rows = [clip(number) for number in range(23)]
    output = embed(rows)
    assert [tuple(row) for row in output] == [tuple(name for name, _ in EMBED_COLUMNS)] * 23
    assert [row["segment_index"] for row in output] == list(range(23))
    for row, given in zip(output, rows, strict=True):
        wanted = {
            "ds_index": 5,
            "clip_id": given["clip_id"],
            "outcome": "ok",
            "detail": None,
            "model": "tiny",
        }
        assert {name: row[name] for name in wanted} == wanted
        assert np.abs(np.array(row["embedding"]) - vector_of(embedder, given)).max() < 1e-5
    assert all(isinstance(number, float) for number in output[0]["embedding"])
    assert np.linalg.norm(output[0]["embedding"]) == pytest.approx(1, abs=1e-6)


def test_the_mean_can_be_left_as_it_is(embed):
    (row,) = embed([clip(1)], renormalise=False)
    assert np.linalg.norm(row["embedding"]) < 0.999


def test_pictures_that_cannot_be_decoded_are_a_row_and_the_others_are_embedded(embed):
    rows = [clip(0), clip(1, keyframes=[jpeg(1), b"text"]), clip(2, keyframes=[jpeg(1)[:300]]), clip(3)]
    output = embed([*rows, clip(4, keyframes=None), clip(5, keyframes=[])])
    unreadable = "unreadable"
    assert [row["outcome"] for row in output] == ["ok", unreadable, unreadable, "ok", unreadable, unreadable]
    assert [row["embedding"] is None for row in output] == [False, True, True, False, True, True]
    assert output[1]["detail"] == "keyframe 1 of 2: 4 bytes are no picture of the kinds JPEG, PNG, WEBP"
    assert output[2]["detail"].startswith("keyframe 0 of 1: 300 bytes of a picture cannot be decoded")
    assert output[4]["detail"] == output[5]["detail"] == "the row has neither keyframes nor a video"
    assert {row["model"] for row in output} == {"tiny"}


def test_without_keyframes_pictures_come_from_the_video(embed, embedder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    video = make_video(seconds=2)
    (tmp_path / "abc").write_bytes(video)
    row = {"ds_index": 1, "segment_index": 0}
    output = embed(
        [
            row | {"video": video},
            row | {"video": None, "video_path": "//tmp/files/abc", "clip_id": "given"},
            row | {"video": None, "video_path": "//tmp/files/xyz"},
            row | {"video": b"no video"},
        ]
    )
    assert [row["outcome"] for row in output] == ["ok", "ok", "unreadable", "unreadable"]
    wanted = embedder.embed_pictures([list(sample_pictures(video, 3, ClipLimits()))])[0]
    for row in output[:2]:
        assert np.abs(np.array(row["embedding"]) - wanted).max() < 1e-5
    assert (len(output[0]["clip_id"]), output[1]["clip_id"]) == (32, "given")
    assert "give it //tmp/files/xyz in file_paths" in output[2]["detail"]
    assert "FFmpeg finds no container in 8 bytes" in output[3]["detail"]


def test_a_row_that_brings_a_bad_outcome_keeps_it(embed):
    rows = [clip(0, outcome="refused", detail="too heavy"), clip(1, outcome="odd"), clip(2, outcome=None)]
    output = embed(rows)
    assert [(row["outcome"], row["detail"]) for row in output] == [
        ("refused", "too heavy"),
        ("failed", "the row came with outcome 'odd': no detail"),
        ("ok", None),
    ]
    assert output[0]["embedding"] is output[1]["embedding"] is None


def test_no_rows_in_give_no_rows_out(embed):
    assert embed([]) == []


def test_a_row_without_the_needed_columns_names_the_missing_one(embed):
    with pytest.raises(SchemaMismatch, match="this row has no segment_index, it has ds_index, keyframes"):
        embed([{"ds_index": 1, "keyframes": []}])
    with pytest.raises(
        SchemaMismatch, match="the column keyframes as a list of pictures; in this row it is a bytes"
    ):
        embed([clip(0, keyframes=jpeg(1))])


def test_a_model_that_is_not_there_or_not_the_one_meant_fails_before_the_first_row(tiny_clip):
    with pytest.raises(EngineUnavailable, match="model /no/such/model: no such directory"):
        next(EmbedMapper("/no/such/model")(iter([])))
    manifest = {name: digest_file(tiny_clip / name) for name in ("config.json", "vocab.json")}
    assert list(EmbedMapper(str(tiny_clip), manifest=manifest)(iter([]))) == []
    manifest["vocab.json"] = manifest["config.json"]
    with pytest.raises(EngineUnavailable, match=r"vocab\.json is not what was pushed"):
        next(EmbedMapper(str(tiny_clip), manifest=manifest)(iter([])))


def test_settings_are_checked_at_once():
    with pytest.raises(UsageError, match="batch_clips must be 1 or more, it is 0"):
        EmbedMapper("any", batch_clips=0)
    with pytest.raises(UsageError, match="threads must be 0 or more, it is -1"):
        EmbedMapper("any", threads=-1)


def test_reading_runs_ahead_only_so_far_and_stops_with_the_reader(tiny_clip):
    read = []

    def endless():
        number = 0
        while True:
            read.append(number)
            yield clip(number % 3)
            number += 1

    rows = EmbedMapper(str(tiny_clip), batch_clips=2, threads=1, device="cpu")(endless())
    for _ in range(5):
        next(rows)
    # Rows in hand, rows done and not written, and the one that was read last.
    assert len(read) <= 5 + (3 * 2 + 1) + 4 * 2 + 1
    rows.close()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("embed", "decode-pictures"))]


def test_a_worker_takes_rows_from_many_threads(embedder):
    rows = [clip(number) for number in range(12)]
    futures = {}
    with EmbedWorker(embedder, batch_clips=5) as worker:
        threads = [
            threading.Thread(target=lambda row=row: futures.update({row["clip_id"]: worker.submit(row)}))
            for row in rows
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        output = {name: future.result(timeout=60) for name, future in futures.items()}
    for row in rows:
        assert np.abs(np.array(output[row["clip_id"]]["embedding"]) - vector_of(embedder, row)).max() < 1e-5
    assert set(worker.statistics()) == {"embed_ms", "decode_wait_ms"}


class Broken:
    """An embedder whose model fails, as one does whose device is full."""

    name, dimension = "broken", 3

    def prepare(self, pictures):
        return np.stack([picture[:8, :8] for picture in pictures])

    def embed_prepared(self, clips):
        raise RuntimeError("CUDA out of memory\nand more")


def test_a_model_that_fails_is_an_error_of_all_rows_and_nobody_waits_for_ever():
    with EmbedWorker(Broken(), batch_clips=2) as worker:
        first = worker.submit(clip(0))
        with pytest.raises(EngineUnavailable, match=r"it failed on 1 clips .*CUDA out of memory\)"):
            first.result(timeout=60)
        with pytest.raises(EngineUnavailable, match="take a smaller batch_clips"):
            worker.submit(clip(1))
        passed = worker.submit(clip(2, outcome="refused"))
        assert passed.result(timeout=60)["outcome"] == "refused"


def test_a_vector_that_is_no_number_is_a_row():
    class Odd(Broken):
        def embed_prepared(self, clips):
            return np.array([[1, np.nan, 0]] * len(clips), np.float32)

    with EmbedWorker(Odd()) as worker:
        row = worker.submit(clip(0)).result(timeout=60)
    assert (row["outcome"], row["embedding"]) == ("failed", None)
    assert row["detail"] == "the model's vector is not made of finite numbers"


def test_a_closed_worker_leaves_no_future_undone_and_takes_no_row(embedder):
    worker = EmbedWorker(embedder, decode_threads=1)
    futures = [worker.submit(clip(number)) for number in range(20)]
    worker.close()
    worker.close()
    assert all(future.done() for future in futures)
    with pytest.raises(RuntimeError, match="the worker was closed"):
        worker.submit(clip(0))


def test_an_operation_embeds_a_table(client, workdir, tiny_clip, embedder):
    rows = [*(clip(number) for number in range(9)), clip(9, keyframes=[b"text"])]
    rows += [
        clip(10, keyframes=None, video=make_video(seconds=1)),
        clip(11, outcome="failed", detail="before"),
    ]
    names = ("clip_id", "video", "outcome", "detail")
    columns = [{"name": name, "type": "int64"} for name in ("ds_index", "segment_index")]
    columns += [{"name": name, "type": "string" if name == "video" else "utf8"} for name in names]
    columns += [{"name": "keyframes", "type_v3": PICTURES}]
    client.create("table", f"{workdir}/clips", attributes={"schema": columns})
    client.write_table(f"{workdir}/clips", rows)
    schema = [
        {"name": name, "type_v3": TYPES[kind]} if kind in TYPES else {"name": name, "type": kind}
        for name, kind in EMBED_COLUMNS
    ]
    client.create("table", f"{workdir}/embeddings", attributes={"schema": schema})

    model = find_clip(str(tiny_clip))
    mapper = EmbedMapper(model.job_path, model_name=model.name, batch_clips=4, threads=2, device="cpu")
    overrides = {"mapper": {"environment": dict(model.environment)}}
    spec = build_spec("local", trees=["default"], title="embed", ordered=True, overrides=overrides)
    done = run(client, mapper, f"{workdir}/clips", f"{workdir}/embeddings", spec=spec, files=model.files)

    output = list(client.read_table(f"{workdir}/embeddings"))
    assert [row["segment_index"] for row in output] == list(range(12))
    assert [row["outcome"] for row in output] == ["ok"] * 9 + ["unreadable", "ok", "failed"]
    assert output[9]["detail"] == "keyframe 0 of 1: 4 bytes are no picture of the kinds JPEG, PNG, WEBP"
    for row, given in zip(output[:9], rows, strict=False):
        assert np.abs(np.array(row["embedding"]) - vector_of(embedder, given)).max() < 1e-5
    assert len(output[10]["embedding"]) == DIMENSION
    statistics = {name.removeprefix("custom/"): value for name, value in done.statistics.items()}
    wanted = {"clips_done": 12, "outcome_ok": 10, "outcome_unreadable": 1, "outcome_failed": 1}
    assert {name: statistics.get(name) for name in wanted} == wanted
    assert {"embed_ms", "decode_wait_ms", "embed_start_ms"} <= set(statistics)


def test_importing_the_mapper_imports_no_engine_and_no_decoder():
    code = "import sys, ytcurate.mappers.embed; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "PIL", "av", "cv2"} & set(done.stdout.split())
