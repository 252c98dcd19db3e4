"""Parquet files of a curated table."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.exporting.curated import EMBEDDING, KEYFRAME, SOURCE_DIGESTS, TWENTY, make_run, row, video
from ytcurate import __version__
from ytcurate.config import MIB
from ytcurate.errors import TableError
from ytcurate.exporting import parquet
from ytcurate.pipeline.export import export


def test_kept_rows_come_in_order_with_the_twenty_columns_first(client, curated, tmp_path):
    result = export(curated, tmp_path / "out", client=client)
    table = pq.read_table(tmp_path / "out")
    assert table.column_names[:20] == TWENTY
    assert table.column_names[20:26] == ["ds_index", "clip_id", "source", "title", "start_s", "length"]
    assert "video" not in table.column_names
    assert (result.rows, result.files, result.bytes) == (
        3,
        1,
        (tmp_path / "out/part-00000.parquet").stat().st_size,
    )
    rows = table.to_pylist()
    assert [(each["ds_index"], each["clip_index"]) for each in rows] == [(0, 0), (0, 2), (1, 0)]
    digests = [digest[:12] for digest in SOURCE_DIGESTS]
    assert [rows[1][name] for name in TWENTY] == [
        *(digests[0], 2, 60, 90, 2.0, 3.0, 1.0, 30, 30.0, 64, 48, 100.25, 40.5, 200.0, 1.5),
        *("gaming", True, "Clip 2.", "high", EMBEDDING),
    ]
    assert rows[2]["video_id"] == digests[1]
    assert rows[0]["keyframe"] == KEYFRAME
    assert rows[0]["title"] == "Ace, on \u201cMirage\u201d"


def test_types_are_those_of_the_table_and_embeddings_are_float32(client, curated, tmp_path):
    export(curated, tmp_path / "out", client=client)
    schema = pq.read_schema(tmp_path / "out/part-00000.parquet")
    types = [schema.field(name).type for name in ("clip_index", "fps", "is_safe", "embedding", "keyframe")]
    assert types == [pa.int64(), pa.float64(), pa.bool_(), pa.list_(pa.float32()), pa.binary()]


def test_all_has_the_rejected_ones_with_their_reasons(client, curated, tmp_path):
    result = export(curated, tmp_path / "out", kept_only=False, client=client)
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert [each["kept"] for each in rows] == [True, False, True, True]
    assert rows[1]["reason"] == "sharpness 3 is below 50"
    assert result.rows == 4


def test_labels_of_another_schema_come_by_their_names_and_missing_ones_are_null(client, workdir, tmp_path):
    labels = {
        "players": "int64",
        "tags": {"type_name": "list", "item": "utf8"},
        "scene": "yson",
        "video": "utf8",
    }
    values = {"players": 5, "tags": ["a", "b"], "scene": {"map": "mirage"}, "video": "good"}
    rows = [row(0, 0, **values), row(7, 0, embedding=None, keyframe=None)]
    export(make_run(client, workdir, rows, labels=labels), tmp_path / "out", client=client)
    first, second = pq.read_table(tmp_path / "out").to_pylist()
    assert [first[name] for name in ("players", "tags", "label_video")] == [5, ["a", "b"], "good"]
    assert json.loads(first["scene"]) == {"map": "mirage"}
    assert [first[name] for name in ("category", "is_safe", "vlm_quality")] == [None, None, None]
    assert second["video_id"] == row(7, 0)["clip_id"][:12]
    assert [second[name] for name in ("players", "embedding", "keyframe")] == [None, None, None]


def test_with_videos_each_is_a_page_of_its_own_and_bytes_are_the_clips(client, curated, tmp_path):
    import pyarrow.dataset as ds

    export(curated, tmp_path / "out", videos=True, client=client)
    videos = ds.dataset(tmp_path / "out").to_table(columns=["video"])["video"].to_pylist()
    assert videos == [video(0), video(2), video(10)]
    about = pq.ParquetFile(tmp_path / "out/part-00000.parquet").metadata.row_group(0)
    last = about.column(about.num_columns - 1)
    assert (last.path_in_schema, last.compression, last.statistics) == ("video", "UNCOMPRESSED", None)
    assert about.column(0).compression == "ZSTD"
    assert about.column(1).statistics.max == 2


def test_shards_and_row_groups_are_bounded(client, workdir, tmp_path):
    # What the tables say of their bytes is what counts.
    rows = [row(0, number, bytes=20 * MIB) for number in range(8)]
    table = make_run(client, workdir, rows)
    export(table, tmp_path / "bytes", videos=True, shard_bytes=110 * MIB, client=client)
    files = sorted((tmp_path / "bytes").iterdir())
    assert [file.name for file in files] == ["part-00000.parquet", "part-00001.parquet"]
    groups = [pq.ParquetFile(file).metadata for file in files]
    assert [[each.row_group(at).num_rows for at in range(each.num_row_groups)] for each in groups] == [
        [3, 2],
        [3],
    ]
    export(table, tmp_path / "rows", shard_rows=3, client=client)
    assert [pq.read_metadata(file).num_rows for file in sorted((tmp_path / "rows").iterdir())] == [3, 3, 2]


def test_the_schema_says_where_rows_come_from_and_bytes_repeat(client, curated, tmp_path):
    for name in ("one", "two"):
        export(curated, tmp_path / name, client=client)
    first, second = ((tmp_path / name / "part-00000.parquet").read_bytes() for name in ("one", "two"))
    assert first == second
    told = json.loads(pq.read_schema(tmp_path / "one/part-00000.parquet").metadata[b"ytcurate"])
    assert (told["table"], told["toolkit"]) == (curated, f"ytcurate {__version__}")
    assert told["curated"]["min_motion"] == 0.5
    assert told["settings"]["kept_only"] is True


def test_pandas_reads_it(client, curated, tmp_path):
    pd = pytest.importorskip("pandas")
    export(curated, tmp_path / "out", client=client)
    frame = pd.read_parquet(tmp_path / "out")
    assert frame["vlm_description"].tolist() == ["Clip 0.", "Clip 2.", "Clip 10."]
    assert frame["embedding"][0].tolist() == EMBEDDING


def test_a_video_that_no_cell_takes_is_said(client, curated, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MAX_CELL_BYTES", 100)
    with pytest.raises(
        TableError, match=r"clip 0 of source 0: its video of .* Export as webdataset or files"
    ):
        export(curated, tmp_path / "out", videos=True, client=client)
    assert list(tmp_path.iterdir()) == []
