"""The whole flow with the real client, the cluster behind ``proxy`` and the real engine."""

import shutil

import pytest
import yt.wrapper as yt

import ytcurate
from tests.support.videos import make_sound_only
from ytcurate.config import GIB, MIB
from ytcurate.demo.sample import MODEL, count_true, sample_scenes
from ytcurate.describers.prompts import DESCRIBE
from ytcurate.errors import OperationFailed, SchemaMismatch, TableError, UnreadableVideo, UsageError
from ytcurate.pipeline.describe_plan import result_columns
from ytcurate.tables.rows import CLIPS
from ytcurate.tables.schema import schema_difference, table_schema


def read_bytes(client, table):
    """All rows, with keys as text and binary values as bytes."""
    rows = client.read_table(table, format=yt.YsonFormat(encoding=None))
    return [{key.decode(): value for key, value in row.items()} for row in rows]


def test_what_is_described_is_what_the_video_shows(client, workdir, sample_video):
    clips, descriptions = f"{workdir}/clips", f"{workdir}/descriptions"

    uploaded = ytcurate.upload(sample_video, clips, client=client)
    described = ytcurate.describe(clips, descriptions, model=str(MODEL), client=client)

    assert str(uploaded) == f"6 clips, 60.0 s, {uploaded.bytes / 1e6:.1f} MB → {clips}"
    assert (described.rows, described.outcomes) == (6, {"ok": 6})
    view = ytcurate.show(descriptions, client=client)
    assert [row["segment_index"] for row in view.rows] == list(range(6))
    assert [row["description"] for row in view.rows] == [scene.sentence() for scene in sample_scenes()]
    assert count_true(view.rows) == 6

    assert schema_difference(result_columns([DESCRIBE]), client.get(f"{descriptions}/@schema")) is None
    record = client.get(f"{descriptions}/@ytcurate")
    assert record["prompt"]["text"] == "Describe this video."
    assert record["sampling"] == {
        "temperature": 0.1,
        "top_p": 0.001,
        "repetition_penalty": 1.05,
        "max_tokens": 256,
    }
    assert record["outcomes"] == {"ok": 6}
    assert described.statistics["clips_done"] == 6
    assert described.statistics["decode_ms"] > 0

    asked = client.get_operation(described.operation_id, attributes=["spec", "unrecognized_spec"])
    # The client itself adds a title that no cluster knows; nothing of ours is misspelt.
    assert asked["unrecognized_spec"] == {"mapper": {"title": "DescribeMapper"}}
    mapper = asked["spec"]["mapper"]
    assert asked["spec"]["pool_trees"] == ["gpu_h100"]
    assert mapper["gpu_limit"] == 1
    assert mapper["memory_limit"] == 64 * GIB  # to the byte: the client adds nothing of its own


def test_a_plain_map_operation_with_the_mapper_and_a_spec(client, workdir, sample_video):
    clips, result = f"{workdir}/clips", f"{workdir}/result"
    ytcurate.upload(sample_video, clips, client=client)
    columns = [{"ds_index": 5, "segment_index": 0, "video": b"no video", "outcome": "ok"}]
    client.write_table(yt.TablePath(clips, append=True, client=client), columns)

    mapper = ytcurate.DescribeMapper(str(MODEL))
    spec = ytcurate.build_spec("local", trees=ytcurate.account(client).pool_trees)
    client.run_map(mapper, clips, result, spec=spec)

    rows = sorted(client.read_table(result), key=lambda row: (row["ds_index"], row["segment_index"]))
    assert count_true(rows[:6]) == 6
    assert (rows[6]["ds_index"], rows[6]["outcome"], rows[6].get("description")) == (5, "unreadable", None)
    assert len(rows) == 7


def test_a_model_that_takes_no_video_is_refused_before_anything_starts(
    client, workdir, sample_video, tmp_path
):
    clips, result = f"{workdir}/clips", f"{workdir}/result"
    ytcurate.upload(sample_video, clips, client=client)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text('{"model_type": "no_such_model"}')

    with pytest.raises(UsageError, match="model_type 'no_such_model', which is not known to take video"):
        ytcurate.describe(clips, result, model=str(tmp_path / "broken"), preset="local", client=client)
    assert not client.exists(result)


def test_weights_that_do_not_load_are_one_sentence_and_leave_no_table(
    client, workdir, sample_video, tmp_path
):
    clips, result, broken = f"{workdir}/clips", f"{workdir}/result", tmp_path / "broken"
    ytcurate.upload(sample_video, clips, client=client)
    shutil.copytree(MODEL, broken)
    (broken / "model.safetensors").write_bytes(b"no weights")

    with pytest.raises(OperationFailed, match=r"operation .* failed: model .*vLLM does not start") as raised:
        ytcurate.describe(clips, result, model=str(broken), preset="local", client=client)

    assert raised.value.state == "failed"
    assert "Traceback" in raised.value.stderr
    assert not client.exists(result)


def test_clips_carry_their_bytes_times_and_a_tag_that_makes_them_playable(client, workdir, make_video):
    table = f"{workdir}/clips"
    path = make_video(seconds=5, gop=30)
    segmenting = ytcurate.Segmenting(clip_seconds=2)

    result = ytcurate.upload(path, table, segmenting=segmenting, client=client)

    rows = read_bytes(client, table)
    wanted = list(ytcurate.cut_clips(path, segmenting))
    assert [row["video"] for row in rows] == [clip.video for clip in wanted]
    assert [(row["segment_index"], row["start_s"], row["length"]) for row in rows] == [
        (0, 0.0, 2.0),
        (1, 2.0, 2.0),
        (2, 4.0, 1.0),
    ]
    assert (result.clips, result.seconds, result.sources, result.problems) == (3, 5.0, 1, [])
    assert schema_difference(CLIPS, client.get(f"{table}/@schema")) is None
    types = {str(column["name"]): column["type_v3"] for column in client.get(f"{table}/@schema")}
    assert types["video"]["item"]["tag"] == "video"
    assert types["preview"]["item"]["tag"] == "image/jpeg"
    assert all(row["preview"].startswith(b"\xff\xd8") for row in rows)


