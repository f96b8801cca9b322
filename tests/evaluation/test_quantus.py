"""unmask inside Quantus: its own metrics, a torch model, and what ours give for the same."""

import warnings

import numpy as np
import pytest

import unmask
from unmask.errors import SettingError
from unmask.evaluation import metrics
from unmask.evaluation.metrics.faithfulness import faithfulness_of
from unmask.evaluation.quantus import explain_func

SIZE = (24, 32)


def test_layouts_and_targets():
    def bright(batch):
        return np.stack([batch[..., :8, :].mean((1, 2, 3)), batch[..., 8:, :].mean((1, 2, 3))], 1)

    inputs = np.random.default_rng(1).random((2, 1, 16, 12)).astype(np.float32)
    one = explain_func(bright, inputs, [0, 1], masks=256, grid=4, device="cpu")
    assert one.shape == (2, 1, 16, 12)
    assert one[0, 0, :8].mean() > one[0, 0, 8:].mean()
    assert one[1, 0, :8].mean() < one[1, 0, 8:].mean()

    def last(batch):
        return bright(batch.transpose(0, 3, 1, 2))

    turned = inputs.transpose(0, 2, 3, 1)
    other = explain_func(last, turned, [0, 1], masks=256, grid=4, layout="NHWC")
    np.testing.assert_allclose(other.transpose(0, 3, 1, 2), one, atol=1e-6)
    with pytest.raises(SettingError, match="2 inputs and 3 targets"):
        explain_func(bright, inputs, [0, 1, 0])


@pytest.fixture(scope="module")
def quantus():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("quantus", reason="needs unmask[quantus]", exc_type=ImportError)


@pytest.fixture(scope="module")
def network():
    """Class k is how bright the k-th quarter of the width is."""
    torch = pytest.importorskip("torch")

    class Quarters(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gain = torch.nn.Parameter(torch.tensor(4.0))

        def forward(self, x):
            return torch.softmax(self.gain * x.mean(dim=(1, 2)).reshape(len(x), 4, 8).mean(2), 1)

    return Quarters().eval()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Quantus and its plots warn of much
def test_quantus_calls_us_and_agrees_with_our_gini(quantus, network):
    rng = np.random.default_rng(2)
    inputs = rng.random((2, 3, *SIZE)).astype(np.float32)
    targets = np.array([0, 3])
    settings = {"masks": 256, "grid": (3, 4)}
    scores = quantus.Sparseness(disable_warnings=True)(
        model=network,
        x_batch=inputs,
        y_batch=targets,
        explain_func=explain_func,
        explain_func_kwargs=settings,
        device="cpu",
    )
    maps = explain_func(network, inputs, targets, **settings)
    ours = [metrics.sparseness(one[0], offset=0) for one in maps]
    # Its formula has half a rank's more in each term, 1/d in all.
    assert scores == pytest.approx(ours, abs=2 / maps[0].size)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_quantus_finds_our_maps_more_faithful_than_chance(quantus, network):
    rng = np.random.default_rng(3)
    inputs = rng.random((2, 3, *SIZE)).astype(np.float32)
    targets = np.array([1, 2])
    # The scores as pixels go; its own area asks NumPy for trapz, which NumPy 2.4 no longer has.
    flipping = quantus.PixelFlipping(
        features_in_step=64, perturb_baseline="black", disable_warnings=True
    )
    common = {"model": network, "x_batch": inputs, "y_batch": targets, "device": "cpu"}
    ours = flipping(
        **common,
        explain_func=explain_func,
        explain_func_kwargs={"masks": 256, "grid": (3, 4), "fill": np.zeros((1, 1, 1))},
    )
    blind = flipping(**common, a_batch=rng.random((2, 1, *SIZE)).astype(np.float32))
    assert (np.mean(ours, axis=1) < np.mean(blind, axis=1)).all()


def evidence(seed=0):
    inside = np.zeros((5, 9), bool)
    inside[1:4, 2 + seed % 3 : 6] = True
    return inside


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
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


@pytest.mark.slow
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
