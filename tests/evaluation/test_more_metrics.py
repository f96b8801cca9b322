"""Complexity, ranking and faithfulness: closed forms, laws, and Quantus's own values."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import unmask
from unmask import metrics
from unmask.errors import SettingError
from unmask.evaluation.metrics.faithfulness import faithfulness_of

MAPS = arrays(np.float64, (5, 9), elements=st.floats(-1e6, 1e6, width=32))


@pytest.fixture(scope="module")
def quantus():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("quantus", reason="needs unmask[quantus]", exc_type=ImportError)


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


@pytest.mark.filterwarnings("ignore")  # Quantus warns of much
def test_quantus_has_the_same_values(quantus):
    """Of maps alone; ours have no sign and no unit that its defaults would take away."""
    maps = np.random.default_rng(2).random((3, 1, 5, 9))
    masks = np.stack([evidence(seed)[None] for seed in range(3)])
    given = {"model": None, "x_batch": maps, "y_batch": np.zeros(3, int), "a_batch": maps}
    entropy = quantus.Complexity(disable_warnings=True)(**given)
    auc = quantus.AUC(disable_warnings=True)(**given, s_batch=masks)
    rank = quantus.RelevanceRankAccuracy(disable_warnings=True)(**given, s_batch=masks)
    for number in range(3):
        own, inside = maps[number, 0], masks[number, 0]
        assert metrics.complexity(own, offset=0) == pytest.approx(entropy[number], abs=1e-6)
        assert metrics.localization_auc(own, inside) == pytest.approx(auc[number])
        assert metrics.overlap(own, inside) == pytest.approx(rank[number] / (2 - rank[number]))


@pytest.mark.filterwarnings("ignore")
def test_quantus_has_the_same_faithfulness_for_the_same_sets(quantus, monkeypatch):
    torch = pytest.importorskip("torch")

    class Halves(torch.nn.Module):
        def forward(self, x):
            left, right = x[:, :, :, :4].mean((1, 2, 3)), x[:, :, :, 4:].mean((1, 2, 3))
            return torch.stack([torch.sigmoid(3 * left * right), left], 1)

    rng = np.random.default_rng(5)
    inputs = rng.random((1, 1, 5, 9)).astype(np.float32)
    values = rng.normal(size=(5, 9))
    subsets = []

    def drawn(count, size, *, replace):
        subsets.append(np.random.default_rng(len(subsets)).choice(count, size, replace=replace))
        return subsets[-1]

    monkeypatch.setattr(np.random, "choice", drawn)
    (theirs,) = np.atleast_1d(
        quantus.FaithfulnessCorrelation(
            nr_runs=30,
            subset_size=6,
            normalise=False,
            return_aggregate=False,
            disable_warnings=True,
        )(
            model=Halves().eval(),
            x_batch=inputs,
            y_batch=np.array([0]),
            a_batch=values[None, None],
            channel_first=True,
        )
    )
    model = unmask.load(Halves().eval(), channels=1, activation="probabilities")
    case = metrics.case(model, inputs[0], 0, preprocess="raw")
    # Their "black" is the input's least value.
    fill = np.full((1, 5, 9), inputs.min(), np.float32)
    assert faithfulness_of(case, values.ravel(), np.stack(subsets), fill) == pytest.approx(
        theirs, abs=1e-5
    )


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
