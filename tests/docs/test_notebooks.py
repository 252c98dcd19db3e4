"""The notebooks, run from top to bottom as they are."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from ytcurate.demo.sample import sample_scenes

FOLDER = Path(__file__).parents[2] / "notebooks"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_outputs_are_stripped(path):
    notebook = nbformat.read(path, as_version=4)
    assert [cell.outputs for cell in notebook.cells if cell.cell_type == "code" and cell.outputs] == []


def test_video_data_processing_runs_from_top_to_bottom(proxy, tmp_path, monkeypatch):
    monkeypatch.setenv("YT_PROXY", proxy)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(FOLDER / "video_data_processing.ipynb", as_version=4)

    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()

    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
    pages = "".join(output.data.get("text/html", "") for output in outputs if "data" in output)
    assert "6 clips, 60.0 s" in printed
    assert "6 descriptions (6 ok)" in printed
    for scene in sample_scenes():
        assert scene.sentence() in pages
    assert "<video controls" in pages
