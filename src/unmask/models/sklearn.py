"""scikit-learn: classifiers of flattened pixels, and pipelines that read texts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError, SettingError
from unmask.inputs.preprocess import preprocessing
from unmask.inputs.spec import TextSpec
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
    """Take a fitted classifier, or a pipeline that ends in one.

    Its scores are those of ``predict_proba``, else of ``decision_function``. A binary classifier
    without probabilities has one score, for its second class.

    Parameters
    ----------
    estimator : sklearn.base.BaseEstimator
        Fitted on rows of pixels; or on texts, a pipeline that begins with a vectorizer of texts,
        to which no other option applies.
    size : sequence of int, optional
        Height and width of the pictures that the rows were. Without it they are taken to have been
        square, gray or of three colors, as the number of features tells, and a note says so.
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
        Not fitted, no classifier, or rows that are no pictures of that size.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rows, kinds = np.eye(64), np.arange(64) // 32
    >>> model = from_sklearn(LogisticRegression().fit(rows, kinds), size=(4, 16), preprocess="raw")
    >>> model.labels, model.input.channels
    (('0', '1'), 1)
    """
    name = type(estimator).__name__
    scores = next(
        (
            getattr(estimator, method)
            for method in ("predict_proba", "decision_function")
            if hasattr(estimator, method)
        ),
        None,
    )
    if scores is None:
        raise ModelError(
            f"{name} has neither predict_proba nor decision_function: give a function from a batch "
            "to scores that calls it"
        )
    if _reads_text(estimator):
        given = {"size": size, "layout": layout, "preprocess": preprocess, "mean": mean, "std": std}
        return _of_text(estimator, scores, given)
    features = getattr(estimator, "n_features_in_", None)
    if features is None:
        raise ModelError(f"{name} is not fitted: fit it on rows of pixels first")
    notes = []
    shape = layout or "NHWC"
    axes = len(shape) - 1 - ("C" in shape)
    if size is None:
        size = _square(name, int(features), axes)
        notes.append(
            f"{name} takes {features} features: assumed pictures of {size[0]} x {size[1]}. Give "
            "size=(height, width) if they were not square"
        )
    channels = _channels(name, int(features), tuple(size), shape)
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

    def run(batch: NDArray[np.float32]) -> NDArray[Any]:
        rows: NDArray[Any] = np.asarray(scores(batch.reshape(len(batch), -1)))
        return rows

    return build(
        run=run,
        name=name,
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


def _square(name: str, features: int, axes: int) -> tuple[int, ...]:
    for channels in (1, 3):
        side = math.isqrt(features // channels)
        if axes == 2 and side * side * channels == features:
            return side, side
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
