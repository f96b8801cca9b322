"""Masks of segments: what they are, and what is known of them in closed form."""

import functools
import zlib
from base64 import b64encode

import numpy as np
import pytest

from unmask.errors import SettingError
from unmask.estimate.estimators import finalize
from unmask.estimate.local_prior import bins
from unmask.estimate.scores import Scores
from unmask.estimate.uncertainty import half_width
from unmask.masks.eigenbasis import basis, unblurred
from unmask.masks.segments import Segmentations, SegmentMasks, edge, reduced

SHAPE = (45, 64)


def labels(size, seed, count=12):
    """Segments around random places, as those of a picture: of any shape and size."""
    rng = np.random.default_rng(seed)
    places = rng.random((count, 2)) * size
    rows, columns = np.mgrid[: size[0], : size[1]]
    distance = (rows[..., None] - places[:, 0]) ** 2 + (columns[..., None] - places[:, 1]) ** 2
    return np.unique(distance.argmin(axis=-1), return_inverse=True)[1].reshape(size)


def pool(soft, many=1):
    size = reduced(SHAPE) if soft else SHAPE
    maps = [labels(size, seed, 12 + seed) for seed in range(many)]
    return Segmentations(np.stack(maps), SHAPE, edge(SHAPE) if soft else 0.0)


KINDS = [(soft, many) for soft in (False, True) for many in (1, 3)]
kinds = pytest.mark.parametrize(("soft", "many"), KINDS)


@functools.lru_cache(maxsize=8)
def drawn(found):
    """Each segment drawn by itself at full size, one array (segments, pixels) a segmentation."""
    return [
        Segmentations(found.labels[number : number + 1], SHAPE, found.soft)
        .summed(np.eye(count))
        .reshape(count, -1)
        for number, count in enumerate(found.counts)
    ]


def factor_times(found, weights):
    """``K weights``, with the covariance's factor K over the pool."""
    return sum(each.T @ (each @ weights) for each in drawn(found)) / len(found.counts)


def eigenvalues(found):
    """Those of K that are not 0, by the small matrix of the segments' products: D'D and DD'."""
    stack = np.concatenate(drawn(found)) / len(found.counts) ** 0.5
    return np.linalg.eigvalsh(stack @ stack.T)[::-1]


def scored(masks, weights, blocks, noise=0.0):
    """Scores ``weights . mask``; noise of its own for each seed and block."""
    estimate = Scores.empty(masks, 1)
    sums = [each @ weights for each in drawn(masks.segmentations)]
    for number in range(blocks):
        block = masks.block(number)
        rows = zip(block.grids, block.shifts[:, 0], strict=True)
        scores = np.array([bits[: len(sums[at])] @ sums[at] for bits, at in rows])
        rng = np.random.default_rng((masks.seed, number))
        scores += noise * rng.normal(size=len(block))
        estimate = estimate.update(number, scores[:, None])
    return estimate


def limit(masks, weights):
    """``E[f M] / p`` of ``f = weights . M``."""
    p = masks.keep
    return p * weights.sum() + (1 - p) * factor_times(masks.segmentations, weights)


@kinds
def test_a_segment_is_kept_or_hidden_as_a_whole(soft, many):
    masks = SegmentMasks(pool(soft, many), seed=3)
    block = masks.block(1)
    full = masks.render(block)
    assert full.shape == (len(block), *SHAPE)
    assert full.min() >= 0
    assert full.max() <= 1 + 1e-6
    if not soft:
        for mask, bits, (number,) in zip(full, block.grids, block.shifts, strict=True):
            np.testing.assert_array_equal(mask, bits[masks.segmentations.labels[number]])
    # Kept altogether is all of the picture: a soft edge's two sides sum to 1.
    every = type(block)(np.ones_like(block.grids), block.shifts)
    np.testing.assert_allclose(masks.render(every), 1, atol=1e-5)
    rendered = masks.renderer(np.asarray)
    np.testing.assert_allclose(rendered(block), full, atol=1e-5)


