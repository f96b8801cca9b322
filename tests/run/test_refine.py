"""The second run that makes an order finer: what it asks, and what it makes of the answers."""

import numpy as np
import pytest

from unmask import metrics
from unmask.masks.grid import Masks
from unmask.run.refine import Seen, can_refine, look_closer, refined

SHAPE = (48, 80)
MASKS = Masks(SHAPE, (4, 5), seed=3)
SPOT = (slice(20, 24), slice(33, 38))  # within a cell of 12 x 16


def case_of(score):
    asked = []

    def model(batch):
        asked.append(np.array(batch))
        return score(batch)

    whole = np.ones((*SHAPE, 1), np.float32)
    case = metrics.case(model, whole, 0, preprocess="raw", batch_size=16)
    asked.clear()
    return case, asked


def spot(batch):
    return batch[:, *SPOT].mean((1, 2, 3))


def broad(at=(15, 43)):
    """An order that knows where the spot is to a cell and no better: a bump as wide as one."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.exp(-(((y - at[0]) / 12) ** 2) - ((x - at[1]) / 16) ** 2)


def test_masks_come_in_complementary_pairs_among_what_each_way_says():
    case, asked = case_of(spot)
    zero = case.substrates("zero")
    ways = [(0.1, 1.0, zero), (0.05, 0.0, zero)]
    seen = look_closer(case, MASKS, broad(), ways, 25)
    inputs = np.concatenate(asked)[..., 0]
    assert len(inputs) == 50
    assert seen.shown.shape == (25, 16, 20)
    assert seen.masks.grid == (8, 10)
    rank = np.argsort(np.argsort(-broad().ravel(), kind="stable")).reshape(SHAPE)
    for first, (share, others) in ((0, (0.1, 1)), (26, (0.05, 0))):
        mine = inputs[first : first + 26 if first == 0 else None]
        inside = rank < 2 * share * rank.size
        assert (mine[:, ~inside] == others).all()
        assert 0.3 < mine[:, inside].mean() < 0.7
    # Batches are of firsts, and then of their complements.
    inside = rank < 0.2 * rank.size
    np.testing.assert_allclose((inputs[0] + inputs[13])[inside], 1, atol=1e-6)


def test_an_order_that_foresees_all_stays_as_it_is():
    shown = np.random.default_rng(0).normal(size=(40, 16, 20))
    values = broad()
    binned = values - np.median(values)
    binned = binned.reshape(16, 3, 20, 4).mean((1, 3))
    found = refined(Seen(Masks(SHAPE, (8, 10)), shown, 2 * np.tensordot(shown, binned, 2)), values)
    np.testing.assert_allclose(found, 2 * (values - np.median(values)), atol=1e-3)


def test_what_says_nothing_leaves_nothing():
    shown = np.random.default_rng(0).normal(size=(40, 16, 20))
    found = refined(Seen(Masks(SHAPE, (8, 10)), shown, np.zeros(40)), broad())
    np.testing.assert_array_equal(found, np.zeros(SHAPE))


@pytest.mark.parametrize("share", [0.05, 0.15])
def test_a_spot_within_a_cell_is_found(share):
    case, _ = case_of(spot)
    zero = case.substrates("zero")
    seen = look_closer(case, MASKS, broad(), [(share, 1.0, zero), (share, 0.0, zero)], 120)
    found = refined(seen, broad())
    first = np.argsort(-found.ravel())[:60]
    before = np.argsort(-broad().ravel())[:60]
    at = np.zeros(SHAPE, bool)
    at[SPOT] = True
    assert at.ravel()[before].sum() <= 3
    assert at.ravel()[first].sum() >= 12


@pytest.mark.parametrize("shape", [(50,), (12, 20, 16)])
def test_series_and_volumes_are_refined_along_all_their_axes(shape):
    masks = Masks(shape, 4, seed=1)
    rng = np.random.default_rng(2)
    bins = tuple(min(size, 16) for size in shape)
    seen = Seen(Masks(shape, 8), rng.normal(size=(30, *bins)), rng.normal(size=30))
    assert can_refine(masks)
    assert refined(seen, rng.normal(size=shape)).shape == shape
