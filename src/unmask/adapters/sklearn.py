"""Importance of a table's columns, as ``sklearn.inspection.permutation_importance`` returns it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import MissingExtra, SettingError
from unmask.inputs.table_row import row
from unmask.models.loading import load
from unmask.run.explain import explain

try:
    from sklearn.utils import Bunch
except ImportError as error:
    raise MissingExtra("sklearn", "sklearn") from error

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["importance"]


def importance(
    estimator: Any,
    X: Any,  # noqa: N803 - scikit-learn's name
    *,
    background: Any = None,
    target: int | str | Sequence[int | str] | None = None,
    masks: int | None = None,
    seed: int = 0,
    **settings: Any,
) -> Bunch:
    """Mean absolute Shapley value of every column over rows.

    Parameters
    ----------
    estimator : fitted estimator, or what `unmask.load` takes
    X : DataFrame or array, shape (rows, columns)
        The rows to explain.
    background : DataFrame or array, optional
        Rows that stand in for hidden columns; `X` itself by default.
    target : int, str, or one for each row, optional
        Class; by default each row's best one.
    masks : int, optional
        Coalitions a row; all of them where there are few.
    seed : int, default 0
    **settings
        As for `unmask.explain`.

    Returns
    -------
    sklearn.utils.Bunch
        ``importances`` (columns, rows), signed values; ``importances_mean`` (columns,), the mean of
        their sizes; ``importances_std`` (columns,), the deviation of the sizes over rows;
        ``importances_stderr`` (columns,), the standard error of the mean by what coalitions were
        drawn alone; ``feature_names``.

    Raises
    ------
    SettingError
        No row, or other than one target for each row.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> X = np.random.default_rng(0).normal(size=(40, 3))
    >>> model = LinearRegression().fit(X, 3 * X[:, 0] - X[:, 2])
    >>> found = importance(model, X[:10], background=X)
    >>> found.importances.shape, found.importances_mean.argsort()[::-1].tolist()
    ((3, 10), [0, 2, 1])
    """
    if len(X) == 0:
        raise SettingError("X has no row: expected at least one to explain")
    targets = [target] * len(X) if target is None or np.ndim(target) == 0 else list(target)  # type: ignore[arg-type]
    if len(targets) != len(X):
        raise SettingError(f"{len(X)} rows and {len(targets)} targets: expected one for each")
    model, others = load(estimator), X if background is None else background
    rows = [X.iloc[number] if hasattr(X, "iloc") else X[number] for number in range(len(X))]
    made = [
        explain(
            model,
            row(one, others),
            asked,
            masks=masks,
            estimator="shapley",
            seed=seed,
            **settings,
        )
        for one, asked in zip(rows, targets, strict=True)
    ]
    values = np.stack([one.map for one in made], axis=1).astype(np.float64)
    errors = np.stack([one.stderr for one in made], axis=1).astype(np.float64)
    names = [unit.name for unit in made[0].original.row.units]  # type: ignore[union-attr]
    return Bunch(
        importances=values,
        importances_mean=np.abs(values).mean(axis=1),
        importances_std=np.abs(values).std(axis=1),
        importances_stderr=np.sqrt((errors**2).mean(axis=1) / len(made)),
        feature_names=np.array(names),
    )
