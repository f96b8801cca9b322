"""Explain, and go on with an explanation: the loop's last estimate as maps.

`explain` is `prepare`, `stream` and `Run.explanation` in one call. What was computed before a
failure or Ctrl-C travels with the error.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from unmask._base.checks import whole
from unmask.errors import Interrupted, ModelError, SettingError, silent
from unmask.estimate.shapley import all_masks
from unmask.inputs import RowOriginal
from unmask.inputs.fills import is_unnamed, read_fill
from unmask.masks.segments import SegmentMasks
from unmask.run.ask import same_model
from unmask.run.jupyter import watcher
from unmask.run.loop import stream
from unmask.run.prepare import Run, prepare
from unmask.targets import links

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from unmask.estimate.estimators import Estimator
    from unmask.estimate.scores import Scores
    from unmask.inputs.segments import Edges
    from unmask.masks.designs import Design
    from unmask.masks.grid import Masks
    from unmask.run.explanation import Explanation
    from unmask.run.loop import Executor
    from unmask.run.settings import PresetName
    from unmask.targets.links import LinkName


__all__ = ["explain", "explained", "extend"]


def explain(
    model: Any,
    image: Any,
    target: Any = None,
    *,
    masks: int | Literal["auto"] | None = None,
    until: float | None = None,
    max_masks: int | None = None,
    max_seconds: float | None = None,
    shard: tuple[int, int] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    grid: int | Sequence[int] | None = None,
    segments: Any = None,
    edges: Edges | None = None,
    keep: float | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    fill: Any = None,
    design: Design | None = None,
    estimator: Estimator | None = None,
    link: LinkName | Callable[[Any], Any] | None = None,
    shift: bool | None = None,
    preset: PresetName | None = None,
    preprocess: str | None = None,
    executor: Executor | None = None,
) -> Explanation:
    """Explain what a model looked at (RISE, arXiv:1806.07421).

    Parameters
    ----------
    model : Model, path-like, "demo" or callable
        What `unmask.load` takes.
    image : path-like, PIL.Image.Image or ndarray
        A picture as a path, a PIL image or a uint8 array of shape (H, W, 3); or an array in the
        model's own space, where the model or `preprocess` is "raw"; or what `unmask.text`,
        `unmask.series`, `unmask.row`, `unmask.sound`, `unmask.volume` or `unmask.video` returns.
        For a model of several inputs a dictionary of these, of which its `main_input` is masked.
    target : None, int, str, callable, Contrast, or a list of these
        Class index, label, "top:3", ``contrast(a, b)`` or a function ``outputs -> scores[n]``;
        None is the model's best class. A list is explained in one pass. For a detector: "all"
        (the default), "top:3", a box's number, a label, four numbers, or ``box(corners, label)``.
        ``region(label)`` is a part of a segmentation, ``output(name)`` a number or a keypoint,
        ``similar_to(picture)`` likeness by embeddings: see docs/targets.md.
    masks : int or "auto", default "auto"
        How many masks, and model calls. Their error falls as ``1 / sqrt(masks)``. "auto" goes on
        until a reliability of 0.98, or the one that `until` names.
    until : float, optional
        Stop when every target's map is this reliable, with 95% confidence, in (0, 1).
    max_masks : int, default 4000, for a detector 5000
        Stop there with "auto".
    max_seconds : float, optional
        Stop after the batch that is at work then.
    shard : tuple of int, optional
        (i, n): only the i-th of n parts of the masks, counted from 1; see `Explanation.merge`.
    checkpoint : path-like, optional
        File to which the scores are saved every two seconds. If it exists, the run goes on from it:
        the result is the same, to the bit, as without the break.
    grid : int or sequence of int, default 8, for a detector 16
        Cells per axis. A finer grid shows finer evidence and needs more masks.
    segments : str, path-like, ndarray of int, callable, dict or list, optional
        Segments of a picture in the place of a grid, see docs/masks.md: "slic:64" (about so many by
        SLIC, in several segmentations that take turns), "slic:64:fixed" (one), a label map of shape
        (H, W) or a file of one, a function ``picture -> label map``, what SAM returns, or a list
        of these, which take turns. At most 1,024 segments each.
    edges : {"soft", "hard"}, optional
        Edges of segments: soft for "slic", else hard.
    keep : float, default 0.5
        Probability that a cell is kept, in (0, 1).
    seed : int, default 0
        0 to 2**64 - 1. The same seed gives the same masks anywhere.
    batch_size : int, optional
        Inputs per model call: the model's own, else 32, fewer for large inputs.
    fill : str, (r, g, b), array, function, or a list of these, default "mean"
        What hidden parts look like: "mean" (0 in the model's space where it declares a centered
        one, else the image's mean color), "zero" (0 there in any case), "black", "white", "blur",
        "noise", "inpaint" (by OpenCV, from what is visible around), a color, an array. A function
        ``(input, mask) -> fill`` computes it for each mask: of a picture (H, W, 3) floats of 0 to
        255 at the model's size and a mask (H, W), 1 where it is visible. Those in a list take
        turns, and the map is the mean over them.
    design : {"balanced", "random", "shapley", "exhaustive"}, default "balanced"
        How the masks are drawn, see `unmask.masks.designs`. "random" is the paper's. Of units, such
        as words, "exhaustive" takes every mask once, which is exact; it is the default where there
        are no more of them than `masks`, or than 512 without. "shapley" comes with its estimator.
    estimator : str, default "adaptive"
        How scores become a map: "adaptive", "smooth", "sharp", "centered", "coverage",
        "notebook", or "paper", equation 6 of the paper. Of units "shapley" and "banzhaf", values
        that are 0 for a unit without influence. See `unmask.estimate.estimators`.
    link : {"identity", "logit", "log"} or callable, default "identity"
        What of a score is explained, on any target: "identity" the score itself, "logit" its
        log-odds, "log" its logarithm, cut at 1e-6 from 0 (and from 1), or a function of an array
        of scores. Log-odds need fewer masks where scores are near 0 or 1; their map is another
        one, see docs/estimates.md.
    shift : bool, default True
        Whether masks are shifted at random within a cell; without, their cells always show.
    preset : {"notebook"}, optional
        Settings of a published procedure, see docs/notebook.md; those given beside it override it.
    preprocess : {"raw"}, optional
        The image is an array in the model's space already.
    executor : Executor, optional
        Scores the masks elsewhere, as `unmask.cluster.RayExecutor` and ``ProcessExecutor`` do.

    Returns
    -------
    Explanation

    Raises
    ------
    UnmaskError
        Bad input, before the first model call: `ImageError`, `ModelError`, `TargetError`,
        `SettingError`. A model that fails later gives a `ModelError` whose ``explanation`` holds
        the result of the masks before.
    Interrupted
        Ctrl-C; its ``explanation`` holds the map so far, marked incomplete.

    Warns
    -----
    UnmaskWarning
        Something was assumed, or the map is doubtful.

    Examples
    --------
    >>> import unmask
    >>> explanation = unmask.explain("demo", unmask.demo.pictures()["street"], masks=256)
    >>> explanation.map.shape == explanation.picture.shape[:2]
    True
    """
    start = time.perf_counter()
    run = prepare(
        model,
        image,
        target,
        masks=masks,
        until=until,
        max_masks=max_masks,
        max_seconds=max_seconds,
        shard=shard,
        checkpoint=checkpoint,
        grid=grid,
        segments=segments,
        edges=edges,
        keep=keep,
        seed=seed,
        batch_size=batch_size,
        fill=fill,
        design=design,
        estimator=estimator,
        link=link,
        shift=shift,
        preset=preset,
        preprocess=preprocess,
    )
    return explained(run, start, executor)


def explained(run: Run, start: float, executor: Executor | None = None) -> Explanation:
    """Explain what is prepared; `start` is when that began, by `time.perf_counter`."""
    last, watch = run.start, watcher(run)
    try:
        for estimate in stream(run, executor=executor):
            last = estimate
            watch(estimate)
        watch(None)
    except KeyboardInterrupt:
        raise Interrupted(_so_far(run, last, start)) from None
    except ModelError as error:
        error.explanation = _so_far(run, last, start)
        raise
    explanation = run.explanation(last, time.perf_counter() - start)
    return replace(explanation, _more=partial(_more, run))


def _more(run: Run, explanation: Explanation, masks: int) -> Explanation:
    """Go on with the model at hand, which may have been trained further in the meantime."""
    run.identity.check_same(run.ask_again(), run.model.name)
    return _extended(replace(run, calls=1), explanation, masks)


def _extended(run: Run, explanation: Explanation, masks: int) -> Explanation:
    masks = whole("masks", masks)
    if explanation.plan.shard != (1, 1):
        raise SettingError("a shard cannot be extended: merge the shards first")
    if all_masks(explanation.scores):
        raise SettingError(
            f"there are no more masks: all {explanation.masks:,} were taken, and the map is exact"
        )
    count = explanation.masks + masks
    plan = replace(explanation.plan, count=count, until=None, seconds=None)
    longer = replace(run, plan=plan, start=explanation.scores, checkpoint=None)
    more = explained(longer, time.perf_counter())
    return replace(
        more,
        seconds=explanation.seconds + more.seconds,
        model_calls=explanation.model_calls + more.model_calls,
    )


def extend(
    explanation: Explanation,
    model: Any,
    image: Any = None,
    *,
    masks: int,
    target: Any = None,
    fill: Any = None,
    link: Any = None,
) -> Explanation:
    """Go on with an explanation that was read from a file or merged.

    Parameters
    ----------
    explanation : Explanation
    model : as for `explain`
        The one that was explained.
    image : as for `explain`, optional
        The picture in the file, unless given.
    masks : int
        How many more.
    target, fill, link : as for `explain`, optional
        Needed where they were functions or arrays, which no file holds.

    Returns
    -------
    Explanation

    Raises
    ------
    SettingError
        The model, picture or targets are not those of the explanation.
    TargetError
        A target was a function, and `target` is not given.

    Examples
    --------
    >>> import unmask
    >>> first = unmask.explain("demo", unmask.demo.pictures()["street"], masks=256)
    >>> more = unmask.extend(first, "demo", masks=128)
    >>> more.masks, bool((more.estimate.scores[:256] == first.estimate.scores).all())
    (384, True)
    """
    plan = explanation.plan
    model = same_model(model, explanation.texts, explanation.targets)
    if image is None and explanation.original is not None:
        image = explanation.original.given
    if image is None:
        raise SettingError("this explanation holds no picture: give image")
    if fill is None and is_unnamed(plan.fill):
        raise SettingError(f"fill={plan.fill} is not stored with an explanation: give it again")
    if link is None and links.is_unnamed(plan.link):
        raise SettingError(f"link={plan.link} is not stored with an explanation: give it again")
    if target is None:
        target = [explained.again() for explained in explanation.targets]
    again: Any = plan.link if link is None else link
    run = prepare(
        model,
        image,
        target,
        masks=max(explanation.masks + 1, plan.masks.block_size),
        **_again(plan.masks),
        keep=plan.masks.keep,
        seed=plan.masks.seed,
        batch_size=plan.batch_size,
        fill=read_fill(plan.fill) if fill is None else fill,
        design=plan.masks.design,
        estimator=plan.estimator,
        link=again,
    )
    if run.plan.link != plan.link:
        raise SettingError(f"link={run.plan.link}: the explanation was made with {plan.link}")
    if len(run.targets) != len(explanation.targets):
        raise SettingError(
            f"{len(run.targets)} targets are given: expected the {len(explanation.targets)} of the "
            "explanation"
        )
    for then, now in zip(explanation.targets, run.targets.targets, strict=True):
        then.check_same(now, run.model.name)
    if explanation.identity is not None:
        explanation.identity.check_same(run.identity, run.model.name)
    home = explanation.original
    if isinstance(home, RowOriginal) and not home.same(run.sample.original):
        raise SettingError(
            "the row, its groups or its background are others than those of the explanation"
        )
    if run.plan.masks != plan.masks:
        raise SettingError(f"the masks would be {run.plan.masks}: expected {plan.masks}")
    return _extended(run, explanation, masks)


def _again(masks: Masks) -> dict[str, Any]:
    """Return what `prepare` makes the same masks of: segments as they were found then."""
    if isinstance(masks, SegmentMasks):
        return {"segments": masks.segmentations}
    return {"grid": masks.grid, "shift": masks.shift}


def _so_far(run: Run, estimate: Scores, start: float) -> Explanation | None:
    if not estimate.count:
        return None
    # Where warnings are errors, one would take the place of what is being raised; the explanation's
    # notes say the same.
    with silent():
        return run.explanation(estimate, time.perf_counter() - start)
