"""The Bayesian linear fits: against a dense computation, what they promise, and their limit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.estimate.estimators import finalize
from unmask.estimate.local_prior import FLOOR, bins, local_root
from unmask.estimate.regression import NormalEquations, decompose, posterior
from unmask.estimate.scores import Scores
from unmask.estimate.smooth import POWER
from unmask.masks.eigenbasis import basis
from unmask.masks.grid import Masks

FITS = ("smooth", "adaptive")
MASKS = [
    Masks((20, 31), (4, 5), seed=3),
    Masks((20, 31), (4, 5), seed=3, design="random"),
    Masks((20, 31), (4, 5), keep=0.3, seed=3),
]


def scored(masks, score, blocks):
    estimate = Scores.empty(masks, 1)
    for number in blocks:
        f = score(masks.render(masks.block(number), np.float64), number)
        estimate = estimate.update(number, f.reshape(len(f), -1)[:, :1])
    return estimate


def noisy(m, number):
    """Evidence in one corner, and as much noise."""
    noise = np.random.default_rng(number).normal(size=len(m))
    return m[:, 3:8, 4:10].mean(axis=(1, 2)) + 0.1 * noise


@pytest.mark.parametrize("masks", MASKS)
def test_the_leading_fit_is_a_dense_gaussian_process(masks):
    """Weights of pixels with the prior's covariance, conditioned on the scores in mask space."""
    b = basis(masks)
    estimate = scored(masks, noisy, range(4))
    equations = estimate.fold(NormalEquations)
    root = (b.variance / b.variance[0]) ** (POWER / 2)
    cross = b.leading(equations.cross)
    found = posterior(decompose(equations.gram, root), cross, equations.square, equations.count)

    paired = masks.design == "balanced" and masks.keep == 0.5
    x, y = [], []
    for number, scores in estimate.parts:
        block = masks.block(number)
        if paired:
            x.append(b.leading(b.components(block[0::2])))
            y.append((scores[0::2, 0] - scores[1::2, 0]) / 2)
        else:
            x.append(b.leading(b.components(block)))
            y.append(scores[:, 0])
    x, y = np.concatenate(x), np.concatenate(y)
    if not paired:
        x, y = x - x.mean(axis=0), y - y.mean()
    noise, ratio = found.noise[0], found.ratio[0]
    prior = ratio * noise * np.diag(root**2)
    gain = prior @ x.T @ np.linalg.inv(x @ prior @ x.T + noise * np.eye(len(y)))
    np.testing.assert_allclose(found.mean[0], gain @ y, rtol=1e-6, atol=1e-9)
    covariance = (found.directions * found.variance[0]) @ found.directions.T
    np.testing.assert_allclose(covariance, prior - gain @ x @ prior, rtol=1e-5, atol=1e-9)


@given(noise=st.floats(0.05, 2), seed=st.integers(0, 20))
@settings(max_examples=20)
def test_evidence_finds_the_noise(noise, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(500, 12))
    y = x @ rng.normal(size=12) + noise * rng.normal(size=500)
    one = decompose(x.T @ x, np.ones(12))
    found = posterior(one, (y @ x)[None], np.array([y @ y]), len(y))
    assert found.noise[0] == pytest.approx(noise**2, rel=0.3)


@pytest.mark.parametrize("masks", MASKS)
def test_merged_equations_are_those_of_all_blocks(masks):
    def of(blocks):
        return scored(masks, noisy, blocks).fold(NormalEquations)

    whole, merged = of(range(5)), of([0, 1]).merge(of([2, 3, 4]))
    for name in ("gram", "cross", "square", "mean", "level", "spread", "between"):
        a, b = getattr(whole, name), getattr(merged, name)
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * max(abs(a).max(), 1e-3))
    assert whole.count == merged.count
    assert whole.blocks == merged.blocks


@pytest.mark.parametrize("name", FITS)
@given(offset=st.floats(-100, 100), factor=st.floats(1e-3, 1e3))
@settings(max_examples=15)
def test_maps_follow_an_affine_change_of_the_score(name, offset, factor):
    masks = MASKS[1]
    one = scored(masks, noisy, range(3))
    two = scored(masks, lambda m, n: offset + factor * noisy(m, n), range(3))
    a, b = finalize(name, one), finalize(name, two)
    size = abs(offset) + factor
    np.testing.assert_allclose(b.value, offset + factor * a.value, rtol=1e-7, atol=1e-7 * size)
    np.testing.assert_allclose(b.stderr, factor * a.stderr, rtol=1e-6, atol=1e-7 * size)


@pytest.mark.parametrize("name", FITS)
def test_interactions_of_even_order_move_no_balanced_map(name):
    masks = MASKS[0]
    estimate = scored(masks, lambda m, _: (m[:, 3, 4] - 0.5) * (m[:, 12, 20] - 0.5), range(2))
    value = finalize(name, estimate).value[0]
    np.testing.assert_allclose(value, estimate.mean[0], atol=1e-12)


