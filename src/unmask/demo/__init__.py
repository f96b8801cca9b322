"""The embedded classifier, and the pictures that the project draws itself to train and try it.

`LABELS` are the eight kinds of object, `MODEL` is the ONNX file, and `pictures()` are the four
pictures that come along. `scenes()` draws as many more as wanted, each with the exact pixels of
every object: a ground truth for saliency maps. `tools/train_demo.py` trains the model and draws the
four pictures.
"""

from __future__ import annotations

from pathlib import Path

from unmask.demo.scenes import Scene, scene, scenes
from unmask.demo.shapes import LABELS

__all__ = ["LABELS", "MODEL", "Scene", "pictures", "scene", "scenes"]

_HERE = Path(__file__).resolve().parent

MODEL: Path = _HERE / "demo.onnx"


def pictures() -> dict[str, Path]:
    """Where the four pictures are, by name.

    Returns
    -------
    dict of str to pathlib.Path
        PNG files, 480 x 360 pixels.

    Examples
    --------
    >>> sorted(pictures())
    ['garden', 'market', 'night', 'street']
    """
    return {path.stem: path for path in sorted((_HERE / "pictures").glob("*.png"))}
