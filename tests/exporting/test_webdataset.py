"""Tar files of a curated table."""

import hashlib
import io
import json
import tarfile

import numpy as np
import pytest

from tests.exporting.curated import EMBEDDING, KEYFRAME, clip_row, make_run, row, video
from ytcurate.config import MIB
from ytcurate.pipeline.export import export


def members(path):
    with tarfile.open(path) as tar:
        return {info.name: (info.mtime, tar.extractfile(info).read()) for info in tar}


def test_the_files_of_a_clip_lie_side_by_side(client, curated, tmp_path):
    result = export(curated, tmp_path / "out", format="webdataset", client=client)
    assert (result.rows, result.files) == (3, 2)
    found = members(tmp_path / "out/shard-000000.tar")
    keys = ("00000000_00000", "00000000_00002", "00000001_00000")
    assert list(found) == [f"{key}.{kind}" for key in keys for kind in ("mp4", "jpg", "npy", "json")]
    assert {mtime for mtime, _ in found.values()} == {0}
    assert found["00000000_00002.mp4"][1] == video(2)
    assert found["00000000_00002.jpg"][1] == KEYFRAME
    vector = np.load(io.BytesIO(found["00000000_00002.npy"][1]))
    assert (vector.dtype, vector.tolist()) == (np.float32, EMBEDDING)
    about = json.loads(found["00000000_00002.json"][1])
    assert (about["clip_index"], about["vlm_description"], about["kept"]) == (2, "Clip 2.", True)
    assert about["sha256"] == hashlib.sha256(video(2)).hexdigest()
    assert not {"embedding", "keyframe", "video"} & set(about)


def test_the_manifest_names_the_shards_and_bytes_repeat(client, workdir, tmp_path):
    table = make_run(client, workdir, [row(0, number, bytes=30 * MIB) for number in range(3)])
    for name in ("one", "two"):
        export(table, tmp_path / name, format="webdataset", shard_bytes=64 * MIB, client=client)
    manifest = json.loads((tmp_path / "one/manifest.json").read_text())
    assert [(each["name"], each["rows"]) for each in manifest["shards"]] == [
        *(("shard-000000.tar", 2), ("shard-000001.tar", 1))
    ]
    for shard in manifest["shards"]:
        content = (tmp_path / "two" / shard["name"]).read_bytes()
        assert (shard["bytes"], shard["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (manifest["rows"], manifest["provenance"]["table"]) == (3, table)


def test_names_come_from_numbers_and_known_kinds_only(client, workdir, tmp_path):
    rows = [row(0, number, title="../../etc/passwd", embedding=None, keyframe=None) for number in range(3)]
    kinds = ("webm", "../x", None)
    clips = [clip_row(each, file_type=kind) for each, kind in zip(rows, kinds, strict=True)]
    table = make_run(client, workdir, rows, clip_rows=clips)
    export(table, tmp_path / "out", format="webdataset", client=client)
    assert [name for name in members(tmp_path / "out/shard-000000.tar") if not name.endswith("json")] == [
        *("00000000_00000.webm", "00000000_00001.bin", "00000000_00002.mp4")
    ]


def test_the_webdataset_package_reads_it(client, curated, tmp_path):
    webdataset = pytest.importorskip("webdataset", reason="pip install webdataset")
    export(curated, tmp_path / "out", format="webdataset", client=client)
    shard = str(tmp_path / "out/shard-000000.tar")
    samples = list(webdataset.WebDataset(shard, shardshuffle=False).decode())
    assert [sample["__key__"] for sample in samples] == ["00000000_00000", "00000000_00002", "00000001_00000"]
    assert samples[2]["mp4"] == video(10)
    assert samples[2]["json"]["vlm_description"] == "Clip 10."
    assert samples[2]["npy"].tolist() == EMBEDDING
