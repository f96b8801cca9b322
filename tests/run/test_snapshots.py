"""How a map settles: snapshots are runs of fewer masks, and the errors are those reached."""

import numpy as np
import pytest

import unmask
from helpers.toy_models import two_patches
from unmask.run import snapshots


@pytest.fixture
def model():
    return unmask.load(
        two_patches, labels=["one", "two"], name="patches", activation="probabilities"
    )


@pytest.mark.parametrize("design", ["balanced", "random"])
@pytest.mark.parametrize("estimator", ["centered", "paper", "notebook"])
def test_a_snapshot_is_the_map_of_a_run_of_so_many_masks(model, picture, design, estimator):
    options = {"grid": (3, 5), "design": design, "estimator": estimator, "seed": 3}
    whole = unmask.explain(model, picture, [0, 1], masks=400, **options)
    calls = []
    at = [200, 77, 400, 200]  # the middle of a block, and no order
    taken = snapshots.snapshots(whole, at, "two")
    assert [one.masks for one in taken] == [77, 200, 400]
    for one in taken:
        alone = unmask.explain(model, picture, 1, masks=one.masks, **options)
        np.testing.assert_array_equal(one.values.astype(np.float32), alone.model_maps[0])
        assert one.reliability == alone.reliability
    assert not calls
    assert np.isnan(taken[-1].measured_error)
    assert taken[0].expected_error > taken[-1].expected_error


@pytest.mark.slow
def test_expected_and_measured_errors_are_those_reached(model, picture):
    """Over many runs, both are the error to the map of very many masks."""
    options = {"grid": (3, 5), "design": "random", "estimator": "paper"}
    truth = unmask.explain(model, picture, 0, masks=30000, seed=99, **options).model_maps[0]
    expected, measured, reached = [], [], []
    for seed in range(24):
        run = unmask.explain(model, picture, 0, masks=512, seed=seed, **options)
        first = snapshots.snapshots(run, [256])[0]
        spread = run.model_maps[0].std()
        expected.append((first.expected_error * spread) ** 2)
        measured.append((first.measured_error * spread) ** 2)
        reached.append((first.values - truth).std() ** 2)
    assert np.mean(expected) == pytest.approx(np.mean(reached), rel=0.25)
    assert np.mean(measured) == pytest.approx(np.mean(reached), rel=0.25)


def test_by_default_the_usual_numbers_and_all(model, picture):
    run = unmask.explain(model, picture, masks=1200, grid=3)
    assert [one.masks for one in snapshots.snapshots(run)] == [100, 500, 1000, 1200]
