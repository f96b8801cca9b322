"""Do the intervals hold the truth as often as they say: in general, and where a run stopped?"""

import numpy as np
import pytest

import unmask
from unmask._base import statistics
from unmask.estimate.estimators import ESTIMATORS, finalize
from unmask.estimate.uncertainty import Maps, half_width

PICTURE = np.full((12, 18, 3), 255, np.uint8)
FIRST, SECOND = (slice(2, 6), slice(9, 14)), (slice(6, 11), slice(1, 5))
RUNS = 100


def seen(batch):
    """Evidence in two places that replace each other in part, and what a mask happens to show."""
    one, two = (batch[:, *at].mean(axis=(1, 2, 3)) / 255 for at in (FIRST, SECOND))
    chance = np.modf(np.abs(np.sin(1e4 * batch.mean(axis=(1, 2, 3)))))[0]
    return one + two - one * two + 0.3 * chance


def explained(seed, **settings):
    return unmask.explain(seen, PICTURE, 0, fill="black", seed=seed, **settings)


@pytest.mark.parametrize("freedom", [1, 2, 7])
@pytest.mark.parametrize("part", [0.2, 0.5, 0.8, 0.95])
def test_two_parts_of_which_one_is_hardly_known(part, freedom):
    """`part` of the variance is the mean score's, known from `freedom` + 1 blocks."""
    rng, shape = np.random.default_rng(0), (1, 200, 300)
    level = part * rng.chisquare(freedom, shape) / freedom
    influence = np.full(shape, 1 - part)
    errors = np.sqrt(level + influence), np.sqrt(influence)
    maps = Maps(rng.normal(size=shape), *errors, np.zeros(1), freedom, 10_000)
    covered = (np.abs(maps.value) <= half_width(maps, 0.95)).mean()
    assert 0.935 <= covered <= 0.985


@pytest.mark.parametrize("freedom", [1, 7, np.inf])
def test_parts_known_equally_well_are_students_t(freedom):
    stderr = np.random.default_rng(0).uniform(1, 2, (2, 3, 4))
    maps = Maps(np.zeros_like(stderr), stderr, 0.7 * stderr, np.zeros(2), freedom, freedom)
    expected = statistics.quantile(0.9, freedom) * stderr
    np.testing.assert_allclose(half_width(maps, 0.9), expected, rtol=1e-12)


def test_without_any_error_the_interval_is_a_point():
    nothing = np.zeros((1, 3, 4))
    assert not half_width(Maps(nothing, nothing, nothing, np.zeros(1), 3, 9), 0.95).any()


@pytest.fixture(scope="module")
def truth():
    """The map of 262,144 masks' worth of balanced runs, all seeds together."""
    settings = {"masks": 4096, "estimator": "centered", "batch_size": 512}
    return np.mean([explained(1000 + seed, **settings).map for seed in range(64)], axis=0)


@pytest.mark.slow
@pytest.mark.parametrize("until", [0.9, 0.97])
@pytest.mark.parametrize("design", ["balanced", "random"])
def test_a_run_that_stopped_by_itself_keeps_its_word(truth, design, until):
    """Looking often must make neither the reliability nor the intervals false."""
    settings = {"until": until, "max_masks": 4000, "design": design}
    runs = [explained(seed, **settings) for seed in range(RUNS)]
    stopped = [run for run in runs if "was reached" in run.stopped]
    assert len(stopped) > 0.9 * RUNS
    reached = [np.corrcoef(run.map.ravel(), truth.ravel())[0, 1] for run in stopped]
    assert np.mean(np.array(reached) >= until) >= 0.95
    inside = []
    for run in stopped:
        low, high = run.interval(0.95)
        inside.append(np.mean((low[0] <= truth) & (truth <= high[0])))
    assert 0.93 <= np.mean(inside) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("design", ["balanced", "random"])
def test_intervals_of_equally_long_runs_hold_the_truth(truth, design):
    runs = [explained(seed, masks=512, design=design).estimate for seed in range(RUNS)]
    for estimator in ("adaptive", "smooth", "centered", "paper", "coverage"):
        assert estimator in ESTIMATORS
        every = [finalize(estimator, run) for run in runs]
        inside = [np.abs(maps.value[0] - truth) <= half_width(maps, 0.95)[0] for maps in every]
        assert 0.92 <= np.mean(inside) <= 0.98, estimator
