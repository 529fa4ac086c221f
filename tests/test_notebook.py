"""The tutorial notebook runs from top to bottom on the curated debate."""

import shutil
import warnings
from pathlib import Path

import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[1] / "notebooks/tutorial.ipynb"


@pytest.fixture
def executed(curated_file, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the kernel's libraries, not ours
        from nbclient import NotebookClient

        (tmp_path / "data").mkdir()
        shutil.copy(curated_file, tmp_path / "data" / "kb.sqlite")
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": tmp_path}})
        client.execute()
    return notebook


def test_the_tutorial_runs_and_every_cell_says_something(executed):
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert len(cells) >= 8
    for cell in cells:
        kinds = {output.output_type for output in cell.outputs}
        assert kinds & {"execute_result", "stream", "display_data"}, cell.source
        assert "error" not in kinds


def test_the_tutorial_is_kept_without_output():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
