"""Estimates: exact merging, the paper's formula, a linear model's exact map, honest errors."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.errors import SettingError
from unmask.estimate import estimators, uncertainty
from unmask.estimate.moments import Moments
from unmask.estimate.scores import Scores
from unmask.masks.grid import Masks

SHAPE = (20, 31)
OF_GRIDS = [name for name in estimators.ESTIMATORS if name not in estimators.VALUES]


def scored(masks, score, blocks, count=None):
    """Scores of `blocks`, of which the last is cut to `count` masks."""
    estimate = Scores.empty(masks, 2)
    for i, number in enumerate(blocks):
        block = masks.block(number)
        if count is not None and i == len(blocks) - 1:
            block = block[:count]
        f = score(masks.render(block, np.float64))
        estimate = estimate.update(number, np.stack([f, 1 - f**2], axis=1))
    return estimate


def curved(m):
    return np.tanh(m[:, 4:8, 5:12].mean(axis=(1, 2)) * 2) * m[:, 10, 20] + 0.1


def same_bits(a: Moments, b: Moments) -> bool:
    names = ("score", "mask", "comoment", "sum_var", "cross_var", "mask_var")
    names += ("score_var", "score_sum", "score_mask")
    return all(getattr(a, n).tobytes() == getattr(b, n).tobytes() for n in names)


@pytest.mark.parametrize("design", ["random", "balanced"])
@pytest.mark.parametrize("keep", [0.5, 0.3])
def test_paper_is_equation_6(design, keep):
    """Against a plain reference that holds all the masks."""
    masks = Masks(SHAPE, (4, 5), keep=keep, design=design, seed=2)
    estimate = scored(masks, curved, range(3), count=11)
    stack = np.concatenate([masks.render(masks.block(b), np.float64) for b in range(3)])
    stack = stack[: estimate.count]
    f = curved(stack)
    reference = np.zeros(SHAPE)
    for score, mask in zip(f, stack, strict=True):
        reference += score * mask
    reference /= len(stack) * keep
    got = estimators.finalize("paper", estimate)
    np.testing.assert_allclose(got.value[0], reference, rtol=1e-12)

    mean = f.mean()
    centered = mean + np.einsum("n,nhw->hw", f - mean, stack) / len(stack) / keep
    got = estimators.finalize("centered", estimate)
    np.testing.assert_allclose(got.value[0], centered, rtol=1e-12)

    shown = np.einsum("n,nhw->hw", f, stack) / stack.sum(axis=0)
    got = estimators.finalize("coverage", estimate)
    np.testing.assert_allclose(got.value[0], shown, rtol=1e-12)


@pytest.mark.parametrize("estimator", ["centered", "paper", "coverage"])
def test_stderr_is_the_spread_of_the_blocks_own_maps(estimator):
    """For equal blocks and a mean mask of exactly p, all three are textbook standard errors."""
    masks = Masks(SHAPE, (4, 5), seed=3)
    estimate = scored(masks, curved, range(9))
    own = np.array(
        [estimators.finalize(estimator, scored(masks, curved, [b])).value for b in range(9)]
    )
    got = estimators.finalize(estimator, estimate)
    np.testing.assert_allclose(got.stderr, own.std(axis=0, ddof=1) / 3, rtol=1e-9, atol=1e-15)
    assert got.freedom == got.influence_freedom == 8
    scores = np.array([scored(masks, curved, [b]).mean for b in range(9)])
    influence = (own - scores[:, :, None, None]).std(axis=0, ddof=1) / 3
    np.testing.assert_allclose(got.influence_stderr, influence, rtol=1e-7, atol=1e-15)
    means = own.mean(axis=(2, 3))
    np.testing.assert_allclose(got.offset_stderr, means.std(axis=0, ddof=1) / 3, rtol=1e-9)


@pytest.mark.slow
def test_a_linear_model_has_its_exact_map():
    """For f = sum(w m) the limit is sum(w) p + (1 - p) w' K, known in closed form."""
    masks = Masks((12, 17), (3, 4), seed=1)
    weights = np.zeros((12, 17))
    weights[3:6, 8:11] = np.random.default_rng(0).random((3, 3))
    kh, kw = masks.covariance(0), masks.covariance(1)
    exact = weights.sum() * 0.5 + (1 - 0.5) * kh @ weights @ kw

    def linear(m):
        return np.einsum("nhw,hw->n", m, weights)

    estimate = scored(masks, linear, range(400))
    for name in OF_GRIDS:
        if name == "sharp":  # its limit is another: tests/estimate/test_sharp.py
            continue
        maps = estimators.finalize(name, estimate)
        limit = estimators.scale(name, 0.5) * exact
        # Those two have no noise here but what their basis leaves out.
        if name not in ("adaptive", "smooth"):
            z = (maps.value[0] - limit) / maps.stderr[0]
            assert abs(z).max() < 5
        assert abs(maps.value[0] - limit).max() < 0.05 * np.ptp(limit)


