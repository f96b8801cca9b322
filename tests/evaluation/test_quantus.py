"""unmask inside Quantus: its own metrics, a torch model, and what ours give for the same."""

import re
import warnings

import numpy as np
import pytest

import unmask
from helpers.pages import examples
from helpers.places import ROOT
from unmask.errors import SettingError
from unmask.evaluation import metrics
from unmask.evaluation.metrics.faithfulness import faithfulness_of
from unmask.evaluation.metrics.infidelity import infidelity_of
from unmask.evaluation.metrics.max_sensitivity import max_sensitivity_of
from unmask.evaluation.metrics.random_logit import structural_similarity
from unmask.evaluation.metrics.road import imputed, road_of
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
    # 0 is no influence; a value that quantus.evaluate adds is no setting.
    assert np.abs(one).max() < 0.01 < inputs.mean()
    named = explain_func(bright, inputs, [0, 1], masks=256, grid=4, method="ours")
    np.testing.assert_array_equal(named, one)

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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_whole_evaluation_of_the_documentation(quantus):
    pytest.importorskip("captum")
    page = ROOT / "docs" / "adapters.md"
    (block,) = (block for block in examples(page) if "import quantus" in block)
    names: dict[str, object] = {}
    exec(compile(block, str(page), "exec"), names)
    results = names["results"].T
    assert results.shape == (4, 4)
    for name, row in results.iterrows():
        (line,) = re.findall(
            rf"^\| {name} ((?:\| -?\d\.\d\d ){{4}})", page.read_text("utf-8"), re.M
        )
        assert [float(one) for one in line.split("|")[1:]] == pytest.approx(list(row), abs=0.02)


@pytest.fixture(scope="module")
def halves():
    """Two classes: whether both halves of the width are bright, and whether not."""
    torch = pytest.importorskip("torch")

    class Halves(torch.nn.Module):
        def forward(self, x):
            left, right = x[:, :, :, :4].mean((1, 2, 3)), x[:, :, :, 4:].mean((1, 2, 3))
            both = torch.sigmoid(20 * (left * right - 0.2))
            return torch.stack([both, 1 - both], 1)

    return Halves().eval()


def case_of(network, image):
    model = unmask.load(network, channels=len(image), activation="probabilities")
    return metrics.case(model, image, 0, preprocess="raw")


def theirs(metric, network, image, values, **more):
    """The value of one picture by one of Quantus's metrics."""
    found = metric(
        model=network,
        x_batch=image[None],
        y_batch=np.array([0]),
        a_batch=values[None, None],
        channel_first=True,
        softmax=False,
        device="cpu",
        **more,
    )
    return found if isinstance(found, dict) else float(np.atleast_1d(found)[0])


PLAIN = {"normalise": False, "abs": False, "disable_warnings": True, "return_aggregate": False}


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
def test_quantus_has_the_same_faithfulness_for_the_same_sets(quantus, halves, monkeypatch):
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
            model=halves,
            x_batch=inputs,
            y_batch=np.array([0]),
            a_batch=values[None, None],
            channel_first=True,
        )
    )
    case = case_of(halves, inputs[0])
    # Their "black" is the input's least value.
    fill = np.full((1, 5, 9), inputs.min(), np.float32)
    assert faithfulness_of(case, values.ravel(), np.stack(subsets), fill) == pytest.approx(
        theirs, abs=1e-5
    )


