"""Scores read more sharply: equal to the fits that they are of, whatever the unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.estimate.estimators import finalize
from unmask.estimate.readings import readings
from unmask.estimate.scores import Scores
from unmask.masks.eigenbasis import basis, unblurred
from unmask.masks.grid import Masks

MASKS = [
    Masks((20, 31), (4, 5), seed=3),
    Masks((20, 31), (4, 5), seed=3, design="random"),
    Masks((20, 31), (4, 5), keep=0.3, seed=3),
    Masks((9,), 9, seed=1, units=[0]),
]


def scored(masks, blocks=2, unit=1.0):
    """A bent score: two places, each of which must be seen."""
    estimate = Scores.empty(masks, 1)
    for number in range(blocks):
        m = masks.render(masks.block(number), np.float64)
        a, b = m[:, ..., 2:6].reshape(len(m), -1), m[:, ..., 7:9].reshape(len(m), -1)
        f = 1 / (1 + np.exp(4 - 5 * a.mean(1) * b.mean(1) - 3 * a.mean(1)))
        estimate = estimate.update(number, unit * f[:, None])
    return estimate


@pytest.mark.parametrize("masks", MASKS, ids=str)
def test_linear_is_what_sharp_draws(masks):
    estimate = scored(masks)
    sharp = finalize("sharp", estimate)
    found = readings(estimate)
    assert list(found) == ["linear", "index", "whole", "mean"]
    drawn = sharp.value[0] - sharp.level[0]
    np.testing.assert_allclose(found["linear"], drawn, atol=1e-12)
    np.testing.assert_allclose(found["mean"], (found["linear"] + found["whole"]) / 2, atol=1e-12)


@pytest.mark.parametrize("masks", MASKS, ids=str)
def test_whole_is_adaptive_before_the_blur(masks):
    """The masks' blur takes it back, but for the components that are not leading."""
    estimate = scored(masks)
    whole, b, sharp = readings(estimate)["whole"], basis(masks), unblurred(masks)
    each = np.eye(len(b))
    unit = sharp.maps(each, np.zeros((len(b), *b.rest.shape))).reshape(len(b), -1)
    theta = np.linalg.lstsq(unit.T, whole.ravel(), rcond=None)[0]
    blurred = b.maps(theta[None], np.zeros((1, *b.rest.shape)))[0]
    adaptive = finalize("adaptive", estimate)
    influence = adaptive.value[0] - adaptive.level[0]
    assert np.abs(blurred - influence).max() < 0.05 * np.ptp(influence)


@given(st.integers(-200, 200), st.sampled_from(MASKS))
def test_a_unit_that_is_a_power_of_two_changes_no_order(power, masks):
    one, other = (readings(scored(masks, unit=unit)) for unit in (1.0, 2.0**power))
    for name, values in one.items():
        np.testing.assert_array_equal(np.argsort(values.ravel()), np.argsort(other[name].ravel()))


def test_one_observation_cannot_be_read():
    masks = MASKS[0]
    few = Scores.empty(masks, 1).update(0, [[0.3], [0.5]])  # one pair
    assert readings(few) == {}
