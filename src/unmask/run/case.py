"""What a metric is asked about: one model, one input, one target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError, ModelOutputError, SettingError, UnmaskError, silent
from unmask.inputs.filling import filling, fixed
from unmask.inputs.rise_blur import rise_blur
from unmask.run.ask import ask
from unmask.run.settings import batch_size as batch_size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from unmask.inputs import Sample
    from unmask.models.model import Model
    from unmask.targets import Target, Targets


__all__ = ["Case", "case"]


FILLS = 100  # a curve for each is measured


@dataclass(frozen=True, eq=False)
class Case:
    """One model, one input and one target, checked; made by `case`.

    Attributes
    ----------
    model : Model
    sample : Sample
        The input in the model's space.
    targets : Targets
        Exactly one.
    batch_size : int
    """

    model: Model
    sample: Sample
    targets: Targets
    batch_size: int

    @property
    def target(self) -> Target:
        """What the maps explain; its ``score`` is that of the whole input."""
        return self.targets.targets[0]

    @property
    def given(self) -> Any:
        """What an explainer is given for the same input."""
        home = self.sample.original
        return self.sample.array if home is None else home.given

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a map at the model's size: what masks cover."""
        return self.sample.shape

    def score(self, batch: Any) -> NDArray[np.float64]:
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
            outputs = model(model.sent(batch))
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

    def score_masked(
        self, masks: NDArray[np.float32], fills: Sequence[NDArray[np.float32]]
    ) -> NDArray[np.float64]:
        """Score the input under masks, the mean over fills.

        Parameters
        ----------
        masks : ndarray of float32, shape (n, *shape)
            1 keeps, 0 hides.
        fills : sequence of ndarray
            From `substrates`.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        size = self.batch_size
        batches = [masks[first : first + size] for first in range(0, len(masks), size)]
        every = [
            np.concatenate([self.score(self.sample.masked(batch, fill)) for batch in batches])
            for fill in fills
        ]
        return np.asarray(np.mean(every, axis=0))

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
        home = self.sample.original
        if home is None or array.shape != home.shape:
            sizes = f"{self.shape}, the model's" + (
                "" if home is None else f", or {home.shape}, the {home.kind}'s"
            )
            raise SettingError(f"the map has the shape {array.shape}: expected {sizes}")
        # What the picture does not reach (a letterbox's bars) is the least important.
        return home.forward(array, float(array.min()))

    def at_picture_size(self, values: ArrayLike, outside: float | None = None) -> NDArray[Any]:
        """Bring a map to the picture's size, for evidence that is known there.

        Parameters
        ----------
        values : float array
            A map of the picture's size, which is left as it is, or of the model's.
        outside : float, optional
            What is shown where the model saw nothing; by default the map's least value.

        Returns
        -------
        ndarray of float

        Raises
        ------
        SettingError
            A map of another size.
        """
        array, home = np.asarray(values), self.sample.original
        if home is None or array.shape == home.shape:
            return array
        return home.back(array, float(array.min()) if outside is None else outside)

    def substrates(self, fill: Any) -> list[NDArray[np.float32]]:
        """Return fills of the input's full shape, one or several.

        "zero" is 0 in the model's space and "rise-blur" the blur of `rise_blur`, the two that RISE
        was published with; of a text or a row both are what hides it as a rule. Of a background of
        more than 100 rows, 100 are taken, evenly.

        Raises
        ------
        SettingError
            No such fill, or one that is computed for each mask.
        """
        array = self.sample.array
        if isinstance(fill, str) and fill in ("zero", "rise-blur"):
            if self.sample.spatial and fill == "zero":
                return [np.zeros_like(array)]
            if self.sample.spatial:
                return [rise_blur(array, self.sample.spatial)]
            fill = self.sample.nothing  # of what is no number, 0 is nothing
        found = fixed(filling(self.sample, fill, 0))
        if len(found) > FILLS:
            found = [found[i] for i in np.linspace(0, len(found) - 1, FILLS).round().astype(int)]
        return [np.broadcast_to(one, array.shape) for one in found]


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
    question = ask(model, image, target, preprocess=preprocess, single=True)
    loaded, sample = question.model, question.sample
    batch_size = batch_size_of(batch_size, loaded.batch, sample.array.nbytes)
    with silent():  # it was said when the map was made
        answer = question.answer()
        loaded, targets = answer.question.model, answer.targets()
    if len(targets) != 1:
        raise SettingError(f"{len(targets)} targets: a metric is about one, give one")
    return Case(loaded, sample, targets, batch_size)
