"""Searching a table over the real client: by a clip, by a text and by a picture of a real CLIP model."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.support.tiny_clip import DIMENSION, write_tiny_clip
from ytcurate.embedders.clip import ClipEmbedder
from ytcurate.errors import SchemaMismatch, TableMissing, UsageError
from ytcurate.pipeline.search import search
from ytcurate.tables.rows import Column
from ytcurate.tables.store import create_table

COLUMNS = (
    Column("ds_index", "int64", required=True),
    Column("segment_index", "int64", required=True),
    Column("clip_id", "utf8"),
    Column("source", "utf8"),
    Column("start_s", "double"),
    Column("length", "double"),
    Column("preview", "string", tag="image/jpeg"),
    Column("description", "utf8"),
    Column("embedding", "list<float>"),
    Column("kept", "boolean"),
)
TEXTS = ["the cat", "the dog", "cat in the dog", "dog", "in"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def embedder(model):
    return ClipEmbedder(str(model), device="cpu")


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def write(client, workdir):
    def write(vectors, columns=COLUMNS, **others):
        path = f"{workdir}/embeddings"
        create_table(client, path, columns)
        rows = []
        for at, vector in enumerate(vectors):
            row = {
                "ds_index": at // 2,
                "segment_index": at % 2,
                "clip_id": f"clip-{at}",
                "source": f"film {at // 2}.mp4",
                "start_s": at * 2.5,
                "length": 2.5,
                "preview": jpeg(at),
                "description": f"Clip number\n{at}",
                "embedding": None if vector is None else [float(value) for value in vector],
                "kept": at != 1,
            }
            rows.append({name: row[name] for name in (column.name for column in columns)})
        client.write_table(path, rows)
        return path

    return write


def picture(seed):
    """Coloured stripes, other ones for each seed."""
    stripes = np.random.default_rng(seed).integers(256, size=(4, 6, 3), dtype=np.uint8)
    return stripes.repeat(16, axis=0).repeat(8, axis=1)


def jpeg(seed):
    file = io.BytesIO()
    Image.fromarray(picture(seed)).save(file, "PNG" if seed % 2 else "JPEG", quality=95)
    return file.getvalue()


def at_angles(*degrees):
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians), np.zeros(len(degrees))], axis=1)


def clips(result):
    return [row["clip_id"] for row in result.rows]


def test_clips_like_another_come_in_order_and_without_itself(client, write):
    path = write([*at_angles(0, 20, 5, 90), None])
    result = search(path, like="clip-0", client=client)
    assert clips(result) == ["clip-2", "clip-1", "clip-3"]
    assert [row["score"] for row in result.rows] == pytest.approx(np.cos(np.deg2rad([5, 20, 90])), abs=1e-6)
    assert result.rows[0] == {
        "rank": 1,
        "score": result.rows[0]["score"],
        "ds_index": 1,
        "segment_index": 0,
        "clip_id": "clip-2",
        "source": "film 1.mp4",
        "start_s": 5.0,
        "length": 2.5,
        "description": "Clip number\n2",
    }
    assert clips(search(path, like="1/0", client=client)) == ["clip-0", "clip-1", "clip-3"]
    assert clips(search(path, like="0/1", k=1, client=client)) == ["clip-2"]


def test_only_kept_clips_are_found_where_that_is_asked(client, write):
    path = write(at_angles(0, 1, 2))
    assert clips(search(path, like="clip-0", kept_only=True, client=client)) == ["clip-2"]
    assert clips(search(path, like="clip-1", kept_only=True, client=client)) == ["clip-0", "clip-2"]


def test_a_text_finds_the_clip_of_that_vector(client, write, embedder):
    path = write(embedder.embed_texts(TEXTS))
    for number, text in enumerate(TEXTS):
        result = search(path, text, embedder=embedder, k=2, client=client)
        assert result.rows[0]["clip_id"] == f"clip-{number}"
        assert result.rows[0]["score"] == pytest.approx(1, abs=1e-5)


def test_a_picture_finds_its_clip_with_the_model_that_the_table_names(
    client, write, model, embedder, tmp_path
):
    path = write(embedder.embed_pictures([[picture(seed)] for seed in range(4)]))
    client.set(f"{path}/@ytcurate", {"embedding_model": str(model)})
    (tmp_path / "picture.png").write_bytes(jpeg(3))
    result = search(path, image=tmp_path / "picture.png", client=client)
    assert result.rows[0]["clip_id"] == "clip-3"
    assert result.rows[0]["score"] == pytest.approx(1, abs=1e-5)
    (tmp_path / "text.png").write_text("text")
    with pytest.raises(UsageError, match=r"--image .*text\.png: no picture can be read"):
        search(path, image=tmp_path / "text.png", client=client)


def test_the_model_is_that_of_the_rows_and_another_that_is_asked_wins(client, write, model, embedder):
    columns = (*COLUMNS, Column("model", "utf8"))
    path = write(embedder.embed_texts(TEXTS))
    with pytest.raises(
        UsageError, match=r"does not say which model made its vectors .* Name it with --model"
    ):
        search(path, "the cat", client=client)
    assert search(path, "the cat", model=str(model), client=client).rows[0]["clip_id"] == "clip-0"
    rows = [row | {"model": str(model)} for row in client.read_table(path)]
    create_table(client, path, columns, replace=True)
    client.write_table(path, rows)
    assert search(path, "dog", client=client).rows[0]["clip_id"] == "clip-3"


def test_a_model_of_another_dimension_is_refused(client, write, embedder):
    path = write(at_angles(0, 1))
    with pytest.raises(UsageError, match=f"vectors of 3 numbers, and the model makes {DIMENSION}: --model"):
        search(path, "the cat", embedder=embedder, client=client)


def test_what_was_found_is_a_table_of_text_and_of_html_with_pictures(client, write):
    result = search(write(at_angles(0, 60, 90)), like="clip-0", client=client)
    title, head, first, second = str(result).splitlines()
    assert title == f"{result.table}: clips like clip-0 (2 of 3 clips)"
    assert head.split() == ["score", "source", "clip", "name", "start", "length", "description"]
    assert first == "1  0.500       0     1  film 0.mp4   2.50    2.50  Clip number 1"
    assert second == "2  0.000       1     0  film 1.mp4   5.00    2.50  Clip number 2"
    page = result._repr_html_()
    assert page.count("<tr>") == 3
    assert page.count("<img src='data:image/png;base64,") == page.count("data:image/jpeg;base64,") == 1


def test_a_table_with_nothing_but_keys_and_vectors_can_be_searched(client, write):
    needed = [
        column for column in COLUMNS if column.name in ("ds_index", "segment_index", "clip_id", "embedding")
    ]
    result = search(write(at_angles(0, 60), columns=needed), like="clip-1", client=client)
    assert str(result).splitlines()[1:] == ["   score  source  clip", "1  0.500       0     0"]
    assert "<img" not in result._repr_html_()


def test_what_cannot_be_searched_is_said_so(client, write, workdir):
    path = write(at_angles(0, 1))
    with pytest.raises(UsageError, match="needs one of a text, --like and --image, and only one"):
        search(path, client=client)
    with pytest.raises(UsageError, match="only one"):
        search(path, "the cat", like="clip-0", client=client)
    with pytest.raises(UsageError, match=r"--like '7/0': .*embeddings has no clip of that clip_id"):
        search(path, like="7/0", client=client)
    with pytest.raises(TableMissing, match="nothing: no such table"):
        search(f"{workdir}/nothing", like="0/0", client=client)
    create_table(client, f"{workdir}/empty", COLUMNS)
    with pytest.raises(SchemaMismatch, match="none of its rows has a vector"):
        search(f"{workdir}/empty", like="0/0", client=client)


def test_the_command_prints_a_table_or_an_object_per_clip(proxy, write):
    path = write(at_angles(0, 60, 90))
    code = "import typer; from ytcurate.cli.search import search; typer.run(search)"

    def run(*arguments):
        command = [sys.executable, "-c", code, path, "--like", "0/0", "--proxy", proxy, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
        return done.stdout.splitlines()

    assert run("-k", "1")[0] == f"{path}: clips like 0/0 (1 of 3 clips)"
    assert [json.loads(line)["clip_id"] for line in run("--json")] == ["clip-1", "clip-2"]
    assert [json.loads(line)["clip_id"] for line in run("--json", "--kept-only")] == ["clip-2"]
