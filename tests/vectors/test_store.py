"""Vectors of a table, over the real client, and the cache they stay in."""

import json

import numpy as np
import pytest
import yt.wrapper as yt

from ytcurate.errors import SchemaMismatch, TableMissing, UsageError
from ytcurate.tables.rows import Column
from ytcurate.tables.store import create_table
from ytcurate.vectors.store import load_vectors

COLUMNS = (
    Column("ds_index", "int64", required=True),
    Column("segment_index", "int64", required=True),
    Column("clip_id", "utf8"),
    Column("description", "utf8"),
    Column("embedding", "list<float>"),
    Column("quality", "double"),
    Column("kept", "boolean"),
)


def unit(count, dimension, seed=1):
    vectors = np.random.default_rng(seed).standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def rows_of(vectors):
    return [
        {
            "ds_index": at // 3,
            "segment_index": at % 3,
            "clip_id": f"clip-{at}",
            "embedding": None if vector is None else [float(value) for value in vector],
            "quality": at / 2 if at % 2 else None,
            "kept": at % 2 == 0,
        }
        for at, vector in enumerate(vectors)
    ]


@pytest.fixture
def write(client, workdir):
    def write(vectors, name="vectors", append=False):
        path = f"{workdir}/{name}"
        if not append:
            create_table(client, path, COLUMNS, replace=True)
        client.write_table(yt.TablePath(path, append=append, client=client), rows_of(vectors))
        return path

    return write


