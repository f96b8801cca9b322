"""The score as a monotone function of a sum: known expectations, honest residuals, RISE's limit."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.estimate.bits import expected
from unmask.estimate.estimators import finalize
from unmask.estimate.regression import NormalEquations, averaged, decompose, posterior
from unmask.estimate.scores import Scores
from unmask.estimate.single_index import Rows, fitted, normal_scores
from unmask.estimate.smooth import POWER
from unmask.masks.eigenbasis import basis
from unmask.masks.grid import Masks
from unmask.masks.segments import Segmentations, SegmentMasks

MASKS = [
    Masks((20, 31), (4, 5), seed=3),
    Masks((20, 31), (4, 5), seed=3, design="random"),
    Masks((20, 31), (4, 5), keep=0.3, seed=3),
]
SEGMENTS = Segmentations(np.stack(np.mgrid[:6, :9] // np.array([2, 3])[:, None, None]), (6, 9))


def logistic(sums):
    return 1 / (1 + np.exp(-4 * sums))


@given(
    bits=st.integers(1, 8),
    keep=st.floats(0.1, 0.9),
    seed=st.integers(0, 1000),
    size=st.floats(1e-3, 1e3),
)
@settings(max_examples=40, deadline=None)
def test_expectations_are_those_over_all_bits(bits, keep, seed, size):
    weights = size * np.random.default_rng(seed).normal(size=(3, bits))
    every = np.array(list(itertools.product([0, 1], repeat=bits)))
    chance = np.prod(np.where(every, keep, 1 - keep), axis=1)
    found = expected(weights, keep, lambda sums: logistic(sums / size), 256)
    for row, mean, covariance in zip(weights, *found, strict=True):
        values = logistic((every - keep) @ row / size)
        assert mean == pytest.approx(chance @ values, abs=1e-3)
        products = (chance * (values - chance @ values)) @ (every - keep)
        np.testing.assert_allclose(covariance, products, atol=1e-3)


def test_expectations_of_many_bits_are_as_good():
    """Of 4,000 bits the sum never comes near its largest value."""
    weights = np.full((1, 4000), 1 / np.sqrt(1000))  # a standard deviation of 1
    found = expected(weights, 0.5, lambda sums: (sums > 0.5).astype(float), 256)
    assert found.mean[0] == pytest.approx(0.3085, abs=0.01)
    # Stein's lemma: Cov(g, b) = E g' Cov(sum, b), the density at 1/2 here.
    np.testing.assert_allclose(found.covariance, 0.3521 * weights / 4, rtol=0.02)


@pytest.mark.parametrize(
    "masks",
    [
        *MASKS,
        Masks((20, 31), (4, 5), shift=False),
        Masks((4, 30), (4, 6), units=[0]),
        SegmentMasks(SEGMENTS),
    ],
)
def test_a_sum_of_components_is_one_of_cells(masks):
    b = basis(masks)
    theta = np.random.default_rng(1).normal(size=len(b))
    block = masks.block(0)[:7]
    weights = b.on_cells(theta, block.shifts)
    bits = block.grids.reshape(7, -1) - masks.keep
    sums = b.leading(b.components(block)) @ theta
    np.testing.assert_allclose((weights * bits).sum(axis=1), sums, atol=1e-9)
    values = np.random.default_rng(2).normal(size=weights.shape)
    back = 7 * b.of_cells(values, block.shifts)
    assert back @ theta == pytest.approx((values * weights).sum())


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_normal_scores_turn_with_the_values_and_ties_stay_ties(values):
    numbers = np.array(values, np.float64)
    known, scores, index = normal_scores(numbers)
    assert (known[index] == numbers).all()
    assert (np.diff(scores) > 0).all()
    turned, other, _ = normal_scores(-numbers)
    np.testing.assert_allclose(other, -scores[::-1], atol=1e-12)
    assert (turned == -known[::-1]).all()


def scored(masks, score, blocks):
    estimate = Scores.empty(masks, 1)
    for number in blocks:
        f = score(masks.render(masks.block(number), np.float64), number)
        estimate = estimate.update(number, f.reshape(-1, 1))
    return estimate


def noisy(m, number):
    noise = np.random.default_rng(number).normal(size=len(m))
    return m[:, 3:8, 4:10].mean(axis=(1, 2)) + 0.1 * noise


def rare(m, number):
    """Alive where much of a corner is shown, as a class that dies under nearly every mask."""
    noise = np.random.default_rng(number).normal(size=len(m))
    return np.exp(12 * (m[:, 3:8, 4:10].mean(axis=(1, 2)) - 1) + 0.4 * noise)


@functools.cache
def truth_of(masks):
    return finalize("centered", scored(masks, rare, range(1000, 1000 + 25_600 // masks.block_size)))


@pytest.mark.parametrize("masks", MASKS)
def test_each_mask_is_foreseen_by_a_fit_without_it(masks):
    """The short cut of leverages against fits made again, with the prior as it is."""
    estimate = scored(masks, noisy, range(1))
    paired = masks is MASKS[0]
    rows = estimate.fold(Rows).values[:40]
    each = 2 if paired else 1
    scores = estimate.scores[: 40 * each].reshape(40, each)
    root = (basis(masks).variance / basis(masks).variance[0]) ** (POWER / 2)
    x = rows if paired else rows - rows.mean(axis=0)
    found = fitted(masks, rows, scores, decompose(x.T @ x, root), x.T @ x, root)
    known, straight, index = normal_scores(scores.ravel())
    assert len(known) == scores.size
    y = straight[index].reshape(scores.shape)
    y = (y[:, 0] - y[:, 1]) / 2 if paired else y[:, 0]
    prior = found.root @ found.root.T if found.root.ndim == 2 else np.diag(found.root**2)
    for left_out in (0, 7, 39):
        others = np.arange(40) != left_out
        center = np.zeros(rows.shape[1]) if paired else rows[others].mean(axis=0)
        mean = 0.0 if paired else y[others].mean()
        z = rows[others] - center
        # Flat over the mean, as a fit with its own mean is.
        theta = np.linalg.solve(
            z.T @ z + np.linalg.inv(prior) / found.ratio, z.T @ (y[others] - mean)
        )
        value = mean + (rows[left_out] - center) @ theta - found.function.level
        assert found.unseen[left_out] == pytest.approx(value, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("masks", MASKS)
def test_where_a_class_nearly_always_dies_the_map_is_much_nearer(masks):
    truth = truth_of(masks).value[0]
    errors = {"adaptive": [], "smooth": []}
    blocks = max(1, 256 // masks.block_size)
    for run in range(8):
        estimate = scored(masks, rare, range(blocks * run, blocks * (run + 1)))
        for name, found in errors.items():
            found.append((finalize(name, estimate).value[0] - truth).var())
    # Of errors with a long tail.
    assert np.median(errors["adaptive"]) < 0.75 * np.median(errors["smooth"])


@pytest.mark.slow
@pytest.mark.parametrize("masks", MASKS)
def test_there_its_errors_are_true_too(masks):
    truth = truth_of(masks)
    blocks, inside = max(2, 1024 // masks.block_size), []
    for run in range(16):
        estimate = scored(masks, rare, range(blocks * run, blocks * (run + 1)))
        found = finalize("adaptive", estimate)
        away = found.value[0] - truth.value[0]
        wide = 1.96 * np.hypot(found.influence_stderr[0], truth.influence_stderr[0])
        inside.append(np.mean(np.abs(away - away.mean()) <= wide))
    assert np.mean(inside) > 0.85
    assert found.stderr.mean() < finalize("smooth", estimate).stderr.mean()


@pytest.mark.parametrize("masks", MASKS)
def test_masks_beyond_those_it_was_fitted_to_count_as_much(masks, monkeypatch):
    """A fit to the first hundred, all of them estimated: near the fit to all, and to the limit."""
    estimate = scored(masks, rare, range(2048 // masks.block_size))
    whole = finalize("adaptive", estimate).value[0]
    monkeypatch.setattr("unmask.estimate.single_index.MOST", 100)
    again = scored(masks, rare, range(2048 // masks.block_size))
    part = finalize("adaptive", again)
    assert len(again.fold(Rows).values) == 100
    away = (part.value[0] - whole) / part.stderr[0]
    assert np.sqrt(np.mean(away**2)) < 2


def test_where_nothing_is_left_it_is_not_stated_as_certain():
    """Averaged over its possible sizes, a signal is not certain to be nothing."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(300, 5)), rng.normal(size=300)
    y -= x @ np.linalg.solve(x.T @ x, x.T @ y)
    decomposed = decompose(x.T @ x, np.ones(5))
    said = decomposed, (y @ x)[None], np.array([y @ y]), 300
    best, (mean, made_good) = posterior(*said), averaged(*said)
    assert (mean.variance > best.variance).all()
    assert (made_good < 0.5).all()
    # What is there is found as before.
    y = x @ np.arange(5.0) + 0.1 * y
    said = decomposed, (y @ x)[None], np.array([y @ y]), 300
    best, (mean, made_good) = posterior(*said), averaged(*said)
    np.testing.assert_allclose(mean.mean, best.mean, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(mean.variance, best.variance, rtol=1e-2)
    assert (made_good > 0.99).all()


def test_equations_are_not_changed_by_it():
    estimate = scored(MASKS[0], rare, range(3))
    before = estimate.fold(NormalEquations).cross.copy()
    finalize("adaptive", estimate)
    assert (estimate.fold(NormalEquations).cross == before).all()
