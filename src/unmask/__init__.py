"""What did the model look at? RISE explanations of any black-box model, with a standard error.

>>> import unmask
>>> explanation = unmask.explain("demo", unmask.demo.pictures()["street"], masks=512)
>>> explanation.map.dtype, explanation.masks
(dtype('float32'), 512)

Importing `unmask` loads NumPy and nothing heavier; everything else comes when it is first used.
"""

from __future__ import annotations

import sys

_heard = None
if sys.argv and sys.argv[0].endswith(("unmask", "unmask.exe", "-m")):
    # The command has nothing to keep yet, so Ctrl-C ends it without a traceback, until `__main__`
    # listens. Not by `signal`, which takes its time to load.
    import _signal  # type: ignore[import-not-found]

    try:
        if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
            _heard = _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    except ValueError:  # a thread of somebody else's program
        pass

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np  # noqa: F401 - the one thing that importing unmask does load

from unmask._version import __version__
from unmask.errors import (
    DoubtWarning,
    FileError,
    ImageError,
    Interrupted,
    MissingExtra,
    ModelError,
    ModelOutputError,
    SettingError,
    TargetError,
    UnmaskError,
    UnmaskWarning,
)

if TYPE_CHECKING:
    from unmask import cluster, demo, evaluation, kept, metrics, notebook, plots, results
    from unmask.box_wishes import box
    from unmask.explaining import explain, extend
    from unmask.explanation import Explanation
    from unmask.loop import stream
    from unmask.models import Model, load
    from unmask.plan import Plan
    from unmask.predicting import Prediction, detect, predict
    from unmask.run import Run, prepare
    from unmask.targets import Target
    from unmask.wishes import contrast, within_top

if _heard is not None:
    _signal.signal(_signal.SIGINT, _heard)

__all__ = [
    "DoubtWarning",
    "Explanation",
    "FileError",
    "ImageError",
    "Interrupted",
    "MissingExtra",
    "Model",
    "ModelError",
    "ModelOutputError",
    "Plan",
    "Prediction",
    "Run",
    "SettingError",
    "Target",
    "TargetError",
    "UnmaskError",
    "UnmaskWarning",
    "__version__",
    "box",
    "cluster",
    "contrast",
    "demo",
    "detect",
    "evaluation",
    "explain",
    "extend",
    "kept",
    "load",
    "metrics",
    "notebook",
    "plots",
    "predict",
    "prepare",
    "results",
    "stream",
    "within_top",
]

_MODULES = ("cluster", "demo", "evaluation", "kept", "metrics", "notebook", "plots", "results")
_HOME = {
    "Explanation": "explanation",
    "Model": "models",
    "Plan": "plan",
    "Prediction": "predicting",
    "Run": "run",
    "Target": "targets",
    "box": "box_wishes",
    "contrast": "wishes",
    "detect": "predicting",
    "explain": "explaining",
    "extend": "explaining",
    "load": "models",
    "predict": "predicting",
    "prepare": "run",
    "stream": "loop",
    "within_top": "wishes",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"unmask.{name}")
    if name in _HOME:
        value = getattr(importlib.import_module(f"unmask.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'unmask' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