def test_a_linear_model_of_the_cells_has_no_noise_but_the_shifts():
    """Without shifts a balanced block gives a linear model's map exactly."""
    masks = Masks((16, 24), (4, 6), shift=False)
    weights = np.random.default_rng(1).normal(size=(4, 6))
    estimate = Scores.empty(masks, 1)
    for number in range(2):
        cells = masks.block(number).grids
        estimate = estimate.update(number, np.einsum("nij,ij->n", cells, weights)[:, None])
    maps = estimators.finalize("centered", estimate)
    up_h, up_w = masks.matrices
    exact = 0.5 * weights.sum() + 0.5 * up_h @ weights @ up_w.T
    np.testing.assert_allclose(maps.value[0], exact, atol=1e-12)
    assert maps.stderr.max() < 1e-7


@pytest.mark.slow
def test_the_error_falls_as_one_over_root_n():
    """Random masks, paper's estimator: 16 times the masks, a quarter of the error."""
    masks = Masks(SHAPE, (4, 5), design="random", seed=8)
    blocks = 1024
    estimate = scored(masks, curved, range(blocks))
    truth = estimators.finalize("paper", estimate).value[0]
    errors = {}
    for size in (4, 64):
        parts = [
            estimators.finalize("paper", scored(masks, curved, range(s, s + size)))
            for s in range(0, blocks, blocks // 16)
        ]
        errors[size] = np.sqrt(np.mean([(p.value[0] - truth) ** 2 for p in parts]))
    # The reference holds a sixteenth of each large part, which takes 3% off its error.
    assert errors[4] / errors[64] == pytest.approx(4, rel=0.15)


@functools.cache
def sixty_runs(design):
    masks = Masks(SHAPE, (4, 5), design=design, seed=4)
    size = 16 if design == "random" else 10
    return [scored(masks, curved, range(s, s + size)) for s in range(0, 60 * size, size)]


@pytest.mark.parametrize("design", ["random", "balanced"])
# `sharp` states the spread that its prior leaves, which is no error to its limit.
@pytest.mark.parametrize("estimator", [e for e in OF_GRIDS if e != "sharp"])
@pytest.mark.slow
def test_the_predicted_error_and_reliability_are_those_reached(design, estimator):
    maps = [estimators.finalize(estimator, one) for one in sixty_runs(design)]
    truth = np.mean([m.value[0] for m in maps], axis=0)
    reached = np.mean([(m.value[0] - truth) ** 2 for m in maps]) * 60 / 59
    predicted = np.mean([m.stderr[0] ** 2 for m in maps])
    # Balanced, nearly all of it is one offset a run: 60 runs tell its variance to 18%.
    assert predicted == pytest.approx(reached, rel=0.35 if design == "balanced" else 0.1)
    correlation = np.mean([np.corrcoef(m.value[0].ravel(), truth.ravel())[0, 1] for m in maps])
    expected = np.mean([uncertainty.reliability(m)[0] for m in maps])
    assert expected == pytest.approx(correlation, abs=0.02)


@pytest.mark.slow
@given(
    order=st.permutations(range(7)), cuts=st.sets(st.integers(1, 6)), flips=st.lists(st.booleans())
)
@settings(max_examples=40)
def test_blocks_merged_in_any_grouping_give_the_same_bits(order, cuts, flips):
    masks = Masks(SHAPE, (4, 5), design="random", seed=6)
    whole = scored(masks, curved, range(7))
    bounds = [0, *sorted(cuts), 7]
    shards = [scored(masks, curved, order[a:b]) for a, b in itertools.pairwise(bounds)]
    for shard, flip in zip(shards, flips, strict=False):
        if flip:
            _ = shard.moments  # a fold done early must not change the result
    merged = Scores.empty(masks, 2)
    for shard in shards:
        merged = merged.merge(shard)
    assert merged.count == whole.count
    assert same_bits(merged.moments, whole.moments)


def test_merge_is_associative_commutative_and_has_an_identity():
    masks = Masks(SHAPE, (4, 5), design="random")
    a, b, c = (scored(masks, curved, [n]) for n in (5, 0, 2))
    left, right = a.merge(b).merge(c), a.merge(b.merge(c))
    assert same_bits(left.moments, right.moments)
    assert same_bits(left.moments, c.merge(b).merge(a).moments)
    empty = Scores.empty(masks, 2)
    assert same_bits(empty.merge(a).moments, a.moments)
    assert same_bits(a.merge(empty).moments, a.moments)


@pytest.mark.slow
@given(st.lists(st.integers(1, 9), min_size=3, max_size=8), st.booleans())
@settings(max_examples=40)
def test_a_block_may_come_in_pieces(pieces, peek):
    masks = Masks(SHAPE, (4, 5), design="random", seed=9)
    flat = [curved(masks.render(masks.block(b), np.float64)) for b in range(2)]
    estimate = Scores.empty(masks, 1)
    for number, f in enumerate(flat):
        start = 0
        for piece in [*pieces, len(f)]:
            part = f[start : start + piece, None]
            if len(part):
                estimate = estimate.update(number, part)
            start += piece
            if peek:
                _ = estimate.moments
    whole = Scores.empty(masks, 1).update(0, flat[0][:, None]).update(1, flat[1][:, None])
    assert same_bits(estimate.moments, whole.moments)


def test_what_does_not_belong_together_is_not_merged():
    masks = Masks(SHAPE, (4, 5))
    one = scored(masks, curved, [0, 1])
    with pytest.raises(SettingError, match="block 1 is in both"):
        one.merge(scored(masks, curved, [1]))
    with pytest.raises(SettingError, match="same run"):
        one.merge(scored(Masks(SHAPE, (4, 5), seed=1), curved, [2]))
    with pytest.raises(SettingError, match="same run"):
        one.merge(Scores.empty(masks, 3))


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (np.zeros(4), "expected"),
        (np.zeros((4, 3)), "expected"),
        (np.zeros((0, 2)), "expected"),
        (np.zeros((81, 2)), "from 1 to 80"),
        (np.full((2, 2), np.nan), "not all finite"),
    ],
)
def test_scores_that_do_not_fit_are_refused(scores, words):
    masks = Masks(SHAPE, (4, 5))
    assert masks.block_size == 80
    with pytest.raises(SettingError, match=words):
        Scores.empty(masks, 2).update(0, scores)


