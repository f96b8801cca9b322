"""Files that version 0.1.0 wrote (commit 7719203) are read as they were."""

import shutil

import numpy as np
import pytest

import unmask
from helpers.places import DATA
from unmask.estimate.estimators import finalize
from unmask.reports.html import report


@pytest.mark.slow
def test_an_explanation_is_read_and_gone_on_with():
    old = unmask.Explanation.load(DATA / "explanation-0.1.0.npz")
    assert (old.identity, old.origin, old.texts) == (None, None, None)
    again = unmask.explain(
        "demo", old.picture, ["heart"], masks=old.masks, grid=old.plan.masks.grid, batch_size=32
    )
    # Other processors round the model's scores otherwise. What is made of them, as `adaptive` did
    # not foresee scores then, is compared by an estimator that has not changed.
    np.testing.assert_allclose(again.estimate.scores, old.estimate.scores, atol=1e-4)
    maps = [finalize("smooth", one.estimate).value for one in (again, old)]
    np.testing.assert_allclose(*maps, atol=1e-4)
    assert np.corrcoef(again.map.ravel(), old.map.ravel())[0, 1] > 0.9
    more = unmask.extend(old, "demo", masks=32)
    assert np.array_equal(more.estimate.scores[: old.masks], old.estimate.scores)
    assert report([old]).count("<figure") >= 3


def test_a_checkpoint_is_gone_on_from(tmp_path):
    path = tmp_path / "checkpoint"
    shutil.copy(DATA / "checkpoint-0.1.0", path)
    old = unmask.Explanation.load(DATA / "explanation-0.1.0.npz")
    again = unmask.explain(
        "demo", old.picture, ["heart"], masks=old.masks, grid=old.plan.masks.grid, checkpoint=path
    )
    assert again.model_calls == 5  # all masks were in the file
    assert np.array_equal(again.estimate.scores, old.estimate.scores)
