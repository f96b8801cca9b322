"""The `sharp` estimator: a linear score's own weights, before the masks blur them."""

import math

import numpy as np
import pytest

from unmask.estimate import estimators
from unmask.estimate.scores import Scores
from unmask.masks.eigenbasis import basis, unblurred
from unmask.masks.grid import Masks


def cell_area(masks):
    return math.prod(len(m) / g for m, g in zip(masks.matrices, masks.grid, strict=True))


def scored(masks, weights, blocks):
    """Scores that are a weighted sum of the mask's pixels."""
    estimate = Scores.empty(masks, 1)
    for number in range(blocks):
        drawn = masks.render(masks.block(number), np.float64)
        estimate = estimate.update(number, (drawn * weights).sum(axis=(1, 2))[:, None])
    return estimate


@pytest.mark.parametrize(
    "masks",
    [
        Masks((20, 33), (3, 4), 0.5, 1),
        Masks((20, 33), (3, 4), 0.3, 1, "random"),
        Masks((16, 24), (4, 6), 0.5, 1, shift=False),
    ],
)
def test_blurred_by_the_masks_it_is_rises_map(masks):
    """C w / p is RISE's map, and (1 - p) times a cell's area times w is this one."""
    b, rng = basis(masks), np.random.default_rng(0)
    leading, none = rng.normal(size=(1, len(b))), np.zeros((1, *b.rest.shape))
    plain, sharp = b.maps(leading, none)[0], unblurred(masks).maps(leading, none)[0]
    k_rows, k_columns = masks.covariance(0), masks.covariance(1)
    blurred = k_rows @ sharp @ k_columns / cell_area(masks)
    np.testing.assert_allclose(blurred, plain, atol=2e-3 * np.ptp(plain))


def test_weights_that_masks_can_show_are_found():
    masks = Masks((20, 33), (4, 5), seed=2)
    y, x = np.mgrid[:20, :33]
    weights = np.exp(-((y - 8) ** 2 + (x - 20) ** 2) / 2 / 4.0**2) / 50
    maps = estimators.finalize("sharp", scored(masks, weights, 12))
    expected = weights.sum() / 2 + 0.5 * cell_area(masks) * weights
    assert abs(maps.value[0] - expected).max() < 0.05 * np.ptp(expected)
    # RISE's own map of the same scores is blunter, and peaks lower.
    rise = estimators.finalize("smooth", scored(masks, weights, 12)).value[0]
    assert np.ptp(rise) < 0.75 * np.ptp(maps.value[0])


def test_evidence_wider_than_a_cell_looks_as_in_rises_map():
    masks = Masks((40, 60), (8, 12), seed=2)
    y, x = np.mgrid[:40, :60]
    weights = np.exp(-((y - 20) ** 2 + (x - 30) ** 2) / 2 / 12.0**2) / 500
    estimate = scored(masks, weights, 6)
    sharp, rise = (estimators.finalize(name, estimate).value[0] for name in ("sharp", "smooth"))
    inner = slice(5, -5), slice(5, -5)  # at the edges the masks' blur looks inwards only
    assert abs(sharp - rise)[inner].max() < 0.12 * np.ptp(rise)
