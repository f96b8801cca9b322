"""The notebooks run, and show their progress in a real kernel."""

import re
import sys

import pytest

import unmask
from helpers.places import ROOT
from unmask.run import jupyter

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))

# What Jupyter's own libraries warn of is theirs.
pytestmark = pytest.mark.filterwarnings("default")


class Client(nbclient.NotebookClient):
    """Runs a notebook, and keeps what was shown on the way."""

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] in ("display_data", "update_display_data"):
            self.pages = [*getattr(self, "pages", []), msg["content"]["data"].get("text/html", "")]
        return super().process_message(msg, cell, cell_index)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_says_what_it_said(path, monkeypatch):
    # Warnings name the file that they come from, which is another on every machine.
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    notebook = nbformat.read(path, as_version=4)
    written = nbformat.read(path, as_version=4)
    before = [texts(cell) for cell in written.cells]
    assert sum(map(len, before)) >= 2
    client = Client(notebook, timeout=120, kernel_name="python3")
    client.execute()
    after = [texts(cell) for cell in notebook.cells]
    # Sizes of files and the last digits of a map may differ between machines; what they make
    # significant, and how many blanks stand before them, with them.
    digits = re.compile(r" *[-+]?[\d.,]+\d( +[*])?")
    for old, new in zip(before, after, strict=True):
        assert [digits.sub("#", text) for text in old] == [digits.sub("#", text) for text in new]
    shown = [results(cell) for cell in notebook.cells]
    assert sum(shown) >= 2
    assert shown == [results(cell) for cell in written.cells]


@pytest.mark.slow
def test_progress_is_a_live_picture_and_goes_away():
    code = (
        "import time, unmask\n"
        "def slow(batch):\n"
        "    time.sleep(0.1)\n"
        "    return batch[:, 30:60, 50:90].mean(axis=(1, 2, 3))\n"
        "model = unmask.load(slow, preprocess='unit', labels=['<b>light'], name='slow')\n"
        "model = model.changed(size=(96, 128))\n"
        "street = unmask.demo.pictures()['street']\n"
        "unmask.explain(model, street, 0, masks=1800).masks"
    )
    cell = nbformat.v4.new_code_cell(code)
    client = Client(nbformat.v4.new_notebook(cells=[cell]), timeout=120, kernel_name="python3")
    client.execute()
    assert len(client.pages) >= 3
    counts = [int(re.search(r'value="(\d+)" max="1800"', page)[1]) for page in client.pages[:-1]]
    assert counts == sorted(set(counts))
    for page in client.pages[:-1]:
        assert 'src="data:image/png;base64,' in page
        assert "&lt;b&gt;light" in page
        assert "reliability" in page
    assert client.pages[-1] == ""


def test_outside_a_notebook_nothing_happens(capsys):
    assert not jupyter.in_notebook()
    run = unmask.prepare("demo", unmask.demo.pictures()["street"], masks=32)
    watch = jupyter.watcher(run)
    for estimate in unmask.stream(run):
        watch(estimate)
    watch(None)
    assert capsys.readouterr() == ("", "")


def test_a_shell_without_a_kernel_is_no_notebook(monkeypatch):
    IPython = pytest.importorskip("IPython")
    assert "IPython" in sys.modules
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    assert not jupyter.in_notebook()


def texts(cell):
    return [one["text"] for one in cell.get("outputs", []) if one["output_type"] == "stream"]


def results(cell):
    """Return how many results a cell shows: pictures most of them, and none of a progress."""
    return sum(one["output_type"] == "execute_result" for one in cell.get("outputs", []))
