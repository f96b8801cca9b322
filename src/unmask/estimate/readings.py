"""The same scores read more sharply, for the order of pixels.

RISE's map is its evidence seen through the masks' blur, a window of about two cells, so its order
is blurred as well. A fit's own weights are not, but they are less certain, and have a limit of
their own. There are several fits, and none orders best for every input and model:
`unmask.run.order` asks the model which does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmask._base.blas import one_blas_thread
from unmask.estimate.regression import NormalEquations, posterior
from unmask.estimate.rest import residuals
from unmask.estimate.smooth import prior_root
from unmask.masks.eigenbasis import unblurred

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.estimate.scores import Scores


__all__ = ["readings"]


@one_blas_thread()
def readings(estimate: Scores) -> dict[str, NDArray[np.float64]]:
    """Read the scores of one target in several ways, none blurred by the masks.

    Parameters
    ----------
    estimate : Scores
        Of one target.

    Returns
    -------
    dict of str to ndarray of float64, of the masks' shape
        "linear", the weights of the fit of `smooth`, which is what `sharp` draws; "index", the
        weights of the single index of `adaptive`; "whole", all of `adaptive`, what is foreseen and
        the fit of the rest; and "mean" of the first and the last, which have one unit. Of one
        observation or none, nothing.

    Examples
    --------
    >>> from unmask.estimate.scores import Scores
    >>> from unmask.masks import Masks
    >>> masks = Masks((40, 60), grid=(4, 6))
    >>> block = masks.block(0)
    >>> left = masks.render(block)[:, :, :10].mean(axis=(1, 2), dtype=float)
    >>> found = readings(Scores.empty(masks, 1).update(0, left[:, None]))
    >>> list(found), [int(one.mean(axis=0).argmax()) < 10 for one in found.values()]
    (['linear', 'index', 'whole', 'mean'], [True, True, True, True])
    """
    powers = estimate.powers
    if powers.any():  # so that squares are held
        estimate = estimate.times(-powers)
    equations, masks = estimate.fold(NormalEquations), estimate.masks
    if equations.count < 2:
        return {}
    b, root = unblurred(masks), prior_root(masks)
    linear = posterior(
        equations.decomposition(root),
        b.leading(equations.cross),
        equations.square,
        equations.count,
    )
    (fit,) = residuals(estimate, equations, linear, root)
    weights = {
        "linear": linear.mean[0],
        "index": fit.single_index,
        "whole": (fit.posterior.mean + fit.known)[0],
    }
    weights["mean"] = (weights["linear"] + weights["whole"]) / 2
    drawn = b.maps(np.stack([*weights.values()]), np.zeros((len(weights), *b.rest.shape)))
    return dict(zip(weights, drawn, strict=True))
