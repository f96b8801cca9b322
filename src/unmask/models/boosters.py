"""Boosters: what XGBoost and LightGBM train and save, without scikit-learn's methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.inputs.spec import TableSpec
from unmask.models.model import Model, build

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["from_booster"]


def from_booster(booster: Any) -> Model:
    """Take a trained booster.

    Its scores are what it predicts: probabilities of an objective such as "binary:logistic",
    margins of "binary:logitraw", values of a regression.

    Parameters
    ----------
    booster : xgboost.Booster or lightgbm.Booster

    Returns
    -------
    Model
        Of rows (`unmask.row`).
    """
    package = type(booster).__module__.partition(".")[0]
    run, names, columns = _of_xgboost(booster) if package == "xgboost" else _of_lightgbm(booster)
    return build(
        run,
        name=f"{package} booster",
        layout="NT",
        size=(columns,),
        table=TableSpec(columns, names),
        activation="probabilities" if _is_probable(booster, package) else "logits",
        versions={package: __import__(package).__version__},
    )


Read = tuple["Callable[[Any], NDArray[Any]]", tuple[str, ...], int]


def _of_xgboost(booster: Any) -> Read:
    import xgboost

    names = tuple(booster.feature_names or ())

    def run(rows: Any) -> NDArray[Any]:
        matrix = xgboost.DMatrix(rows, feature_names=[*names] or None, enable_categorical=True)
        return np.asarray(booster.predict(matrix))

    return run, names, int(booster.num_features())


def _of_lightgbm(booster: Any) -> Read:
    names = tuple(booster.feature_name())
    # Column_0, Column_1, ... are its own, of what had no names.
    named = names != tuple(f"Column_{place}" for place in range(len(names)))

    def run(rows: Any) -> NDArray[Any]:
        return np.asarray(booster.predict(rows))

    return run, names if named else (), int(booster.num_feature())


def _is_probable(booster: Any, package: str) -> bool:
    if package == "xgboost":
        objective = str(booster.save_config())
        return any(f'"{name}"' in objective for name in ("binary:logistic", "multi:softprob"))
    return str(booster.params.get("objective", "")).startswith(("binary", "multiclass"))
