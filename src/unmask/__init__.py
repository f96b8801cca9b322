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
    from unmask import cluster, demo, evaluation, rise
    from unmask import rise as notebook
    from unmask.cluster import results
    from unmask.evaluation import metrics
    from unmask.evaluation import stored as kept
    from unmask.inputs import row, series, sound, text, together, video, volume
    from unmask.models.loading import load
    from unmask.models.model import Model
    from unmask.reports import convergence as plots
    from unmask.reports import report
    from unmask.run.explain import explain, extend
    from unmask.run.explanation import Explanation
    from unmask.run.loop import stream
    from unmask.run.pairs import compare_pictures
    from unmask.run.plan import Plan
    from unmask.run.predict import detect, predict
    from unmask.run.prepare import Run, prepare
    from unmask.targets import (
        Prediction,
        Target,
        answer,
        box,
        contrast,
        output,
        region,
        similar_to,
        within_top,
    )

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
    "answer",
    "box",
    "cluster",
    "compare_pictures",
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
    "output",
    "plots",
    "predict",
    "prepare",
    "region",
    "report",
    "results",
    "rise",
    "row",
    "series",
    "similar_to",
    "sound",
    "stream",
    "text",
    "together",
    "video",
    "volume",
    "within_top",
]

# Where each name lives. `kept`, `notebook`, `plots` and `results` are names of version 0.1.0.
_MODULES = {
    "cluster": "cluster",
    "demo": "demo",
    "evaluation": "evaluation",
    "kept": "evaluation.stored",
    "metrics": "evaluation.metrics",
    "notebook": "rise",
    "plots": "reports.convergence",
    "results": "cluster.results",
    "rise": "rise",
}
_HOME = {
    "Explanation": "run.explanation",
    "Model": "models",
    "Plan": "run.plan",
    "Prediction": "targets",
    "Run": "run.prepare",
    "Target": "targets",
    "answer": "targets",
    "box": "targets",
    "compare_pictures": "run.pairs",
    "contrast": "targets",
    "detect": "run.predict",
    "explain": "run.explain",
    "extend": "run.explain",
    "load": "models",
    "output": "targets",
    "predict": "run.predict",
    "prepare": "run.prepare",
    "region": "targets",
    "report": "reports",
    "row": "inputs.table_row",
    "series": "inputs.time_series",
    "similar_to": "targets",
    "sound": "inputs.sound_values",
    "stream": "run.loop",
    "text": "inputs.texts",
    "together": "inputs.together",
    "video": "inputs.video_values",
    "volume": "inputs.volume_values",
    "within_top": "targets",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(f"unmask.{_MODULES[name]}")
    elif name in _HOME:
        value = getattr(importlib.import_module(f"unmask.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module 'unmask' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