def test_fewer_than_two_blocks_tell_no_error():
    masks = Masks(SHAPE, (4, 5))
    maps = estimators.finalize("centered", scored(masks, curved, [0]))
    assert np.isinf(maps.stderr).all()
    assert (uncertainty.reliability(maps) == 0).all()
    assert np.isfinite(maps.value).all()


def test_a_constant_score_has_a_flat_map_without_error():
    masks = Masks(SHAPE, (4, 5))
    estimate = scored(masks, lambda m: np.full(len(m), 0.3), range(3))
    for name in OF_GRIDS:
        maps = estimators.finalize(name, estimate)
        np.testing.assert_allclose(maps.value[0], 0.3 * estimators.scale(name, 0.5), atol=1e-12)
        assert np.isfinite(maps.stderr).all()


def test_a_pixel_never_shown_gets_the_mean_score():
    masks = Masks((8, 12), (2, 3), keep=0.05, design="random", shift=False)
    block = masks.block(0)[:3]
    mean = masks.render(block).mean(axis=0)
    assert (mean == 0).any()  # or this test would test nothing
    estimate = Scores.empty(masks, 1).update(0, [[0.1], [0.2], [0.6]])
    value = estimators.finalize("coverage", estimate).value[0]
    np.testing.assert_allclose(value[mean == 0], 0.3)
    assert np.isfinite(value).all()


