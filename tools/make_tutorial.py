"""Write docs/tutorial.ipynb and run it, so that it holds what it shows.

python tools/make_tutorial.py
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

PATH = Path(__file__).resolve().parents[1] / "docs" / "tutorial.ipynb"

CELLS = [
    """# What did the model look at?

`unmask` hides random parts of a picture, asks the model each time, and credits what was visible
when the score was high. This notebook uses the classifier and the pictures that come along, so it
needs nothing else.""",
    (
        """import unmask

street = unmask.demo.pictures()["street"]
unmask.predict("demo", street, top=4)"""
    ),
    """## A map for each class, from the same model calls

While it runs, the maps are shown as they come out of the noise. At the end they make way for the
result.""",
    (
        """explanation = unmask.explain("demo", street, ["heart", "star"], masks=2000)
explanation.plot("heart")"""
    ),
    """## How far can it be trusted?

Every map has a standard error for each pixel. Its *reliability* is the correlation to expect with
the map that infinitely many masks would give.""",
    (
        """for target, reliability in zip(explanation.targets, explanation.reliabilities):
    print(f"{target.label:6} score {target.score:.3f}  reliability {reliability:.3f}")

row, column = divmod(explanation.map.argmax(), explanation.map.shape[1])
value, error = explanation.map[row, column], explanation.stderr[row, column]
print(f"the heart matters most at {column}, {row}: {value:.3f} ± {error:.3f}")"""
    ),
    "## Laid over the picture",
    ("""explanation.overlay("heart", opacity=0.6).resize((320, 240))"""),
    ("""explanation.overlay("star", opacity=0.6, cmap="viridis").resize((320, 240))"""),
    """## Keep it, send it

The file holds the maps, their errors and the score of every mask. The report is one HTML file that
needs no network.""",
    (
        """import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    saved = explanation.save(Path(folder) / "street.npz")
    again = unmask.Explanation.load(saved)
    report = Path(folder) / "street.html"
    report.write_text(unmask.report([again]), "utf-8")
    print(again, f"{saved.stat().st_size:,} bytes, report {report.stat().st_size:,} bytes")"""
    ),
    """## Your own model

An ONNX file, or any function from a batch of pictures to scores.""",
    (
        """def redness(batch):  # float32 (n, H, W, 3), here from 0 to 1
    return batch[..., 0].mean(axis=(1, 2)) - batch[..., 1:].mean(axis=(1, 2, 3))


model = unmask.load(redness, preprocess="unit", name="redness")
why = unmask.explain(model, unmask.demo.pictures()["market"], 0, masks=512, fill="black")
why.overlay(opacity=0.7).resize((320, 240))"""
    ),
]


def main() -> None:
    """Write, run, and write again with the outputs."""
    cells = [
        new_code_cell(one) if number in (1, 3, 5, 7, 8, 10, 12) else new_markdown_cell(one)
        for number, one in enumerate(CELLS)
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # random ones would make each run another file
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran
        # Of two forms of a picture the smaller; and nothing of a progress that is over.
        cell["outputs"] = [one for one in cell.get("outputs", []) if _shows(one)]
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/png" in data:
                data.setdefault("image/jpeg", _as_jpeg(data.pop("image/png")))
        if cell.cell_type != "code":
            del cell["outputs"]
    nbformat.write(notebook, PATH)


def _as_jpeg(png: str) -> str:
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    small = picture.resize((1000, 1000 * picture.height // picture.width))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return base64.b64encode(buffer.getvalue()).decode()


def _shows(output: Any) -> bool:
    if output.get("name") == "stderr":  # warnings name this machine's paths
        return False
    return bool(output.get("data", {}).get("text/html", "something"))


if __name__ == "__main__":
    main()
