"""Complexity, ranking and faithfulness: closed forms and laws; test_quantus.py has Quantus's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unmask import metrics
from unmask.errors import SettingError

MAPS = arrays(np.float64, (5, 9), elements=st.floats(-1e6, 1e6, width=32))


def evidence(seed=0):
    inside = np.zeros((5, 9), bool)
    inside[1:4, 2 + seed % 3 : 6] = True
    return inside


@given(MAPS, st.floats(0.01, 100))
def test_complexity_is_a_share_and_knows_no_unit(values, unit):
    found = metrics.complexity(values, offset=0)
    assert 0 <= found <= np.log(45) + 1e-9
    assert metrics.complexity(values * unit, offset=0) == pytest.approx(found, abs=1e-6)


def test_complexity_of_equal_shares_is_their_logarithm():
    values = np.zeros((4, 6))
    values[:2, :3] = 7
    assert metrics.complexity(values, offset=0) == pytest.approx(np.log(6))
    assert metrics.complexity(np.ones((4, 6))) == pytest.approx(np.log(24))


@given(MAPS)
def test_auc_turns_with_the_map_and_is_half_for_a_flat_one(values):
    inside = evidence()
    found = metrics.localization_auc(values, inside)
    assert 0 <= found <= 1
    assert metrics.localization_auc(-values, inside) == pytest.approx(1 - found)
    assert metrics.localization_auc(np.zeros((5, 9)), inside) == 0.5


def test_auc_is_the_share_of_pairs_in_order():
    rng, inside = np.random.default_rng(4), evidence()
    values = rng.integers(0, 6, (5, 9)).astype(float)
    above = values[inside][:, None] - values[~inside]
    pairs = ((above > 0) + 0.5 * (above == 0)).mean()
    assert metrics.localization_auc(values, inside) == pytest.approx(pairs)


def test_overlap_of_the_evidence_itself_and_of_its_complement():
    inside = evidence()
    assert metrics.overlap(inside.astype(float), inside) == 1
    assert metrics.overlap(-inside.astype(float), inside) == 0


def linear_case():
    weights = np.random.default_rng(1).normal(size=(6, 10)).astype(np.float32)

    def score(batch):
        return (batch[..., 0] * weights).sum((1, 2))

    return metrics.case(score, np.ones((6, 10, 1), np.float32), 0, preprocess="raw"), weights


@given(st.floats(0.02, 0.9), st.integers(0, 50))
def test_the_weights_of_a_linear_model_are_wholly_faithful(share, seed):
    case, weights = linear_case()
    found = metrics.faithfulness(case, weights, share=share, runs=10, seed=seed)
    assert found == pytest.approx(1, abs=1e-3)
    assert metrics.faithfulness(case, -weights, share=share, runs=10, seed=seed) == -found


def test_a_flat_map_is_not_faithful_and_settings_are_checked():
    case, _ = linear_case()
    assert metrics.faithfulness(case, np.ones((6, 10))) == 0
    for settings in ({"runs": 2}, {"share": 0}, {"share": 1}):
        with pytest.raises(SettingError, match="expected 3 or more sets"):
            metrics.faithfulness(case, np.ones((6, 10)), **settings)


def test_evaluate_measures_them_all():
    from unmask import demo
    from unmask.evaluation import evaluate

    one = demo.scene(3, 11, size=(96, 96), objects=(2, 4))
    (row,) = evaluate(
        "demo",
        [one.picture],
        "unmask,masks=256",
        target=int(one.kinds[0]),
        wanted=["complexity", "faithfulness", "localization_auc", "overlap"],
        evidence={"array of shape (96, 96, 3)": one.evidence[int(one.kinds[0])]},
    )
    assert not row.error
    assert -1 <= row.values["faithfulness"] <= 1
    assert row.values["localization_auc"] > 0.9
    assert row.values["overlap"] > 0.1
    assert 0 < row.values["complexity"] < np.log(96 * 96)