@pytest.mark.parametrize("design", ["balanced", "random"])
@kinds
def test_a_mask_is_a_function_of_its_number_and_takes_turns(soft, many, design):
    masks = SegmentMasks(pool(soft, many), seed=3, design=design)
    again = SegmentMasks(pool(soft, many), seed=3, design=design)
    assert masks == again
    assert hash(masks) == hash(again)
    assert repr(masks) == repr(again)
    taken = []
    for number in (5, 0, 5):
        one, other = masks.block(number), again.block(number)
        np.testing.assert_array_equal(one.grids, other.grids)
        np.testing.assert_array_equal(one.shifts, other.shifts)
        if design == "balanced" and many > 1:
            assert len(np.unique(one.shifts)) == 2
            assert len(np.unique(one.shifts[: len(one) // 2])) == 1
    taken = np.concatenate([masks.block(number).shifts[:, 0] for number in range(300)])
    shares = np.bincount(taken, minlength=many) / len(taken)
    np.testing.assert_allclose(shares, 1 / many, atol=0.08)


def test_other_segments_are_other_masks():
    one, two = pool(False), Segmentations(labels(SHAPE, 9)[None], SHAPE)
    assert SegmentMasks(one) != SegmentMasks(two)
    assert repr(SegmentMasks(one)) != repr(SegmentMasks(two))
    assert SegmentMasks(one) != SegmentMasks(one, seed=1)
    assert SegmentMasks(one) != SegmentMasks(one, keep=0.25)


@kinds
def test_weighted_sums_are_those_of_full_masks(soft, many):
    masks = SegmentMasks(pool(soft, many))
    block = masks.block(0)[3:40]
    weights = np.random.default_rng(0).normal(size=(2, len(block)))
    full = np.tensordot(weights, masks.render(block, np.float64), 1)
    np.testing.assert_allclose(masks.weighted_sum(block, weights), full, atol=1e-10)


@pytest.mark.slow
@kinds
def test_the_eigenbasis_is_that_of_the_covariance(soft, many):
    masks = SegmentMasks(pool(soft, many), keep=0.25)
    b = basis(masks)
    variance = b.variance.tolist() + b.rest[len(b) :].tolist()
    wanted = eigenvalues(masks.segmentations)[: len(variance)] * 0.25 * 0.75
    np.testing.assert_allclose(variance, wanted, rtol=1e-6)
    block = masks.block(0)
    parts = b.components(block)
    vectors = b.segmentations.summed(b._drawing.T).reshape(len(variance), -1)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(len(variance)), atol=1e-8)
    full = masks.render(block, np.float64).reshape(len(block), -1) - 0.25
    np.testing.assert_allclose(parts, full @ vectors.T, atol=1e-8)
    np.testing.assert_allclose(
        b.leading(parts) ** 2 * b.variance, parts[:, : len(b)] ** 2, atol=1e-8
    )
    # A map at the points, squared or not, is that of the whole map there.
    unit = np.eye(len(b))
    whole = b.maps(unit, np.zeros((len(b), len(b.rest))))
    np.testing.assert_allclose(b.means, whole.mean(axis=(1, 2)), atol=1e-10)
    near = b.interpolated(b.at().T)
    np.testing.assert_allclose(near, whole, atol=0.03 * np.abs(whole).max() if soft else 1e-10)


def test_segments_of_one_segmentation_are_units_of_their_own_area():
    found = pool(False)
    masks = SegmentMasks(found)
    b = basis(masks)
    areas = np.sort(np.bincount(found.labels.ravel()))[::-1]
    np.testing.assert_allclose(b.variance, areas / 4)
    assert not b.rest.any()
    at = bins(masks)
    assert at.vectors.shape == (found.counts[0], len(b))
    # Each counts most for itself, and what is near for more than what is far.
    np.testing.assert_allclose(at.blurs[0].sum(axis=1), 1)
    assert (at.blurs[0].argmax(axis=1) == np.arange(found.counts[0])).all()


@pytest.mark.parametrize("estimator", ["centered", "coverage", "smooth", "adaptive", "paper"])
@kinds
def test_a_linear_score_is_found_as_the_closed_form_has_it(soft, many, estimator):
    rng = np.random.default_rng(1)
    weights = rng.normal(size=SHAPE).ravel() / 100
    masks = SegmentMasks(pool(soft, many), seed=2)
    maps = finalize(estimator, scored(masks, weights, 100))
    true = limit(masks, weights).reshape(SHAPE)
    assert np.corrcoef(maps.value.ravel(), true.ravel())[0, 1] > 0.95
    # Errors are of the size that is stated, at most.
    assert (np.abs(maps.value[0] - true) < 5 * maps.stderr[0] + 0.01 * true.std()).all()


def test_one_segmentation_in_whole_blocks_is_exact():
    weights = np.random.default_rng(1).normal(size=SHAPE).ravel() / 100
    masks = SegmentMasks(pool(False), seed=2)
    maps = finalize("centered", scored(masks, weights, 3))
    np.testing.assert_allclose(maps.value[0].ravel(), limit(masks, weights), atol=1e-10)


def test_sharp_gives_back_the_weights_of_segments():
    """Of one hard segmentation, each pixel's mean weight, times the mean segment's area."""
    found = pool(False)
    weights = np.random.default_rng(1).normal(size=SHAPE).ravel() / 100
    masks = SegmentMasks(found, seed=2)
    maps = finalize("sharp", scored(masks, weights, 6))
    each = np.bincount(found.labels.ravel(), weights) / np.bincount(found.labels.ravel())
    shown = maps.value[0] - maps.value[0].mean()
    true = (each * masks.area / 2)[found.labels[0]]
    np.testing.assert_allclose(shown, true - true.mean(), atol=1e-3)
    assert not unblurred(masks).rest_amplitude.any()


@pytest.mark.slow
@pytest.mark.parametrize("design", ["balanced", "random"])
@pytest.mark.parametrize(("soft", "many"), [(False, 1), (True, 3)])
def test_intervals_hold_the_closed_form_as_often_as_stated(soft, many, design):
    """Weights as a Gaussian prior has them, and noise of the scores twice their signal."""
    found = pool(soft, many)
    held = {"centered": [], "smooth": [], "adaptive": []}
    for seed in range(200):
        masks = SegmentMasks(found, seed=seed + 5000, design=design)
        b, rng = basis(masks), np.random.default_rng(seed + 9000)
        prior = rng.normal(size=len(b)) * (b.variance / b.variance[0]) ** 0.25
        weights = found.summed((b._drawing[:, : len(b)] @ prior)[None]).ravel()
        true = limit(masks, weights).reshape(SHAPE)
        signal = 0.5 * (weights @ factor_times(found, weights)) ** 0.5
        blocks = 12 * 64 // masks.block_size + 2
        estimate = scored(masks, weights, blocks, noise=2 * signal)
        for estimator, shares in held.items():
            maps = finalize(estimator, estimate)
            inside = np.abs(maps.value[0] - true) <= half_width(maps, 0.95)[0]
            shares.append(inside.mean())
    assert 0.93 <= np.mean(held["centered"]) <= 0.97
    assert 0.93 <= np.mean(held["smooth"]) <= 0.97
    # A prior that is read from the data is a little too sure of so few parts, as on a 3 x 4 grid.
    assert 0.90 <= np.mean(held["adaptive"]) <= 0.97


@kinds
def test_segmentations_come_back_from_json(soft, many):
    found = pool(soft, many)
    said = found.as_json()
    again = Segmentations.of_json(said, SHAPE)
    assert again == found
    assert repr(again) == repr(found)
    np.testing.assert_array_equal(again.labels, found.labels)


def packed(values):
    return b64encode(zlib.compress(np.asarray(values, "<u2").tobytes())).decode()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"size": [1, 45, 63]}, "another size"),
        ({"size": [2000, 45, 64]}, "another size"),
        ({"soft": 1.0}, "another size"),
        ({"labels": packed(np.zeros(10))}, "not of their size"),
        ({"labels": packed(np.zeros((2, *SHAPE)))}, "not of their size"),
        ({"labels": b64encode(b"nothing").decode()}, "cannot be read"),
        ({"labels": packed(np.full(SHAPE, 3))}, "without pixels"),
        ({"labels": packed(np.zeros(SHAPE))}, "one segment"),
    ],
)
def test_json_of_anybody_is_refused_in_words(changes, says):
    said = pool(False).as_json()
    with pytest.raises((ValueError, SettingError), match=says):
        Segmentations.of_json(said | changes, SHAPE)
