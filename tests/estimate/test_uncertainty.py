"""Intervals, significance, and the picture of both."""

import numpy as np
import pytest

import unmask
from unmask.errors import SettingError
from unmask.estimate.estimators import ESTIMATORS
from unmask.estimate.uncertainty import half_width

PICTURE = np.full((27, 36, 3), 255, np.uint8)
HERE = (slice(4, 13), slice(18, 30))


def explained(score, **settings):
    chosen = {"masks": 672, "grid": (3, 4), "fill": "black", **settings}
    return unmask.explain(score, PICTURE, 0, **chosen)


def planted(batch):
    return batch[:, *HERE].mean(axis=(1, 2, 3)) / 255


def chance(batch):
    """Nothing but noise: a hash of what is shown."""
    return np.modf(np.abs(np.sin(1e4 * batch.mean(axis=(1, 2, 3)))))[0]


@pytest.mark.parametrize("estimator", ["adaptive", "smooth", "centered", "paper"])
def test_an_interval_is_the_estimators_half_width_around_the_map(estimator):
    explanation = explained(chance, estimator=estimator)
    maps = ESTIMATORS[estimator](explanation.estimate)
    for level in (0.5, 0.95):
        low, high = explanation.interval(level)
        wide = half_width(maps, level)[0]
        np.testing.assert_allclose(high[0] - explanation.map, wide, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(explanation.map - low[0], wide, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("level", [0, 1, -1, 2])
def test_a_level_is_a_probability(level):
    with pytest.raises(SettingError, match="between 0 and 1"):
        explained(planted, masks=48).interval(level)


@pytest.mark.parametrize("estimator", ["adaptive", "smooth", "centered"])
def test_planted_evidence_is_significant(estimator):
    found = explained(planted, estimator=estimator).significant()
    assert found[HERE].all()
    assert found.shape == PICTURE.shape[:2]


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["adaptive", "smooth", "centered"])
def test_chance_is_significant_as_often_as_stated(estimator):
    """5% of pixels at a level of 0.95; a shrunken map is more careful."""
    runs = [explained(chance, seed=seed, estimator=estimator) for seed in range(40)]
    share = np.mean([run.significant(level=0.95).mean() for run in runs])
    assert share < 0.08
    if estimator == "centered":
        assert share > 0.02