@pytest.mark.slow
def test_quantus_imputes_the_same(quantus, monkeypatch):
    from quantus.functions.perturb_func import noisy_linear_imputation

    rng = np.random.default_rng(6)
    image, noise = rng.random((3, 7, 12)).astype(np.float32), rng.normal(size=(3, 7, 12))
    for count in (1, 30, 70, 83):
        pixels = rng.permutation(7 * 12)[:count]
        monkeypatch.setattr(np.random, "randn", lambda *_, at=pixels: noise.reshape(3, -1)[:, at])
        expected = noisy_linear_imputation(image, pixels, noise=0.1)
        found = imputed(image, (1, 2), pixels, 0.1 * noise)
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_quantus_has_the_same_road(quantus, halves, monkeypatch):
    """It says whether the class stays the best; of two classes, whether the score is above 1/2."""
    percentages = list(range(1, 100, 7))
    monkeypatch.setattr(np.random, "randn", lambda *shape: np.zeros(shape))
    stayed = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        image = rng.random((1, 5, 9)).astype(np.float32)
        values = rng.normal(size=(5, 9))
        metric = quantus.ROAD(percentages=percentages, **PLAIN)
        case = case_of(halves, image)
        curve = road_of(case, metrics.order(values), percentages, np.zeros((1, 5, 9)))
        expected = theirs(metric, halves, image, values)
        np.testing.assert_array_equal(curve.scores > 0.5, [expected[one] for one in percentages])
        stayed += expected.values()
    assert 0 < np.mean(stayed) < 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_quantus_has_the_same_infidelity_for_the_same_parts(quantus, halves):
    """Its patches add up, each hidden beside those before it, and its maps are slopes."""
    rng = np.random.default_rng(8)
    image = rng.random((1, 6, 9)).astype(np.float32)
    values = rng.normal(size=(6, 9))
    metric = quantus.Infidelity(perturb_patch_sizes=[3], n_perturb_samples=1, **PLAIN)
    patches = np.arange(2)[:, None].repeat(3, 0) * 3 + np.arange(3).repeat(3)
    hidden = np.arange(6)[:, None, None] >= patches
    black = image.min()  # its "black" is the input's least value
    own = infidelity_of(
        case_of(halves, image),
        values * (image[0] - black),
        hidden,
        np.full((1, 6, 9), black, np.float32),
        scaled=False,
    )
    assert own == pytest.approx(theirs(metric, halves, image, values), rel=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_quantus_has_the_same_max_sensitivity_for_the_same_inputs(quantus, halves, monkeypatch):
    rng = np.random.default_rng(9)
    image = rng.random((1, 5, 9)).astype(np.float32)
    noises = rng.uniform(-0.2, 0.2, (4, 1, 45))
    left = list(noises)
    monkeypatch.setattr(np.random, "uniform", lambda **_: left.pop(0))

    def squared(inputs):
        return inputs.sum(axis=1) ** 2 + inputs.mean()

    metric = quantus.MaxSensitivity(nr_samples=4, **PLAIN)
    expected = theirs(
        metric,
        halves,
        image,
        squared(image[None])[0],
        explain_func=lambda model, inputs, targets, **_: squared(inputs)[:, None],
    )
    others = [squared(image[None] + noise.reshape(1, 1, 5, 9))[0] for noise in noises]
    own = max_sensitivity_of(squared(image[None])[0], others, offset=0)
    assert not left
    assert own == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_quantus_has_the_same_irof_less_what_it_leaves_out(quantus, halves, monkeypatch):
    """Its curve counts segments and begins after the first, so that a half of that is missing."""
    from quantus.helpers import utils

    monkeypatch.setattr(np, "trapz", np.trapezoid, raising=False)  # NumPy 2.4 has it no longer
    rng = np.random.default_rng(10)
    image = rng.random((1, 6, 9)).astype(np.float32)
    values = rng.normal(size=(6, 9))
    segments = np.arange(6)[:, None] // 2 * 3 + np.arange(9) // 3
    monkeypatch.setattr(utils, "get_superpixel_segments", lambda **_: segments)
    # Its mean is that of what is left after each removal, which no fill is; its least value stays.
    black = theirs(quantus.IROF(perturb_baseline="black", **PLAIN), halves, image, values)
    fill = np.full((1, 6, 9), image.min(), np.float32)
    curve = metrics.irof(case_of(halves, image), values, segments=segments, fill=fill)
    begun = (curve.scores[0] + curve.scores[1]) / 2
    assert 1 - curve.area == pytest.approx((black - begun) / 9, abs=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_quantus_has_the_same_similarity_of_two_classes(quantus, halves):
    """It lays maps out as one row of pixels; on that ours is the same."""
    rng = np.random.default_rng(11)
    image = rng.random((1, 5, 9)).astype(np.float32)
    one, other = (rng.random((5, 9)) for _ in range(2))
    for values in (one, other):  # both from 0 to 1, as ours are made
        values -= values.min()
        values /= values.max()
    asked = []

    def explain(model, inputs, targets, **_):
        asked.extend(targets)
        return other[None, None]

    metric = quantus.RandomLogit(num_classes=2, **PLAIN)
    expected = theirs(metric, halves, image, one, explain_func=explain)
    assert structural_similarity(one.ravel(), other.ravel()) == pytest.approx(expected, abs=1e-6)
    found = metrics.random_logit(
        case_of(halves, image), one, lambda given, target: asked.append(target) or other
    )
    assert found == structural_similarity(one, other)
    assert asked == [1, 1]
