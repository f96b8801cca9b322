"""Axes of units: a bit for each, no neighbors, and what is known of them in closed form."""

import itertools

import numpy as np
import pytest

from unmask.errors import SettingError
from unmask.estimate.estimators import finalize
from unmask.estimate.local_prior import bins
from unmask.estimate.scores import Scores
from unmask.estimate.uncertainty import half_width
from unmask.masks.eigenbasis import basis
from unmask.masks.grid import Masks

WEIGHTS = np.array([0.5, -0.25, 0.0, 1.0, 0.125, 0.0, -0.75])


def scored(masks, function, blocks):
    estimate = Scores.empty(masks, 1)
    for number in range(blocks):
        kept = masks.block(number).grids.astype(np.float64)
        estimate = estimate.update(number, function(kept)[:, None])
    return estimate


def factorial(function, units):
    """``E[f | unit kept]`` over every combination of units."""
    every = np.array(list(itertools.product([0.0, 1.0], repeat=units)))
    scores = function(every)
    return every.T @ scores / every.sum(axis=0)


def test_a_mask_is_its_bits():
    masks = Masks((7,), 7, seed=3, units=[0])
    block = masks.block(2)
    np.testing.assert_array_equal(masks.render(block), block.grids)
    assert masks.shifts == (1,)
    assert not masks.shift


def test_units_beside_a_smooth_axis_are_masked_independently():
    masks = Masks((3, 20), (3, 5), seed=3, units=[0])
    one = Masks((20,), 5, seed=3)
    block = masks.block(0)
    for unit in range(3):
        lines = [m @ g for m, g in zip(masks.rows(block)[1], block.grids[:, unit], strict=True)]
        np.testing.assert_allclose(masks.render(block)[:, unit], lines, atol=1e-6)
    np.testing.assert_allclose(masks.covariance(1), one.covariance(0))


@pytest.mark.parametrize("estimator", ["centered", "paper", "coverage", "smooth", "adaptive"])
def test_a_linear_score_is_found_exactly_by_whole_blocks(estimator):
    def linear(kept):
        return 0.3 + kept @ WEIGHTS

    masks = Masks((7,), 7, units=[0])
    maps = finalize(estimator, scored(masks, linear, 4))
    # A posterior mean keeps a last part in a hundred thousand of its prior.
    bound = 1e-4 if estimator in ("smooth", "adaptive") else 1e-12
    np.testing.assert_allclose(maps.value[0], factorial(linear, 7), atol=bound)
    np.testing.assert_allclose(maps.value[0], 0.3 + (WEIGHTS.sum() + WEIGHTS) / 2, atol=bound)


def test_units_have_no_neighbors_in_the_prior():
    masks = Masks((7,), 7, units=[0])
    known = bins(masks)
    np.testing.assert_array_equal(known.blurs[0], np.eye(7))
    amplitude = known.amplitude(np.eye(7)[3])
    assert (np.delete(amplitude, 3) == amplitude[0]).all()
    assert amplitude[3] > 50 * amplitude[0]
    # Not so along an axis of pixels.
    shown = bins(Masks((7,), 7, shift=False)).amplitude(np.eye(7)[3])
    assert max(shown[2], shown[4]) > 2 * shown[0]


def test_the_order_of_units_does_not_matter():
    masks, order = Masks((7,), 7, units=[0]), np.array([4, 2, 6, 0, 5, 1, 3])

    def score(kept):
        return kept @ WEIGHTS + kept[:, 0] * kept[:, 3]

    estimate = scored(masks, score, 2)
    first = finalize("adaptive", estimate).value[0]

    class Mixed(Masks):
        def block(self, number):
            made = super().block(number)
            return type(made)(made.grids[:, order], made.shifts)

    mixed = Mixed((7,), 7, units=[0])
    other = finalize("adaptive", scored(mixed, lambda kept: score(kept[:, np.argsort(order)]), 2))
    np.testing.assert_allclose(other.value[0], first[order], atol=1e-9)


@pytest.mark.slow
def test_intervals_hold_the_exact_value():
    rng, inside = np.random.default_rng(0), []
    weights, pairs = rng.normal(size=9), rng.normal(size=(9, 9)) / 2

    def score(kept):
        return 1 / (1 + np.exp(-kept @ weights - np.einsum("ni,ij,nj->n", kept, pairs, kept)))

    truth = factorial(score, 9)
    for seed in range(150):
        maps = finalize("adaptive", scored(Masks((9,), 9, seed=seed, units=[0]), score, 6))
        inside.append(abs(maps.value[0] - truth) <= half_width(maps, 0.95)[0])
    assert 0.92 < np.mean(inside) < 0.98


def test_all_units_lead_up_to_a_limit():
    assert len(basis(Masks((700,), 700, units=[0]))) == 700
    assert len(basis(Masks((1500,), 1500, units=[0]))) == 1024


def test_what_units_cannot_have_is_refused():
    with pytest.raises(SettingError, match=r"7 units, .* leave the grid out"):
        Masks((7,), 4, units=[0])
    with pytest.raises(SettingError, match="expected axes from 0 to 0"):
        Masks((7,), 7, units=[1])


def test_masks_without_units_are_called_as_before():
    known = "Masks(shape=(6, 9), grid=(2, 3), keep=0.5, seed=0, design='balanced', shift=True)"
    assert repr(Masks((6, 9), (2, 3))) == known
    assert repr(Masks((6,), 6, units=[0])).endswith("shift=False, units=(0,))")
