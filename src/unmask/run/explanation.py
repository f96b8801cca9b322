"""The result: maps, how sure they are, and all that is needed to make them again."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base import statistics
from unmask._base.checks import is_number
from unmask.draw.scale import DEFAULT as LOOK
from unmask.draw.scale import Look
from unmask.errors import ImageError, SettingError, TargetError
from unmask.estimate.estimators import VALUES, finalize_groups, scale
from unmask.estimate.finish import each, finished
from unmask.estimate.scores import Summary
from unmask.estimate.shapley import all_masks
from unmask.estimate.uncertainty import Maps, format_reliability, half_width
from unmask.inputs.picture import Picture
from unmask.models.labels import find_label
from unmask.run import explanation_file, exports
from unmask.run.ask import same_model
from unmask.run.case import case as case_of
from unmask.run.certainty import influence
from unmask.run.nearest import Nearest, in_words, is_missed, nearest, sure_level
from unmask.run.order import REFINE, Order, check_refine, checked_order
from unmask.run.parts import Part, necessary, sufficient
from unmask.targets.links import is_unnamed, quantity_of, score_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from PIL.Image import Image

    from unmask._base.magnitude import Floats
    from unmask.draw.colormap import Colormap
    from unmask.draw.panels import Panel
    from unmask.draw.scale import Scale, Style
    from unmask.estimate.scores import Scores
    from unmask.inputs import Original
    from unmask.inputs.frame import Frame
    from unmask.models.origin import Origin
    from unmask.run.case import Case
    from unmask.run.identity import Identity
    from unmask.run.plan import Plan
    from unmask.run.plotting import Map
    from unmask.targets.target import Target


__all__ = ["Explanation"]


@dataclass(frozen=True, eq=False)
class Explanation:
    """Maps of what the model looked at, at the input's own resolution.

    Attributes
    ----------
    targets : tuple of Target
        What was explained: index, label and the score of the whole input.
    plan : Plan
    estimate : Scores or Summary
        The score of every mask, from which the maps follow; `unmask batch` stores only their mean.
    model : str
    image : str
    model_maps, model_stderrs : ndarray of float32 or float64, shape (k, h, w)
        Maps and standard errors at the model's own size; float64 where float32 would lose some of
        what they show: a spread of 2 at a level of 1e7, or scores of 1e39.
    reliabilities : tuple of float
        For each target, the correlation to expect between its map and that of infinitely many
        masks, 0 to 1; see `unmask.estimate.uncertainty.reliability`.
    original : Original or None
        What was given, to whose size the maps are brought back; None for an array in the
        model's space.
    seconds : float
        Time it took.
    model_calls : int
        Inputs that the model scored: masks, and before them the whole input alone and twice beside
        a plain one and noise.
    complete : bool
        False if it was interrupted before it came to its end.
    stopped : str
        Why it ended where it did, in words.
    versions : dict of str to str
    notes : tuple of str
        What was assumed and what may be wrong.
    identity : Identity or None
        What the model returned for the input, by which `merge` and `extend` recognize it; None in
        files of version 0.1.0.
    path : str
        The picture's, as it was given; empty where it was no file.
    origin : Origin or None
        Where the model came from and with which options; None for a live object.
    texts : tuple of str or None
        All that a model of texts compared the picture with, in their order, explained or not: its
        scores depend on every one. None for other models.

    Examples
    --------
    >>> import unmask
    >>> picture = np.zeros((30, 40, 3), np.uint8)
    >>> picture[5:15, 20:35] = 255
    >>> brightness = lambda batch: batch[:, 5:15, 20:35].mean(axis=(1, 2, 3)) / 255
    >>> explanation = unmask.explain(brightness, picture, 0, masks=256, fill="black")
    >>> explanation.map.shape, bool(explanation.map[10, 27] > explanation.map[25, 5])
    ((30, 40), True)
    """

    targets: tuple[Target, ...]
    plan: Plan
    estimate: Scores | Summary
    model: str
    image: str
    model_maps: Floats
    model_stderrs: Floats
    reliabilities: tuple[float, ...]
    original: Original | None = None
    seconds: float = 0.0
    model_calls: int = 0
    complete: bool = True
    stopped: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    identity: Identity | None = None
    path: str = ""
    origin: Origin | None = None
    texts: tuple[str, ...] | None = None
    _more: Callable[..., Explanation] | None = field(default=None, repr=False)

    @property
    def picture(self) -> NDArray[np.uint8] | None:
        """The picture, uint8 of shape (H, W, 3); None where the input is none, or is `missing`."""
        return self.original.picture if isinstance(self.original, Picture) else None

    @property
    def missing(self) -> str:
        """Why the picture cannot be read again; empty if it can."""
        return self.original.missing if isinstance(self.original, Picture) else ""

    @property
    def frame(self) -> Frame | None:
        """How the picture was brought to the model's size; None where the input is none."""
        return self.original.frame if isinstance(self.original, Picture) else None

    @property
    def map(self) -> Floats:
        """Saliency map of the first target, shape (H, W), in units of its score."""
        first: Floats = self.maps[0]
        return first

    @property
    def stderr(self) -> Floats:
        """Standard error of `map`, shape (H, W)."""
        first: Floats = self.stderrs[0]
        return first

    @cached_property
    def maps(self) -> Floats:
        """Saliency maps, of shape (targets, H, W) and the type of `model_maps`.

        A pixel that the model never saw, because the picture was cropped, has exactly the mean
        score: that is the limit of every estimator for what has no influence.
        """
        return self.at_picture_size(self.model_maps, self.levels)

    @cached_property
    def stderrs(self) -> Floats:
        """Standard errors of `maps`, of the same shape.

        Infinite where there are fewer than two blocks of masks.
        """
        if not np.isfinite(self.model_stderrs).all():
            return np.full_like(self.maps, np.inf)
        return self.at_picture_size(self.model_stderrs, self._mean_stderr)

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Confidence interval of every pixel of every map.

        Standard errors of few blocks are themselves uncertain, so the width is by Student's t, see
        `unmask.estimate.uncertainty.half_width`.

        Parameters
        ----------
        level : float, default 0.95
            Probability that a pixel's interval holds the value of infinitely many masks.

        Returns
        -------
        low, high : ndarray of float32 or float64, shape (targets, H, W)
        """
        if not (is_number(level) and 0 < level < 1):
            raise SettingError(f"level={level!r}: expected a probability between 0 and 1")
        halves = np.concatenate([half_width(maps, level) for maps in self.final])
        if not np.isfinite(halves).all():
            half = np.full_like(self.maps, np.inf)
        else:
            wide = statistics.quantile(level, self.final[0].freedom)
            of_mean = self._mean_stderr * wide
            half = self.at_picture_size(each(halves, relative=True), of_mean)
        return self.maps - half, self.maps + half

    def significant(self, target: int | str = 0, level: float = 0.95) -> NDArray[np.bool_]:
        """Where a pixel's visibility changes the score by more than chance explains.

        The map is compared with the mean score, which is what it would be at a pixel without
        influence; each pixel by itself, so of those without any, 5% pass at a level of 0.95.

        Parameters
        ----------
        target : int or str, default 0
        level : float, default 0.95

        Returns
        -------
        ndarray of bool, shape (H, W)
        """
        if not (is_number(level) and 0 < level < 1):
            raise SettingError(f"level={level!r}: expected a probability between 0 and 1")
        number = self.find(target)
        signs = influence(self.final, number, float(self.levels[number])).significance(level)
        return np.asarray(self.at_picture_size(signs, np.array([-1.0]))[0] > 0)

    def influence_stderr(self, target: int | str = 0) -> Floats:
        """Return the standard error of what a pixel's visibility changes: the map less its level.

        That of the map itself, `stderr`, has the error of the mean score too, which moves all
        pixels together and leaves the evidence where it is. Where batch stored no scores, it is
        all that is known, and is returned.

        Parameters
        ----------
        target : int or str, default 0

        Returns
        -------
        ndarray of float32 or float64, shape (H, W)
            0 where the model saw nothing; infinite where there are fewer than two blocks of masks.
        """
        number = self.find(target)
        if isinstance(self.estimate, Summary):
            return np.asarray(self.stderrs[number])
        stderr = influence(self.final, number, float(self.levels[number])).stderr
        if not np.isfinite(stderr).all():
            return np.full_like(self.maps[number], np.inf)
        found: Floats = self.at_picture_size(each(stderr, relative=True), np.zeros(1))[0]
        return found

    def nearest(self, target: int | str = 0) -> Nearest:
        """Return how near the detector came to a box over all masks, and what hinders it most.

        For a box by hand where nothing was found: hiding something else may bring it out.

        Parameters
        ----------
        target : int or str, default 0

        Returns
        -------
        Nearest

        Raises
        ------
        TargetError
            It is no box.
        SettingError
            The scores were not stored, or went through a function of one's own as link.

        Examples
        --------
        >>> import unmask
        >>> from unmask.models import Detections
        >>> def shy(batch):  # finds the left side where the right one is dark
        ...     sure = [1 - one[:, 6:].mean() / 255 for one in batch]
        ...     return [Detections([[0, 0, 6, 8]], [[1.0]], [one]) for one in sure]
        >>> model = unmask.load(shy, detector="function", labels=["cat"])
        >>> bright = np.full((8, 12, 3), 250, np.uint8)
        >>> missed = unmask.explain(model, bright, (0, 0, 6, 8), masks=256, grid=4, fill="black")
        >>> found = missed.nearest()
        >>> found.score < 0.05, found.best > 0.5, found.hinders[0] >= 4
        (True, True, True)
        """
        number = self.find(target)
        if self.targets[number].box is None:
            raise TargetError(f"target {target!r} is no box: nearest() is about what was missed")
        if is_unnamed(self.plan.link):
            raise SettingError(
                f"nearest() is about similarities, and link={self.plan.link!r} does not tell them "
                "from what was explained: link='identity', 'logit' or 'log' does"
            )
        level = sure_level(math.prod(self.plan.masks.grid))
        change = self.maps[number] - self.levels[number]
        significant = self.significant(number, level)
        found = nearest(self.targets[number], number, self.scores, change, significant)
        return replace(found, best=score_of(self.plan.link, found.best))

    def missed(self) -> tuple[str, ...]:
        """Say of each box by hand where nothing was found how near the detector came."""
        return tuple(
            in_words(target, self.nearest(number), self.masks, self.quantity(number))
            for number, target in enumerate(self.targets)
            if is_missed(target)
            and not isinstance(self.estimate, Summary)
            and not is_unnamed(self.plan.link)
        )

    @cached_property
    def final(self) -> list[Maps]:
        """The maps of each group of targets that were estimated together, at the model's size."""
        return [maps for _, maps in finalize_groups(self.plan.estimator, self.scores)]

    @property
    def masks(self) -> int:
        """How many masks were used."""
        return self.estimate.count

    @property
    def reliability(self) -> float:
        """Correlation to expect between `map` and that of infinitely many masks, 0 to 1."""
        return self.reliabilities[0]

    @cached_property
    def levels(self) -> NDArray[np.float64]:
        """What each map shows where a pixel has no influence, shape (targets,).

        That is the mean score, in the unit of the map; for a fit of independent masks it is freed
        of what their own imbalance explains, as the map is. Shapley and Banzhaf values are 0 there.
        """
        mean = np.asarray(self._unit * self.estimate.mean)
        if self.plan.masks.design != "random" or isinstance(self.estimate, Summary):
            return mean  # complements leave no imbalance
        if self.plan.estimator in VALUES:
            return mean
        fitted = [maps.level for maps in self.final if maps.level is not None]
        return np.concatenate(fitted) if fitted else mean

    def overlay(
        self,
        target: int | str = 0,
        *,
        style: Style = "evidence",
        cmap: Colormap | None = None,
        opacity: float | None = None,
        vmin: float | None = None,
        vmax: float | None = None,
    ) -> Image:
        """Lay a target's map over the picture.

        Parameters
        ----------
        target : int or str, default 0
            Position in `targets`, or label.
        style : {"evidence", "heat"}, default "evidence"
            "evidence": a color is as opaque as its pixel has influence, warm for the target and
            cold against it; pixels without influence are the picture's own. "heat": colors go from
            the map's least to its greatest value, and lie evenly over the picture in gray.
        cmap : str, optional
            One of `unmask.draw.colormap.COLORMAPS`; by default "evidence", and "inferno" for heat.
        opacity : float, optional
            0 to 1: of the strongest color, 0.75 by default; of all colors of heat, by default 0.5.
        vmin, vmax : float, optional
            Values of the first and the last color, instead of the map's own.

        Returns
        -------
        PIL.Image.Image
            Of the picture's size.

        Raises
        ------
        SettingError
            The input is no picture, or an argument is out of its range.
        TargetError
            There is no such target.

        Examples
        --------
        >>> import unmask
        >>> explanation = unmask.explain("demo", unmask.demo.pictures()["street"], masks=256)
        >>> explanation.overlay().size
        (480, 360)
        """
        from PIL import Image

        number = self.find(target)
        look, picture = Look(style, cmap, opacity, vmin, vmax), self._picture()
        return Image.fromarray(self.scaled(number, look).lay(picture, self.maps[number]))

    def plot(
        self,
        target: int | str = 0,
        *,
        ax: Axes | None = None,
        panel: Panel = "overlay",
        style: Style = "evidence",
        cmap: Colormap | None = None,
        opacity: float | None = None,
        vmin: float | None = None,
        vmax: float | None = None,
        certainty: bool = False,
    ) -> Figure:
        """Draw picture, saliency map with color bar, and overlay, side by side.

        Of a text: its words on their colors, and a bar with its standard error for each. Of a
        row: such a bar for each column, the largest first. Of a sound: waveform, spectrogram and
        influence; of a volume: planes through the peak, and slices; of a video: frames, and the
        influence over time.

        Parameters
        ----------
        target, style, cmap, opacity, vmin, vmax
            As for `overlay`.
        ax : matplotlib.axes.Axes, optional
            Draw one panel into these axes instead, in their figure's style, under the target's
            label; ``ax.figure.colorbar(ax.images[0])`` adds the map's color bar.
        panel : {"overlay", "map", "picture", "stderr", "significant"}
            Which, with `ax`: the map over the picture, the map alone, the picture, the map's
            standard error, or the overlay with lines around what is significant. Of a text:
            "overlay", "significant", or "map", the bars. Of a row: "overlay", the bars, or
            "significant", the same with lines around those.
        certainty : bool, default False
            Draw lines around what is significant in the overlay, and beside it the map's standard
            error; of a text, around its words.

        Returns
        -------
        matplotlib.figure.Figure
            That of `ax` if it is given. A new one belongs to no window and to nothing of pyplot:
            ``savefig`` writes it, and a notebook shows it.

        Raises
        ------
        SettingError
            The input is neither picture nor text, or an argument is out of its range.
        TargetError
            There is no such target.

        Examples
        --------
        >>> import unmask
        >>> explanation = unmask.explain("demo", unmask.demo.pictures()["street"], masks=256)
        >>> figure = explanation.plot()
        >>> len(figure.axes)  # three panels and a color bar
        4
        """
        from unmask.run import plotting

        number = self.find(target)
        asked, sure = self.targets[number], self.reliabilities[number]
        if plotting.drawing_of(self.original) is None or self.missing:
            self._picture()  # says why it cannot be drawn
        return plotting.plot(
            self.original,
            self.drawn(number, Look(style, cmap, opacity, vmin, vmax)),
            asked,
            facts=plotting.facts(asked, self.plan, self.masks, self.complete, sure),
            ax=ax,
            panel=panel,
            certainty=certainty,
        )

    def scaled(self, number: int, look: Look = LOOK) -> Scale:
        """Return what the colors of a target's map stand for."""
        contrast = self.targets[number].pair is not None
        return look.scale(self.model_maps[number], float(self.levels[number]), signed=contrast)

    def quantity(self, number: int) -> str:
        """Say what of a target is explained: its score, or what the link makes of it."""
        return quantity_of(self.targets[number].quantity, self.plan.link)

    def measure(self, number: int) -> str:
        """Say what the values of a target's map are, for color bars."""
        quantity = self.quantity(number)
        value = VALUES.get(self.plan.estimator)
        if value is None:
            return f"{quantity} while visible"
        return value if self.plan.link == "identity" else f"{value} of the {quantity}"

    def drawn(self, number: int, look: Look) -> Map:
        """Return what is drawn of a target."""
        from unmask.run.plotting import Map

        target = self.targets[number]
        return Map(
            self.maps[number],
            self.scaled(number, look),
            self.measure(number),
            stderr=lambda: self.influence_stderr(number),
            significant=lambda: self.significant(number),
            box=target.box,
            outline=target.outline,
        )

    def extend(self, masks: int) -> Explanation:
        """Go on with more masks; what is there is not done again.

        Parameters
        ----------
        masks : int
            How many more.

        Returns
        -------
        Explanation
            The same, to the bit, as if it had been asked for at once with the same batch size.

        Raises
        ------
        SettingError
            The explanation was read from a file, unpickled or merged, and holds no model: give it
            with ``unmask.extend(explanation, model, masks=...)``.
        """
        _ = self.scores
        if self._more is None:
            raise SettingError(
                "this explanation holds no model: use unmask.extend(explanation, model, masks=...)"
            )
        return self._more(self, masks)

    def merge(self, *others: Explanation) -> Explanation:
        """Join explanations of different masks of the same plan, such as its shards.

        Parameters
        ----------
        *others : Explanation

        Returns
        -------
        Explanation

        Raises
        ------
        SettingError
            Another plan, model, picture or target, or masks that are in two of them.
        """
        estimate = self.scores
        for other in others:
            self._check_alike(other)
            estimate = estimate.merge(other.scores)
        everyone = (self, *others)
        plan = replace(self.plan, shard=(1, 1))
        if all(explanation.plan.shard == (1, 1) for explanation in everyone):
            plan = replace(plan, count=estimate.count)
        values, stderrs, sure = finished(plan.estimator, estimate)
        notes = dict.fromkeys(note for explanation in everyone for note in explanation.notes)
        of_parts = {note for explanation in everyone for note in explanation.missed()}
        made = replace(
            self,
            plan=plan,
            estimate=estimate,
            model_maps=values,
            model_stderrs=stderrs,
            reliabilities=sure,
            seconds=sum(explanation.seconds for explanation in everyone),
            model_calls=sum(explanation.model_calls for explanation in everyone),
            complete=estimate.count >= plan.count,
            stopped=f"merged from {len(everyone)}",
            notes=tuple(note for note in notes if note not in of_parts),
            _more=None,
        )
        return replace(made, notes=(*made.notes, *made.missed()))

    def _check_alike(self, other: Explanation) -> None:
        def known(explanation: Explanation) -> dict[str, Any]:
            return {
                "model": explanation.model,
                "targets": [(t.label, t.index, t.box) for t in explanation.targets],
                "masks": explanation.plan.masks,
                "fill": explanation.plan.fill,
                "estimator": explanation.plan.estimator,
                "link": explanation.plan.link,
            }

        for (name, mine), theirs in zip(known(self).items(), known(other).values(), strict=True):
            if mine != theirs:
                raise SettingError(
                    f"cannot merge: the {name} differ, {mine} and {theirs}: "
                    "explain with the same settings, and another shard"
                )
        one, two = self.original, other.original
        if (one is None) != (two is None) or (one is not None and not one.same(two)):
            raise SettingError("cannot merge: the pictures differ")
        try:
            for mine, theirs in zip(self.targets, other.targets, strict=True):
                mine.check_same(theirs, other.model)
            if self.identity is not None and other.identity is not None:
                self.identity.check_same(other.identity, other.model)
        except SettingError as error:
            raise SettingError(f"cannot merge: {error}") from error

    def sufficient(
        self, model: Any, target: int | str = 0, *, keep: float = 0.9, fill: Any = None
    ) -> Part:
        """Find the smallest part of the input that, shown alone, keeps the answer.

        Parameters
        ----------
        model : Model, path-like, "demo" or callable
            The one that was explained.
        target : int or str, default 0
        keep : float, default 0.9
            Share of what the whole input's score is above that of nothing.
        fill : optional
            What hides the rest; by default what hid it for the map.

        Returns
        -------
        Part
            Grown along the map, checked by the model, and pruned: of its cells none alone can be
            left out. Some 150 model calls.

        Raises
        ------
        SettingError
            Another model, a share out of range, or a fill that is computed for each mask.
        TargetError
            The whole input scores no better than nothing.
        """
        (case,) = self.cases(model, target)
        values = self.model_maps[self.find(target)]
        return sufficient(case, values, keep, self.plan.fill if fill is None else fill)

    def necessary(
        self, model: Any, target: int | str = 0, *, lose: float = 0.5, fill: Any = None
    ) -> Part:
        """Find the smallest part of the input whose hiding loses the answer.

        Parameters
        ----------
        model, target, fill
            As for `sufficient`.
        lose : float, default 0.5
            Share of what the whole input's score is above that of nothing.

        Returns
        -------
        Part
        """
        (case,) = self.cases(model, target)
        values = self.model_maps[self.find(target)]
        return necessary(case, values, lose, self.plan.fill if fill is None else fill)

    def order(self, model: Any, target: int | str = 0, *, refine: int = REFINE) -> Order:
        """Find an order of the pixels that is sharper than the map's, checked by the model.

        The map says how much a pixel matters, through the masks' blur, and how sure that is. Where
        only the order counts, as for deletion and insertion, the same scores are read more sharply,
        the model is asked which reading orders best, and that one is made finer.

        Parameters
        ----------
        model : Model, path-like, "demo" or callable
            The one that was explained.
        target : int or str, default 0
        refine : int, default 360
            Finer masks; 0 leaves the reading as it is. Words, columns and segments have none.

        Returns
        -------
        Order
            Its areas of deletion and insertion are what the model said, in 102 calls beside those
            of the finer masks. Of Shapley and Banzhaf values, and of all masks, it is the map's own
            order, in 22. Of a row all of that for each row of its background, up to 100.

        Raises
        ------
        SettingError
            Another model, a number of masks out of range, or an explanation without its input or
            its scores.
        """
        check_refine(refine)
        (case,) = self.cases(model, target)
        number = self.find(target)
        blurred = self.plan.estimator not in VALUES and not all_masks(self.scores)
        scores = self.scores.only([number]) if blurred else None
        return checked_order(case, self.model_maps[number], scores, refine)

    def cases(self, model: Any, target: int | str | None = None) -> Iterator[Case]:
        """Ask the model about the whole input again, for each target or for one.

        Parameters
        ----------
        model : Model, path-like, "demo" or callable
            The one that was explained.
        target : int or str, optional

        Yields
        ------
        Case

        Raises
        ------
        SettingError
            Another model, or an explanation without its input.
        """
        numbers = range(len(self.targets)) if target is None else [self.find(target)]
        loaded = same_model(model, self.texts, self.targets)
        if self.original is None:
            raise SettingError(f"{self.image}: the explanation holds no input to ask about")
        if loaded.name != self.model:
            raise SettingError(
                f"{self.image} was explained for {self.model}, and the model given is "
                f"{loaded.name}: give the same one"
            )
        for number in numbers:
            found = case_of(loaded, self.original.given, self.targets[number].again())
            if found.shape != self.model_maps[number].shape:
                raise SettingError(
                    f"{self.image} was explained at the size {self.model_maps[number].shape}, and "
                    f"{loaded.name} takes {found.shape}: give the options that it was loaded with"
                )
            yield found

    def to_shap(self, level: float = 0.95) -> Any:
        """Return it as a ``shap.Explanation``, which SHAP's own plots draw.

        Values are what visibility changes: the map less its level. Shapley and Banzhaf values are
        what they are.

        Parameters
        ----------
        level : float, default 0.95
            Of the intervals ``lower_bounds`` to ``upper_bounds``.

        Returns
        -------
        shap.Explanation
            ``values``, their standard errors ``error_std``, bounds, ``base_values``, ``data``, and
            names. Of a picture shape (1, H, W, 1), of words and columns (n,); of several targets
            they are the last axis, ``output_names``. The base value is the level; of Shapley values
            it is the score less their sum, the value of nothing.

        Raises
        ------
        MissingExtra
            SHAP is not installed.

        Examples
        --------
        >>> import unmask
        >>> found = unmask.explain("demo", unmask.demo.pictures()["street"], masks=256).to_shap()
        >>> found.values.shape, found.data.shape
        ((1, 360, 480, 1), (1, 360, 480, 3))
        """
        return exports.to_shap(self._exported(level))

    def to_xarray(self) -> Any:
        """Return it as an ``xarray.Dataset``.

        Returns
        -------
        xarray.Dataset
            ``map``, ``stderr`` and ``influence_stderr`` over (target, y, x), for words and columns
            (target, unit), for series (target, channel, time); ``level``, ``score`` and
            ``reliability`` over target; the model, masks, estimator and seed as attributes.

        Raises
        ------
        MissingExtra
            xarray is not installed.

        Examples
        --------
        >>> import unmask
        >>> found = unmask.explain("demo", unmask.demo.pictures()["street"], masks=256).to_xarray()
        >>> found["map"].dims, found["map"].sizes["y"]
        (('target', 'y', 'x'), 360)
        """
        return exports.to_xarray(self._exported())

    def _exported(self, level: float = 0.95) -> exports.Exported:
        errors, halves = [], []
        for number, mean in enumerate(self.levels):
            errors.append(self.influence_stderr(number))
            freedom = np.inf
            if not isinstance(self.estimate, Summary):
                freedom = influence(self.final, number, float(mean)).freedom
            halves.append(errors[-1] * statistics.quantile(level, freedom))
        return exports.Exported(
            self.original,
            self.maps,
            self.stderrs,
            np.asarray(self.levels),
            np.array([target.score for target in self.targets]),
            np.stack(errors),
            np.stack(halves),
            [target.label for target in self.targets],
            self.reliabilities,
            self.plan.estimator in VALUES,
            {
                "model": self.model,
                "input": self.image,
                "masks": self.masks,
                "estimator": self.plan.estimator,
                "seed": self.plan.masks.seed,
            },
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write to an .npz file, atomically: it is there whole or not at all.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        pathlib.Path

        Raises
        ------
        FileError
            The file cannot be written.
        """
        return explanation_file.write({**vars(self), "estimate": self.scores}, path)

    def export(self, path: str | os.PathLike[str], target: int | str = 0) -> Path:
        """Write what a target's map says of a sound, a volume or a video, as a file of that kind.

        Parameters
        ----------
        path : path-like
            Of a sound: .wav, what of it speaks for the target by more than chance (95%); the rest
            is silent. Of a volume: .nii.gz, the map with the volume's affine. Of a
            video: .webm, the frames with the map over them.
        target : int or str, default 0

        Returns
        -------
        pathlib.Path

        Raises
        ------
        SettingError
            The input is of another kind, or the file's name ends otherwise.
        FileError
            The file cannot be written.
        """
        from unmask.run.media_files import export

        return export(self, path, self.find(target))

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Explanation:
        """Read what `save` wrote. No pickle is ever read.

        Raises
        ------
        FileError
            The file is missing, damaged or something else.
        """
        return Explanation(**explanation_file.read(path))

    def __getstate__(self) -> dict[str, Any]:
        """Leave the model out: it holds sessions and threads, which no other process can have."""
        return {**self.__dict__, "_more": None}

    def __copy__(self) -> Explanation:
        """Return a copy in this process, which goes on with the same model."""
        return replace(self)

    def __repr__(self) -> str:
        names = ", ".join(repr(target.label) for target in self.targets)
        state = "" if self.complete else ", incomplete"
        return (
            f"<Explanation of {names} by {self.model}: {self.masks} masks, "
            f"reliability {format_reliability(self.reliability)}{state}>"
        )

    def _repr_png_(self) -> bytes | None:
        """Show all targets' figures, one below the other, in a notebook."""
        from unmask.run.plotting import drawing_of, stacked

        if drawing_of(self.original) is None or self.missing:
            return None
        return stacked(self.plot(number) for number in range(len(self.targets)))

    def _repr_html_(self) -> str | None:
        """Show an answer's tokens to choose from, in a notebook; None of anything else."""
        from unmask.run.choosing import choices

        return None if self.missing else choices(self)

    def at_picture_size(self, values: Floats, outside: NDArray[np.float64]) -> Floats:
        """Bring maps back from the model's size to the picture's.

        Parameters
        ----------
        values : float array, shape (k, h, w)
        outside : float array, shape (k,)
            What each has where the picture was cropped and the model saw nothing.

        Returns
        -------
        ndarray of float32 or float64, shape (k, H, W)
            See `unmask.inputs.frame.Frame.back`. Without a frame, as they are.
        """
        home = self.original
        if home is None:
            return values
        pairs = zip(values, outside, strict=True)
        return np.stack([home.back(values, float(rest)) for values, rest in pairs])

    @property
    def scores(self) -> Scores:
        """The score of every mask.

        Raises
        ------
        SettingError
            They were not stored.
        """
        if isinstance(self.estimate, Summary):
            raise SettingError(
                f"{self.image}: batch stored the map but not the scores of its masks, which this "
                "needs: explain the picture by itself, with the same seed it is the same map"
            )
        return self.estimate

    @property
    def _unit(self) -> float:
        return scale(self.plan.estimator, self.plan.masks.keep)

    @property
    def _mean_stderr(self) -> NDArray[np.float64]:
        """Standard error of what has no influence; of a value, that is 0 and known."""
        error = self.estimate.mean_stderr
        return self._unit * error if self._unit else np.zeros_like(error)

    def _picture(self) -> NDArray[np.uint8]:
        if self.missing:
            raise ImageError(f"{self.missing}. Without the picture there are still .map and .maps")
        if self.picture is None:
            raise SettingError(
                f"the input of shape {self.plan.masks.shape} is no picture and cannot be drawn: "
                "use .map and .stderr"
            )
        return self.picture

    def find(self, target: int | str) -> int:
        """Position of a target among `targets`, by position or label.

        Raises
        ------
        TargetError
            There is none.
        """
        if isinstance(target, str):
            return find_label(target, [known.label for known in self.targets])
        if not -len(self.targets) <= target < len(self.targets):
            raise TargetError(
                f"target {target}: this explanation has {len(self.targets)}, counted from 0"
            )
        return target % len(self.targets)