def test_a_target_has_the_same_map_alone_and_beside_others():
    masks = MASKS[0]
    other = scored(masks, lambda m, n: noisy(m[:, ::-1], n + 50) ** 2, range(3))
    alone = scored(masks, noisy, range(3))
    both = Scores.empty(masks, 2)
    for (number, a), (_, b) in zip(alone.parts, other.parts, strict=True):
        both = both.update(number, np.concatenate([a, b], axis=1))
    for name in FITS:
        together = finalize(name, both)
        for k, one in enumerate((alone, other)):
            mine = finalize(name, one)
            np.testing.assert_allclose(together.value[k], mine.value[0], rtol=1e-8)
            np.testing.assert_allclose(together.stderr[k], mine.stderr[0], rtol=1e-6)


def exact(masks, weights):
    """The limit for a linear score, less its level."""
    kh, kw = masks.covariance(0), masks.covariance(1)
    return (1 - masks.keep) * kh @ weights @ kw


@pytest.mark.slow
@pytest.mark.parametrize("masks", MASKS)
def test_the_adaptive_map_is_nearest_where_evidence_is_local(masks):
    """A large picture with one small thing in it, as long as the noise lets it be seen."""
    masks = replace(masks, shape=(64, 96), grid=(8, 10))
    weights = np.zeros(masks.shape)
    weights[9:20, 20:38] = 1 / (11 * 18)

    def score(m, number):
        noise = np.random.default_rng(number).normal(size=len(m))
        return np.einsum("nhw,hw->n", m, weights) + 0.1 * noise

    truth = exact(masks, weights)
    blocks = 1024 // masks.block_size
    errors = {name: [] for name in ("centered", *FITS)}
    for run in range(6):
        estimate = scored(masks, score, range(blocks * run, blocks * (run + 1)))
        for name, found in errors.items():
            found.append((finalize(name, estimate).value[0] - truth).var())
    mean = {name: np.mean(found) for name, found in errors.items()}
    assert mean["adaptive"] < 0.6 * mean["smooth"]
    assert mean["smooth"] < mean["centered"]


@pytest.mark.slow
@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("name", FITS)
def test_the_limit_is_that_of_rise(name, masks):
    """A crooked score, many masks: no further from `centered` than its own error allows.

    An estimate with a much smaller error is as far from it as the truth is, about 1.
    """

    def crooked(m, number):
        return np.tanh(3 * noisy(m, number)) * m[:, 15, 22] + m[:, 10, 5] ** 2

    estimate = scored(masks, crooked, range(600 if masks.design == "random" else 240))
    plain, found = finalize("centered", estimate), finalize(name, estimate)
    z = (found.value - plain.value) / plain.stderr
    assert np.sqrt(np.mean(z**2)) < 1.5
    assert np.ptp(found.value) > 20 * plain.stderr.mean()


# --- the local prior ---


def test_a_flat_first_map_has_the_same_amplitude_everywhere():
    at = bins(MASKS[0])
    zero = np.zeros(at.vectors.shape[1])
    assert (at.amplitude(zero) == 1).all()


@given(seed=st.integers(0, 100))
@settings(max_examples=20)
def test_amplitudes_have_mean_1_and_rule_nothing_out(seed):
    at = bins(MASKS[0])
    theta = np.random.default_rng(seed).normal(size=at.vectors.shape[1])
    amplitude = at.amplitude(theta)
    assert amplitude.mean() == pytest.approx(1)
    assert amplitude.min() >= FLOOR / (1 + FLOOR)
    np.testing.assert_allclose(at.amplitude(-7 * theta), amplitude, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    "masks",
    [Masks((224, 160), (8, 6)), Masks((60,), 5), Masks((12, 15, 18), (2, 3, 3)), MASKS[0]],
)
def test_without_amplitudes_the_local_prior_is_the_plain_one(masks):
    b = basis(masks)
    root = (b.variance / b.variance[0]) ** (POWER / 2)
    found = local_root(masks, np.zeros(len(b)), root)
    np.testing.assert_allclose(found @ found.T, np.diag(root**2), atol=0.02)


def test_amplitudes_are_large_where_the_map_is():
    masks = MASKS[0]
    estimate = scored(masks, noisy, range(8)).fold(NormalEquations)
    root = (basis(masks).variance / basis(masks).variance[0]) ** (POWER / 2)
    cross = basis(masks).leading(estimate.cross)
    first = posterior(decompose(estimate.gram, root), cross, estimate.square, estimate.count)
    amplitude = bins(masks).amplitude(first.mean[0]).reshape(20, 24)
    inside = amplitude[3:8, 3:8].mean()
    assert inside > 5 * amplitude[12:, 14:].mean()
