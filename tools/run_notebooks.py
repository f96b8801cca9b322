"""Run the notebooks of docs/ and keep what they show, in few bytes.

python tools/run_notebooks.py [docs/notebooks/text.ipynb ...]
"""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

DOCS = Path(__file__).resolve().parents[1] / "docs"
WIDTH = 1000  # of a picture at most, in pixels


def main() -> None:
    """Run those that are named, or all."""
    for path in [Path(name) for name in sys.argv[1:]] or sorted(DOCS.rglob("*.ipynb")):
        run(path)
        print(f"{path}  {path.stat().st_size:,} bytes")


def run(path: Path) -> None:
    """Run a notebook, and write it with what came out."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
    }
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # random ones would make each run another file
        cell.metadata = {}  # when it ran
        if cell.cell_type == "code":
            # Of two forms of a picture the smaller; and nothing of a progress that is over.
            cell["outputs"] = [one for one in cell["outputs"] if _shows(one)]
            for output in cell["outputs"]:
                data = output.get("data", {})
                if "image/png" in data:
                    data.setdefault("image/jpeg", _as_jpeg(data.pop("image/png")))
    nbformat.write(notebook, path)


def _as_jpeg(png: str) -> str:
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    width = min(WIDTH, picture.width)
    small = picture.resize((width, width * picture.height // picture.width))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return base64.b64encode(buffer.getvalue()).decode()


def _shows(output: Any) -> bool:
    if output.get("name") == "stderr":  # warnings name this machine's paths
        return False
    return bool(output.get("data", {}).get("text/html", "something"))


if __name__ == "__main__":
    main()