@given(offset=st.floats(-1e3, 1e3), scale=st.floats(1e-3, 1e3))
@settings(max_examples=30)
def test_centered_and_coverage_follow_an_affine_change_of_the_score(offset, scale):
    masks = Masks((10, 14), (2, 3), design="random")
    f = curved_small(masks)
    one = Scores.empty(masks, 1).update(0, f[:, None])
    two = Scores.empty(masks, 1).update(0, offset + scale * f[:, None])
    for name in ("centered", "coverage"):
        a = estimators.finalize(name, one).value
        b = estimators.finalize(name, two).value
        np.testing.assert_allclose(b, offset + scale * a, rtol=1e-9, atol=1e-9)


def curved_small(masks):
    return masks.render(masks.block(0), np.float64)[:, 3:6, 4:9].prod(axis=(1, 2))


def test_one_and_three_axes():
    for shape, grid in [((40,), 5), ((9, 7, 11), (3, 2, 3))]:
        masks = Masks(shape, grid, design="random")
        block = masks.block(0)
        stack = masks.render(block, np.float64)
        f = stack.reshape(len(stack), -1)[:, 3]
        estimate = Scores.empty(masks, 1).update(0, f[:, None])
        expected = np.tensordot(f, stack, axes=1) / len(f) / 0.5
        got = estimators.finalize("paper", estimate).value[0]
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_groups_of_targets_give_the_maps_of_all_at_once():
    masks = Masks(SHAPE, (4, 5), design="random")
    estimate = scored(masks, curved, range(3), count=9)
    one_map = 8 * SHAPE[0] * SHAPE[1]
    assert list(estimate.groups(2 * one_map)) == [estimate]
    groups = list(estimate.groups(one_map))
    assert [group.targets for group in groups] == [1, 1]
    whole = estimators.finalize("centered", estimate)
    for k, group in enumerate(groups):
        maps = estimators.finalize("centered", group)
        np.testing.assert_allclose(maps.value[0], whole.value[k], rtol=1e-12)
        np.testing.assert_allclose(maps.stderr[0], whole.stderr[k], rtol=1e-9)


def test_the_mean_and_its_error_are_those_of_the_moments():
    masks = Masks(SHAPE, (4, 5), design="random")
    estimate = scored(masks, curved, range(5), count=9)
    moments = estimate.moments
    np.testing.assert_allclose(estimate.mean, moments.score, rtol=1e-12)
    equal = scored(masks, curved, range(6))
    means = [scores.mean(axis=0) for _, scores in equal.parts]
    expected = np.std(means, axis=0, ddof=1) / np.sqrt(6)
    np.testing.assert_allclose(equal.mean_stderr, expected, rtol=1e-9)
    assert np.isinf(scored(masks, curved, [0]).mean_stderr).all()