def test_vectors_and_keys_are_those_of_the_table_in_its_order(client, write, tmp_path):
    wanted = unit(5000, 24)
    vectors = load_vectors(client, write(wanted), folder=tmp_path)
    assert np.allclose(vectors.matrix, wanted, atol=1e-7)
    assert (vectors.matrix.dtype, vectors.matrix.flags.c_contiguous) == (np.float32, True)
    assert vectors.rows.tolist() == list(range(5000))
    assert vectors.ds_index.tolist() == [at // 3 for at in range(5000)]
    assert vectors.segment_index.tolist() == [at % 3 for at in range(5000)]
    assert vectors.clip_id.tolist() == [f"clip-{at}".encode() for at in range(5000)]
    assert str(vectors) == "5000 vectors of 24"


def test_rows_without_a_vector_that_can_be_compared_are_left_out_and_counted(client, write, tmp_path):
    good = unit(4, 8)
    infinite = [*good[0][:7], float("inf")]
    path = write([None, good[0], good[1] * 3, [0.0] * 8, good[2][:5], None, infinite, [], good[3]])
    vectors = load_vectors(client, path, columns=["quality", "kept"], folder=tmp_path)
    assert vectors.rows.tolist() == [1, 2, 8]
    assert np.allclose(vectors.matrix, good[[0, 1, 3]], atol=1e-6)
    assert (vectors.without, vectors.wrong) == (2, 4)
    assert np.array_equal(vectors.numbers["quality"], [0.5, np.nan, np.nan], equal_nan=True)
    assert vectors.numbers["kept"].tolist() == [0, 1, 1]
    assert str(vectors) == "3 vectors of 8, 2 without one, 4 of another length, or zero"
    of_five = load_vectors(client, path, dimension=5, folder=tmp_path)
    assert of_five.rows.tolist() == [4]
    assert len(load_vectors(client, path, folder=tmp_path)) == 3
    assert len(load_vectors(client, path, dimension=8, folder=tmp_path)) == 3


def test_vectors_are_read_again_only_when_the_table_changed(client, write, tmp_path):
    path = write(unit(10, 8))
    load_vectors(client, path, folder=tmp_path)
    (version,) = tmp_path.glob("*/*")
    written = (version / "matrix.npy").stat().st_mtime_ns
    again = load_vectors(client, path, folder=tmp_path)
    assert isinstance(again.matrix, np.memmap)
    assert (version / "matrix.npy").stat().st_mtime_ns == written
    client.set(f"{path}/@note", "attributes are not the rows")
    load_vectors(client, path, folder=tmp_path)
    assert list(tmp_path.glob("*/*")) == [version]

    write(unit(5, 8, seed=2), append=True)
    longer = load_vectors(client, path, folder=tmp_path)
    assert len(longer) == 15
    (other,) = tmp_path.glob("*/*")
    assert other != version  # the old one is gone
    assert len(again.matrix.sum(axis=1)) == 10  # and yet whoever had it mapped has it


def test_another_table_of_the_same_path_is_another(client, write, tmp_path):
    load_vectors(client, write(unit(3, 8)), folder=tmp_path)
    other = unit(4, 8, seed=3)
    assert np.allclose(load_vectors(client, write(other), folder=tmp_path).matrix, other, atol=1e-6)


def test_a_column_that_the_cache_lacks_is_read(client, write, tmp_path):
    path = write(unit(4, 8))
    assert load_vectors(client, path, folder=tmp_path).numbers == {}
    with_kept = load_vectors(client, path, columns=["kept"], folder=tmp_path)
    assert with_kept.numbers["kept"].tolist() == [1, 0, 1, 0]
    assert load_vectors(client, path, folder=tmp_path).numbers == {}
    assert len(list(tmp_path.glob("*/*"))) == 1


def test_what_is_damaged_or_half_written_in_the_cache_is_read_again(client, write, tmp_path):
    path = write(unit(4, 8))
    load_vectors(client, path, folder=tmp_path)
    (version,) = tmp_path.glob("*/*")
    (version / "about.json").write_text("{")
    assert len(load_vectors(client, path, folder=tmp_path)) == 4
    (version,) = tmp_path.glob("*/*")
    (version / "matrix.npy").write_bytes(b"")
    version.with_name("1-abandoned.tmp").mkdir()
    assert len(load_vectors(client, path, folder=tmp_path)) == 4
    about = [json.loads(file.read_text()) for file in tmp_path.glob("*/*/about.json")]
    assert [one["rows"] for one in about] == [4]


def test_the_cache_is_in_the_platforms_folder(client, write, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load_vectors(client, write(unit(2, 8)))
    assert len(list((tmp_path / "ytcurate" / "vectors").glob("*/*/matrix.npy"))) == 1


def test_the_least_used_tables_make_room(client, write, tmp_path, monkeypatch):
    monkeypatch.setattr("ytcurate.vectors.cache._MOST_BYTES", 300_000)
    for name in ("a", "b"):
        load_vectors(client, write(unit(1000, 48), name), folder=tmp_path)
    (left,) = tmp_path.glob("*/*")
    assert json.loads((left / "about.json").read_text())["rows"] == 1000
    table_id = client.get(write(unit(1, 8), "c") + "/@id")
    assert table_id not in (left / "about.json").read_text()


def test_a_table_without_rows_or_vectors_gives_none(client, write, tmp_path):
    assert len(load_vectors(client, write([], "empty"), folder=tmp_path)) == 0
    nulls = load_vectors(client, write([None, None], "nulls"), folder=tmp_path)
    assert (len(nulls), nulls.without) == (0, 2)


def test_a_table_that_cannot_be_used_is_said_so(client, write, workdir, tmp_path):
    path = write(unit(2, 8))
    with pytest.raises(TableMissing, match="nothing: no such table"):
        load_vectors(client, f"{workdir}/nothing", folder=tmp_path)
    with pytest.raises(SchemaMismatch, match='has no column "score"; it has ds_index, segment_index'):
        load_vectors(client, path, columns=["score"], folder=tmp_path)
    client.write_table(path, [row | {"description": "text"} for row in rows_of(unit(2, 8))])
    with pytest.raises(SchemaMismatch, match='column "description": numbers or booleans are expected'):
        load_vectors(client, path, columns=["description"], folder=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"vectors cannot be kept there .* set XDG_CACHE_HOME"):
        load_vectors(client, path, folder=tmp_path / "file")
