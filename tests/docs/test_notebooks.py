"""The notebooks, run from top to bottom as they are."""

import os
import re
from pathlib import Path

import nbformat
import pyarrow.parquet as pq
import pytest
from nbclient import NotebookClient

from ytcurate.demo.sample import sample_scenes

FOLDER = Path(__file__).parents[2] / "notebooks"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_outputs_are_stripped(path):
    notebook = nbformat.read(path, as_version=4)
    assert [cell.outputs for cell in notebook.cells if cell.cell_type == "code" and cell.outputs] == []


@pytest.fixture
def run_notebook(proxy, tmp_path, monkeypatch):
    """Run a notebook; gives what it printed, and its pages."""

    def run(name):
        root = os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")])
        monkeypatch.setenv("YT_PROXY", proxy)
        monkeypatch.setenv("PYTHONPATH", root)
        notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
        outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
        printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
        pages = "".join(output.data.get("text/html", "") for output in outputs if "data" in output)
        return printed, pages

    return run


def test_video_data_processing_runs_from_top_to_bottom(run_notebook):
    printed, pages = run_notebook("video_data_processing")
    assert "6 clips, 60.0 s" in printed
    assert "6 descriptions (6 ok)" in printed
    for scene in sample_scenes():
        assert scene.sentence() in pages
    assert "<video controls" in pages


def test_video_curation_runs_from_top_to_bottom(run_notebook, tmp_path):
    printed, pages = run_notebook("video_curation")
    assert "12 of 12 clips kept" in pages
    assert re.search(r"<td>label</td><td>12.*<td>done</td>", pages), "the live table's last state"
    kept = re.search(r"(\d+) of 12 clips kept \((\d+) not quality\)", pages)
    assert kept
    assert int(kept[1]) + int(kept[2]) == 12
    assert 0 < int(kept[1]) < 12
    assert f"brightness {kept[2]}" in pages
    assert "circle" in pages
    assert pq.read_table(next((tmp_path / "curated").rglob("*.parquet"))).num_rows == int(kept[1])
    assert "curated" in printed
