"""scikit-learn: models of rows, of flattened pixels, and pipelines that read texts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError, SettingError
from unmask.inputs.preprocess import preprocessing
from unmask.inputs.spec import TableSpec, TextSpec
from unmask.models.model import Model, build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unmask.models.model import Activation

__all__ = ["from_sklearn"]


def from_sklearn(
    estimator: Any,
    *,
    size: Sequence[int] | None = None,
    layout: str | None = None,
    preprocess: str | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
) -> Model:
    """Take a fitted classifier or regressor, or a pipeline that ends in one.

    Its scores are those of ``predict_proba``, else of ``decision_function``; of a regressor, what
    it predicts. A binary classifier without probabilities has one score, for its second class.
    Models of XGBoost, LightGBM and others with scikit-learn's methods are such.

    Parameters
    ----------
    estimator : sklearn.base.BaseEstimator
        Fitted on rows of a table, which `unmask.row` gives it as they are, or on rows of pixels;
        or on texts, a pipeline that begins with a vectorizer of texts, to which no other option
        applies.
    size : sequence of int, optional
        Height and width of the pictures that the rows were. Without it, and where the number of
        features allows it, a picture is taken to be square, gray or of three colors, and a note
        says so.
    layout : str, default "NHWC"
        Order in which a picture was flattened. Any other is possible, "NT" for a series.
    preprocess, mean, std
        See `unmask.inputs.preprocess.preprocessing`; "raw" where nobody declares it, and a note
        says so.

    Returns
    -------
    Model
        ``classes_`` are its labels. A grid can have no more cells than a picture has pixels.

    Raises
    ------
    ModelError
        Not fitted, no model that predicts, or rows that are no pictures of that size.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rows, kinds = np.eye(64), np.arange(64) // 32
    >>> model = from_sklearn(LogisticRegression().fit(rows, kinds), size=(4, 16), preprocess="raw")
    >>> model.labels, model.input.channels
    (('0', '1'), 1)
    """
    name = type(estimator).__name__
    scores = _scores(estimator, name)
    if _reads_text(estimator):
        given = {"size": size, "layout": layout, "preprocess": preprocess, "mean": mean, "std": std}
        return _of_text(estimator, scores, given)
    features = _features(estimator)
    if features is None:
        raise ModelError(f"{name} is not fitted: fit it first, on rows of a table or of pixels")
    notes = []
    table = None if size or layout else TableSpec(features, _names(estimator))
    scaling = {"preprocess": preprocess, "mean": mean, "std": std}
    scaled = any(value is not None for value in scaling.values())
    if table and not (_sides(features) and (scaled or not table.names)):
        return _of_rows(estimator, scores, table, scaling)
    shape = layout or "NHWC"
    axes = len(shape) - 1 - ("C" in shape)
    if size is None:
        size = _square(name, features, axes)
        notes.append(
            f"{name} takes {features} features: assumed pictures of {size[0]} x {size[1]}. Give "
            "size=(height, width) if they were not square"
        )
    channels = _channels(name, features, tuple(size), shape)
    if preprocess is None and mean is None and std is None:
        chosen = preprocessing("raw")
        if axes == 2:
            notes.append(
                f"{name} does not say how pixels are scaled: given as they are "
                "(preprocess='raw'). 'unit' gives them from 0 to 1"
            )
    else:
        chosen = preprocessing(preprocess or "unit", mean, std)
    labels = _labels(estimator, scores)

    def run(batch: Any) -> NDArray[Any]:
        of_table = not isinstance(batch, np.ndarray) or batch.ndim == 2
        rows = batch if of_table else batch.reshape(len(batch), -1)
        return np.asarray(scores(rows))

    return build(
        run=run,
        name=name,
        table=table,
        layout=shape,
        size=tuple(size),
        channels=channels if "C" in shape else None,
        preprocess=chosen,
        labels=labels,
        classes=None if labels is None else len(labels),
        activation=_activation(scores),
        versions=_versions(),
        notes=tuple(notes),
    )


def _labels(estimator: Any, scores: Any) -> tuple[str, ...] | None:
    if scores.__name__ == "predict":
        return None
    classes = getattr(estimator, "classes_", None)
    labels = None if classes is None else tuple(str(label) for label in np.asarray(classes))
    if labels is not None and len(labels) == 2 and scores.__name__ == "decision_function":
        labels = labels[1:]
    return labels


def _activation(scores: Any) -> Activation:
    return "probabilities" if scores.__name__ == "predict_proba" else "logits"


def _reads_text(estimator: Any) -> bool:
    """Whether it is a pipeline, or the search for one, whose first step takes strings."""
    pipeline = getattr(estimator, "best_estimator_", estimator)
    steps = getattr(pipeline, "steps", None) or ((None, None),)
    return hasattr(steps[0][1], "build_analyzer")


def _of_text(estimator: Any, scores: Any, given: dict[str, Any]) -> Model:
    name = type(estimator).__name__
    for option, value in given.items():
        if value is not None:
            raise SettingError(f"{option}= does not apply to {name}, which takes texts")
    labels = _labels(estimator, scores)
    if labels is None:
        raise ModelError(f"{name} is not fitted: fit it on texts first")

    def run(texts: list[str]) -> NDArray[Any]:
        rows: NDArray[Any] = np.asarray(scores(texts))
        return rows

    return build(
        run,
        name=name,
        text=TextSpec(),
        labels=labels,
        classes=len(labels),
        activation=_activation(scores),
        versions=_versions(),
    )


def _scores(estimator: Any, name: str) -> Any:
    """Return the method that scores rows."""
    for method in ("predict_proba", "decision_function"):
        if hasattr(estimator, method):
            return getattr(estimator, method)
    # What a classifier predicts are names of classes, and what a clustering does are its numbers.
    if hasattr(estimator, "predict") and _is_regressor(estimator):
        return estimator.predict
    raise ModelError(
        f"{name} has neither predict_proba nor decision_function, and is no regressor: give a "
        "function from a batch to scores that calls it"
    )


def _is_regressor(estimator: Any) -> bool:
    from sklearn.base import is_regressor

    return bool(is_regressor(estimator))


def _features(estimator: Any) -> int | None:
    """Return with how many columns a model was fitted; None if it was not."""
    try:
        features = getattr(estimator, "n_features_in_", None)
    except Exception:  # some raise errors of their own
        return None
    return None if features is None else int(features)


def _names(estimator: Any) -> tuple[str, ...]:
    """Return the names of the columns with which a model was fitted, if it knows them."""
    try:
        names = getattr(estimator, "feature_names_in_", None)
    except Exception:
        return ()
    return () if names is None else tuple(map(str, names))


def _of_rows(estimator: Any, scores: Any, table: TableSpec, given: dict[str, Any]) -> Model:
    name = type(estimator).__name__
    for option, value in given.items():
        if value not in (None, "raw"):
            raise SettingError(
                f"{option}= does not apply to {name}, which takes rows of a table: if they were "
                "pictures, give size=(height, width)"
            )
    labels = _labels(estimator, scores)

    def run(rows: Any) -> NDArray[Any]:
        return np.asarray(scores(rows))

    return build(
        run,
        name=name,
        layout="NT",
        size=(table.columns,),
        table=table,
        labels=labels,
        classes=None if labels is None else len(labels),
        activation=_activation(scores),
        versions=_versions(),
    )


def _sides(features: int) -> tuple[int, int] | None:
    """Return height and width of a square picture of so many features; None if there is none."""
    for channels in (1, 3):
        side = math.isqrt(features // channels)
        if side * side * channels == features:
            return side, side
    return None


def _square(name: str, features: int, axes: int) -> tuple[int, ...]:
    sides = _sides(features) if axes == 2 else None
    if sides is not None:
        return sides
    raise ModelError(
        f"{name} takes {features} features, which are no square picture: give size=(height, width)"
    )


def _channels(name: str, features: int, size: tuple[int, ...], layout: str) -> int:
    pixels = math.prod(size)
    channels = features // pixels if pixels > 0 else 0
    if channels < 1 or channels * pixels != features or ("C" not in layout and channels != 1):
        raise SettingError(
            f"size={size}, layout={layout!r}: {name} takes {features} features, which are no "
            f"whole number of channels of {' x '.join(map(str, size))}"
        )
    return channels


def _versions() -> dict[str, str]:
    import sklearn

    return {"scikit-learn": sklearn.__version__}
