"""unmask in other libraries' places: one file a library, none of which is needed elsewhere.

What turns an explanation into another library's own type is its method: `Explanation.to_shap`,
`Explanation.to_xarray`. What Quantus calls is `unmask.evaluation.quantus.explain_func`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unmask.adapters.batch import explain_batch
    from unmask.adapters.captum import Rise
    from unmask.adapters.fiftyone import to_heatmap
    from unmask.adapters.sklearn import importance
    from unmask.adapters.tracking import log_mlflow, log_tensorboard, log_wandb

__all__ = [
    "Rise",
    "explain_batch",
    "importance",
    "log_mlflow",
    "log_tensorboard",
    "log_wandb",
    "to_heatmap",
]

# Where each is: a library is imported when what needs it is asked for.
_HOME = {
    "Rise": "captum",
    "explain_batch": "batch",
    "importance": "sklearn",
    "log_mlflow": "tracking",
    "log_tensorboard": "tracking",
    "log_wandb": "tracking",
    "to_heatmap": "fiftyone",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'unmask.adapters' has no attribute {name!r}")
    return getattr(importlib.import_module(f"unmask.adapters.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
