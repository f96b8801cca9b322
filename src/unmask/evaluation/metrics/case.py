"""What a metric is asked about: one model, one input, one target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ImageError, ModelError, ModelOutputError, SettingError, UnmaskError
from unmask.inputs.fills import fill_array
from unmask.inputs.sample import prepare as prepare_input
from unmask.models.loading import load
from unmask.run.predict import whole_outputs
from unmask.run.settings import batch_size as batch_size_of
from unmask.targets.boxes import parse_boxes, resolve_boxes
from unmask.targets.classes import parse, resolve
from unmask.targets.texts import with_texts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unmask.inputs.sample import Input
    from unmask.models.model import Model
    from unmask.targets.boxes import BoxTargets
    from unmask.targets.classes import Targets
    from unmask.targets.target import Target


__all__ = ["Case", "case"]


@dataclass(frozen=True, eq=False)
class Case:
    """One model, one input and one target, checked; made by `case`.

    Attributes
    ----------
    model : Model
    given : Input
        The input in the model's space.
    targets : Targets or BoxTargets
        Exactly one.
    batch_size : int
    """

    model: Model
    given: Input
    targets: Targets | BoxTargets
    batch_size: int

    @property
    def target(self) -> Target:
        """What the maps explain; its ``score`` is that of the whole input."""
        return self.targets.targets[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial size of the input in the model's space."""
        return self.given.shape

    def score(self, batch: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score a batch, as `unmask.explain` does.

        Parameters
        ----------
        batch : ndarray of float32, shape (n, ...)
            In the model's layout and space.

        Returns
        -------
        ndarray of float64, shape (n,)

        Raises
        ------
        ModelError
            The model failed, or returned something unusable.
        """
        model = self.model
        try:
            outputs = model(model.asarray(batch))
            scores = self.targets.score(outputs, len(batch))[:, 0]
        except UnmaskError:
            raise
        except Exception as error:
            raise ModelError(
                f"{model.name} failed on a batch of {len(batch)}: {type(error).__name__}: {error}"
            ) from error
        if not np.isfinite(scores).all():
            raise ModelOutputError(f"{model.name} returned scores that are not finite")
        return np.asarray(scores, np.float64)

    def at_model_size(self, values: ArrayLike) -> NDArray[np.float64]:
        """Bring a map to the model's own size.

        Parameters
        ----------
        values : float array
            A map of the model's size, which is left as it is, or of the picture's.

        Returns
        -------
        ndarray of float64, the spatial shape of the input

        Raises
        ------
        SettingError
            A map of another size, or with values that are not finite.
        """
        array = np.asarray(values)
        if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
            raise SettingError("the map holds values that are not finite numbers")
        if array.shape == self.shape:
            return array.astype(np.float64)
        frame = self.given.frame
        if frame is None or array.shape != tuple(frame.picture):
            sizes = f"{self.shape}, the model's" + (
                "" if frame is None else f", or {tuple(frame.picture)}, the picture's"
            )
            raise SettingError(f"the map has the shape {array.shape}: expected {sizes}")
        # What the picture does not reach (a letterbox's bars) is the least important.
        return frame.map_forward(array, outside=float(array.min()))

    def at_picture_size(self, values: ArrayLike) -> NDArray[Any]:
        """Bring a map to the picture's size, for evidence that is known there.

        Parameters
        ----------
        values : float array
            A map of the picture's size, which is left as it is, or of the model's. What the model
            never saw gets the map's least value.

        Returns
        -------
        ndarray of float

        Raises
        ------
        SettingError
            A map of another size.
        """
        array, frame = np.asarray(values), self.given.frame
        if frame is None or array.shape == tuple(frame.picture):
            return array
        return frame.back(array, outside=float(array.min()))

    def substrate(self, fill: Any) -> NDArray[np.float32]:
        """Return a fill of the input's full shape; "zero" is 0 in the model's space."""
        array = self.given.array
        if isinstance(fill, str) and fill == "zero":
            return np.zeros_like(array)
        values = fill_array(fill, self.model, self.given, 0)
        return np.broadcast_to(values, array.shape)


def case(
    model: Any,
    image: Any,
    target: Any = None,
    *,
    preprocess: str | None = None,
    batch_size: int | None = None,
) -> Case:
    """Check a model, an input and a target, and ask the model about the whole input.

    Parameters
    ----------
    model, image, target, preprocess
        As for `unmask.explain`, but one target.
    batch_size : int, optional
        Inputs per model call: the model's own, else 32, fewer for large inputs.

    Returns
    -------
    Case
        For the metrics.

    Raises
    ------
    UnmaskError
        As `unmask.explain`, before the first model call but for the target's own.

    Examples
    --------
    >>> import unmask
    >>> from unmask import metrics
    >>> one = metrics.case("demo", unmask.demo.pictures()["street"], "heart")
    >>> one.target.label, one.shape, round(one.target.score, 1)
    ('heart', (96, 96), 1.0)
    """
    loaded, target = with_texts(load(model), target)
    given = prepare_input(loaded, image, preprocess)
    batch_size = batch_size_of(batch_size, loaded.batch, given.array.nbytes)
    boxes = loaded.detector is not None and not callable(target)
    if boxes:
        parts = parse_boxes(0 if target is None else target, loaded.labels)
    else:
        wishes = parse(target, loaded.labels, loaded.classes)
    outputs = whole_outputs(loaded, given)
    targets: Targets | BoxTargets
    if boxes:
        if given.frame is None:
            raise ImageError("boxes are for pictures: give one")
        targets = resolve_boxes(parts, outputs[0], given.frame, loaded.labels, loaded.threshold)
    else:
        targets = resolve(wishes, outputs, loaded.labels, given.shape, loaded.layout)
    if len(targets) != 1:
        raise SettingError(f"{len(targets)} targets: a metric is about one, give one")
    return Case(loaded, given, targets, batch_size)