def test_one_clip_is_fetched_and_kept_as_a_file(client, workdir, make_video, tmp_path):
    table, path = f"{workdir}/clips", make_video(seconds=3, gop=30)
    segmenting = ytcurate.Segmenting(clip_seconds=1)
    ytcurate.upload(path, table, segmenting=segmenting, client=client)
    wanted = list(ytcurate.cut_clips(path, segmenting))[2]

    clip = ytcurate.watch(table, 0, 2, client=client)

    assert clip.save(tmp_path / "clip.mp4").read_bytes() == wanted.video
    with pytest.raises(TableError, match="no clip 7 of source 0 among its 3 rows"):
        ytcurate.watch(table, 0, 7, client=client)


def test_unreadable_sources_are_rows_with_a_reason_and_the_rest_goes_on(
    client, workdir, make_video, tmp_path
):
    table = f"{workdir}/clips"
    folder = make_video("videos/good.mp4", seconds=1).parent
    (folder / "a-text.mp4").write_text("this is a text")
    (folder / "sound.mp4").write_bytes(make_sound_only())

    result = ytcurate.upload(folder, table, client=client)

    rows = [
        (row["ds_index"], row["outcome"], row["detail"]) for row in ytcurate.show(table, client=client).rows
    ]
    assert rows[0][:2] == (0, "unreadable")
    assert rows[0][2].startswith("not a video: FFmpeg finds no container in 14 bytes")
    assert rows[1] == (1, "ok", None)
    assert rows[2][:2] == (2, "unreadable")
    assert "it holds audio/aac only" in rows[2][2]
    assert (result.clips, result.sources, len(result.problems)) == (1, 3, 2)


def test_a_source_without_one_readable_video_writes_nothing(client, workdir, tmp_path):
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_text("this is a text")

    with pytest.raises(UnreadableVideo, match=r"a\.mp4: not a video.* all 2 videos .* Nothing was written"):
        ytcurate.upload(tmp_path, f"{workdir}/clips", client=client)
    assert not client.exists(f"{workdir}/clips")


def test_an_upload_that_breaks_off_leaves_nothing(client, workdir, make_video):
    class Breaking:
        name, count = "breaking", None

        def __iter__(self):
            from ytcurate.sources.base import SourceVideo

            yield SourceVideo("good", make_video(seconds=1))
            raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        ytcurate.upload(Breaking(), f"{workdir}/clips", client=client)
    assert not client.exists(f"{workdir}/clips")


def test_the_same_video_has_the_same_clip_ids_in_every_upload(client, workdir, make_video):
    path = make_video(seconds=3, gop=30)
    for table in ("one", "two"):
        ytcurate.upload(
            path, f"{workdir}/{table}", client=client, segmenting=ytcurate.Segmenting(clip_seconds=1)
        )
    one, two = (
        [row["clip_id"] for row in read_bytes(client, f"{workdir}/{table}")] for table in ("one", "two")
    )
    assert one == two
    assert len(set(one)) == 3


def test_appending_goes_on_counting_sources(client, workdir, make_video):
    table, path = f"{workdir}/clips", make_video(seconds=1)
    ytcurate.upload(path, table, client=client)
    client.set(f"{table}/@ytcurate/max_row_weight", 64 * MIB)
    ytcurate.upload(path, table, client=client, append=True, duplicates="keep")
    ytcurate.upload(path, table, client=client, append=True, duplicates="keep")
    assert client.get(f"{table}/@ytcurate/max_row_weight") == 64 * MIB  # the first rows still need it
    assert [row["ds_index"] for row in ytcurate.show(table, client=client).rows] == [0, 1, 2]
    ytcurate.upload(path, table, client=client, overwrite=True)
    assert [row["ds_index"] for row in ytcurate.show(table, client=client).rows] == [0]


def test_a_plan_changes_nothing_and_wrong_requests_fail_before_anything_starts(client, workdir, make_video):
    clips, result = f"{workdir}/clips", f"{workdir}/result"
    ytcurate.upload(make_video(seconds=1), clips, client=client)

    plan = ytcurate.plan_describe(clips, result, model="Qwen/Qwen2.5-VL-7B-Instruct", client=client)
    spec = plan.spec(plan.jobs(plan.rows))
    assert (plan.rows, plan.model.job_path, spec["pool_trees"]) == (
        1,
        "Qwen/Qwen2.5-VL-7B-Instruct",
        ["gpu_h100"],
    )

    store_other = table_schema(CLIPS[:2])
    client.create("table", f"{workdir}/other", attributes={"schema": store_other})
    with pytest.raises(SchemaMismatch, match='column "clip_id"'):
        ytcurate.describe(clips, f"{workdir}/other", model=str(MODEL), client=client)
    with pytest.raises(UsageError, match="no such directory"):
        ytcurate.describe(clips, result, model="/no/such/model", client=client)
    with pytest.raises(UsageError, match="it has cpu, default, gpu_h100, gpu_h200"):
        ytcurate.describe(clips, result, model=str(MODEL), preset="h100-8", client=client)
    client.create("table", f"{workdir}/empty", attributes={"schema": table_schema(CLIPS)})
    with pytest.raises(UsageError, match="there is nothing to describe"):
        ytcurate.describe(f"{workdir}/empty", result, model=str(MODEL), client=client)
    assert not client.exists(result)
